import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { PrefkitError } from "../errors.ts";

/**
 * How the covariance of the votes is estimated. `centered`: about the mean, with n - 1. `uncentered`: the second moment
 * X'X / n, which also counts how often a criterion is met at all.
 */
export type VoteEstimator = "centered" | "uncentered";

export interface WeightOptions {
  /** Default `centered`. */
  readonly estimator?: VoteEstimator;
  /** Added to the diagonal. Default 1e-3 centered, 1e-4 uncentered. */
  readonly ridge?: number;
  /** Share s of the identity: (1 - s) S + s I. Default 0 centered, 0.1 uncentered. */
  readonly shrinkage?: number;
  /** Least eigenvalue; smaller ones are raised to it. Default 1e-3 centered, 1e-8 uncentered. */
  readonly floor?: number;
}

export interface VoteWeights {
  /** One per criterion; at least 0, with sum 1. Empty without criteria. */
  readonly weights: readonly number[];
  /** Before clipping and scaling, of the columns that were kept, in order; empty where none were computed. */
  readonly raw: readonly number[];
  /** Columns in which all votes are equal: they tell no two responses apart, and have weight 0. */
  readonly dropped: readonly number[];
  /** Largest over smallest eigenvalue of the matrix that was inverted; null where none was. */
  readonly conditionNumber: number | null;
  /** Why uniform weights stand in for computed ones; null where they were computed. */
  readonly note: string | null;
}

/** The parameters of the two published estimators. */
const PUBLISHED = {
  centered: { ridge: 1e-3, shrinkage: 0, floor: 1e-3 },
  uncentered: { ridge: 1e-4, shrinkage: 0.1, floor: 1e-8 },
} as const satisfies Record<VoteEstimator, Required<Omit<WeightOptions, "estimator">>>;

/**
 * Whitened-uniform weights of m criteria from the votes on n responses: criteria that say the same share their weight.
 *
 *   w = S^(-1/2) 1, clipped at 0, divided by its sum        S: regularized covariance of the votes, m x m
 *
 * Source: recursive rubric decomposition (RRD), whitened-uniform weighting; the two estimators are those of its two public
 *         re-implementations, with their parameters as defaults.
 * Shape:  votes [n][m] -> weights [m].
 * Edges:  columns without variance are dropped before (weight 0): the centered estimator would give them nearly all weight.
 *         All dropped, one response or none, no positive component -> uniform, with a note.
 * Example: rows [1,1,1], [1,1,0], [0,0,1], [0,0,0], centered -> [0.292984, 0.292984, 0.414032].
 * Throws: `bad_option` for rows of different lengths and parameters out of range, `not_finite` for a vote that is no number.
 */
export function whitenedUniformWeights(
  votes: readonly (readonly number[])[],
  options: WeightOptions = {},
): VoteWeights {
  checkVotes(votes);
  const floor = parametersOf(options).floor;
  const count = votes[0]?.length ?? 0;
  const columns = Array.from({ length: count }, (_, index) => index);
  if (votes.length < 2) {
    return uniform(count, [], count === 0 ? "no criteria" : "one response: nothing varies");
  }
  const dropped = columns.filter((column) => votes.every((row) => row[column] === votes[0]?.[column]));
  const kept = columns.filter((column) => !dropped.includes(column));
  if (kept.length === 0) {
    return uniform(
      count,
      dropped,
      count === 0 ? "no criteria" : "no criterion tells any two responses apart",
    );
  }
  const covariance = voteCovariance(
    votes.map((row) => kept.map((column) => row[column] as number)),
    options,
  );
  const { raw, conditionNumber } = inverseSquareRootUniform(covariance, floor);
  const clipped = raw.map((value) => Math.max(value, 0));
  const total = clipped.reduce((sum, value) => sum + value, 0);
  const none = !(total > 0);
  const weights = columns.map((column) => {
    const place = kept.indexOf(column);
    if (place === -1) return 0;
    return none ? 1 / kept.length : (clipped[place] as number) / total;
  });
  return { weights, raw, dropped, conditionNumber, note: none ? "no component is positive" : null };
}

