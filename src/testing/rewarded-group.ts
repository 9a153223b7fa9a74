import fc from "fast-check";
import { abstained, failed, scored } from "../core/scorer.ts";
import type { ResponseRole, RewardedGroup, Score, ScoreColumn } from "../core/types.ts";
import { groupOf } from "./arbitraries.ts";

export interface RewardedGroupOptions {
  /** Default: "answer 1", "answer 2", … */
  readonly texts?: readonly string[];
  /** Default: all candidates. */
  readonly roles?: readonly ResponseRole[];
  /** Values per score name, in response order; null is an abstained cell. */
  readonly scores?: Readonly<Record<string, readonly (number | null)[]>>;
  /** The user's turn; the prompt's id depends on it. */
  readonly prompt?: string;
}

/**
 * A rewarded group for a test, with the ids a real run would give it.
 *
 *   rewardedGroupOf([1, 0, null], { texts: ["A: 18", "A: 26", ""], scores: { safety: [1, 1, null] } })
 */
export function rewardedGroupOf(
  rewards: readonly (number | null)[],
  options: RewardedGroupOptions = {},
): RewardedGroup {
  const { texts = [], roles = [], scores = {}, prompt } = options;
  const sketches = rewards.map((_, index) => ({
    text: texts[index] ?? `answer ${index + 1}`,
    role: roles[index] ?? "candidate",
  }));
  return {
    group: groupOf(sketches, prompt === undefined ? {} : { prompt }),
    columns: Object.entries(scores).map(([name, values]) => scoreColumn(name, values)),
    rewards,
  };
}

/** A column of scored and, for null, abstained cells. */
export function scoreColumn(name: string, values: readonly (number | null)[]): ScoreColumn {
  return {
    name,
    scores: values.map((value) => (value === null ? abstained("nothing to say") : scored(value))),
  };
}

/** Numbers as scorers give them: a few that come back often, so that ties happen, and any within ±1000. */
export function anyValue(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constantFrom(0, 0.25, 0.5, 1, 2, -1),
    fc.double({ min: -1000, max: 1000, noNaN: true, noDefaultInfinity: true }),
  );
}

export interface AnyRewardedGroupOptions {
  /** Names of the score columns each group has; default: "quality" and "safety". */
  readonly scores?: readonly string[];
  /** Default 8. */
  readonly maxResponses?: number;
}

/**
 * Any rewarded group: equal rewards, missing rewards, baselines, blank and repeated texts, abstained and failed cells,
 * and a group without responses are among them.
 */
export function anyRewardedGroup(options: AnyRewardedGroupOptions = {}): fc.Arbitrary<RewardedGroup> {
  const { scores: names = ["quality", "safety"], maxResponses = 8 } = options;
  const cell: fc.Arbitrary<Score> = fc.oneof(
    { weight: 4, arbitrary: anyValue().map((value) => scored(value)) },
    { weight: 1, arbitrary: fc.constantFrom(abstained("nothing to say"), failed("timeout", "too slow")) },
  );
  const response = fc.record({
    text: fc.oneof(
      fc.constantFrom("yes", " yes\n", "no", "", " \n", "a longer answer than the others", "👩‍👩‍👧‍👦"),
      fc.string({ unit: "grapheme", maxLength: 30 }),
    ),
    role: fc.constantFrom<ResponseRole>("candidate", "candidate", "candidate", "baseline"),
    reward: fc.option(anyValue(), { freq: 5 }),
    cells: fc.tuple(...names.map(() => cell)),
  });
  return fc
    .record({
      prompt: fc.lorem({ maxCount: 4 }),
      responses: fc.array(response, { maxLength: maxResponses, size: "max" }),
    })
    .map(({ prompt, responses }) => ({
      ...rewardedGroupOf(
        responses.map(({ reward }) => reward),
        { prompt, texts: responses.map(({ text }) => text), roles: responses.map(({ role }) => role) },
      ),
      columns: names.map((name, index) => ({
        name,
        scores: responses.flatMap(({ cells }) => cells[index] ?? []),
      })),
    }));
}

/** Freezes a value and all that it holds, so that a write to it throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const held of Object.values(value)) deepFreeze(held);
  }
  return value;
}
