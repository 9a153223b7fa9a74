import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scored } from "../../src/core/scorer.ts";
import type { RewardedGroup } from "../../src/core/types.ts";
import { allPairs } from "../../src/pairs/all-pairs.ts";
import { bestVsRandom } from "../../src/pairs/best-vs-random.ts";
import { bestVsWorst } from "../../src/pairs/best-vs-worst.ts";
import { topKVsBottomK } from "../../src/pairs/top-k-vs-bottom-k.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { build } from "./describe-pairs.ts";

describe("the reason for standing in no pair", () => {
  it("is baseline before anything else", () => {
    const group = rewardedGroupOf([1, null, 0], {
      roles: ["baseline", "baseline", "baseline"],
      texts: ["a", " ", "a"],
    });
    expect(build(allPairs(), group).reasons).toEqual(["baseline", "baseline", "baseline"]);
  });

  it("is unscored before empty, and empty before identical_text", () => {
    const group = rewardedGroupOf([null, 0, 1, 0, 1], { texts: [" ", "", "\n\t", "a", "b"] });
    expect(build(allPairs(), group)).toEqual({
      pairs: ["4 > 3"],
      reasons: ["unscored", "empty", "empty", null, null],
    });
  });

  it("is identical_text for the later one of two, before single_candidate for the one that is left", () => {
    const group = rewardedGroupOf([1, 0], { texts: ["same", " same\n"] });
    expect(build(allPairs(), group).reasons).toEqual(["single_candidate", "identical_text"]);
  });

  it("is not identical_text for the text of a baseline, or of a response without a reward", () => {
    const group = rewardedGroupOf([1, null, 1, 0], {
      roles: ["baseline", "candidate", "candidate", "candidate"],
      texts: ["same", "same", "same", "other"],
    });
    expect(build(allPairs(), group)).toEqual({
      pairs: ["2 > 3"],
      reasons: ["baseline", "unscored", null, null],
    });
  });

  it("is single_candidate for a lone response", () => {
    expect(build(allPairs(), rewardedGroupOf([1])).reasons).toEqual(["single_candidate"]);
    expect(build(allPairs(), rewardedGroupOf([])).reasons).toEqual([]);
  });

  it("is tie when all rewards are equal", () => {
    expect(build(allPairs(), rewardedGroupOf([0.5, 0.5, 0.5])).reasons).toEqual(["tie", "tie", "tie"]);
  });

  it("is below_margin when another reward differs, but by less than the smallest margin", () => {
    const { reasons } = build(allPairs({ minMargin: 0.5 }), rewardedGroupOf([1, 1, 0.75]));
    expect(reasons).toEqual(["below_margin", "below_margin", "below_margin"]);
  });

  it("is length_mismatch when a partner is far enough in reward, but none of those is alike in length", () => {
    const group = rewardedGroupOf([1, 0, 1], { texts: ["aaaaa", "bb", "cccccc"] });
    expect(build(allPairs({ lengthMatch: 2 }), group).reasons).toEqual([
      "length_mismatch",
      "length_mismatch",
      "length_mismatch",
    ]);
  });

  it("is vetoed when only the veto stands in the way", () => {
    const group = rewardedGroupOf([1, 0], { scores: { safety: [0.2, 0.9] } });
    expect(build(allPairs({ veto: [{ score: "safety" }] }), group).reasons).toEqual(["vetoed", "vetoed"]);
  });

  it("is not_selected when a partner was allowed and the rule chose others", () => {
    expect(build(allPairs({ maxPairs: 1 }), rewardedGroupOf([1, 0.5, 0])).reasons).toEqual([
      null,
      "not_selected",
      null,
    ]);
  });

  it("is that of the most promising partner, for each response on its own", () => {
    // minMargin 0.5. 0 and 1: tie. 0 or 1 with 2: below. 2 with 3: 0.9 apart, lengths 2 and 9. 0 or 1 with 3: vetoed.
    const group = rewardedGroupOf([1, 1, 0.9, 0], {
      texts: ["aaaaaaaaa", "bbbbbbbbb", "cc", "ddddddddd"],
      scores: { safety: [0, 0, 1, 1] },
    });
    const rule = allPairs({ minMargin: 0.5, lengthMatch: 2, veto: [{ score: "safety" }] });
    expect(build(rule, group).reasons).toEqual(["vetoed", "vetoed", "length_mismatch", "vetoed"]);
  });
});

