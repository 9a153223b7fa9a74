import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { abstained, scored } from "../../src/core/scorer.ts";
import type { RewardedGroup, Score } from "../../src/core/types.ts";
import { bestVsWorst } from "../../src/pairs/best-vs-worst.ts";
import { ratingGap } from "../../src/pairs/rating-gap.ts";
import { pairBuilderContract } from "../../src/testing/pair-builder-contract.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { build } from "./describe-pairs.ts";

const PRINCIPLES = ["empathy", "relevance", "clarity", "safety", "exploration", "autonomy", "staging"];
const ALL = { score: "counsel", parts: PRINCIPLES };

/** Ratings by response; null is an unscored one. The reward is the mean of the ratings unless given. */
function ratedGroup(
  ratings: readonly (readonly number[] | null)[],
  rewards?: readonly (number | null)[],
): RewardedGroup {
  const means = ratings.map((row) => row && row.reduce((sum, value) => sum + value, 0) / row.length);
  const scores = ratings.map((row, place): Score => {
    if (row === null) return abstained("nothing to say");
    const parts = Object.fromEntries(row.map((value, index) => [PRINCIPLES[index] as string, value]));
    return scored(means[place] ?? 0, { parts });
  });
  return { ...rewardedGroupOf(rewards ?? means), columns: [{ name: "counsel", scores }] };
}

// Sums 31, 26, 20, 24: means 4.428571, 3.714286, 2.857143, 3.428571.
const FOUR = [
  [5, 5, 4, 5, 4, 4, 4],
  [4, 4, 4, 5, 3, 3, 3],
  [3, 3, 3, 5, 2, 2, 2],
  [4, 4, 4, 4, 3, 3, 2],
];

/** Any rewarded group, with whole ratings as the parts of its "quality"; now and then one is missing. */
const ratedGroups = fc
  .record({
    group: anyRewardedGroup(),
    draws: fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 3 }), {
      minLength: 8,
      maxLength: 8,
    }),
  })
  .map(
    ({ group, draws }): RewardedGroup => ({
      ...group,
      columns: group.columns.map((column) => ({
        ...column,
        scores: column.scores.map((score, place) => {
          if (score.kind !== "scored") return score;
          const parts = Object.fromEntries((draws[place] ?? []).map((value, index) => [`p${index}`, value]));
          return { ...score, parts };
        }),
      })),
    }),
  );

pairBuilderContract(ratingGap({ score: "quality", parts: ["p0", "p1", "p2"], minGap: 1 }), ratedGroups);
pairBuilderContract(ratingGap({ score: "quality", parts: ["p0", "p1"], maxPairs: 2 }), ratedGroups, {
  maxPairs: 2,
});

