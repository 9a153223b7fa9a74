import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { minMax } from "../../src/shaping/min-max.ts";
import { anyValue } from "../../src/testing/rewarded-group.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo, statisticsOf } from "./apply.ts";

transformContract(minMax());
transformContract(minMax({ scope: "run" }));

describe("min-max", () => {
  it.each([
    { values: [10, 15, 20], expected: [0, 0.5, 1], note: "(15 - 10) / (20 - 10)" },
    { values: [-1, null, 3, 0], expected: [0, null, 1, 0.25], note: "(0 + 1) / (3 + 1)" },
    { values: [7, 7], expected: [0.5, 0.5], note: "all equal" },
    { values: [7], expected: [0.5], note: "a single value" },
    { values: [null], expected: [null], note: "nothing scored" },
    { values: [], expected: [], note: "no response" },
  ])("gives $expected for $values ($note)", ({ values, expected }) => {
    expect(applyTo(minMax(), values)).toEqual(expected);
  });

  it("gives the chosen value when all are equal", () => {
    expect(applyTo(minMax({ equal: 0 }), [7, 7, null])).toEqual([0, 0, null]);
  });

  it("stays within [0, 1] and reaches both ends when the values differ", () => {
    fc.assert(
      fc.property(fc.array(anyValue(), { minLength: 2, maxLength: 12 }), (values) => {
        const got = applyTo(minMax(), values).map(Number);
        expect(got.every((value) => value >= 0 && value <= 1)).toBe(true);
        if (new Set(values.map((value) => value + 0)).size > 1) {
          expect(Math.min(...got)).toBe(0);
          expect(Math.max(...got)).toBe(1);
        }
      }),
      { seed: 1 },
    );
  });

  it("stretches by the ends of the whole run, and holds what the run had not seen to its ends", () => {
    const transform = minMax({ scope: "run" });
    const run = statisticsOf(transform, [[2, null], [], [6]]);
    expect(applyTo(transform, [2, 3, 6, 100, -100, null], run)).toEqual([0, 0.25, 1, 1, 0, null]);
  });

  it("says that it needs the run's frozen statistics when they are absent", () => {
    expect(() => applyTo(minMax({ scope: "run" }), [1])).toThrow(
      expect.objectContaining({ code: "need_unmet" }),
    );
  });

  it.each([{ equal: 2 }, { equal: -0.1 }, { scope: "all" }, { min: 0 }])(
    "refuses the options %j",
    (options) => {
      // @ts-expect-error: some of these are not even options
      expect(() => minMax(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
