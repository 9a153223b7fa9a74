import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  inverseSquareRootUniform,
  voteCovariance,
  whitenedUniformWeights,
} from "../../../src/core/rubric/weights.ts";

function expectClose(got: readonly number[], wanted: readonly number[], digits = 6): void {
  expect(got).toHaveLength(wanted.length);
  for (const [index, value] of wanted.entries()) expect(got[index]).toBeCloseTo(value, digits);
}

/** Clipped at 0 and divided by the sum, as the weights are. */
function shares(raw: readonly number[]): number[] {
  const clipped = raw.map((value) => Math.max(value, 0));
  const total = clipped.reduce((sum, value) => sum + value, 0);
  return clipped.map((value) => value / total);
}

const X = [
  [1, 1, 1],
  [1, 1, 0],
  [0, 0, 1],
  [0, 0, 0],
];
const CONSTANT = [
  [1, 0, 1],
  [1, 0, 0],
  [1, 0, 1],
  [1, 0, 0],
];

describe("the inverse square root of a covariance, summed along its rows", () => {
  it.each([
    {
      note: "two alike and one apart: 1 / sqrt(1.8) = 0.745356 each",
      sigma: [
        [1, 0.8, 0],
        [0.8, 1, 0],
        [0, 0, 1],
      ],
      raw: [0.745356, 0.745356, 1],
      weights: [0.299254, 0.299254, 0.401492],
    },
    {
      note: "unequal variances: 1 / 0.5 and 1 / 0.2",
      sigma: [
        [0.25, 0],
        [0, 0.04],
      ],
      raw: [2, 5],
      weights: [0.285714, 0.714286],
    },
    {
      note: "correlated and unequal, RRD reference vector C",
      sigma: [
        [1, 1.8],
        [1.8, 4],
      ],
      raw: [1.356871, 0.031707],
      weights: [0.977166, 0.022834],
    },
    {
      note: "more so, with a negative component, RRD reference vector C2",
      sigma: [
        [1, 2.7],
        [2.7, 9],
      ],
      raw: [1.637963, -0.08447],
      weights: [1, 0],
    },
  ])("$note", ({ sigma, raw, weights }) => {
    const found = inverseSquareRootUniform(sigma).raw;
    expectClose(found, raw);
    expectClose(shares(found), weights);
  });

  it("cannot tell two criteria of equal variance apart, whatever their correlation", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.double({ min: -0.99, max: 0.99, noNaN: true }),
        (variance, correlation) => {
          const sigma = [
            [variance, variance * correlation],
            [variance * correlation, variance],
          ];
          expectClose(shares(inverseSquareRootUniform(sigma).raw), [0.5, 0.5], 9);
        },
      ),
      { seed: 1 },
    );
  });

  it("says how near to singular the matrix was", () => {
    const { conditionNumber } = inverseSquareRootUniform([
      [0.25, 0],
      [0, 0.04],
    ]);
    expect(conditionNumber).toBeCloseTo(6.25, 9);
  });

  it("raises eigenvalues to the floor, so that a singular matrix has an answer", () => {
    // Eigenvalues 2 and 0 with (1, 1) and (1, -1): 1 is along the first alone, so 1 / sqrt(2) each.
    const singular = [
      [1, 1],
      [1, 1],
    ];
    const { raw, conditionNumber } = inverseSquareRootUniform(singular, 1e-3);
    expectClose(raw, [Math.SQRT1_2, Math.SQRT1_2]);
    expect(conditionNumber).toBeCloseTo(2000, 6);
  });
});

