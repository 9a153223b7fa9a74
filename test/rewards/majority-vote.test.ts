import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { definition, type MajorityVoteOptions, majorityVote } from "../../rewards/majority-vote.ts";
import type { Score, ScoreContext } from "../../src/core/types.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

async function vote(responses: readonly ResponseSketch[], options: MajorityVoteOptions = {}) {
  return majorityVote(options).score(groupOf(responses), context);
}

function boxed(answers: readonly string[]): string[] {
  return answers.map((answer) => (answer === "" ? "I give up." : `So \\boxed{${answer}}.`));
}

function values(scores: readonly Score[]): (number | string)[] {
  return scores.map((score) => (score.kind === "scored" ? score.value : score.kind));
}

describe("majority-vote", () => {
  // A law about few distinct answers, so that there are votes and ties.
  const text = fc.constantFrom(
    "\\boxed{7}",
    "\\boxed{7.0}",
    "\\boxed{x = 7}",
    "\\boxed{y = 7}",
    "\\boxed{5}",
    "A: 5",
    "?",
  );
  scorerContract(majorityVote(), anyGroup({ text }), { orderSensitive: true });
  scorerContract(majorityVote({ tie: "none" }), anyGroup({ text }));
  scorerContract(majorityVote({ tie: "shortest", minRatio: 0.4 }), anyGroup({ text }));
  scorerContract(majorityVote({ mode: "literal", tie: "none" }), anyGroup({ text }));

  it("declares that the order of responses may matter", () => {
    expect(definition.orderSensitive).toBe(true);
  });

  // Co-Reward's own vote, each view against itself; winners as in its worked examples for crossed labels.
  it.each([
    { answers: ["7", "7", "7", "5"], rewards: [1, 1, 1, 0], votes: 3, note: "winner 7" },
    { answers: ["5", "5", "7", ""], rewards: [1, 1, 0, 0], votes: 2, note: "winner 5" },
    { answers: ["3", "4", "4", "3"], rewards: [1, 0, 0, 1], votes: 2, note: "a tie: 3 was seen first" },
    { answers: ["", "", "", ""], rewards: [0, 0, 0, 0], votes: 0, note: "a blank winner pays nothing" },
    { answers: ["", "", "", "2"], rewards: [0, 0, 0, 1], votes: 1, note: "blanks never win" },
    {
      answers: ["\\frac12", "1/2", "1/2", "\\frac12", "\\frac12"],
      rewards: [1, 0, 0, 1, 1],
      votes: 3,
      note: "strings",
    },
    { answers: ["7", " 7", " 7"], rewards: [0, 1, 1], votes: 2, note: "not even blanks are taken off" },
  ])("votes as Co-Reward does in mode literal: $answers ($note)", async ({ answers, rewards, votes }) => {
    const scores = await vote(boxed(answers), { mode: "literal" });
    expect(values(scores)).toEqual(rewards);
    for (const score of scores)
      expect(score).toMatchObject({ parts: { votes, ratio: votes / answers.length } });
  });

  it("counts other spellings of an answer as the same vote", async () => {
    const answers = boxed(["1/2", "0.5", "\\frac12", "3"]);
    expect(values(await vote(answers))).toEqual([1, 1, 1, 0]);
    expect(values(await vote(answers, { mode: "literal" }))).toEqual([1, 0, 0, 0]);
  });

  it("reads answers by the rules it is given", async () => {
    const texts = ["A: 7", "\\boxed{5}", "\\boxed{5}", "A: 7", "#### 7"];
    expect(values(await vote(texts))).toEqual([1, 0, 0, 1, 1]);
    expect(values(await vote(texts, { rules: ["boxed"] }))).toEqual([0, 1, 1, 0, 0]);
  });

  it("scores a response without an answer 0 and says so", async () => {
    expect((await vote(boxed(["7", "7", ""])))[2]).toEqual({
      kind: "scored",
      value: 0,
      why: "no_answer: no final answer found",
      parts: { votes: 2, ratio: 2 / 3 },
    });
  });

  it.each([
    { tie: "first", expected: [1, 0, 0, 1] },
    { tie: "shortest", expected: [0, 1, 1, 0] },
    { tie: "none", expected: ["abstained", "abstained", "abstained", "abstained"] },
  ] as const)("settles a tie of 30 and 4 by $tie", async ({ tie, expected }) => {
    expect(values(await vote(boxed(["30", "4", "4", "30"]), { tie }))).toEqual(expected);
  });

  it("does not take two spellings of the winner for a tie", async () => {
    expect(values(await vote(boxed(["0.5", "1/2", "3"]), { tie: "none" }))).toEqual([1, 1, 0]);
  });

  it("abstains below the smallest ratio, counting responses without an answer", async () => {
    const answers = boxed(["7", "7", "5", ""]); // 2 of 4
    expect(values(await vote(answers, { minRatio: 0.5 }))).toEqual([1, 1, 0, 0]);
    expect(values(await vote(answers, { minRatio: 0.51 }))).toEqual(Array(4).fill("abstained"));
  });

  it("lets only candidates vote and scores baselines against them", async () => {
    const [a, b] = boxed(["7", "5"]) as [string, string];
    const baseline = (text: string): ResponseSketch => ({ text, role: "baseline" });
    expect(values(await vote([a, baseline(b), baseline(b), baseline(a)]))).toEqual([1, 0, 0, 1]);
    expect(values(await vote([baseline(a), baseline(a)]))).toEqual(["abstained", "abstained"]);
  });

  it("counts each answer by itself where equality is not transitive", async () => {
    // 7 equals both equations and has 3 votes; "x = 7" has 2 (itself and 7), "y = 7" likewise.
    expect(await vote(boxed(["x = 7", "y = 7", "7", "5"]), { tie: "none" })).toMatchObject([
      { value: 1, parts: { votes: 3, ratio: 0.75 } },
      { value: 1 },
      { value: 1 },
      { value: 0 },
    ]);
  });

  it("abstains on a single response: one voice agrees with itself", async () => {
    expect(await vote(boxed(["7"]))).toEqual([{ kind: "abstained", why: "group has 1 responses, needs 2" }]);
  });

  it.each([
    { tie: "last" },
    { minRatio: 1.1 },
    { minRatio: Number.NaN },
    { rules: [] },
    { mode: "exact" },
    { nope: 1 },
  ])("refuses the options %j", (options) => {
    expect(() => definition.create(options as never)).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });
});
