import { describe, expect, it } from "vitest";
import { topKVsBottomK } from "../../src/pairs/top-k-vs-bottom-k.ts";
import { pairBuilderContract } from "../../src/testing/pair-builder-contract.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { build, outcomes } from "./describe-pairs.ts";

pairBuilderContract(topKVsBottomK(), anyRewardedGroup(), { maxPairs: 4 });
pairBuilderContract(topKVsBottomK({ k: 3, tie: "random", maxPairs: 5 }), anyRewardedGroup(), { maxPairs: 5 });
pairBuilderContract(topKVsBottomK({ tie: "skip" }), anyRewardedGroup(), { maxPairs: 4 });

describe("top-k-vs-bottom-k", () => {
  it("sets each of the top against each of the bottom", () => {
    expect(build(topKVsBottomK(), rewardedGroupOf([4, 1, 3, 2, 0]))).toEqual({
      // Margins 4, 3, 3, 2; of the two 3s the higher chosen comes first.
      pairs: ["0 > 4", "0 > 1", "2 > 4", "2 > 1"],
      reasons: [null, null, null, "not_selected", null],
    });
  });

  it("takes half of the responses when there are fewer than two k", () => {
    expect(build(topKVsBottomK({ k: 5 }), rewardedGroupOf([2, 1, 0])).pairs).toEqual(["0 > 2"]);
  });

  it("is best against worst with k 1", () => {
    expect(build(topKVsBottomK({ k: 1 }), rewardedGroupOf([0.2, 0.9, 0.5, 0.9])).pairs).toEqual(["1 > 0"]);
  });

  it("never puts a response at both ends, and makes no pair of equal rewards", () => {
    expect(build(topKVsBottomK(), rewardedGroupOf([1, 1, 1, 0])).pairs).toEqual(["0 > 3", "1 > 3"]);
    expect(build(topKVsBottomK(), rewardedGroupOf([1, 1, 1, 1])).reasons).toEqual([
      "tie",
      "tie",
      "tie",
      "tie",
    ]);
  });

  it("takes the first at the edge of an end, draws there, or skips the group", () => {
    const group = rewardedGroupOf([1, 1, 0]);
    expect(outcomes(topKVsBottomK({ k: 1 }), group)).toEqual(["0 > 2"]);
    expect(outcomes(topKVsBottomK({ k: 1, tie: "random" }), group)).toEqual(["0 > 2", "1 > 2"]);
    expect(build(topKVsBottomK({ k: 1, tie: "skip" }), group).reasons).toEqual(["tie", "tie", "tie"]);
    expect(build(topKVsBottomK({ k: 2, tie: "skip" }), rewardedGroupOf([1, 1, 0, 0])).pairs).toHaveLength(4);
    expect(build(topKVsBottomK({ k: 1, tie: "skip" }), rewardedGroupOf([2, 0, 0])).pairs).toEqual([]);
  });

  it.each([{ k: 0 }, { k: 1.5 }])("refuses %j", (options) => {
    expect(() => topKVsBottomK(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