describe("whitened-uniform weights", () => {
  it("are those of the uncentered estimator (RRD reference vector D)", () => {
    expectClose(
      whitenedUniformWeights(X, { estimator: "uncentered" }).weights,
      [0.309971, 0.309971, 0.380058],
    );
  });

  it("are those of the centered estimator, which is the default (RRD reference vector E)", () => {
    const { weights, raw, note, dropped } = whitenedUniformWeights(X);
    expectClose(raw, [1.223827, 1.223827, 1.729459]);
    expectClose(weights, [0.292984, 0.292984, 0.414032]);
    expectClose(
      weights.map((weight) => weight * 3),
      [0.878952, 0.878952, 1.242096],
    );
    expect({ note, dropped }).toEqual({ note: null, dropped: [] });
  });

  it("would favour or misjudge columns that never vary, so those are dropped (RRD reference vector G)", () => {
    const published = (estimator: "centered" | "uncentered", floor: number): number[] =>
      shares(inverseSquareRootUniform(voteCovariance(CONSTANT, { estimator }), floor).raw);
    expectClose(published("centered", 1e-3), [0.486691, 0.486691, 0.026617]);
    expectClose(published("uncentered", 1e-8), [0.140521, 0.627278, 0.232201]);
    for (const estimator of ["centered", "uncentered"] as const) {
      const ours = whitenedUniformWeights(CONSTANT, { estimator });
      expect(ours).toMatchObject({ weights: [0, 0, 1], dropped: [0, 1], note: null });
    }
  });

  it("give a repeated criterion no more than one share", () => {
    // Two equal columns and one apart from both: with the ridge the pair has about what sqrt(2) says.
    const rows = X.map(([a = 0, , c = 0]) => [a, a, c]);
    const { weights, conditionNumber } = whitenedUniformWeights(rows);
    expect(weights[0]).toBeCloseTo(weights[1] ?? 0, 9);
    expect((weights[0] ?? 0) + (weights[1] ?? 0)).toBeLessThan(2 / 3);
    expect(conditionNumber).toBeGreaterThan(100);
  });

  it.each([
    { votes: [], weights: [], dropped: [], note: "no criteria" },
    { votes: [[], []], weights: [], dropped: [], note: "no criteria" },
    {
      votes: [[1, 0, 1, 1]],
      weights: [0.25, 0.25, 0.25, 0.25],
      dropped: [],
      note: "one response: nothing varies",
    },
    {
      votes: [
        [1, 0],
        [1, 0],
      ],
      weights: [0.5, 0.5],
      dropped: [0, 1],
      note: "no criterion tells any two responses apart",
    },
  ])("are uniform, and say why, for votes $votes", ({ votes, weights, dropped, note }) => {
    expect(whitenedUniformWeights(votes)).toEqual({ weights, raw: [], dropped, conditionNumber: null, note });
  });

  it.each([
    { votes: [[1, 0], [1]], options: {}, code: "bad_option" },
    { votes: [[1], [Number.NaN]], options: {}, code: "not_finite" },
    { votes: X, options: { ridge: -1 }, code: "bad_option" },
    { votes: X, options: { ridge: Number.NaN }, code: "bad_option" },
    { votes: X, options: { shrinkage: 1.1 }, code: "bad_option" },
    { votes: X, options: { floor: 0 }, code: "bad_option" },
  ])("refuse $votes with $options", ({ votes, options, code }) => {
    expect(() => whitenedUniformWeights(votes, options)).toThrow(expect.objectContaining({ code }));
  });

  it("are uniform when all is shrunk to the identity, and for independent votes", () => {
    expectClose(whitenedUniformWeights(X, { shrinkage: 1 }).weights, [1 / 3, 1 / 3, 1 / 3], 12);
    // All eight rows of three bits: the covariance is a multiple of the identity.
    const bits = Array.from({ length: 8 }, (_, row) => [row & 1, (row >> 1) & 1, (row >> 2) & 1]);
    expectClose(whitenedUniformWeights(bits).weights, [1 / 3, 1 / 3, 1 / 3], 12);
  });

  const votes = fc
    .record({ rows: fc.integer({ min: 0, max: 12 }), columns: fc.integer({ min: 0, max: 8 }) })
    .chain(({ rows, columns }) =>
      fc.array(
        fc.array(fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })), {
          minLength: columns,
          maxLength: columns,
        }),
        { minLength: rows, maxLength: rows },
      ),
    );
  const estimator = fc.constantFrom("centered" as const, "uncentered" as const);

  it("are never negative and sum to one, with 0 for what is dropped", () => {
    fc.assert(
      fc.property(votes, estimator, (rows, kind) => {
        const { weights, dropped, note } = whitenedUniformWeights(rows, { estimator: kind });
        expect(weights).toHaveLength(rows[0]?.length ?? 0);
        for (const weight of weights) expect(weight).toBeGreaterThanOrEqual(0);
        if (weights.length > 0) {
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        }
        if (note === null) for (const column of dropped) expect(weights[column]).toBe(0);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("go with their criteria and responses, whatever the order of either", () => {
    fc.assert(
      fc.property(votes, estimator, fc.infiniteStream(fc.nat()), (rows, kind, draws) => {
        const order = (rows[0] ?? [])
          .map((_, index) => ({ index, key: draws.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ index }) => index);
        const moved = rows.toReversed().map((row) => order.map((column) => row[column] as number));
        const before = whitenedUniformWeights(rows, { estimator: kind });
        const after = whitenedUniformWeights(moved, { estimator: kind });
        expectClose(
          after.weights,
          order.map((column) => before.weights[column] as number),
          9,
        );
        expect(after.note).toBe(before.note);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("come from S^(-1/2) 1: raw' S raw is the number of criteria kept", () => {
    fc.assert(
      fc.property(votes, (rows) => {
        const { raw, dropped } = whitenedUniformWeights(rows, { floor: 1e-12 });
        if (raw.length === 0) return;
        const kept = rows.map((row) => row.filter((_, column) => !dropped.includes(column)));
        const sigma = voteCovariance(kept, {});
        const form = raw.reduce(
          (sum, value, i) =>
            sum + value * raw.reduce((row, other, j) => row + (sigma[i]?.[j] ?? 0) * other, 0),
          0,
        );
        expect(form).toBeCloseTo(raw.length, 6);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
