import { z } from "zod";
import { lastBoxedLiteral } from "../src/core/answer-boxed.ts";
import { EXTRACTION_RULES, type ExtractionRule, findAnswer } from "../src/core/answer-extract.ts";
import { type Answer, answerRungs, compareAnswers, readAnswer } from "../src/core/answers.ts";
import { abstained, defineScorer, parseOptions, perGroup, scored } from "../src/core/scorer.ts";
import type { Score, Scorer } from "../src/core/types.ts";

export interface MajorityVoteOptions {
  /** `equivalence` (default): 1/2 and 0.5 are one vote. `literal`: the raw content of the last box, as Co-Reward votes. */
  readonly mode?: "equivalence" | "literal";
  /** Among the most voted: the answer seen `first` (default), the `shortest` text, or `none`: everybody abstains. */
  readonly tie?: "first" | "none" | "shortest";
  /** Smallest share of the voters that the winner must have; below it everybody abstains. Default 0. */
  readonly minRatio?: number;
  /** How answers are looked for in mode `equivalence`. Default: all rules, in order. */
  readonly rules?: readonly ExtractionRule[];
}

const optionsSchema = z.strictObject({
  mode: z.enum(["equivalence", "literal"]).default("equivalence").describe("How answers are compared."),
  tie: z
    .enum(["first", "none", "shortest"])
    .default("first")
    .describe("Which of the most voted answers wins."),
  minRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Smallest share of votes that the winner must have."),
  rules: z
    .array(z.enum(EXTRACTION_RULES))
    .min(1)
    .default([...EXTRACTION_RULES])
    .describe("How answers are looked for in mode equivalence, in order."),
});

/**
 * Rewards agreement with the most frequent answer of the group: self-consistency without a reference.
 *
 *   r[i] = 1 when ans[i] = mode(ans), else 0
 *
 * Source: Zuo et al. 2025, "TTRL"; mode `literal` with tie `first` is the vote of Co-Reward (2025).
 * Shape:  group of G responses -> G scores, same order. Baselines do not vote and are scored against the winner.
 * Range:  [0, 1]; a response without an answer gets 0, "no_answer: …", and counts in the ratio's denominator.
 * Parts:  `votes` for the winner, and `ratio` = votes / voters in [0, 1]; 0 and 0 when nobody answers.
 * Worked: answers [7, 7, 7, 5] -> [1, 1, 1, 0], votes 3, ratio 0.75.
 * Abstains, all of them: fewer than two responses, no voter, ratio below `minRatio`, a tie with tie `none`.
 * Order:  with tie `first` the winner of a tie depends on the order of responses; with the others nothing does.
 */
export function majorityVote(options: MajorityVoteOptions = {}): Scorer {
  const { mode, tie, minRatio, rules } = parseOptions("majority-vote", optionsSchema, options);
  const { read, same } = mode === "literal" ? LITERAL : equivalence(rules);
  return perGroup(
    { name: "majority-vote", version: 1, range: [0, 1], needs: { minResponses: 2 } },
    ({ responses }) => {
      const answers = responses.map(({ text }) => read(text));
      const voters = answers.filter((_, index) => responses[index]?.role === "candidate");
      const abstain = (why: string): Score[] => responses.map(() => abstained(why));
      if (voters.length === 0) return abstain("group has no candidate, so nobody votes");

      const { votes, leaders } = count(
        voters.filter((answer) => answer !== null),
        same,
      );
      const ratio = votes / voters.length;
      if (ratio < minRatio) return abstain(`vote ratio ${ratio} is below minRatio ${minRatio}`);
      const winner = tie === "first" ? leaders[0] : shortest(leaders);
      const isTied = winner !== undefined && !leaders.every((leader) => same(winner, leader));
      if (isTied && tie === "none") return abstain(`the vote is tied at ${votes} of ${voters.length}`);

      return answers.map((answer) => {
        const parts = { ratio, votes };
        if (answer === null) return scored(0, { why: "no_answer: no final answer found", parts });
        return scored(winner !== undefined && same(winner, answer) ? 1 : 0, { parts });
      });
    },
  );
}

export const definition = defineScorer<MajorityVoteOptions>({
  name: "majority-vote",
  version: 1,
  summary: "1 when the answer is the group's most frequent one, else 0 (TTRL, self-consistency).",
  options: optionsSchema,
  orderSensitive: true,
  create: majorityVote,
});

interface Ballots {
  /** The answer a text votes for; null when it has none. */
  readonly read: (text: string) => Answer | null;
  readonly same: (one: Answer, other: Answer) => boolean;
}

const LITERAL: Ballots = {
  read: (text) => {
    const raw = lastBoxedLiteral(text);
    return raw === null || raw.trim() === "" ? null : { raw, text: raw, number: null, equation: null };
  },
  same: (one, other) => one.raw === other.raw,
};

function equivalence(rules: readonly ExtractionRule[]): Ballots {
  const rungs = answerRungs();
  const isEqual = (gold: Answer, given: Answer) => compareAnswers(gold, given, rungs).verdict === "equal";
  return {
    read: (text) => {
      const found = findAnswer(text, rules);
      return found === null ? null : readAnswer(found.text);
    },
    // The comparison treats a reference and an answer differently; among voters there is no reference.
    same: (one, other) => isEqual(one, other) || isEqual(other, one),
  };
}

/**
 * The answers with the most votes, in order of first appearance, equal spellings included. An answer's votes are those
 * of every answer that equals it. Equality is not transitive ("x = 5" and "y = 5" both equal "5"), so each answer is
 * counted by itself: clusters would depend on the order.
 */
function count(cast: readonly Answer[], same: Ballots["same"]) {
  const copies = new Map<string, number>();
  for (const { raw } of cast) copies.set(raw, (copies.get(raw) ?? 0) + 1);
  const distinct = [...new Map(cast.map((answer) => [answer.raw, answer])).values()];
  const tally = distinct.map((answer) => {
    const agreeing = distinct.filter((other) => same(answer, other));
    return { answer, votes: agreeing.reduce((sum, { raw }) => sum + (copies.get(raw) ?? 0), 0) };
  });
  const votes = Math.max(0, ...tally.map((entry) => entry.votes));
  return { votes, leaders: tally.filter((entry) => entry.votes === votes).map(({ answer }) => answer) };
}

/** Fewest UTF-16 units; of those, the first in code-unit order. */
function shortest(answers: readonly Answer[]): Answer | undefined {
  return answers.toSorted((a, b) => a.raw.length - b.raw.length || (a.raw < b.raw ? -1 : 1))[0];
}
