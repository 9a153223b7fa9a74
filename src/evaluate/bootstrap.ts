import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { PrefkitError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { binomial } from "./binomial.ts";
import type { Interval } from "./report.ts";

export const DEFAULT_SAMPLES = 2000;
export const LEVEL = 0.95;

/**
 * Means of `samples` bootstrap samples: each draws as many values as there are, with replacement.
 *
 * Source: Efron 1979. Where there are few distinct values (a pair is right or wrong), how often each is drawn is a
 * multinomial count, so that a sample of 100,000 pairs costs as much as one of ten; else values are drawn one by one.
 * Shape:  values [N] -> means [samples]; empty when N is 0.
 * Throws `not_finite` for a value that is NaN or infinite.
 */
export function resampledMeans(values: ArrayLike<number>, samples: number, random: Random): Float64Array {
  if (values.length === 0) return new Float64Array(0);
  const counts = new Map<number, number>();
  for (let index = 0; index < values.length; index++) {
    const value = finiteAt(values, index);
    // One more than the limit is enough to know; −0 and 0 are one key.
    if (counts.size <= MAX_DISTINCT) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts.size <= MAX_DISTINCT
    ? meansOfCounts(counts, values.length, samples, random)
    : meansOfValues(values, samples, random);
}

const MAX_DISTINCT = 12;

function finiteAt(values: ArrayLike<number>, index: number): number {
  const value = values[index] as number;
  if (Number.isFinite(value)) return value;
  throw new PrefkitError(
    "not_finite",
    `value ${index + 1} of ${values.length} to resample is ${value}.`,
    "leave out what has no number before asking for an interval.",
  );
}

/**
 * Means of `samples` bootstrap samples of clusters, each drawn with all of its values: ten answers to one prompt are not
 * ten prompts. Where every value is a cluster of its own, these are `resampledMeans`.
 *
 * Source: Davison and Hinkley 1997, section 3.8 (clusters drawn, the values within them kept).
 * Shape:  values [N], clusters [N], equal numbers for values of one cluster -> means [samples]; empty when N is 0.
 * Throws `not_finite` for a value that is NaN or infinite.
 */
export function resampledClusterMeans(
  values: ArrayLike<number>,
  clusters: ArrayLike<number>,
  samples: number,
  random: Random,
): Float64Array {
  const sums = new Map<number, [sum: number, count: number]>();
  for (let index = 0; index < values.length; index++) {
    const [value, cluster] = [finiteAt(values, index), clusters[index] as number];
    const own = sums.get(cluster);
    if (!own) sums.set(cluster, [value, 1]);
    else {
      own[0] += value;
      own[1] += 1;
    }
  }
  return sums.size === values.length
    ? resampledMeans(values, samples, random)
    : resampledRatios([...sums.values()], samples, random);
}

function meansOfCounts(
  counts: ReadonlyMap<number, number>,
  total: number,
  samples: number,
  random: Random,
): Float64Array {
  // In a fixed order, so that the draws do not depend on the order of the values.
  const outcomes = [...counts].sort(([a], [b]) => a - b);
  const sizes = outcomes.map(([, count]) => count);
  return Float64Array.from({ length: samples }, () => {
    let sum = 0;
    drawCounts(sizes, total, random, (drawn, place) => {
      sum += drawn * (outcomes[place]?.[0] ?? 0);
    });
    return sum / total;
  });
}

/** A multinomial, one outcome after the other: of the draws that are left, this one's share of what is left. */
function drawCounts(
  sizes: readonly number[],
  total: number,
  random: Random,
  take: (drawn: number, place: number) => void,
): void {
  let draws = total;
  let rest = total;
  for (const [place, size] of sizes.entries()) {
    const drawn = size === rest ? draws : binomial(random, draws, size / rest);
    take(drawn, place);
    draws -= drawn;
    rest -= size;
  }
}

/**
 * Ratios Σ hits / Σ trials of `samples` bootstrap samples of items that have several trials each: two verdicts on one pair
 * are not two pairs. NaN for a sample without a trial.
 *
 * Shape: [hits, trials] of each item, finite -> ratios [samples]. The order of the items does not matter.
 */
export function resampledRatios(
  items: readonly (readonly [hits: number, trials: number])[],
  samples: number,
  random: Random,
): Float64Array {
  if (items.length === 0) return new Float64Array(0);
  const kinds = new Map<string, { readonly hits: number; readonly trials: number; count: number }>();
  for (const [hits, trials] of items) {
    const kind = kinds.get(`${hits}/${trials}`);
    if (kind) kind.count += 1;
    else kinds.set(`${hits}/${trials}`, { hits, trials, count: 1 });
  }
  if (kinds.size > MAX_KINDS) return ratiosOfItems(items, samples, random);
  const sorted = [...kinds.values()].sort((a, b) => a.trials - b.trials || a.hits - b.hits);
  const sizes = sorted.map(({ count }) => count);
  return Float64Array.from({ length: samples }, () => {
    let [hits, trials] = [0, 0];
    drawCounts(sizes, items.length, random, (drawn, place) => {
      hits += drawn * (sorted[place]?.hits ?? 0);
      trials += drawn * (sorted[place]?.trials ?? 0);
    });
    return hits / trials;
  });
}

/** With more kinds than this, drawing items one by one is as cheap as counting how often each kind is drawn. */
const MAX_KINDS = 64;

function ratiosOfItems(
  items: readonly (readonly [hits: number, trials: number])[],
  samples: number,
  random: Random,
): Float64Array {
  const sorted = items.toSorted(([a, m], [b, n]) => m - n || a - b);
  const hits = Float64Array.from(sorted, ([own]) => own);
  const trials = Float64Array.from(sorted, ([, own]) => own);
  const drawIndex = indexDraws(sorted.length, random);
  return Float64Array.from({ length: samples }, () => {
    let [hitSum, trialSum] = [0, 0];
    for (let draw = 0; draw < sorted.length; draw++) {
      const index = drawIndex();
      hitSum += hits[index] as number;
      trialSum += trials[index] as number;
    }
    return hitSum / trialSum;
  });
}

function meansOfValues(values: ArrayLike<number>, samples: number, random: Random): Float64Array {
  const copy = Float64Array.from(values);
  const drawIndex = indexDraws(copy.length, random);
  return Float64Array.from({ length: samples }, () => {
    let sum = 0;
    for (let draw = 0; draw < copy.length; draw++) sum += copy[drawIndex()] as number;
    return sum / copy.length;
  });
}

/** Draws indices below `count`, a few nanoseconds each; the bias of the multiplication is below count / 2^32. */
export function indexDraws(count: number, random: Random): () => number {
  const generator = xoroshiro128plus(random.below(2 ** 31));
  const scale = count / 2 ** 32;
  return () => Math.floor((generator.next() >>> 0) * scale);
}

/**
 * Percentile interval of bootstrap draws, by linear interpolation between the two nearest ones. Draws that are NaN (a
 * sample from which the number cannot be computed) are left out; null when none is left.
 *
 * Worked: draws 0, 1, …, 100 at level 0.95 -> [2.5, 97.5].
 */
export function percentileInterval(draws: Float64Array, level: number = LEVEL): Interval | null {
  const sorted = draws.filter((draw) => !Number.isNaN(draw)).sort();
  if (sorted.length === 0) return null;
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)] as number;
    const above = sorted[Math.ceil(place)] as number;
    return below + (place - Math.floor(place)) * (above - below);
  };
  return [at((1 - level) / 2), at((1 + level) / 2)];
}

/**
 * Draws of any number that is computed from a sample of items: `statistic` gets the indices drawn, as many as there are
 * items, and may return NaN. For what is not a mean; a mean is cheaper by `resampledMeans`.
 */
export function resampledStatistic(
  items: number,
  samples: number,
  random: Random,
  statistic: (indices: Int32Array) => number,
): Float64Array {
  if (items === 0) return new Float64Array(0);
  const drawIndex = indexDraws(items, random);
  const indices = new Int32Array(items);
  return Float64Array.from({ length: samples }, () => {
    for (let draw = 0; draw < items; draw++) indices[draw] = drawIndex();
    return statistic(indices);
  });
}

/** Mean; null of nothing. */
export function meanOf(values: ArrayLike<number>): number | null {
  if (values.length === 0) return null;
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index] as number;
  return sum / values.length;
}
