import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ScoredGroup } from "../../src/core/types.ts";
import { clip } from "../../src/shaping/clip.ts";
import {
  type CombinePlan,
  combine,
  combinePlan,
  emptySums,
  gather,
  gatherAll,
  joinSums,
  type RunNumbers,
  statisticsDepth,
} from "../../src/shaping/combine.ts";
import { minMax } from "../../src/shaping/min-max.ts";
import { standardize } from "../../src/shaping/standardize.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";

const overRun = { scope: "run" } as const;

/** Two per-run transforms after one another in the first term, one in the second, none in the third. */
const plan = combinePlan({
  terms: [
    {
      score: "a",
      transforms: [standardize({ ...overRun, epsilon: 0 }), clip({ max: 0.5 }), minMax(overRun)],
    },
    { score: "b", transforms: [clip({ min: 0 }), minMax(overRun)], onUnscored: "drop-term" },
    { score: "a", transforms: [standardize()], weight: 0 },
  ],
});

const run = [
  rewardedGroupOf([null, null], { scores: { a: [1, 2], b: [-5, 10] } }),
  rewardedGroupOf([null], { scores: { a: [3], b: [null] } }),
];

/** As the engine does it: one pass per depth, sums per shard, joined in shard order. */
function overShards(plan: CombinePlan, shards: readonly (readonly ScoredGroup[])[]): RunNumbers {
  let known: RunNumbers = {};
  for (let depth = 0; depth < statisticsDepth(plan); depth++) {
    const sums = shards.map((shard) =>
      shard.reduce((before, group) => gather(plan, known, depth, before, group), emptySums(plan, depth)),
    );
    known = { ...known, ...sums.reduce((a, b) => joinSums(plan, depth, a, b), emptySums(plan, depth)) };
  }
  return known;
}

describe("the run's statistics", () => {
  it("take as many passes as the longest chain has per-run transforms", () => {
    expect(statisticsDepth(plan)).toBe(2);
    expect(statisticsDepth(combinePlan({ terms: [{ score: "a", transforms: [minMax()] }] }))).toBe(0);
    expect(gatherAll(combinePlan({ terms: [{ score: "a" }] }), run)).toEqual({});
  });

  it("start empty, for the terms that reach that depth", () => {
    expect(emptySums(plan, 0)).toEqual({ "0.0": null, "1.1": null });
    expect(emptySums(plan, 1)).toEqual({ "0.2": null });
    expect(emptySums(plan, 2)).toEqual({});
  });

  it("are over the values that the transforms before give", () => {
    // a: 1, 2, 3, mean 2, std 1 -> -1, 0, 1 -> clipped at 0.5: -1, 0, 0.5; mean -1/6, squares 1.25 - 3/36 = 7/6.
    // b: clipped at 0: 0, 10; the unscored cell takes no part.
    const numbers = gatherAll(plan, run);
    expect(numbers).toEqual({
      "0.0": { count: 3, mean: 2, squares: 2, min: 1, max: 3 },
      "0.2": {
        count: 3,
        mean: expect.closeTo(-1 / 6, 12),
        squares: expect.closeTo(7 / 6, 12),
        min: -1,
        max: 0.5,
      },
      "1.1": { count: 2, mean: 5, squares: 50, min: 0, max: 10 },
    });
    // a stretched from [-1, 0.5]: 0, 2/3, 1; b stretched from [0, 10]: 0, 1, dropped.
    const [first, second] = run.map((group) => combine(plan, group, numbers).rewards);
    expect(first).toEqual([0, expect.closeTo(5 / 3, 12)]);
    expect(second).toEqual([1]);
  });

  it("are the same over shards as over the whole run, and after being written to run.json", () => {
    const groups = fc.array(anyRewardedGroup({ scores: ["a", "b"], maxResponses: 4 }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(groups, { maxLength: 4 }), (shards) => {
        const whole = gatherAll(plan, shards.flat());
        const frozen = JSON.parse(JSON.stringify(overShards(plan, shards))) as RunNumbers;
        expect(Object.keys(frozen).sort()).toEqual(Object.keys(whole).sort());
        for (const group of shards.flat()) {
          const expected = combine(plan, group, whole).rewards;
          for (const [index, reward] of combine(plan, group, frozen).rewards.entries()) {
            if (reward === null) expect(expected[index]).toBeNull();
            else expect(reward).toBeCloseTo(expected[index] ?? Number.NaN, 6);
          }
        }
      }),
      { seed: 1 },
    );
  });

  it("stop when a pass lacks the numbers of the pass before", () => {
    expect(() => gather(plan, {}, 1, emptySums(plan, 1), run[0]!)).toThrow(
      expect.objectContaining({ code: "need_unmet" }),
    );
  });
});
