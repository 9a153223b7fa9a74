import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addCoMoments,
  averageRanks,
  type CoMoments,
  correlationOf,
  deviationOf,
  joinMoments,
  type Moments,
  momentsOf,
  NO_CO_MOMENTS,
  NO_MOMENTS,
  varianceOf,
  wilsonInterval,
} from "../../src/core/stats.ts";

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });

/** Equal up to rounding: `scale` is how large the numbers are that the sums were made of. */
function expectClose(actual: number, wanted: number, scale: number): void {
  expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(1e-9 * Math.max(1, scale));
}

function expectSame(actual: Moments, wanted: Moments): void {
  const scale = Math.max(0, Math.abs(wanted.min), Math.abs(wanted.max), 0);
  const size = Number.isFinite(scale) ? scale : 0;
  expect([actual.count, actual.min, actual.max]).toEqual([wanted.count, wanted.min, wanted.max]);
  expectClose(actual.mean, wanted.mean, size);
  expectClose(actual.squares, wanted.squares, size * size * Math.max(1, wanted.count));
}

describe("moments", () => {
  it.each([
    { values: [1, 2, 3], moments: { count: 3, mean: 2, squares: 2, min: 1, max: 3 } },
    // Wikipedia, "Algorithms for calculating variance": mean 10, variance 30 with n - 1, so squares 90.
    { values: [4, 7, 13, 16], moments: { count: 4, mean: 10, squares: 90, min: 4, max: 16 } },
    { values: [5], moments: { count: 1, mean: 5, squares: 0, min: 5, max: 5 } },
    { values: [], moments: { count: 0, mean: 0, squares: 0, min: Infinity, max: -Infinity } },
  ])("of $values are $moments", ({ values, moments }) => {
    expect(momentsOf(values)).toEqual(moments);
  });

  it("keep their digits far from zero", () => {
    // The same four numbers shifted by a billion: naive sums of squares give a variance of -170 here.
    expect(varianceOf(momentsOf([4, 7, 13, 16].map((x) => x + 1e9)))).toBe(30);
  });

  it("have a variance and deviation with n - 1, and none for fewer than two numbers", () => {
    expect(varianceOf(momentsOf([1, 2, 3, 4]))).toBeCloseTo(5 / 3, 12);
    expect(deviationOf(momentsOf([1, 2, 3, 4]))).toBeCloseTo(Math.sqrt(5 / 3), 12);
    expect(deviationOf(momentsOf([2, 2, 2]))).toBe(0);
    expect([varianceOf(momentsOf([7])), deviationOf(NO_MOMENTS)]).toEqual([null, null]);
  });

  it("of two joined parts are those of the whole", () => {
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (first, second) => {
        expectSame(joinMoments(momentsOf(first), momentsOf(second)), momentsOf([...first, ...second]));
      }),
    );
  });

  it("stay as they are when nothing is joined", () => {
    const some = momentsOf([1, 5]);
    expect(joinMoments(some, NO_MOMENTS)).toBe(some);
    expect(joinMoments(NO_MOMENTS, some)).toBe(some);
  });
});

describe("averageRanks", () => {
  it.each([
    { values: [3, 1, 3], ranks: [2.5, 1, 2.5] },
    { values: [10, 20, 20, 20, 5], ranks: [2, 4, 4, 4, 1] }, // the places 3, 4, 5 shared by three
    { values: [0, -0], ranks: [1.5, 1.5] },
    { values: [7], ranks: [1] },
    { values: [], ranks: [] },
  ])("of $values are $ranks", ({ values, ranks }) => {
    expect(averageRanks(values)).toEqual(ranks);
  });

  it("add up to n (n + 1) / 2 and order as the values do", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 })), (values) => {
        const ranks = averageRanks(values);
        expect(ranks.reduce((sum, rank) => sum + rank, 0)).toBe((values.length * (values.length + 1)) / 2);
        for (const [i, a] of values.entries()) {
          for (const [j, b] of values.entries()) {
            expect(Math.sign((ranks[i] ?? 0) - (ranks[j] ?? 0))).toBe(Math.sign(a - b));
          }
        }
      }),
    );
  });
});

