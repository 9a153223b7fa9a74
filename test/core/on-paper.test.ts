import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fractionOf, ratioOnPaper } from "../../src/core/on-paper.ts";

type Terms = Parameters<typeof ratioOnPaper>[0];

describe("fractionOf", () => {
  it.each([
    { value: 0.7, fraction: [7n, 10n] },
    { value: 2 / 3, fraction: [2n, 3n] },
    { value: 1 - 2 / 3, fraction: [1n, 3n], note: "0.33333333333333337" },
    { value: -2.5, fraction: [-5n, 2n] },
    { value: 0, fraction: [0n, 1n] },
    { value: -0, fraction: [0n, 1n] },
    { value: 1e22, fraction: [10n ** 22n, 1n] },
    { value: 2 ** -1074, fraction: [1n, 2n ** 1074n] },
  ])("takes $value for the simplest fraction", ({ value, fraction }) => {
    expect(fractionOf(value)).toEqual(fraction);
  });

  it("gives back each fraction of small whole numbers", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -9_999, max: 9_999 }),
        fc.integer({ min: 1, max: 9_999 }),
        (above, below) => {
          const [a, b] = fractionOf(above / below);
          expect(a * BigInt(below)).toBe(b * BigInt(above));
        },
      ),
      { seed: 1, numRuns: 2_000 },
    );
  });

  it("is within a rounding error of any double", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const near = ratioOnPaper([[value, 1]], [1]);
        expect(Math.abs((near ?? Number.NaN) - value)).toBeLessThanOrEqual(5e-16 * Math.abs(value));
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });
});

describe("ratioOnPaper", () => {
  it.each([
    {
      terms: [
        [0.1, 1],
        [0.2, 1],
      ],
      divisors: [1],
      value: 0.3,
      note: "0.30000000000000004 in doubles",
    },
    {
      terms: [
        [5, 1],
        [-2.3, 1],
        [-2.7, 1],
      ],
      divisors: [8],
      value: 0,
      note: "4.4e-16 in doubles",
    },
    {
      terms: [
        [1, 1 / 3],
        [1, 1 / 3],
        [1, 1 / 3],
      ],
      divisors: [3],
      value: 1 / 3,
      note: "thirds of a panel",
    },
    {
      terms: [
        [1, 1],
        [1, 0],
      ],
      divisors: [0.1, 0.2],
      value: 1 / 0.3,
      note: "a divisor in parts",
    },
    { terms: [], divisors: [2], value: 0, note: "nothing to add" },
    { terms: [[1, 3]], divisors: [-2], value: -1.5, note: "a negative divisor" },
    {
      terms: [
        [2 ** 1000, 1],
        [1, 1],
      ],
      divisors: [2 ** -5],
      value: 2 ** 1005,
      note: "large numbers",
    },
    { terms: [[1e-300, 1]], divisors: [1e20], value: 1e-320, note: "small ones" },
  ] satisfies { terms: Terms; divisors: number[]; value: number; note: string }[])(
    "is $value: $note",
    ({ terms, divisors, value }) => {
      expect(ratioOnPaper(terms, divisors)).toBe(value);
    },
  );

  it("is null without a divisor", () => {
    expect(ratioOnPaper([[1, 1]], [])).toBeNull();
    expect(ratioOnPaper([[1, 1]], [0, 0])).toBeNull();
    expect(ratioOnPaper([[1, 1]], [0.1, 0.2, -0.3])).toBeNull();
  });

  const decimal = fc.integer({ min: -999, max: 999 }).map((whole) => whole / 100);
  const terms = fc.array(fc.tuple(decimal, decimal), { maxLength: 12 });

  it("does not depend on the order of the terms", () => {
    fc.assert(
      fc.property(terms, fc.integer(), (given, seed) => {
        const mixed = given.map((term, index) => ({ term, key: Math.sin(seed + index) }));
        const other = mixed.sort((a, b) => a.key - b.key).map(({ term }) => term);
        expect(ratioOnPaper(other, [4.4])).toBe(ratioOnPaper(given, [4.4]));
      }),
      { seed: 1 },
    );
  });

  it("is what whole numbers come to, by 1e-15", () => {
    fc.assert(
      fc.property(terms, (given) => {
        // In ten-thousandths, of which doubles hold every sum exactly.
        const whole = given.reduce((sum, [w, v]) => sum + Math.round(w * 100) * Math.round(v * 100), 0);
        expect(ratioOnPaper(given, [1])).toBe(whole / 10_000 + 0);
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
