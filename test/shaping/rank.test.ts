import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rank } from "../../src/shaping/rank.ts";
import { anyValue } from "../../src/testing/rewarded-group.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo } from "./apply.ts";

transformContract(rank());

describe("rank", () => {
  it.each([
    { values: [3, 1, 3, 7], expected: [0.5, 0, 0.5, 1], note: "ranks 2.5, 1, 2.5, 4 of 4" },
    { values: [100, null, -100], expected: [1, null, 0], note: "distances do not count" },
    { values: [2, 2, 2], expected: [0.5, 0.5, 0.5], note: "all share rank 2 of 3" },
    { values: [9], expected: [0.5], note: "a single value" },
    { values: [null, 9], expected: [null, 0.5], note: "a single value" },
    { values: [null], expected: [null], note: "nothing scored" },
    { values: [], expected: [], note: "no response" },
  ])("gives $expected for $values ($note)", ({ values, expected }) => {
    expect(applyTo(rank(), values)).toEqual(expected);
  });

  it("keeps the order of the values, and gives equal ones the same place", () => {
    fc.assert(
      fc.property(fc.array(anyValue(), { minLength: 2, maxLength: 12 }), (values) => {
        const got = applyTo(rank(), values).map(Number);
        for (const [i, a] of values.entries()) {
          for (const [j, b] of values.entries()) {
            expect(Math.sign(got[i]! - got[j]!)).toBe(Math.sign(a - b));
          }
        }
      }),
      { seed: 1 },
    );
  });

  it("refuses options: it has none", () => {
    // @ts-expect-error: not an option
    expect(() => rank({ scope: "run" })).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
