import { describe, expect, it } from "vitest";
import { allPairs } from "../../src/pairs/all-pairs.ts";
import { pairBuilderContract } from "../../src/testing/pair-builder-contract.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { build } from "./describe-pairs.ts";

pairBuilderContract(allPairs());
pairBuilderContract(
  allPairs({ maxPairs: 2, minMargin: 0.2, veto: [{ score: "safety" }] }),
  anyRewardedGroup(),
  {
    maxPairs: 2,
  },
);

describe("all-pairs", () => {
  it("pairs whatever differs, widest margin first, then higher chosen, then by place", () => {
    // Margins 2, 1, 1; of the two 1s the couple with the higher chosen comes first, although it stands second.
    expect(build(allPairs(), rewardedGroupOf([1, 2, 0])).pairs).toEqual(["1 > 2", "1 > 0", "0 > 2"]);
    expect(build(allPairs(), rewardedGroupOf([1, 0, 1, 0])).pairs).toEqual([
      "0 > 1",
      "0 > 3",
      "2 > 1",
      "2 > 3",
    ]);
  });

  it("keeps the widest margins when there may not be more", () => {
    expect(build(allPairs({ maxPairs: 2 }), rewardedGroupOf([0, 3, 1, 7])).pairs).toEqual(["3 > 0", "3 > 2"]);
  });
});
