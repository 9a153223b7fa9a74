import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advantage } from "../../src/shaping/advantage.ts";
import { affine } from "../../src/shaping/affine.ts";
import { lengthPenalty } from "../../src/shaping/length-penalty.ts";
import { anyValue } from "../../src/testing/rewarded-group.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo } from "./apply.ts";
import { applyIn } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

transformContract(affine());
transformContract(affine({ gain: -2, offset: 0.5 }));

describe("affine", () => {
  // AutoRule's released reward, 10 (frac - 0.75), by hand: 20 of 25 rules 10 * 0.05 = 0.5; 1 of 4 10 * -0.5 = -5; none -7.5; all 2.5.
  it.each([
    { fraction: 20 / 25, reward: 0.5 },
    { fraction: 1 / 4, reward: -5 },
    { fraction: 0, reward: -7.5 },
    { fraction: 1, reward: 2.5 },
  ])("turns the fraction $fraction into AutoRule's reward $reward", ({ fraction, reward }) => {
    expect(applyTo(affine(), [fraction])[0]).toBeCloseTo(reward, 12);
  });

  it("is worth 0.4 for one rule of 25", () => {
    const [less = 0, more = 0] = applyTo(affine(), [20 / 25, 21 / 25]).map((value) => value ?? Number.NaN);
    expect(more - less).toBeCloseTo(0.4, 12);
  });

  it("keeps what is missing missing, and may turn a score into a penalty", () => {
    expect(applyTo(affine({ gain: -1, offset: 0 }), [2, null, -3])).toEqual([-2, null, 3]);
  });

  it("leaves differences between responses as they were but for the gain, whatever the offset", () => {
    fc.assert(
      fc.property(anyValue(), anyValue(), anyValue(), (x, y, offset) => {
        const [first = 0, second = 0] = applyTo(affine({ gain: 2, offset }), [x, y]).map(
          (value) => value ?? 0,
        );
        expect(first - second).toBeCloseTo(2 * (x - y), 6);
      }),
      { seed: 1 },
    );
  });

  it.each([{ gain: Number.NaN }, { offset: Infinity }, { gain: "10" }, { scale: 1 }])(
    "refuses the options %j",
    (options) => {
      expect(() => affine(options as never)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});

describe("what AutoRule's released code makes of rewards", () => {
  // Deviation with n - 1, epsilon 1e-9. By hand: mean 0.75, deviation 1.34350 of [1.7, -0.2]; mean 1.5, deviation 1.95789 of the other.
  it.each([
    { rewards: [1.2 + 0.5, 0.3 - 0.5], advantages: [Math.SQRT1_2, -Math.SQRT1_2] },
    { rewards: [2, -0.5, 0.5, 4], advantages: [0.255377, -1.021508, -0.510754, 1.276885] },
    { rewards: [1, 1], advantages: [0, 0] },
  ])("has the group advantages $advantages of $rewards", ({ rewards, advantages }) => {
    expectValues(applyTo(advantage({ epsilon: 1e-9, deviation: "sample" }), rewards), advantages, 6);
  });

  it("takes max(0, 0.5 L / 300 - 0.5) off for L tokens: 0, 0, 0.5, 1 at 150, 300, 600, 900", () => {
    const transform = lengthPenalty({ free: 300, rate: 0.5 / 300 });
    expectValues(applyIn(transform, [0, 0, 0, 0], { tokens: [150, 300, 600, 900] }), [0, 0, -0.5, -1]);
  });
});
