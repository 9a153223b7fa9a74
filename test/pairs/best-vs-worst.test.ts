import { describe, expect, it } from "vitest";
import { bestVsWorst } from "../../src/pairs/best-vs-worst.ts";
import { pairBuilderContract } from "../../src/testing/pair-builder-contract.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { build, outcomes } from "./describe-pairs.ts";

pairBuilderContract(bestVsWorst(), anyRewardedGroup(), { maxPairs: 1 });
pairBuilderContract(bestVsWorst({ tie: "random", maxPairs: 3, lengthMatch: 4 }), anyRewardedGroup(), {
  maxPairs: 3,
});
pairBuilderContract(bestVsWorst({ tie: "skip", dedupe: false }), anyRewardedGroup(), { maxPairs: 1 });

describe("best-vs-worst", () => {
  it.each([
    { rewards: [0.2, 0.9, 0.5], pairs: ["1 > 0"], note: "highest against lowest" },
    { rewards: [0.2, 0.9, 0.5, 0.9], pairs: ["1 > 0"], note: "the first of two best" },
    { rewards: [0, 1, 0], pairs: ["1 > 0"], note: "the first of two worst" },
    { rewards: [1, null, 0], pairs: ["0 > 2"], note: "a response without a reward takes no part" },
    { rewards: [1, 1], pairs: [], note: "all equal teaches nothing" },
  ])("on $rewards gives $pairs ($note)", ({ rewards, pairs }) => {
    expect(build(bestVsWorst(), rewardedGroupOf(rewards)).pairs).toEqual(pairs);
  });

  it("gives the rewards and their difference with the pair", () => {
    const group = rewardedGroupOf([1.31, 0.86, -0.62, null]);
    expect(bestVsWorst({ minMargin: 0.5 }).build(group, { seed: 0 }).pairs).toEqual([
      {
        chosen: group.group.responses[0],
        rejected: group.group.responses[2],
        chosenReward: 1.31,
        rejectedReward: -0.62,
        rewardMargin: 1.31 + 0.62,
      },
    ]);
  });

  it("draws among equal extremes with tie random", () => {
    expect(outcomes(bestVsWorst({ tie: "random" }), rewardedGroupOf([1, 0, 1, 0, 0.5]))).toEqual([
      "0 > 1",
      "0 > 3",
      "2 > 1",
      "2 > 3",
    ]);
  });

  it.each([
    { rewards: [1, 1, 0], reasons: ["tie", "tie", "tie"], note: "the best is shared" },
    { rewards: [1, 0.5, 0, 0], reasons: ["tie", "tie", "tie", "tie"], note: "the worst is shared" },
    { rewards: [1, 0.5, 0.5, 0], reasons: [null, "not_selected", "not_selected", null], note: "neither is" },
    { rewards: [1], reasons: ["single_candidate"], note: "there is only one" },
  ])("with tie skip on $rewards gives $reasons: $note", ({ rewards, reasons }) => {
    expect(build(bestVsWorst({ tie: "skip" }), rewardedGroupOf(rewards)).reasons).toEqual(reasons);
  });

  it("goes further in when the options do not allow the extremes", () => {
    const group = rewardedGroupOf([1, 0.8, 0], { texts: ["a".repeat(100), "bbbb", "ccc"] });
    expect(build(bestVsWorst({ lengthMatch: 2 }), group)).toEqual({
      pairs: ["1 > 2"],
      reasons: ["length_mismatch", null, null],
    });
  });

  it("adds second best against second worst, each response once, with more pairs", () => {
    const group = rewardedGroupOf([3, 9, 5, 1, 4]);
    expect(build(bestVsWorst({ maxPairs: 5 }), group)).toEqual({
      pairs: ["1 > 3", "2 > 0"],
      reasons: [null, null, null, null, "not_selected"],
    });
  });

  it("refuses an unknown way to break ties", () => {
    // @ts-expect-error: not a way
    expect(() => bestVsWorst({ tie: "last" })).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
