import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passVsFail } from "../../src/pairs/pass-vs-fail.ts";
import { pairBuilderContract } from "../../src/testing/pair-builder-contract.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { build, outcomes } from "./describe-pairs.ts";

pairBuilderContract(passVsFail(), anyRewardedGroup(), { maxPairs: 1 });
pairBuilderContract(passVsFail({ score: "quality", pick: "first", maxPairs: 3 }), anyRewardedGroup(), {
  maxPairs: 3,
});

describe("pass-vs-fail", () => {
  it.each([
    { rewards: [1, 0, 1, 0], count: 1, reasons: 2 },
    { rewards: [1, 1, 1, 1], count: 0, reasons: 4 },
    { rewards: [0, 0, 0, 0], count: 0, reasons: 4 },
    { rewards: [0, 0, 0, 1], count: 1, reasons: 2 },
  ])("gives one pair exactly when something passes and something fails: $rewards", (given) => {
    const { pairs, reasons } = build(passVsFail(), rewardedGroupOf(given.rewards));
    expect(pairs).toHaveLength(given.count);
    expect(reasons.filter((reason) => reason !== null)).toHaveLength(given.reasons);
  });

  it("gives a pair exactly when there are a pass and a fail, for any four flags and any repeated texts", () => {
    const response = fc.record({ flag: fc.constantFrom(0, 1), text: fc.constantFrom("a", "b", "c") });
    fc.assert(
      fc.property(fc.array(response, { minLength: 4, maxLength: 4 }), fc.nat(), (responses, seed) => {
        const rewards = responses.map(({ flag }) => flag);
        const group = rewardedGroupOf(rewards, { texts: responses.map(({ text }) => text) });
        // Of identical texts the first counts.
        const firsts = responses.filter(
          ({ text }, index) => responses.findIndex((other) => other.text === text) === index,
        );
        const mixed = new Set(firsts.map(({ flag }) => flag)).size === 2;
        expect(build(passVsFail(), group, seed).pairs).toHaveLength(mixed ? 1 : 0);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("draws among the passes and fails, or takes the first ones", () => {
    const group = rewardedGroupOf([0, 1, 0, 1]);
    expect(outcomes(passVsFail(), group)).toEqual(["1 > 0", "1 > 2", "3 > 0", "3 > 2"]);
    expect(outcomes(passVsFail({ pick: "first" }), group)).toEqual(["1 > 0"]);
  });

  it("passes at a threshold that is missed by rounding alone", () => {
    // 4.1 − 3.5 is 0.5999999999999996.
    const group = rewardedGroupOf([4.1 - 3.5, 0]);
    expect(group.rewards[0]).toBeLessThan(0.6);
    expect(build(passVsFail({ threshold: 0.6 }), group).pairs).toEqual(["0 > 1"]);
  });

  it("passes at the threshold itself", () => {
    const group = rewardedGroupOf([0.5, 0.49]);
    expect(build(passVsFail(), group).pairs).toEqual(["0 > 1"]);
    expect(build(passVsFail({ threshold: 0.51 }), group).reasons).toEqual(["not_selected", "not_selected"]);
  });

  it("gives more pairs when told to", () => {
    const { pairs } = build(passVsFail({ maxPairs: 3, pick: "first" }), rewardedGroupOf([1, 0, 1, 0]));
    expect(pairs).toEqual(["0 > 1", "0 > 3", "2 > 1"]);
  });

  it("can tell pass from fail by a named score, with the margin still one of rewards", () => {
    const group = rewardedGroupOf([0.2, 0.9, 0.7, 0.8], { scores: { correct: [1, 1, 0, null] } });
    // 0 passes with a lower reward than 2, which fails; 3 neither passes nor fails.
    expect(outcomes(passVsFail({ score: "correct" }), group)).toEqual(["1 > 2"]);
    expect(build(passVsFail({ score: "correct" }), group).reasons).toEqual([
      "not_selected",
      null,
      null,
      "unscored",
    ]);
  });

  it("finds every response unscored when the named score is missing", () => {
    expect(build(passVsFail({ score: "no-such" }), rewardedGroupOf([1, 0])).reasons).toEqual([
      "unscored",
      "unscored",
    ]);
  });

  it.each([{ threshold: Number.NaN }, { pick: "last" }, { score: "" }, { tie: "first" }])(
    "refuses %j",
    (options) => {
      // @ts-expect-error: some of these are not even options
      expect(() => passVsFail(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
