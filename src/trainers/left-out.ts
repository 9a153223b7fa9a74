export interface ReasonCounts {
  add(why: string): void;
  /** By reason, the most frequent first; equal counts in the reasons' order. */
  counts(): Record<string, number>;
}

const MOST_REASONS = 100;
const OTHERS = "other reasons";

/** Counts reasons in bounded memory: the first hundred by name, all others together. */
export function countReasons(): ReasonCounts {
  const byReason = new Map<string, number>();
  return {
    add: (why) => {
      const key = byReason.has(why) || byReason.size < MOST_REASONS ? why : OTHERS;
      byReason.set(key, (byReason.get(key) ?? 0) + 1);
    },
    counts: () =>
      Object.fromEntries(
        [...byReason].sort(([a, first], [b, second]) => second - first || (a < b ? -1 : a > b ? 1 : 0)),
      ),
  };
}
