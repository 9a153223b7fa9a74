import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXTRACTION_RULES } from "../../../src/core/answers/extract.ts";
import { ballots, takeVote, type VoteRules, voteSpread } from "../../../src/core/answers/votes.ts";

const law = { seed: 1, numRuns: 200 };
const FREE: VoteRules = { tie: "first", minRatio: 0 };
const equivalence = ballots("equivalence", EXTRACTION_RULES);
const literal = ballots("literal", EXTRACTION_RULES);

/** Answers as they are voted with; "" for none. */
const cast = (answers: readonly string[], { read } = equivalence) =>
  answers.map((answer) => read(answer === "" ? "I give up." : `\\boxed{${answer}}`));
const vote = (answers: readonly string[], rules: Partial<VoteRules> = {}, by = equivalence) =>
  takeVote(cast(answers, by), by.same, { ...FREE, ...rules });
const spread = (answers: readonly string[], by = equivalence) => voteSpread(cast(answers, by), by.same);

// "x = 7" and "y = 7" both equal 7 and not each other.
const anyAnswers = fc.array(fc.constantFrom("7", "7.0", "x = 7", "y = 7", "5", ""), { maxLength: 8 });

describe("takeVote", () => {
  it.each([
    { answers: ["7", "7", "5", ""], winner: "7", votes: 2, ratio: 0.5 },
    { answers: ["5", "7.0", "7"], winner: "7.0", votes: 2, ratio: 2 / 3 },
    { answers: ["", ""], winner: undefined, votes: 0, ratio: 0 },
    { answers: [], winner: undefined, votes: 0, ratio: 0 },
  ])("of $answers is won by $winner", ({ answers, winner, votes, ratio }) => {
    const decided = vote(answers);
    expect(decided).toMatchObject({ kind: "decided", votes, voters: answers.length, ratio });
    expect(decided.kind === "decided" ? decided.winner?.raw : "undecided").toBe(winner);
  });

  it("is undecided below the smallest ratio and on a tie that nothing breaks, and says why", () => {
    expect(vote(["7", "5", ""], { minRatio: 0.5 })).toEqual({
      kind: "undecided",
      why: `vote ratio ${1 / 3} is below minRatio 0.5`,
    });
    expect(vote(["7", "5", ""], { tie: "none" })).toEqual({
      kind: "undecided",
      why: "the vote is tied at 1 of 3",
    });
  });

  it("has no winner that is less frequent than another answer", () => {
    const property = fc.property(anyAnswers, (answers) => {
      const decided = vote(answers);
      if (decided.kind !== "decided") throw new Error("free votes are decided");
      const voters = cast(answers).filter((answer) => answer !== null);
      const counts = voters.map((one) => voters.filter((other) => equivalence.same(one, other)).length);
      expect(decided.votes).toBe(Math.max(0, ...counts));
      expect(decided.winner === null).toBe(voters.length === 0);
    });
    fc.assert(property, law);
  });
});

describe("voteSpread", () => {
  it.each([
    { answers: ["7", "7", "5", "5"], entropy: Math.log(2), note: "two halves: ln 2" },
    { answers: ["7", "7.0", "7", "5"], entropy: 0.562335, note: "0.75 ln(4/3) + 0.25 ln 4" },
    { answers: ["1", "2", "3", "4"], entropy: Math.log(4), note: "all different: ln 4" },
    { answers: ["7", "7", ""], entropy: 0, note: "those without an answer are left out" },
    // "7" has 3 votes, each equation 2: (ln(3/3) + 2 ln(3/2)) / 3.
    { answers: ["x = 7", "y = 7", "7"], entropy: 0.27031, note: "equality that is not transitive" },
  ])("of $answers has entropy $entropy ($note)", ({ answers, entropy }) => {
    expect(spread(answers).entropy).toBeCloseTo(entropy, 5);
  });

  it("counts other spellings apart in mode literal", () => {
    expect(spread(["1/2", "0.5"]).entropy).toBe(0);
    expect(spread(["1/2", "0.5"], literal).entropy).toBeCloseTo(Math.log(2), 12);
  });

  it.each([
    { answers: ["7", "7.0"], blankShare: 0, isUnanimous: true },
    { answers: ["7", ""], blankShare: 0.5, isUnanimous: false },
    { answers: ["", ""], blankShare: 1, isUnanimous: false },
    { answers: ["x = 7", "7", "y = 7"], blankShare: 0, isUnanimous: false },
  ])("of $answers has the blank share $blankShare and unanimity $isUnanimous", ({ answers, ...expected }) => {
    expect(spread(answers)).toMatchObject(expected);
  });

  it("leaves out what would say nothing", () => {
    expect(spread([])).toEqual({});
    expect(spread(["7"])).toEqual({ entropy: 0, blankShare: 0 });
    expect(spread([""])).toEqual({ blankShare: 1 });
    expect(spread(["", ""])).not.toHaveProperty("entropy");
  });

  it("lies between 0 and ln n and does not depend on the order", () => {
    const property = fc.property(
      anyAnswers.chain((answers) =>
        fc.tuple(
          fc.constant(answers),
          fc.shuffledSubarray(answers, { minLength: answers.length, maxLength: answers.length }),
        ),
      ),
      ([answers, shuffled]) => {
        const { entropy, ...others } = spread(answers);
        const { entropy: again, ...othersAgain } = spread(shuffled);
        expect(othersAgain).toEqual(others);
        if (entropy === undefined || again === undefined) {
          expect(again).toBe(entropy);
          return;
        }
        expect(again).toBeCloseTo(entropy, 12);
        expect(entropy).toBeGreaterThanOrEqual(0);
        expect(entropy).toBeLessThanOrEqual(Math.log(answers.length) + 1e-12);
      },
    );
    fc.assert(property, law);
  });
});
