import { expect } from "vitest";
import { type PairwiseJudgeOptions, pairwiseJudge } from "../../../rewards/pairwise-judge.ts";
import type { Score, ScoreContext } from "../../../src/core/types.ts";
import type { ChatModel } from "../../../src/models/ports.ts";
import { groupOf, type ResponseSketch } from "../../../src/testing/arbitraries.ts";
import { toyJudge } from "../../judging/toy-judge.ts";

export const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

export async function scoresOf(
  responses: readonly ResponseSketch[],
  options: PairwiseJudgeOptions = {},
  judge: ChatModel = toyJudge(),
): Promise<readonly Score[]> {
  return pairwiseJudge(options, { judge }).score(groupOf(responses), context);
}

export const values = (scores: readonly Score[]): (number | string)[] =>
  scores.map((score) => (score.kind === "scored" ? score.value : score.kind));

export const partsOf = (score: Score | undefined): Readonly<Record<string, number>> =>
  (score?.kind === "scored" && score.parts) || {};

export const close = (actual: readonly (number | string)[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, index) => {
    expect(actual[index]).toBeCloseTo(value, 6);
  });
};
