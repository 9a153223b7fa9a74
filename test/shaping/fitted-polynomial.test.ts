import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fittedPolynomial } from "../../src/shaping/fitted-polynomial.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo } from "./apply.ts";
import { describePure, describeRelative } from "./describe-curve.ts";
import { expectValues } from "./expect-values.ts";

const pure = fittedPolynomial({ relative: false });

// The reference's vector: the mean of f at 1.5, 1 and 2.5. f(1.5) and f(1) by hand from the coefficients it prints:
// 0.5 + 0.343182768 - 0.034191828 + 0.001539019 and 0.5 + 0.228788512 - 0.010130912 + 0.000202669.
const byHand = new Map([
  [1.5, 0.8105299591],
  [1, 0.7188602689],
]);
describeRelative(fittedPolynomial, (distance) => byHand.get(distance) ?? Number.NaN, 0.820952639);

describePure(pure, [
  [0, 0.5],
  [1, 0.7188602689],
  [-1, 0.2811397311],
  // The reference's overshoot, and the jumps to 0 and 1.
  [-4.99, -0.0099066917],
  [4.99, 1.0099066917],
  [-5, 0],
  [5, 1],
  [1e308, 1],
]);

transformContract(fittedPolynomial({ clamp: true }));

describe("fitted-polynomial", () => {
  it("stays within [0, 1] when it is clamped", () => {
    const clamped = fittedPolynomial({ relative: false, clamp: true });
    expectValues(applyTo(clamped, [-6, -4.99, 0, 4.99, 6]), [0, 0, 0.5, 1, 1]);
  });

  it("stays near the logistic curve that it was fitted to", () => {
    fc.assert(
      fc.property(fc.double({ min: -4.999, max: 4.999, noNaN: true }), (x) => {
        const [fitted = Number.NaN] = applyTo(pure, [x]).map(Number);
        expect(Math.abs(fitted - 1 / (1 + Math.exp(-x)))).toBeLessThan(0.02);
      }),
      { seed: 1 },
    );
  });

  it("refuses a clamp that is not true or false", () => {
    // @ts-expect-error: not a boolean
    expect(() => fittedPolynomial({ clamp: 1 })).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