describe("the common options", () => {
  it("take a margin of exactly minMargin", () => {
    expect(build(allPairs({ minMargin: 0.5 }), rewardedGroupOf([1, 0.5])).pairs).toEqual(["0 > 1"]);
  });

  it("never pair equal rewards, even with minMargin 0", () => {
    expect(build(allPairs({ minMargin: 0 }), rewardedGroupOf([0, -0])).reasons).toEqual(["tie", "tie"]);
  });

  it("take a margin that falls short of minMargin only as doubles", () => {
    // 4.1 − 3.1 is 0.9999999999999996.
    expect(build(allPairs({ minMargin: 1 }), rewardedGroupOf([4.1, 3.1])).pairs).toEqual(["0 > 1"]);
    expect(build(allPairs({ minMargin: 1.001 }), rewardedGroupOf([4.1, 3.1])).pairs).toEqual([]);
  });

  it("never pair rewards that differ by rounding alone, and take them for equal in every rule", () => {
    const [low, high] = [0.6136363636363635, 0.6136363636363636];
    expect(build(allPairs(), rewardedGroupOf([low, high])).reasons).toEqual(["tie", "tie"]);
    // The first of the two best, not the one that is a hair higher.
    expect(build(bestVsWorst(), rewardedGroupOf([low, high, 0])).pairs).toEqual(["0 > 2"]);
    expect(build(bestVsWorst({ tie: "skip" }), rewardedGroupOf([low, high, 0])).pairs).toEqual([]);
    expect(build(bestVsRandom({ tie: "skip" }), rewardedGroupOf([low, high, 0])).pairs).toEqual([]);
    const four = rewardedGroupOf([1, low, high, 0]);
    expect(build(topKVsBottomK({ k: 2, tie: "skip" }), four).pairs).toEqual([]);
  });

  it("give the rewards as they are with the pair, noise and all", () => {
    const group = rewardedGroupOf([0.6136363636363635, 0.6136363636363636, 0]);
    const { pairs } = allPairs().build(group, { seed: 0 });
    expect(pairs.map(({ chosenReward, rewardMargin }) => [chosenReward, rewardMargin])).toEqual([
      [0.6136363636363635, 0.6136363636363635],
      [0.6136363636363636, 0.6136363636363636],
    ]);
  });

  it("rank margins that differ by rounding alone as equal: the higher chosen reward first", () => {
    // 0.3 − 0.2 is a hair below 0.2 − 0.1.
    expect(build(allPairs({ maxPairs: 2 }), rewardedGroupOf([0.1, 0.2, 0.3])).pairs).toEqual([
      "2 > 0",
      "2 > 1",
    ]);
  });

  it("count Unicode code points, not UTF-16 units, in lengthMatch", () => {
    // Three code points of two units each against six letters: the ratio is 2, in units it would be 1.
    const group = rewardedGroupOf([1, 0], { texts: ["😀😀😀", "abcdef"] });
    expect(build(allPairs({ lengthMatch: 2 }), group).pairs).toEqual(["0 > 1"]);
    expect(build(allPairs({ lengthMatch: 1.9 }), group).pairs).toEqual([]);
  });

  it("with dedupe off let a repeat pair with others, but never with its like", () => {
    const group = rewardedGroupOf([2, 1, 0], { texts: ["same", "same ", "other"] });
    expect(build(allPairs({ dedupe: false }), group).pairs).toEqual(["0 > 2", "1 > 2"]);
    const alike = rewardedGroupOf([2, 1], { texts: ["same", "same "] });
    expect(build(allPairs({ dedupe: false }), alike).reasons).toEqual(["identical_text", "identical_text"]);
  });

  it.each([
    { safety: [1, 1], pairs: ["0 > 1"], note: "equal" },
    { safety: [1, 0], pairs: ["0 > 1"], note: "chosen is higher" },
    { safety: [0, 1], pairs: [], note: "chosen is lower" },
    { safety: [null, 0], pairs: [], note: "chosen is unscored" },
    { safety: [1, null], pairs: [], note: "rejected is unscored" },
  ])("veto a couple unless chosen is at least as high on the score: $note", ({ safety, pairs }) => {
    const group = rewardedGroupOf([1, 0], { scores: { safety } });
    expect(build(allPairs({ veto: [{ score: "safety" }] }), group).pairs).toEqual(pairs);
  });

  it.each([
    { safety: [0.3, 0.4], pairs: ["0 > 1"], note: "0.4 − 0.3 is 0.1, though a hair more as doubles" },
    { safety: [0.2, 0.3], pairs: ["0 > 1"], note: "0.3 − 0.2" },
    { safety: [0.3, 0.4001], pairs: [], note: "lower by more than that" },
    { safety: [3e-12, 4e-12], pairs: ["0 > 1"], note: "far below what is allowed" },
  ])("let chosen be lower by as much as a veto allows: $note", ({ safety, pairs }) => {
    const group = rewardedGroupOf([1, 0], { scores: { safety } });
    const veto = [{ score: "safety", mayBeLowerBy: 0.1 }];
    expect(build(allPairs({ veto }), group).pairs).toEqual(pairs);
  });

  it("veto small differences of small scores", () => {
    const group = rewardedGroupOf([1, 0], { scores: { safety: [3e-12, 4e-12] } });
    expect(build(allPairs({ veto: [{ score: "safety" }] }), group).pairs).toEqual([]);
  });

  describe("with a veto on a part of a score", () => {
    /** Overall 1 for both; the part is given, or missing. */
    function groupOfParts(parts: readonly (number | undefined)[]): RewardedGroup {
      const scores = parts.map((safety) => scored(1, { parts: safety === undefined ? {} : { safety } }));
      return { ...rewardedGroupOf([1, 0]), columns: [{ name: "counsel", scores }] };
    }

    it.each([
      { safety: [5, 4], more: {}, pairs: ["0 > 1"], note: "chosen is higher" },
      { safety: [4, 4], more: {}, pairs: ["0 > 1"], note: "equal" },
      { safety: [3, 4], more: {}, pairs: [], note: "chosen is lower" },
      { safety: [undefined, 1], more: {}, pairs: [], note: "chosen lacks the part" },
      { safety: [5, undefined], more: {}, pairs: [], note: "rejected lacks the part" },
      { safety: [3, 4], more: { mayBeLowerBy: 1 }, pairs: ["0 > 1"], note: "lower by what is allowed" },
      { safety: [2, 4], more: { mayBeLowerBy: 1 }, pairs: [], note: "lower by more" },
      { safety: [3, 4], more: { mayBeLowerBy: 0 }, pairs: [], note: "nothing is allowed" },
    ])("stop a couple unless chosen is high enough there: $note", ({ safety, more, pairs }) => {
      const rule = allPairs({ veto: [{ score: "counsel", part: "safety", ...more }] });
      expect(build(rule, groupOfParts(safety)).pairs).toEqual(pairs);
    });

    it("know no part by a name that every object has", () => {
      const rule = allPairs({ veto: [{ score: "counsel", part: "constructor" }] });
      expect(build(rule, groupOfParts([5, 4])).reasons).toEqual(["vetoed", "vetoed"]);
    });

    it("never prefer the less safe reply, however much better it is rated", () => {
      // Seven principles by hand: 31 against 24, with safety 4 against 5. Without the veto the unsafe one is chosen.
      const means = [31 / 7, 24 / 7];
      const scores = [scored(31 / 7, { parts: { safety: 4 } }), scored(24 / 7, { parts: { safety: 5 } })];
      const group = { ...rewardedGroupOf(means), columns: [{ name: "counsel", scores }] };
      expect(build(allPairs(), group).pairs).toEqual(["0 > 1"]);
      const rule = allPairs({ veto: [{ score: "counsel", part: "safety" }] });
      expect(build(rule, group).reasons).toEqual(["vetoed", "vetoed"]);
    });
  });

  it("veto by the value of a score within what is allowed", () => {
    const group = rewardedGroupOf([1, 0], { scores: { safety: [0.5, 0.75] } });
    const rule = (mayBeLowerBy: number) => allPairs({ veto: [{ score: "safety", mayBeLowerBy }] });
    expect(build(rule(0.25), group).pairs).toEqual(["0 > 1"]);
    expect(build(rule(0.2), group).pairs).toEqual([]);
  });

  it("veto every couple when the score is missing", () => {
    const group = rewardedGroupOf([1, 0]);
    expect(build(allPairs({ veto: [{ score: "no-such" }] }), group).reasons).toEqual(["vetoed", "vetoed"]);
  });

  it("hold for every pair of any group", () => {
    const rule = allPairs({ minMargin: 0.3, lengthMatch: 3, veto: [{ score: "safety" }], maxPairs: 4 });
    fc.assert(
      fc.property(anyRewardedGroup(), (group) => {
        const { pairs } = rule.build(group, { seed: 0 });
        const margins = pairs.map(({ rewardMargin }) => rewardMargin);
        expect(margins).toEqual(margins.toSorted((a, b) => b - a));
        for (const { chosen, rejected, rewardMargin } of pairs) {
          expect(rewardMargin).toBeGreaterThanOrEqual(0.3);
          const lengths = [[...chosen.text].length, [...rejected.text].length];
          expect(Math.max(...lengths)).toBeLessThanOrEqual(3 * Math.min(...lengths));
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it.each([
    { minMargin: -1 },
    { minMargin: Number.NaN },
    { maxPairs: 0 },
    { maxPairs: 1.5 },
    { lengthMatch: 0.9 },
    { veto: ["safety"] },
    { veto: [{ score: "" }] },
    { veto: [{ part: "safety" }] },
    { veto: [{ score: "counsel", part: "" }] },
    { veto: [{ score: "counsel", mayBeLowerBy: -1 }] },
    { veto: [{ score: "counsel", mayBeLowerBy: Number.NaN }] },
    { veto: [{ score: "counsel", parts: ["safety"] }] },
    { margin: 1 },
  ])("refuse %j", (options) => {
    // @ts-expect-error: some of these are not even options
    expect(() => allPairs(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});

describe("a rewarded group that breaks its contract", () => {
  it("is refused when a reward is not finite, with prompt and response", () => {
    const group = rewardedGroupOf([1, Number.NaN]);
    expect(() => build(allPairs(), group)).toThrow(
      expect.objectContaining({
        code: "not_finite",
        message: expect.stringMatching(/^prompt \w{32}: the reward of response 2 is NaN/),
      }),
    );
  });

  it("is refused when there are too few rewards", () => {
    const group = { ...rewardedGroupOf([1, 0]), rewards: [1] };
    expect(() => build(allPairs(), group)).toThrow(expect.objectContaining({ code: "contract_broken" }));
  });
});
