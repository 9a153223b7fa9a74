import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTie, levelled, reaches } from "../../src/core/noise.ts";

describe("isTie", () => {
  it.each([
    { one: 0.1 + 0.2, other: 0.3, ties: true, note: "0.30000000000000004" },
    { one: 0.6136363636363636, other: 0.6136363636363635, ties: true, note: "2.7 / 4.4 in two orders" },
    { one: 0, other: -0, ties: true, note: "the zeros" },
    { one: 5e-324, other: 0, ties: false, note: "the least number that is not 0" },
    { one: 1, other: 1 + 1e-11, ties: false, note: "a difference of 1e-11" },
    { one: 1 - 1e-9, other: 1 - 1e-10, ties: false, note: "two probabilities near 1" },
    { one: 1e9 + 1, other: 1e9, ties: false, note: "whole numbers" },
    { one: Infinity, other: Infinity, ties: true, note: "one infinity" },
    { one: -Infinity, other: 3, ties: false, note: "an infinity and a number" },
    { one: Infinity, other: 3, ties: false, note: "the other" },
    { one: -1e308, other: 1e308, ties: false, note: "a difference beyond the doubles" },
    { one: Number.NaN, other: Number.NaN, ties: false, note: "no numbers" },
  ])("is $ties for $note", ({ one, other, ties }) => {
    expect(isTie(one, other)).toBe(ties);
    expect(isTie(other, one)).toBe(ties);
  });
});

describe("levelled", () => {
  it("makes equal what differs by noise, and leaves the rest", () => {
    expect(levelled([0.1 + 0.2, 1, 0.3, -2])).toEqual([0.3, 1, 0.3, -2]);
    expect(levelled([])).toEqual([]);
  });

  it("makes no level of a row of near neighbours", () => {
    const near = (one: number, other: number): boolean => Math.abs(one - other) <= 1;
    expect(levelled([3, 1, 2, 0, 4], near)).toEqual([2, 0, 2, 0, 4]);
  });

  it("moves no number by more than noise, keeps their order, and is done after once", () => {
    const noisy = fc
      .tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -3, max: 3 }))
      .map(([whole, ulps]) => whole * (1 + ulps * Number.EPSILON));
    fc.assert(
      fc.property(fc.array(noisy), (values) => {
        const found = levelled(values);
        expect(found.map(Math.round)).toEqual(values.map(Math.round));
        for (const [index, value] of values.entries()) {
          expect(isTie(found[index] ?? Number.NaN, value)).toBe(true);
          for (const [other, lower] of values.entries())
            if (lower < value) expect(found[other]).toBeLessThanOrEqual(found[index] ?? Number.NaN);
        }
        expect(new Set(found).size).toBe(new Set(values.map(Math.round)).size);
        expect(levelled(found)).toEqual(found);
      }),
      { seed: 1 },
    );
  });
});

describe("reaches", () => {
  it.each([
    { high: 0.3, low: 0.2, gap: 0.1, is: true },
    { high: 4.1, low: 3.1, gap: 1, is: true },
    { high: 0.3, low: 0.2, gap: 0.1001, is: false },
    { high: 0.2, low: 0.3, gap: -0.1, is: true },
    { high: 1, low: 1, gap: 0, is: true },
    { high: Number.NaN, low: 1, gap: 0, is: false },
  ])("is $is for $high over $low by $gap", ({ high, low, gap, is }) => {
    expect(reaches(high, low, gap)).toBe(is);
  });
});
