import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aggregateSteps, STEP_AGGREGATES } from "../../src/core/steps-aggregate.ts";

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const someValues = fc.array(unit, { minLength: 1, maxLength: 20 });

describe("aggregating steps", () => {
  // By hand: 0.9 * 0.4 = 0.36, * 0.7 = 0.252, * 0.95 = 0.2394; 0.9 + 0.4 + 0.7 + 0.95 = 2.95, / 4 = 0.7375.
  it.each([
    { by: "min", value: 0.4 },
    { by: "product", value: 0.2394 },
    { by: "last", value: 0.95 },
    { by: "mean", value: 0.7375 },
  ] as const)("$by of 0.9, 0.4, 0.7, 0.95 is $value", ({ by, value }) => {
    expect(aggregateSteps([0.9, 0.4, 0.7, 0.95], by)).toBeCloseTo(value, 12);
  });

  it.each(STEP_AGGREGATES)("%s of no step is null, of one step that step, of a NaN anywhere NaN", (by) => {
    expect(aggregateSteps([], by)).toBeNull();
    expect(aggregateSteps([0.3], by)).toBe(0.3);
    expect(aggregateSteps([Number.NaN, 0.3], by)).toBeNaN();
    expect(aggregateSteps([0.3, Infinity], by)).toBeNaN();
  });

  it("the product is never above the least, the least never above the mean, and all stay within [0, 1]", () => {
    fc.assert(
      fc.property(someValues, (values) => {
        const [least, product, last, mean] = (["min", "product", "last", "mean"] as const).map(
          (by) => aggregateSteps(values, by) ?? Number.NaN,
        );
        expect(product).toBeLessThanOrEqual(least ?? Number.NaN);
        expect(least).toBeLessThanOrEqual(mean ?? Number.NaN);
        expect(mean).toBeLessThanOrEqual(Math.max(...values));
        expect(last).toBe(values.at(-1));
      }),
      { seed: 1 },
    );
  });
});
