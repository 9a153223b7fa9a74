import type { CallFailureCode, Usage } from "../core/errors.ts";
import { UNITS } from "./money.ts";

/** What became of the calls of one model of the recipe since the call path was made. */
export interface ModelUsage {
  /** The recipe's key. */
  readonly name: string;
  /** Calls answered from the cache, and calls that joined an equal one in flight. */
  readonly cached: number;
  readonly joined: number;
  /** Requests that left, retries among them. */
  readonly sent: number;
  readonly retries: number;
  /** Of the requests that left, those that were answered. */
  readonly answered: number;
  /** Tries that failed, by code; and calls that failed for good. */
  readonly failedTries: Readonly<Partial<Record<CallFailureCode, number>>>;
  readonly failed: Readonly<Partial<Record<CallFailureCode, number>>>;
  /** As servers counted, also replies that could not be used; `uncounted` is how many answers they gave no count for. */
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly uncounted: number;
  /** In the currency of the price; tries that may have been billed and were not counted count in full. null: no price. */
  readonly cost: number | null;
  /** Milliseconds that calls waited for the limits, all calls added up. */
  readonly limitedMs: number;
}

type Counts = { -readonly [Name in "cached" | "joined" | "sent" | "retries" | "answered"]: number };

/** The counting side of `ModelUsage`. */
export interface UsageCounter {
  readonly counts: Counts;
  answered(usage: Usage): void;
  /** usage: what the server counted for it all the same, if anything. */
  tryFailed(code: CallFailureCode, usage: Usage | null): void;
  failed(code: CallFailureCode): void;
  /** In billionths. */
  spent(cost: number): void;
  waited(ms: number): void;
  snapshot(): ModelUsage;
}

export function createUsageCounter(name: string, isPriced: boolean): UsageCounter {
  const counts: Counts = { cached: 0, joined: 0, sent: 0, retries: 0, answered: 0 };
  const tokens = { promptTokens: 0, outputTokens: 0, cachedTokens: 0, uncounted: 0 };
  const failedTries: Partial<Record<CallFailureCode, number>> = {};
  const failed: Partial<Record<CallFailureCode, number>> = {};
  let cost = 0;
  let limitedMs = 0;
  const count = ({ promptTokens, outputTokens, cachedTokens }: Usage): void => {
    tokens.promptTokens += promptTokens ?? 0;
    tokens.outputTokens += outputTokens ?? 0;
    tokens.cachedTokens += cachedTokens ?? 0;
  };
  return {
    counts,
    answered: (usage) => {
      counts.answered += 1;
      count(usage);
      if (usage.promptTokens === null || usage.outputTokens === null) tokens.uncounted += 1;
    },
    tryFailed: (code, usage) => {
      failedTries[code] = (failedTries[code] ?? 0) + 1;
      if (usage !== null) count(usage);
    },
    failed: (code) => {
      failed[code] = (failed[code] ?? 0) + 1;
    },
    spent: (units) => {
      cost += units;
    },
    waited: (ms) => {
      limitedMs += ms;
    },
    snapshot: () => ({
      name,
      ...counts,
      ...tokens,
      failedTries: { ...failedTries },
      failed: { ...failed },
      cost: isPriced ? cost / UNITS : null,
      limitedMs,
    }),
  };
}
