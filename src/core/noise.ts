/**
 * Comparisons that take what rounding leaves of equal numbers for none: 2.7 / 4.4 comes out as 0.6136363636363636 or …635 by the
 * terms that 2.7 was added up from. Taken for a difference, that makes a preference of a tie.
 */

/** As a share of the larger number: far above what sums of doubles lose, far below what a score means. */
const TIE = 1e-12;
/** The same for a gap that somebody asks for, in round numbers. */
const GAP = 1e-9;

/** Whether two numbers are equal but for noise: 1e-12 of the larger. Infinities equal themselves alone, NaN nothing. */
export function isTie(one: number, other: number): boolean {
  if (one === other) return true;
  return Math.abs(one - other) <= TIE * Math.min(Math.max(Math.abs(one), Math.abs(other)), Number.MAX_VALUE);
}

/**
 * The numbers, each that ties with a lower one replaced by it: what is equal but for noise is then equal. Whether the lowest of
 * some ties with the others decides, so that a long row of near neighbours does not become one.
 *
 * Example: [0.30000000000000004, 1, 0.3] -> [0.3, 1, 0.3].
 */
export function levelled(
  values: readonly number[],
  ties: (one: number, other: number) => boolean = isTie,
): number[] {
  const levels = new Map<number, number>();
  let level = Number.NaN;
  for (const value of [...new Set(values)].sort((a, b) => a - b)) {
    if (!ties(level, value)) level = value;
    levels.set(value, level);
  }
  return values.map((value) => levels.get(value) ?? value);
}

/**
 * Whether `high` is above `low` by at least `gap` (which may be negative), but for what doubles cannot tell: 1e-9 of the largest
 * of the three. 0.4 − 0.3 is a gap of 0.1, and so is 0.3 − 0.2, though as doubles it falls a hair short.
 */
export function reaches(high: number, low: number, gap: number): boolean {
  return high - low >= gap - GAP * Math.max(Math.abs(high), Math.abs(low), Math.abs(gap));
}
