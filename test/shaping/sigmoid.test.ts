import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sigmoid } from "../../src/shaping/sigmoid.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo } from "./apply.ts";

transformContract(sigmoid());

describe("sigmoid", () => {
  it.each([
    { options: {}, x: 0, expected: 0.5, note: "the center" },
    { options: {}, x: 2, expected: 0.880797077977882, note: "1 / (1 + e^-2)" },
    { options: {}, x: -2, expected: 0.119202922022118, note: "1 - 0.880797077977882" },
    { options: { center: 3, scale: 2 }, x: 7, expected: 0.880797077977882, note: "(7 - 3) / 2 = 2" },
    { options: {}, x: 1e308, expected: 1, note: "no overflow" },
    { options: {}, x: -1e308, expected: 0, note: "no overflow" },
    {
      options: { center: -1.7e308 },
      x: 1.7e308,
      expected: 1,
      note: "the difference overflows, the value does not",
    },
    { options: { center: 1, scale: 5e-324 }, x: 1, expected: 0.5, note: "the center, at the smallest scale" },
  ])("gives $expected for $x with $options ($note)", ({ options, x, expected }) => {
    const [value] = applyTo(sigmoid(options), [x]);
    expect(value).toBeCloseTo(expected, 14);
  });

  it("rises with the value and stays within (0, 1)", () => {
    // Within 30 scales of the center, where doubles can still tell the value from 0 and 1.
    const near = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(near, near, (a, b) => {
        const [low = -1, high = -1] = applyTo(sigmoid(), [Math.min(a, b), Math.max(a, b)]).map(Number);
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThan(0);
        expect(high).toBeLessThan(1);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it.each([{ scale: 0 }, { scale: -1 }, { scale: Infinity }, { center: Number.NaN }, { k: 1 }])(
    "refuses the options %j",
    (options) => {
      expect(() => sigmoid(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
