/** σ(margin) = 1 / (1 + exp(−margin)): how sure a scorer of log odds is that the first of two scores is the better response's. */
export function pairProbability(margin: number): number {
  return 1 / (1 + Math.exp(-margin));
}

/** Bins over [0, 1]; a choice between two is made with a confidence in the upper five. */
const BINS = 10;
/** What doubles lose: ten times the confidence of ln 4 may be a hair above 8, and is no part of the next bin. */
const EDGE = 1e-9;

/**
 * Expected calibration error of choices between two: how far the confidence of a choice is from how often it is right.
 *
 *   ECE = Σ_b n_b / n · |share right in b − mean confidence in b|       confidence max(P, 1 − P), right: P > 1/2
 *
 * Source: Guo et al. 2017, "On Calibration of Modern Neural Networks": ten bins of equal width over [0, 1], each with its upper edge.
 * Shape:  probabilities given to the better response of each pair -> [0, 1]; null of none.
 * Worked: 0.9, 0.8, 0.6, 0.3 -> confidences 0.9, 0.8, 0.6 right and 0.7 wrong, each in its own bin: (0.1 + 0.2 + 0.4 + 0.7) / 4 = 0.35.
 */
export function calibrationError(probabilities: readonly number[]): number | null {
  const gaps = new Array<number>(BINS).fill(0);
  for (const probability of probabilities) {
    const confidence = Math.max(probability, 1 - probability);
    const bin = Math.ceil(BINS * confidence - EDGE) - 1;
    gaps[bin] = (gaps[bin] ?? 0) + (probability > 0.5 ? 1 : 0) - confidence;
  }
  if (probabilities.length === 0) return null;
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / probabilities.length;
}

/**
 * (1 − P)², of which the mean over pairs is the Brier score: 0.25 for P = 1/2.
 *
 * Source: Brier 1950. Worked: 0.9, 0.8, 0.6, 0.3 -> mean of 0.01, 0.04, 0.16, 0.49 = 0.175.
 */
export function squaredMiss(probability: number): number {
  return (1 - probability) ** 2;
}
