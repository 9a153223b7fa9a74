import { inverse, Matrix } from "ml-matrix";
import { addToMoments, deviationOf, type Moments, NO_MOMENTS } from "../../core/stats.ts";

/** How much longer texts win, gathered in memory that does not grow. */
export interface LengthEffect {
  /** `difference`: length of one response less that of the other; `won`: what the first of these won, in [0, 1]. */
  add(difference: number, won: number): void;
  fit(): LengthFit | null;
}

export interface LengthFit {
  /** Log odds of winning at equal length, which mean something where one side has the same role in all comparisons. */
  readonly intercept: number;
  readonly interceptInterval: readonly [low: number, high: number];
  /** Change of the log odds of winning with one standard deviation of the length difference. */
  readonly coefficient: number;
  readonly interval: readonly [low: number, high: number];
  /** Standard deviation of the length differences, n − 1. */
  readonly deviation: number;
}

interface Bin {
  count: number;
  differences: number;
  won: number;
  squares: number;
}

/** Bins per unit of asinh(difference): differences in one bin lie within 1.6 % of each other. */
const BINS = 64;
const Z95 = 1.959963984540054;
const MOST_STEPS = 50;
/** Beyond this, in log odds per deviation, the length decides almost every comparison and the fit has no end. */
const RUN_AWAY = 30;

/**
 * Fits P(win) = 1 / (1 + exp(−(a + b · difference / sd))) to comparisons; a is what one side wins at equal length.
 *
 * Differences are kept in bins that are even in asinh(difference), each with its mean difference, so that 10 million comparisons
 * take as much memory as a thousand; up to 32 characters every difference has a bin of its own. Outcomes may be fractions (a
 * tie is 0.5). The intervals are 95 % with the sandwich variance, which holds for fractions too.
 *
 * Source: the logistic control of AlpacaEval's length-controlled win rate (Dubois et al. 2024), with the length term alone.
 * Null:   fewer than 10 comparisons, no differences in length, or a fit without an end (length decides everything).
 */
export function lengthEffect(): LengthEffect {
  const bins = new Map<number, Bin>();
  let moments = NO_MOMENTS;
  return {
    add(difference, won) {
      moments = addToMoments(moments, difference);
      const place = Math.round(Math.asinh(difference) * BINS);
      const bin = bins.get(place) ?? { count: 0, differences: 0, won: 0, squares: 0 };
      bin.count += 1;
      bin.differences += difference;
      bin.won += won;
      bin.squares += won * won;
      bins.set(place, bin);
    },
    fit() {
      const sorted = [...bins].sort(([a], [b]) => a - b).map(([, bin]) => bin);
      return fitBins(sorted, moments);
    },
  };
}

function fitBins(bins: readonly Bin[], moments: Moments): LengthFit | null {
  const deviation = deviationOf(moments);
  if (moments.count < 10 || deviation === null || deviation === 0) return null;
  let [a, b] = [0, 0];
  for (let step = 0; step < MOST_STEPS; step++) {
    const { gradient, information, scatter } = slopes(bins, deviation, a, b);
    if (!(Math.abs(determinant(information)) > 1e-12)) return null;
    const bread = inverse(information);
    const [moveA = 0, moveB = 0] = bread.mmul(Matrix.columnVector(gradient)).to1DArray();
    if (Math.max(Math.abs(moveA), Math.abs(moveB)) < 1e-10) {
      const variances = bread.mmul(scatter).mmul(bread);
      const around = (value: number, place: number): [number, number] => {
        const reach = Z95 * Math.sqrt(variances.get(place, place));
        return [value - reach, value + reach];
      };
      return {
        intercept: a,
        interceptInterval: around(a, 0),
        coefficient: b,
        interval: around(b, 1),
        deviation,
      };
    }
    // Steps are cut to length 2: from far out, Newton's own overshoot.
    const share = Math.min(1, 2 / Math.hypot(moveA, moveB));
    a += share * moveA;
    b += share * moveB;
    if (!(Math.hypot(a, b) < RUN_AWAY)) return null;
  }
  return null;
}

function slopes(bins: readonly Bin[], deviation: number, a: number, b: number) {
  const gradient = [0, 0];
  const information = Matrix.zeros(2, 2);
  const scatter = Matrix.zeros(2, 2);
  for (const { count, differences, won, squares } of bins) {
    const x = [1, differences / count / deviation];
    const share = 1 / (1 + Math.exp(-(a + b * (x[1] ?? 0))));
    const weight = count * share * (1 - share);
    const residuals = Math.max(0, squares - 2 * share * won + count * share * share);
    for (const row of [0, 1]) {
      gradient[row] = (gradient[row] ?? 0) + (won - count * share) * (x[row] ?? 0);
      for (const column of [0, 1]) {
        const product = (x[row] ?? 0) * (x[column] ?? 0);
        information.set(row, column, information.get(row, column) + weight * product);
        scatter.set(row, column, scatter.get(row, column) + residuals * product);
      }
    }
  }
  return { gradient, information, scatter };
}

function determinant(matrix: Matrix): number {
  return matrix.get(0, 0) * matrix.get(1, 1) - matrix.get(0, 1) * matrix.get(1, 0);
}
