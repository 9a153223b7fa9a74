import { addCoMoments, averageRanks, correlationOf, NO_CO_MOMENTS } from "../core/stats.ts";

/** Pearson's r in [−1, 1]; null with fewer than two points, or when either side does not vary. */
export function pearson(first: readonly number[], second: readonly number[]): number | null {
  return correlationOf(
    first.reduce((sums, value, index) => addCoMoments(sums, value, second[index] as number), NO_CO_MOMENTS),
  );
}

/**
 * Spearman's ρ: Pearson's r of the ranks, equal values sharing the mean of their places.
 *
 * Worked: [1, 2, 3, 4] and [1, 3, 2, 4] -> 1 − 6 · 2 / (4 · 15) = 0.8.
 */
export function spearman(first: readonly number[], second: readonly number[]): number | null {
  return pearson(averageRanks(first), averageRanks(second));
}

/**
 * Kendall's τ-b, which allows for ties: (concordant − discordant) / √((n0 − ties1)(n0 − ties2)), n0 = n (n − 1) / 2.
 *
 * Source: Kendall 1945. Takes every two points: meant for tens of models, not for thousands of rows.
 * Worked: [1, 2, 3, 4] and [1, 3, 2, 4] -> (5 − 1) / 6 = 0.6667. null when either side does not vary.
 */
export function kendall(first: readonly number[], second: readonly number[]): number | null {
  let difference = 0;
  let untiedFirst = 0;
  let untiedSecond = 0;
  for (let high = 1; high < first.length; high++) {
    for (let low = 0; low < high; low++) {
      const a = Math.sign((first[high] as number) - (first[low] as number));
      const b = Math.sign((second[high] as number) - (second[low] as number));
      difference += a * b;
      untiedFirst += Math.abs(a);
      untiedSecond += Math.abs(b);
    }
  }
  return untiedFirst === 0 || untiedSecond === 0 ? null : difference / Math.sqrt(untiedFirst * untiedSecond);
}

/**
 * Area under the ROC curve: the chance that a positive one scores above a negative one, a tie counting one half.
 *
 * Source: Mann and Whitney 1947, by ranks. null without a positive or without a negative.
 * Worked: scores [0.2, 0.9, 0.5], positive [no, yes, yes] -> 1.
 */
export function rocAuc(scores: readonly number[], positive: readonly boolean[]): number | null {
  const positives = positive.filter((is) => is).length;
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const ranks = averageRanks(scores);
  const sum = ranks.reduce((total, rank, index) => total + (positive[index] ? rank : 0), 0);
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
