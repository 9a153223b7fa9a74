import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { standardize } from "../../src/shaping/standardize.ts";
import { anyValue } from "../../src/testing/rewarded-group.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo, statisticsOf } from "./apply.ts";

transformContract(standardize());
transformContract(standardize({ scope: "run" }));

describe("standardize", () => {
  const exact = standardize({ epsilon: 0 });

  it.each([
    { values: [1, 2, 3], expected: [-1, 0, 1], note: "mean 2, std sqrt(2 / 2) = 1" },
    { values: [1, null, 3], expected: [-Math.SQRT1_2, null, Math.SQRT1_2], note: "mean 2, std sqrt(2)" },
    { values: [5], expected: [0], note: "one value has no spread" },
    { values: [null, 5, null], expected: [null, 0, null], note: "one value has no spread" },
    { values: [0.1, 0.1, 0.1], expected: [0, 0, 0], note: "no spread" },
    { values: [null, null], expected: [null, null], note: "nothing scored" },
    { values: [], expected: [], note: "no response" },
  ])("gives $expected for $values ($note)", ({ values, expected }) => {
    const got = applyTo(exact, values);
    expect(got.map((value) => value === null)).toEqual(expected.map((value) => value === null));
    for (const [index, value] of got.entries()) expect(value ?? 0).toBeCloseTo(expected[index] ?? 0, 12);
  });

  it("adds TRL's epsilon of 1e-4 to the deviation unless told otherwise", () => {
    // (3 - 2) / (1 + 1e-4)
    expect(applyTo(standardize(), [1, 2, 3])[2]).toBeCloseTo(0.9999000099990001, 15);
  });

  it("never divides by zero, even when the squares of tiny differences vanish", () => {
    expect(applyTo(exact, [0, 5e-324])).toEqual([0, 0]);
  });

  it("sums to zero within a group", () => {
    fc.assert(
      fc.property(fc.array(fc.option(anyValue()), { maxLength: 12 }), (values) => {
        const sum = applyTo(standardize(), values).reduce<number>((total, value) => total + (value ?? 0), 0);
        expect(Math.abs(sum)).toBeLessThan(1e-6);
      }),
      { seed: 1 },
    );
  });

  it("uses the mean and deviation of the whole run with scope run", () => {
    const transform = standardize({ scope: "run", epsilon: 0 });
    // Run: 1, 2, 3, 4, 10, 0: mean 20 / 6, squares 130 - 400 / 6, std with n - 1: sqrt(190 / 3 / 5) = 3.5590260840104366.
    const run = statisticsOf(transform, [
      [1, 2, null],
      [3, 4],
      [10, 0],
    ]);
    const [first, second] = applyTo(transform, [10, 0], run);
    expect(first).toBeCloseTo((10 - 10 / 3) / 3.5590260840104366, 12);
    expect(second).toBeCloseTo((0 - 10 / 3) / 3.5590260840104366, 12);
  });

  it("says that it needs the run's frozen statistics when they are absent", () => {
    expect(() => applyTo(standardize({ scope: "run" }), [1, 2])).toThrow(
      expect.objectContaining({ code: "need_unmet", fix: expect.stringContaining("frozen statistics") }),
    );
  });

  it("does not guess when the frozen run held no value", () => {
    const transform = standardize({ scope: "run" });
    expect(applyTo(transform, [null], null)).toEqual([null]);
    expect(() => applyTo(transform, [1, null], null)).toThrow(
      expect.objectContaining({ code: "need_unmet" }),
    );
  });

  it.each([{}, [], 3, "x", { count: 1, mean: "0", squares: 0, min: 0, max: 0 }])(
    "refuses frozen statistics that are not moments: %j",
    (run) => {
      expect(() => applyTo(standardize({ scope: "run" }), [1], run)).toThrow(
        expect.objectContaining({ code: "damaged_file" }),
      );
    },
  );

  it("refuses values so far apart that their variance is infinite", () => {
    expect(() => applyTo(standardize(), [1e200, -1e200])).toThrow(
      expect.objectContaining({ code: "not_finite" }),
    );
  });

  it.each([{ epsilon: -1 }, { epsilon: Number.NaN }, { scope: "batch" }, { eps: 1e-4 }])(
    "refuses the options %j",
    (options) => {
      // @ts-expect-error: some of these are not even options
      expect(() => standardize(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