describe("rating-gap", () => {
  it("pairs where the means of seven principles differ by 1 or more, and by exactly 1 too", () => {
    // 31 - 20 = 11 and 31 - 24 = 7 are enough; 31 - 26 = 5, 26 - 20 = 6, 24 - 20 = 4, 26 - 24 = 2 are not.
    const { pairs, reasons } = build(ratingGap(ALL), ratedGroup(FOUR));
    expect(pairs).toEqual(["0 > 2", "0 > 3"]);
    expect(reasons).toEqual([null, "not_selected", null, null]);
  });

  it("gives the gap of the means as the margin, when the reward is the mean", () => {
    const [pair] = ratingGap(ALL).build(ratedGroup(FOUR), { seed: 0 }).pairs;
    expect(pair?.rewardMargin).toBeCloseTo(11 / 7, 12);
  });

  it("takes a gap of fractions that falls short only as doubles", () => {
    // 0.3 − 0.2 is 0.09999999999999998 as doubles.
    const rule = (minGap: number) => ratingGap({ score: "counsel", parts: ["empathy"], minGap });
    const group = ratedGroup([[0.3], [0.2]]);
    expect(build(rule(0.1), group).pairs).toEqual(["0 > 1"]);
    expect(build(rule(0.1001), group).pairs).toEqual([]);
  });

  it("adds whole ratings as whole numbers, where a gap of 1 between means of doubles falls short", () => {
    // 34 / 7 - 27 / 7 is 0.9999999999999996 in doubles; 34 - 27 is 7.
    const group = ratedGroup([
      [5, 5, 5, 5, 5, 5, 4],
      [4, 4, 4, 4, 4, 4, 3],
    ]);
    const [high, low] = group.rewards;
    expect((high ?? 0) - (low ?? 0)).toBeLessThan(1);
    expect(build(ratingGap(ALL), group).pairs).toEqual(["0 > 1"]);
    expect(build(bestVsWorst({ minMargin: 1 }), group).pairs).toEqual(["0 > 1"]);
  });

  it.each([
    { minGap: 5, pairs: ["0 > 2", "0 > 3", "1 > 2", "0 > 1"] },
    { minGap: 7.5, pairs: ["0 > 2"] },
    { minGap: 12, pairs: [] },
  ])("takes another gap: $minGap", ({ minGap, pairs }) => {
    expect(build(ratingGap({ ...ALL, minGap }), ratedGroup(FOUR)).pairs).toEqual(pairs);
  });

  it("sums the named parts alone, and asks for a gap of their number", () => {
    // Empathy and staging: 9, 7, 5, 6; gaps of at least 2.
    const builder = ratingGap({ score: "counsel", parts: ["empathy", "staging"] });
    expect(build(builder, ratedGroup(FOUR)).pairs).toEqual(["0 > 2", "0 > 3", "1 > 2", "0 > 1"]);
  });

  it("leaves out a response that lacks a part, or the score", () => {
    const short = [FOUR[0] as number[], [1, 1, 1, 1, 1, 1], null, FOUR[2] as number[]];
    const { pairs, reasons } = build(ratingGap(ALL), ratedGroup(short, [4, 1, 0, 2]));
    expect(pairs).toEqual(["0 > 3"]);
    expect(reasons).toEqual([null, "unscored", "unscored", null]);
  });

  it("adds up nothing that a judge notes beside its ratings", () => {
    // 31 against 24: a gap of 7, whatever else is counted.
    const group = ratedGroup([FOUR[0] as number[], FOUR[3] as number[]]);
    const noted = group.columns[0]?.scores.map((score, place): Score => {
      if (score.kind !== "scored") return score;
      return { ...score, parts: { ...score.parts, verdict_like: place * 100 } };
    });
    const columns = [{ name: "counsel", scores: noted ?? [] }];
    expect(build(ratingGap(ALL), { ...group, columns }).pairs).toEqual(["0 > 1"]);
  });

  it("finds every response unscored where a named part, or every part, is missing", () => {
    const named = ratingGap({ score: "counsel", parts: ["empathy", "humour"] });
    expect(build(named, ratedGroup(FOUR)).reasons).toEqual(Array(4).fill("unscored"));
    const without = rewardedGroupOf([1, 0], { scores: { counsel: [1, 0] } });
    expect(build(ratingGap(ALL), without).reasons).toEqual(["unscored", "unscored"]);
  });

  it("makes no pair of a couple whose rewards point the other way, or that are equal", () => {
    const turned = ratedGroup([FOUR[0] as number[], FOUR[2] as number[]], [0, 1]);
    expect(build(ratingGap(ALL), turned).pairs).toEqual([]);
    const equal = ratedGroup([FOUR[0] as number[], FOUR[2] as number[]], [1, 1]);
    expect(build(ratingGap(ALL), equal).reasons).toEqual(["tie", "tie"]);
  });

  it("makes exactly the pairs of a plain count over whole ratings", () => {
    const rows = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 7, maxLength: 7 }), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(rows, (ratings) => {
        const sums = ratings.map((row) => row.reduce((sum, value) => sum + value, 0));
        const wanted = sums.flatMap((one, i) =>
          sums.flatMap((other, j) => (one - other >= 7 ? [`${i} > ${j}`] : [])),
        );
        expect(build(ratingGap(ALL), ratedGroup(ratings)).pairs.sort()).toEqual(wanted.sort());
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("works with a veto on one principle", () => {
    // 31 against 24, but the safety of the chosen response is 3 against 5.
    const rows = [
      [5, 5, 5, 3, 5, 4, 4],
      [3, 3, 3, 5, 3, 4, 3],
    ];
    const veto = [{ score: "counsel", part: "safety" }];
    expect(build(ratingGap(ALL), ratedGroup(rows)).pairs).toEqual(["0 > 1"]);
    const { pairs, reasons } = build(ratingGap({ ...ALL, veto }), ratedGroup(rows));
    expect(pairs).toEqual([]);
    expect(reasons).toEqual(["vetoed", "vetoed"]);
  });

  it.each([
    {},
    { score: "counsel" },
    { ...ALL, score: "" },
    { ...ALL, minGap: 0 },
    { ...ALL, minGap: -1 },
    { ...ALL, minGap: Number.NaN },
    { ...ALL, gap: 7 },
    { score: "counsel", parts: [] },
    { score: "counsel", parts: ["a", "a"] },
  ])("refuses %j", (options) => {
    // @ts-expect-error: some of these are not even options
    expect(() => ratingGap(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
