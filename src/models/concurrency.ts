/**
 * How many calls may be in flight at a time. Starts small, so that a server which refuses is noticed after a few calls;
 * once the first calls were answered, or it takes long, grows by the clock as long as nothing is refused, so that a patient
 * server is filled whatever its latency; halves, at
 * most once per round trip, when calls are refused or time out; then grows by one per `limit` successes.
 */
export interface Concurrency {
  /** At least 1, at most the ceiling. */
  limit(now: number): number;
  /** Whether the limit grows by itself in a moment. */
  isGrowing(): boolean;
  /** Something is to be sent: the clock starts. */
  started(now: number): void;
  succeeded(now: number, latencyMs: number): void;
  /** A call that left at `sentAt` was too much. Never below `least`. Returns whether the limit was lowered. */
  refused(now: number, sentAt: number, least: number): boolean;
  /** Milliseconds from sending to success, smoothed; null before the first. */
  latencyMs(): number | null;
}

const FIRST = 16;
/** How long the first calls are waited for before more are sent. Refusals mostly come fast, replies may take minutes. */
const FIRST_LOOK_MS = 750;
/** Growth is by one per millisecond, and by no more than this at a time, so that a process that was held up does not burst. */
const LARGEST_STEP = 4;

export function createConcurrency(ceiling: () => number, seed: number | null): Concurrency {
  // Growing by the clock, from `grownAt` on, until the first refusal; then by successes.
  let base = seed ?? FIRST;
  let growing = seed === null;
  let grownAt: number | null = null;
  let successes = 0;
  let loweredAt = Number.NEGATIVE_INFINITY;
  let latency: number | null = null;

  const limit = (now: number): number => {
    if (growing && grownAt !== null && now > grownAt) {
      base = Math.min(ceiling(), base + Math.min(LARGEST_STEP, now - grownAt));
      grownAt = now;
    }
    return Math.max(1, Math.min(ceiling(), Math.floor(base)));
  };

  return {
    limit,
    isGrowing: () => growing,
    started: (now) => {
      if (growing) grownAt ??= now + FIRST_LOOK_MS;
    },
    succeeded: (now, latencyMs) => {
      latency = latency === null ? latencyMs : latency + (latencyMs - latency) / 16;
      successes += 1;
      if (!growing) base = Math.min(ceiling(), base + 1 / Math.max(1, base));
      else if (successes === FIRST) grownAt = Math.min(grownAt ?? now, now);
    },
    refused: (now, sentAt, least) => {
      const current = limit(now);
      growing = false;
      // Calls that left before the last halving tell nothing new.
      if (sentAt <= loweredAt) return false;
      loweredAt = now;
      base = Math.max(1, Math.min(current, Math.max(current / 2, least)));
      return true;
    },
    latencyMs: () => latency,
  };
}
