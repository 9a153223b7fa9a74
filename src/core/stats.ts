/** Count, mean and sum of squared deviations: enough for mean and deviation, and two of them can be joined. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Sum of squared deviations from the mean. */
  readonly squares: number;
  readonly min: number;
  readonly max: number;
}

export const NO_MOMENTS: Moments = { count: 0, mean: 0, squares: 0, min: Infinity, max: -Infinity };

/** The moments with one more number (Welford's update). */
export function addToMoments(moments: Moments, value: number): Moments {
  const count = moments.count + 1;
  const delta = value - moments.mean;
  const mean = moments.mean + delta / count;
  return {
    count,
    mean,
    squares: moments.squares + delta * (value - mean),
    min: Math.min(moments.min, value),
    max: Math.max(moments.max, value),
  };
}

/** Moments of the given numbers: [1, 2, 3] -> count 3, mean 2, squares 2, min 1, max 3. */
export function momentsOf(values: Iterable<number>): Moments {
  let moments = NO_MOMENTS;
  for (const value of values) moments = addToMoments(moments, value);
  return moments;
}

/** Joins two sets of moments (Chan, Golub and LeVeque 1979). Joining in another order may differ in the last bit. */
export function joinMoments(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  return {
    count,
    mean: a.mean + (delta * b.count) / count,
    squares: a.squares + b.squares + (delta * delta * a.count * b.count) / count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  };
}

/** Sample variance with n − 1; null for fewer than two numbers. */
export function varianceOf({ count, squares }: Moments): number | null {
  return count < 2 ? null : squares / (count - 1);
}

/** Sample standard deviation with n − 1; null for fewer than two numbers. */
export function deviationOf(moments: Moments): number | null {
  const variance = varianceOf(moments);
  return variance === null ? null : Math.sqrt(variance);
}

/**
 * Ranks from 1, equal values share the mean of their places: [3, 1, 3] -> [2.5, 1, 2.5].
 */
export function averageRanks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end += 1;
    for (let place = start; place < end; place++) ranks[order[place] ?? 0] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** Running sums for Pearson's correlation of x and y. */
export interface CoMoments {
  readonly count: number;
  readonly meanX: number;
  readonly meanY: number;
  readonly squaresX: number;
  readonly squaresY: number;
  readonly products: number;
}

export const NO_CO_MOMENTS: CoMoments = {
  count: 0,
  meanX: 0,
  meanY: 0,
  squaresX: 0,
  squaresY: 0,
  products: 0,
};

export function addCoMoments(sums: CoMoments, x: number, y: number): CoMoments {
  const count = sums.count + 1;
  const deltaX = x - sums.meanX;
  const deltaY = y - sums.meanY;
  const meanX = sums.meanX + deltaX / count;
  const meanY = sums.meanY + deltaY / count;
  return {
    count,
    meanX,
    meanY,
    squaresX: sums.squaresX + deltaX * (x - meanX),
    squaresY: sums.squaresY + deltaY * (y - meanY),
    products: sums.products + deltaX * (y - meanY),
  };
}

/** Pearson's r in [−1, 1]; null with fewer than two points or when either side does not vary. */
export function correlationOf({ count, squaresX, squaresY, products }: CoMoments): number | null {
  if (count < 2 || squaresX <= 0 || squaresY <= 0) return null;
  return Math.max(-1, Math.min(1, products / (Math.sqrt(squaresX) * Math.sqrt(squaresY))));
}

/** A closed interval. */
export type Interval = readonly [low: number, high: number];

/** The 97.5 % point of the normal distribution. */
const Z95 = 1.959963984540054;

/**
 * 95 % score interval of a proportion.
 *
 *   (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n)        p = successes / trials, n = trials, z = 1.959964
 *
 * Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
 * Range:  inside [0, 1]; 0 successes reach exactly 0 and all of them exactly 1. `successes`, in [0, trials], need not be whole.
 * Null:   without trials.
 * Worked: 8 of 10: middle (0.8 + 0.192073) / 1.384146 = 0.716740, half 1.959964 √(0.016 + 0.009604) / 1.384146 = 0.226578, so
 *         [0.490162, 0.943318]. 0 of 10 -> [0, 0.277533].
 */
export function wilsonInterval(successes: number, trials: number): Interval | null {
  if (trials === 0) return null;
  const share = successes / trials;
  const shrink = 1 + Z95 ** 2 / trials;
  const middle = (share + Z95 ** 2 / (2 * trials)) / shrink;
  const half = (Z95 / shrink) * Math.sqrt((share * (1 - share)) / trials + Z95 ** 2 / (4 * trials ** 2));
  // At the ends the two terms are equal, and rounding must not leave the range.
  return [
    successes === 0 ? 0 : Math.max(0, middle - half),
    successes === trials ? 1 : Math.min(1, middle + half),
  ];
}