/** The regularized covariance of the votes, m x m; see `WeightOptions`. No column is dropped here. */
export function voteCovariance(
  votes: readonly (readonly number[])[],
  options: WeightOptions = {},
): number[][] {
  const { estimator, ridge, shrinkage } = parametersOf(options);
  const rows = votes.length;
  const count = votes[0]?.length ?? 0;
  const centre = (column: number): number =>
    estimator === "uncentered" ? 0 : votes.reduce((sum, row) => sum + (row[column] ?? 0), 0) / rows;
  const means = Array.from({ length: count }, (_, column) => centre(column));
  const divisor = estimator === "uncentered" ? rows : rows - 1;
  return means.map((meanOfI, i) =>
    means.map((meanOfJ, j) => {
      const products = votes.reduce(
        (sum, row) => sum + ((row[i] ?? 0) - meanOfI) * ((row[j] ?? 0) - meanOfJ),
        0,
      );
      return (1 - shrinkage) * (products / divisor) + (i === j ? shrinkage + ridge : 0);
    }),
  );
}

/**
 * S^(-1/2) 1 of a symmetric matrix, by its eigenvalues, of which those below `floor` are raised to it. Neither clipped nor
 * scaled.
 *
 * Example: diag(0.25, 0.04) -> [2, 5], condition number 6.25.
 */
export function inverseSquareRootUniform(
  covariance: readonly (readonly number[])[],
  floor = 1e-12,
): { readonly raw: readonly number[]; readonly conditionNumber: number } {
  const matrix = new Matrix(covariance.map((row) => [...row]));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, {
    assumeSymmetric: true,
  });
  const values = realEigenvalues.map((value) => Math.max(value, floor));
  const raw = covariance.map((_, row) =>
    values.reduce((sum, value, column) => {
      const along = covariance.reduce((total, __, index) => total + eigenvectorMatrix.get(index, column), 0);
      return sum + (eigenvectorMatrix.get(row, column) * along) / Math.sqrt(value);
    }, 0),
  );
  return { raw, conditionNumber: Math.max(...values) / Math.min(...values) };
}

function uniform(count: number, dropped: readonly number[], note: string): VoteWeights {
  const weights = Array.from({ length: count }, () => 1 / count);
  return { weights, raw: [], dropped, conditionNumber: null, note };
}

function parametersOf(options: WeightOptions): Required<WeightOptions> {
  const { estimator = "centered" } = options;
  const { ridge, shrinkage, floor } = { ...PUBLISHED[estimator], ...options };
  if (ridge >= 0 && ridge < Infinity && shrinkage >= 0 && shrinkage <= 1 && floor > 0 && floor < Infinity) {
    return { estimator, ridge, shrinkage, floor };
  }
  throw new PrefkitError(
    "bad_option",
    `whitenedUniformWeights got ridge ${ridge}, shrinkage ${shrinkage}, floor ${floor}.`,
    "choose ridge >= 0, shrinkage in [0, 1], floor > 0.",
  );
}

function checkVotes(votes: readonly (readonly number[])[]): void {
  const count = votes[0]?.length ?? 0;
  for (const [index, row] of votes.entries()) {
    if (row.length !== count) {
      throw new PrefkitError(
        "bad_option",
        `whitenedUniformWeights got ${row.length} votes on response ${index + 1}, and ${count} on the first.`,
        "give one vote per response and criterion.",
      );
    }
    const wrong = row.findIndex((vote) => !Number.isFinite(vote));
    if (wrong === -1) continue;
    throw new PrefkitError(
      "not_finite",
      `the vote on response ${index + 1} by criterion ${wrong + 1} is ${row[wrong]}.`,
      "give finite numbers; leave out responses whose votes could not be read.",
    );
  }
}