describe("correlation", () => {
  const sumsOf = (points: readonly (readonly [number, number])[]): CoMoments =>
    points.reduce((sums, [x, y]) => addCoMoments(sums, x, y), NO_CO_MOMENTS);

  it.each([
    {
      points: [
        [1, 2],
        [2, 4],
        [3, 6],
      ],
      r: 1,
      note: "on a rising line",
    },
    {
      points: [
        [1, 3],
        [2, 2],
        [3, 1],
      ],
      r: -1,
      note: "on a falling line",
    },
    // Means 3 and 4; products 4 + 0 + 0 + 0 + 2 = 6; squares 10 and 6; 6 / √60.
    {
      points: [
        [1, 2],
        [2, 4],
        [3, 5],
        [4, 4],
        [5, 5],
      ],
      r: 6 / Math.sqrt(60),
      note: "worked by hand",
    },
    {
      points: [
        [0, 0],
        [1, 1],
        [0, 1],
        [1, 0],
      ],
      r: 0,
      note: "on the corners of a square",
    },
  ] as const)("is $r $note", ({ points, r }) => {
    expect(correlationOf(sumsOf(points))).toBeCloseTo(r, 12);
  });

  it("is null with fewer than two points and when one side does not vary", () => {
    expect(correlationOf(NO_CO_MOMENTS)).toBeNull();
    expect(correlationOf(sumsOf([[1, 1]]))).toBeNull();
    expect(
      correlationOf(
        sumsOf([
          [1, 1],
          [1, 2],
        ]),
      ),
    ).toBeNull();
    expect(
      correlationOf(
        sumsOf([
          [1, 4],
          [2, 4],
        ]),
      ),
    ).toBeNull();
  });

  it("is the same for very small and very large numbers", () => {
    // The third example above, worked by hand, in other units: r has none.
    for (const unit of [1e-100, 1e100]) {
      const points = [
        [1, 2],
        [2, 4],
        [3, 5],
        [4, 4],
        [5, 5],
      ].map(([x = 0, y = 0]) => [x * unit, y * unit] as const);
      expect(correlationOf(sumsOf(points))).toBeCloseTo(6 / Math.sqrt(60), 12);
    }
  });

  it("never leaves [-1, 1], and changes its sign with one side's", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 2 }), (points) => {
        const r = correlationOf(sumsOf(points));
        const mirrored = correlationOf(sumsOf(points.map(([x, y]) => [-x, y] as const)));
        expect(r === null || (r >= -1 && r <= 1)).toBe(true);
        expect(mirrored === null).toBe(r === null);
        expect(mirrored ?? 0).toBeCloseTo(-(r ?? 0), 9);
      }),
    );
  });
});

describe("wilsonInterval", () => {
  // z² = 3.841459. 8 of 10: middle (0.8 + 0.192073) / 1.384146 = 0.716740, half 1.959964 / 1.384146 ×
  // sqrt(0.016 + 0.009604) = 0.226577. 0 of 10: up to 3.841459 / 13.841459. 10 of 10 is its mirror.
  it.each([
    { successes: 8, trials: 10, low: 0.490162, high: 0.943318 },
    { successes: 0, trials: 10, low: 0, high: 0.277533 },
    { successes: 10, trials: 10, low: 0.722467, high: 1 },
    { successes: 1, trials: 1, low: 0.206549, high: 1 },
    // Half a success: middle 0.5, half 1.959964 / 4.841459 × sqrt(0.25 + 0.960365) = 0.445379.
    { successes: 0.5, trials: 1, low: 0.054621, high: 0.945379 },
  ])("of $successes of $trials is [$low, $high]", ({ successes, trials, low, high }) => {
    const [from, to] = wilsonInterval(successes, trials) ?? [];
    expect(from).toBeCloseTo(low, 5);
    expect(to).toBeCloseTo(high, 5);
  });

  it("is null without trials", () => {
    expect(wilsonInterval(0, 0)).toBeNull();
  });

  it("holds the share, stays in [0, 1], and mirrors", () =>
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), (successes, others) => {
        fc.pre(successes + others > 0);
        const trials = successes + others;
        const [low, high] = wilsonInterval(successes, trials) ?? [Number.NaN, Number.NaN];
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(successes / trials);
        expect(high).toBeGreaterThanOrEqual(successes / trials);
        const [mirroredLow] = wilsonInterval(others, trials) ?? [];
        expect(mirroredLow).toBeCloseTo(1 - high, 9);
      }),
      { seed: 1 },
    ));
});
