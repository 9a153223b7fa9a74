import { describe, expect, it } from "vitest";
import { bestVsRandom } from "../../src/pairs/best-vs-random.ts";
import { pairBuilderContract } from "../../src/testing/pair-builder-contract.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { build, outcomes } from "./describe-pairs.ts";

pairBuilderContract(bestVsRandom(), anyRewardedGroup(), { maxPairs: 1 });
pairBuilderContract(bestVsRandom({ tie: "random", maxPairs: 3 }), anyRewardedGroup(), { maxPairs: 3 });

describe("best-vs-random", () => {
  it("sets the first best against any lower one, never against the other best", () => {
    // The ratings of the UltraFeedback example: chosen is the first 9; the other 9 ties with it.
    expect(outcomes(bestVsRandom(), rewardedGroupOf([7, 9, 9, 3]))).toEqual(["1 > 0", "1 > 3"]);
  });

  it("gives nothing when all ratings are equal", () => {
    expect(build(bestVsRandom(), rewardedGroupOf([5, 5, 5, 5])).reasons).toEqual([
      "tie",
      "tie",
      "tie",
      "tie",
    ]);
  });

  it("draws by seed and prompt, not by the order in which prompts come", () => {
    const rewards = [9, 1, 2, 3, 4, 5];
    const groups = Array.from({ length: 32 }, (_, index) =>
      rewardedGroupOf(rewards, { prompt: `prompt ${index}` }),
    );
    const rejected = groups.map((group) => build(bestVsRandom(), group).pairs.join());
    expect(new Set(rejected).size).toBeGreaterThan(1);
    const again = groups.toReversed().map((group) => build(bestVsRandom(), group).pairs.join());
    expect(again.toReversed()).toEqual(rejected);
  });

  it("chooses every lower response about equally often", () => {
    // 3,000 draws among 3: 1,000 each, standard deviation 25.8; five of those are 129.
    const counts = [0, 0, 0, 0];
    for (let seed = 0; seed < 3000; seed++) {
      const { pairs } = build(bestVsRandom(), rewardedGroupOf([1, 0, 0.2, 0.4]), seed);
      const place = Number(pairs[0]?.at(-1));
      counts[place] = (counts[place] ?? 0) + 1;
    }
    expect(counts[0]).toBe(0);
    for (const count of counts.slice(1)) expect(Math.abs(count - 1000)).toBeLessThan(129);
  });

  it("skips a group whose best is shared when told to, and does not mind a shared worst", () => {
    const skip = bestVsRandom({ tie: "skip" });
    expect(build(skip, rewardedGroupOf([1, 1, 0])).reasons).toEqual(["tie", "tie", "tie"]);
    expect(build(skip, rewardedGroupOf([1, 0, 0])).pairs).toHaveLength(1);
  });

  it("draws among equal bests with tie random", () => {
    expect(outcomes(bestVsRandom({ tie: "random" }), rewardedGroupOf([1, 1, 0]))).toEqual(["0 > 2", "1 > 2"]);
  });

  it("takes the best that has an allowed partner", () => {
    const group = rewardedGroupOf([1, 0.8, 0], { texts: ["a".repeat(100), "bbbb", "ccc"] });
    expect(outcomes(bestVsRandom({ lengthMatch: 2 }), group)).toEqual(["1 > 2"]);
  });

  it("sets the same best against several when told to", () => {
    const { pairs } = build(bestVsRandom({ maxPairs: 9 }), rewardedGroupOf([0.1, 1, 0.2]));
    expect(pairs).toEqual(["1 > 0", "1 > 2"]);
  });
});
