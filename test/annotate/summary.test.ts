import { describe, expect, it } from "vitest";
import { startSummary } from "../../src/annotate/summary.ts";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { RewardedGroup } from "../../src/core/types.ts";
import type { PairResult } from "../../src/pairs/pair-builder.ts";
import { rewardedGroupOf } from "../../src/testing/rewarded-group.ts";

const first: RewardedGroup = {
  ...rewardedGroupOf([1, 0, null], { texts: ["aa", "b", "cccc"], prompt: "first" }),
  columns: [
    { name: "correct", scores: [scored(1), scored(0), abstained("no answer")] },
    { name: "style", scores: [scored(0.5), scored(0), scored(1)] },
  ],
};
const second: RewardedGroup = {
  ...rewardedGroupOf([0, 0], { texts: ["x", "x"], prompt: "second" }),
  columns: [
    { name: "correct", scores: [scored(0), failed("timeout", "slow")] },
    { name: "style", scores: [scored(1), scored(1)] },
  ],
};

function pairsOf(
  { group }: RewardedGroup,
  couples: readonly (readonly [number, number, number])[],
  unpaired: PairResult["unpaired"],
): PairResult {
  const pairs = couples.flatMap(([best, worst, rewardMargin]) => {
    const [chosen, rejected] = [group.responses[best], group.responses[worst]];
    return chosen && rejected
      ? [{ chosen, rejected, chosenReward: rewardMargin, rejectedReward: 0, rewardMargin }]
      : [];
  });
  return { pairs, unpaired };
}

