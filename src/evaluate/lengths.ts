import { betterOf, type GoldItem, type RowOf } from "./gold.ts";
import type { LengthRow, ScorerReport } from "./report.ts";

const BUCKETS = 5;

/**
 * Accuracy by how much longer the better response is: quantiles of its length minus the other one's, in code points.
 * Equal differences stay together, so that buckets may differ in size, and there may be fewer than five.
 */
export function lengthRows(items: readonly GoldItem[], row: RowOf): readonly LengthRow[] {
  const pairs = items.flatMap((item, index) => {
    const difference = lengthDifference(item);
    return difference === null ? [] : [{ index, difference }];
  });
  pairs.sort((a, b) => a.difference - b.difference || a.index - b.index);
  const rows: LengthRow[] = [];
  for (let start = 0; start < pairs.length; ) {
    let end = Math.max(start + 1, Math.ceil(((rows.length + 1) * pairs.length) / BUCKETS));
    while (end < pairs.length && pairs[end]?.difference === pairs[end - 1]?.difference) end += 1;
    const bucket = pairs.slice(start, end);
    const [from, to] = [bucket[0]?.difference ?? 0, bucket.at(-1)?.difference ?? 0];
    rows.push({
      from,
      to,
      ...row(
        bucket.map(({ index }) => index),
        `length ${from} to ${to}`,
      ),
    });
    start = end;
  }
  return rows;
}

/** The better response's length minus the other one's; null where there is no better one of two. */
function lengthDifference(item: GoldItem): number | null {
  const better = betterOf(item);
  if (better === null) return null;
  return (item.lengths[better] ?? 0) - (item.lengths[1 - better] ?? 0);
}

/**
 * How often the longer of two responses gets the higher score, and how often it is the better one, on the same pairs:
 * those of unequal length and unequal scores. null when there is none.
 *
 * Worked: chosen longer and scored higher, chosen shorter and scored lower -> scorer 2/2, gold 1/2.
 */
export function longerWins(
  items: readonly GoldItem[],
  scores: readonly (readonly (number | null)[])[],
): ScorerReport["longerWins"] {
  let [pairs, scorer, gold] = [0, 0, 0];
  for (const [index, item] of items.entries()) {
    const better = betterOf(item);
    const [a = null, b = null] = scores[index] ?? [];
    const [lengthA = 0, lengthB = 0] = item.lengths;
    if (better === null || a === null || b === null || a === b || lengthA === lengthB) continue;
    const longer = lengthA > lengthB ? 0 : 1;
    pairs += 1;
    if (a > b === (longer === 0)) scorer += 1;
    if (better === longer) gold += 1;
  }
  return pairs === 0 ? null : { pairs, scorer: scorer / pairs, gold: gold / pairs };
}
