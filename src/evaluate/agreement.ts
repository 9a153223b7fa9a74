import { PrefkitError } from "../core/errors.ts";

/**
 * Cohen's kappa: how much more two raters agree than chance would make them.
 *
 *   κ = (p_o − p_e) / (1 − p_e)      p_o: share of equal labels;  p_e = Σ_c p1(c) p2(c)
 *
 * Source: Cohen 1960, "A coefficient of agreement for nominal scales".
 * Null:   items that one of them left out (null) are not counted; null when none is left, or p_e is 1 (both always say
 *         one and the same thing).
 * Worked: A A B B against A B B B -> p_o 0.75, p_e 0.5, κ 0.5.
 * Throws `bad_option` when the lists differ in length.
 */
export function cohenKappa<Label>(
  first: readonly (Label | null)[],
  second: readonly (Label | null)[],
): number | null {
  if (first.length !== second.length) {
    throw new PrefkitError(
      "bad_option",
      `cohenKappa got ${first.length} and ${second.length} labels.`,
      "give both raters' labels of the same items, null where one has none.",
    );
  }
  const counts = new Map<Label, [first: number, second: number]>();
  let items = 0;
  let equal = 0;
  for (const [index, mine] of first.entries()) {
    const theirs = second[index] ?? null;
    if (mine === null || theirs === null) continue;
    items += 1;
    if (mine === theirs) equal += 1;
    countOf(counts, mine)[0] += 1;
    countOf(counts, theirs)[1] += 1;
  }
  let products = 0;
  for (const [one, other] of counts.values()) products += one * other;
  // Whole numbers up to here, so that "all equal by chance" is met exactly.
  if (items === 0 || products === items * items) return null;
  const expected = products / (items * items);
  return (equal / items - expected) / (1 - expected);
}

function countOf<Label>(counts: Map<Label, [number, number]>, label: Label): [number, number] {
  const known = counts.get(label);
  if (known) return known;
  const made: [number, number] = [0, 0];
  counts.set(label, made);
  return made;
}

export type AlphaScale = "interval" | "nominal" | "ordinal";

/**
 * Krippendorff's alpha: agreement of any number of raters, any of whom may leave out any item.
 *
 *   α = 1 − D_o / D_e
 *   D_o = 1/n Σ_u Σ_{i≠j in u} δ²(v_i, v_j) / (m_u − 1)      m_u values in item u, n of them in all items with m_u ≥ 2
 *   D_e = 1/(n (n − 1)) Σ_{i≠j} δ²(v_i, v_j)
 *
 *   δ²: nominal 1 unless equal; interval (v − w)²; ordinal (Σ_{g=v..w} n_g − (n_v + n_w)/2)²
 *
 * Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". The ordinal difference is that of the two
 *         values' mid-ranks, so that it is computed as an interval one on ranks.
 * Shape:  ratings [raters][items], null where a rater has none -> α ≤ 1; 0 is chance.
 * Null:   items with fewer than two values do not count; null when none is left, or all values are equal.
 * Worked: Krippendorff's own table of 4 observers and 12 units: nominal 0.743, ordinal 0.815, interval 0.849.
 * Throws `bad_option` when raters differ in the number of items, `not_finite` for NaN or an infinity.
 */
export function krippendorffAlpha(
  ratings: readonly (readonly (number | null)[])[],
  scale: AlphaScale,
): number | null {
  const items = pairableItems(ratings);
  const all = items.flat();
  if (all.length === 0) return null;
  const { observed, expected } =
    scale === "nominal"
      ? nominal(items, all)
      : scale === "interval"
        ? squared(items, all)
        : ranked(items, all);
  return expected === 0 ? null : 1 - ((all.length - 1) * observed) / expected;
}

/** The values of each item that has two or more. */
function pairableItems(ratings: readonly (readonly (number | null)[])[]): number[][] {
  const count = ratings[0]?.length ?? 0;
  for (const [rater, values] of ratings.entries()) {
    if (values.length !== count) {
      throw new PrefkitError(
        "bad_option",
        `rater ${rater + 1} rated ${values.length} items, the first one ${count}.`,
        "give every rater's ratings of the same items, null where there is none.",
      );
    }
    const bad = values.find((value) => value !== null && !Number.isFinite(value));
    if (bad !== undefined) {
      throw new PrefkitError("not_finite", `rater ${rater + 1} gave ${bad}.`, "write null for no rating.");
    }
  }
  const items: number[][] = [];
  for (let item = 0; item < count; item++) {
    const values = ratings.flatMap((rater) => rater[item] ?? []);
    if (values.length >= 2) items.push(values);
  }
  return items;
}

/** n · D_o and n (n − 1) · D_e. */
interface Disagreement {
  readonly observed: number;
  readonly expected: number;
}

function nominal(items: readonly number[][], all: readonly number[]): Disagreement {
  const unequal = (values: readonly number[]): number => {
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    let ordered = values.length ** 2;
    for (const count of counts.values()) ordered -= count ** 2;
    return ordered;
  };
  let observed = 0;
  for (const values of items) observed += unequal(values) / (values.length - 1);
  return { observed, expected: unequal(all) };
}

function squared(items: readonly number[][], all: readonly number[]): Disagreement {
  // Σ_{i≠j} (v_i − v_j)² = 2 m Σ (v − mean)²: taken from the mean, so that large offsets do not cancel digits away.
  const differences = (values: readonly number[]): number => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return 2 * values.length * values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  };
  if (all.every((value) => value === all[0])) return { observed: 0, expected: 0 };
  let observed = 0;
  for (const values of items) observed += differences(values) / (values.length - 1);
  return { observed, expected: differences(all) };
}

function ranked(items: readonly number[][], all: readonly number[]): Disagreement {
  const sorted = Float64Array.from(all).sort();
  const ranks = new Map<number, number>();
  for (let start = 0; start < sorted.length; ) {
    let end = start + 1;
    while (end < sorted.length && sorted[end] === sorted[start]) end += 1;
    ranks.set(sorted[start] as number, (start + 1 + end) / 2);
    start = end;
  }
  const rankOf = (value: number): number => ranks.get(value) ?? 0;
  return squared(
    items.map((values) => values.map(rankOf)),
    all.map(rankOf),
  );
}