describe("the summary", () => {
  it("counts and averages what the groups hold", () => {
    const summary = startSummary(["correct", "style"], 2);
    summary.add(first, pairsOf(first, [[0, 1, 1]], [null, null, "unscored"]));
    summary.add(second, pairsOf(second, [], ["tie", "tie"]));
    const { scorers, agreement, reward, length, ...counts } = summary.build();
    expect(counts).toEqual({
      groups: 2,
      responses: 5,
      pairs: 1,
      groupsWithPairs: 1,
      unpaired: { tie: 2, unscored: 1 },
      groupsWithEqualTexts: 1,
      rewardMargin: { mean: 1, min: 1, max: 1 },
    });
    // correct: 1, 0, 0 -> mean 1/3, squares 6/9, over 2: 1/3.
    expect(scorers.correct).toMatchObject({
      scored: 3,
      abstained: 1,
      failed: 1,
      codes: { timeout: 1 },
      min: 0,
      max: 1,
    });
    expect(scorers.correct?.mean).toBeCloseTo(1 / 3, 12);
    expect(scorers.correct?.deviation).toBeCloseTo(Math.sqrt(1 / 3), 12);
    // style: 0.5, 0, 1, 1, 1 -> mean 0.7, squares 0.04 + 0.49 + 3 · 0.09 = 0.8, over 4: 0.2.
    expect(scorers.style).toMatchObject({ scored: 5, abstained: 0, failed: 0, codes: {}, min: 0, max: 1 });
    expect(scorers.style?.mean).toBeCloseTo(0.7, 12);
    expect(scorers.style?.deviation).toBeCloseTo(Math.sqrt(0.2), 12);
    // Rewards 1, 0, 0, 0 -> mean 1/4, squares 3/4, over 3: 1/4.
    expect(reward).toEqual({ count: 4, mean: 0.25, deviation: 0.5 });
    // Both scored: (1, 0.5), (0, 0), (0, 1); products 0 + 1/6 - 1/6 = 0.
    expect(agreement).toEqual([{ between: ["correct", "style"], responses: 3, r: 0 }]);
    // Lengths 2, 1, 1, 1 against rewards 1, 0, 0, 0 lie on a line.
    expect(length.rewardCorrelation).toBeCloseTo(1, 12);
    expect(length).toMatchObject({ chosenLongerShare: 1, equalLengthShare: 0 });
  });

  it("tells pairs whose chosen text is longer from those of equal lengths", () => {
    const summary = startSummary([], 1);
    const group = rewardedGroupOf([2, 1, 0], { texts: ["aa", "bb", "cccc"] });
    summary.add(
      group,
      pairsOf(
        group,
        [
          [0, 1, 1],
          [0, 2, 2],
        ],
        [null, null, null],
      ),
    );
    // Of two pairs the one is "aa" against "bb", the other "aa" against "cccc".
    expect(summary.build().length).toMatchObject({ chosenLongerShare: 0, equalLengthShare: 0.5 });
    expect(summary.build().rewardMargin).toEqual({ mean: 1.5, min: 1, max: 2 });
  });

  it("has no numbers where there are none, and no agreement of a scorer with itself", () => {
    const summary = startSummary(["correct"], 1);
    summary.add(
      { ...rewardedGroupOf([null]), columns: [{ name: "correct", scores: [abstained("no")] }] },
      null,
    );
    expect(summary.build()).toEqual({
      groups: 1,
      responses: 1,
      pairs: 0,
      groupsWithPairs: 0,
      unpaired: {},
      groupsWithEqualTexts: 0,
      scorers: {
        correct: {
          scored: 0,
          abstained: 1,
          failed: 0,
          codes: {},
          mean: null,
          deviation: null,
          min: null,
          max: null,
        },
      },
      reward: { count: 0, mean: null, deviation: null },
      rewardMargin: { mean: null, min: null, max: null },
      agreement: [],
      length: { chosenLongerShare: null, equalLengthShare: null, rewardCorrelation: null },
    });
  });

  it("compares each two scorers once, in the recipe's order", () => {
    const summary = startSummary(["a", "b", "c"], 1);
    const columns = ["a", "b", "c"].map((name, index) => ({
      name,
      scores: [scored(index), scored(index + 1)],
    }));
    summary.add({ ...rewardedGroupOf([null, null]), columns }, null);
    const found = summary.build().agreement;
    expect(found.map(({ between }) => between)).toEqual([
      ["a", "b"],
      ["a", "c"],
      ["b", "c"],
    ]);
    for (const { r } of found) expect(r).toBeCloseTo(1, 12);
  });

  it("sorts codes and reasons by name, whatever came first", () => {
    const summary = startSummary(["a"], 1);
    const group = rewardedGroupOf([null, null]);
    const columns = [{ name: "a", scores: [failed("z_code", ""), failed("a_code", "")] }];
    summary.add({ ...group, columns }, pairsOf(group, [], ["unscored", "empty"]));
    expect(JSON.stringify(summary.build().unpaired)).toBe('{"empty":1,"unscored":1}');
    expect(JSON.stringify(summary.build().scorers.a?.codes)).toBe('{"a_code":1,"z_code":1}');
  });

  it("does not count an empty group among those with equal texts", () => {
    const summary = startSummary([], 1);
    summary.add(rewardedGroupOf([]), null);
    expect(summary.build()).toMatchObject({ groups: 1, responses: 0, groupsWithEqualTexts: 0 });
  });

  /** One group of two cells that have the given parts. */
  const withParts = (...parts: (Record<string, number> | undefined)[]): RewardedGroup => ({
    ...rewardedGroupOf(parts.map(() => null)),
    columns: [{ name: "a", scores: parts.map((own) => scored(0, own ? { parts: own } : {})) }],
  });

  it("averages each part over the cells that have it, and over each tenth of the input", () => {
    const summary = startSummary(["a"], 20);
    for (let group = 0; group < 20; group++)
      summary.add(withParts({ votes: group }, { votes: group + 1 }), null);
    // Two groups a tenth, with 2k, 2k + 1, 2k + 1, 2k + 2 in tenth k: mean 2k + 1. Over all: mean of 1, 3, …, 19 = 10.
    expect(summary.build().scorers.a?.parts).toEqual({
      votes: { count: 40, mean: expect.closeTo(10, 12), byTenth: [1, 3, 5, 7, 9, 11, 13, 15, 17, 19] },
    });
  });

  it("has no mean for a tenth without the part, whether it has groups or not", () => {
    const summary = startSummary(["a"], 3);
    // Groups 0, 1 and 2 of 3 begin in the tenths 0, 3 and 6.
    summary.add(withParts({ x: 1 }, undefined), null);
    summary.add(withParts(undefined, { y: 4 }), null);
    summary.add(withParts({ x: 3 }, { x: 5 }), null);
    const none = null;
    expect(summary.build().scorers.a?.parts).toEqual({
      x: { count: 3, mean: 3, byTenth: [1, none, none, none, none, none, 4, none, none, none] },
      y: { count: 1, mean: 4, byTenth: [none, none, none, 4, none, none, none, none, none, none] },
    });
  });

  it("puts groups beyond the foretold number into the last tenth", () => {
    const summary = startSummary(["a"], 0);
    summary.add(withParts({ x: 1 }), null);
    summary.add(withParts({ x: 3 }), null);
    expect(summary.build().scorers.a?.parts?.x?.byTenth).toEqual([1, ...Array(8).fill(null), 3]);
  });

  it("keeps 64 names of parts, the first of the input, and counts the numbers of the others", () => {
    const summary = startSummary(["a"], 1);
    const named = (from: number, to: number): Record<string, number> =>
      Object.fromEntries(Array.from({ length: to - from }, (_, index) => [`p${from + index}`, 1]));
    summary.add(withParts(named(0, 60), named(50, 70)), null);
    const { parts = {}, uncountedParts } = summary.build().scorers.a ?? {};
    expect(Object.keys(parts)).toHaveLength(64);
    expect(parts).not.toHaveProperty("p64");
    expect(uncountedParts).toBe(6);
  });

  it("sorts parts by name, and takes any name", () => {
    const summary = startSummary(["a"], 1);
    summary.add(withParts({ z: 1, b: 1, ["__proto__"]: 2 }), null);
    expect(Object.keys(summary.build().scorers.a?.parts ?? {})).toEqual(["__proto__", "b", "z"]);
  });
});
