import type { ExampleLengths, LengthRule } from "../trainer-adapter.ts";

/** Token counts in order statistics, by nearest rank: the smallest length that at least the given share does not exceed. */
export interface LengthSummary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Lengths up to here are counted one by one; those above it are kept apart, and a quantile among them is given as `max`. */
const EXACT = 2 ** 17;

/** Counts lengths in memory that does not grow with them. */
export function lengthHistogram(): { add(length: number): void; build(): LengthSummary | null } {
  let counts: Float64Array | undefined;
  let count = 0;
  let sum = 0;
  let max = 0;
  const quantile = (share: number): number => {
    const rank = Math.ceil(share * count);
    let seen = 0;
    for (const [length, found] of (counts ?? []).entries()) {
      seen += found;
      if (seen >= rank) return length;
    }
    return max;
  };
  return {
    add(length) {
      counts ??= new Float64Array(EXACT);
      count += 1;
      sum += length;
      if (length > max) max = length;
      if (length < EXACT) counts[length] = (counts[length] ?? 0) + 1;
    },
    build: () =>
      count === 0
        ? null
        : { count, mean: sum / count, p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max },
  };
}

/** What becomes of an example at a maximum length. */
export type LengthFate = "whole" | "truncated" | "dropped";

/** `emptied`: truncated so far that a response has no token left. */
export interface FateOfExample {
  readonly fate: LengthFate;
  readonly emptied: boolean;
}

/** By a trainer's rule. Worked: prompt 700, response 400, DPO at 1,024 keeps 324 tokens of the response: truncated. */
export function fateOf(rule: LengthRule, lengths: ExampleLengths, maxLength: number): FateOfExample {
  const kept = rule.kept(lengths, maxLength);
  if (kept === null) return { fate: "dropped", emptied: false };
  const isWhole =
    kept.prompt === lengths.prompt &&
    kept.responses.every((length, index) => length === lengths.responses[index]);
  return {
    fate: isWhole ? "whole" : "truncated",
    emptied: kept.responses.some((length, index) => length === 0 && lengths.responses[index] !== 0),
  };
}

export interface RowPlace {
  readonly file: string;
  readonly row: number;
}

/** What one method of the trainer makes of the export at a maximum length. Shares are of all examples. */
export interface MethodFates {
  readonly method: string;
  /** In tokens; null when neither the check nor the export's config names one: then all examples are whole. */
  readonly maxLength: number | null;
  /** Where `maxLength` is from: what the check was told, or the config as the export wrote it; null without one. */
  readonly lengthFrom: "option" | "config" | null;
  readonly whole: number;
  readonly truncated: number;
  readonly dropped: number;
  /** Of the truncated ones, those with a response of which nothing is left. */
  readonly emptied: number;
  readonly truncatedShare: number;
  readonly droppedShare: number;
  readonly firstTruncated: readonly RowPlace[];
  readonly firstDropped: readonly RowPlace[];
}

export function countFates(
  { method, defaultMaxLength }: LengthRule,
  maxLength: number | undefined,
  limit: number,
): {
  readonly maxLength: number | null;
  add(found: FateOfExample, place: RowPlace): void;
  build(): MethodFates;
} {
  const limitAt = maxLength ?? defaultMaxLength;
  const counts = { whole: 0, truncated: 0, dropped: 0 };
  let emptied = 0;
  const first: Record<LengthFate, RowPlace[]> = { whole: [], truncated: [], dropped: [] };
  return {
    maxLength: limitAt,
    add({ fate, emptied: isEmptied }, place) {
      counts[fate] += 1;
      if (isEmptied) emptied += 1;
      if (fate !== "whole" && first[fate].length < limit) first[fate].push(place);
    },
    build() {
      const all = counts.whole + counts.truncated + counts.dropped;
      const share = (part: number): number => (all === 0 ? 0 : part / all);
      return {
        method,
        maxLength: limitAt,
        lengthFrom: maxLength !== undefined ? "option" : limitAt === null ? null : "config",
        ...counts,
        emptied,
        truncatedShare: share(counts.truncated),
        droppedShare: share(counts.dropped),
        firstTruncated: first.truncated,
        firstDropped: first.dropped,
      };
    },
  };
}
