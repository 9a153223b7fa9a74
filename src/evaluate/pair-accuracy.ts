import { isTie } from "../core/noise.ts";
import { type Interval, wilsonInterval } from "../core/stats.ts";

/** What a scorer makes of a gold pair. `unscored`: it gave no score to one of the two, or to both. */
export type PairOutcome = "correct" | "tie" | "unscored" | "wrong";

export type OutcomeCounts = Readonly<Record<PairOutcome, number>>;

/** How often a scorer prefers the response that people prefer. */
export interface PairAccuracy extends OutcomeCounts {
  /** All pairs, unscored ones among them. */
  readonly pairs: number;
  /** Share of correct ones among those with two scores, in [0, 1]; a tie is not correct. null when there are none. */
  readonly accuracy: number | null;
  /** 95 % Wilson interval of the accuracy. */
  readonly interval: Interval | null;
}

/**
 * Correct when the chosen response has strictly the higher score, by more than rounding (`isTie`). null: no score.
 *
 * Source: RewardBench (Lambert et al. 2024), which counts a tie as wrong; here ties are counted apart too.
 */
export function pairOutcome(chosen: number | null, rejected: number | null): PairOutcome {
  if (chosen === null || rejected === null) return "unscored";
  if (isTie(chosen, rejected)) return "tie";
  return chosen > rejected ? "correct" : "wrong";
}

/** Worked: 8 correct, 1 wrong, 1 tie, 2 unscored -> 12 pairs, accuracy 8 / 10 = 0.8 in [0.490, 0.943]. */
export function pairAccuracy(counts: OutcomeCounts): PairAccuracy {
  const { correct, wrong, tie, unscored } = counts;
  const judged = correct + wrong + tie;
  return {
    pairs: judged + unscored,
    correct,
    wrong,
    tie,
    unscored,
    accuracy: judged === 0 ? null : correct / judged,
    interval: wilsonInterval(correct, judged),
  };
}

/**
 * Two-sided exact McNemar test: how surprising it is, were two scorers equally good, that of the pairs which only one of them
 * gets right the first has `onlyFirst` and the second `onlySecond`.
 *
 *   p = min(1, 2 Σ_{i ≤ min} C(n, i) / 2^n),  n = onlyFirst + onlySecond
 *
 * Worked: 1 and 5 -> 2 (1 + 6) / 64 = 0.21875; 0 and 0 -> 1.
 */
export function mcNemar(onlyFirst: number, onlySecond: number): number {
  const total = onlyFirst + onlySecond;
  // In logs: 2^-n is 0 for large n.
  let logTerm = -total * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let count = 0; count < Math.min(onlyFirst, onlySecond); count++) {
    logTerm += Math.log((total - count) / (count + 1));
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}
