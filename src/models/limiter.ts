import { CallFailure } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { ServerLimits } from "./call-path.ts";
import type { Clock } from "./clock.ts";
import { createConcurrency } from "./concurrency.ts";
import type { LimitStore, SharedLimits } from "./limit-store.ts";
import {
  admit,
  heard,
  hold,
  isCareful,
  isPaced,
  type KnownRates,
  type PaceState,
  recalled,
  refused,
  type Ticket,
  tokensGivenBack,
} from "./pace.ts";
import type { EndpointSettings } from "./provider.ts";
import { createQueue, type Place, type Queue } from "./queue.ts";
import { backoffMs } from "./retry.ts";

/** How a try that was let through ended, as far as the limits are concerned. */
export type Ending =
  | { readonly kind: "answered"; readonly limits: ServerLimits | undefined; readonly tokens: number | null }
  | {
      readonly kind: "rate_limited" | "overloaded";
      /** As the server asks; null when it does not say. */
      readonly retryAfterMs: number | null;
    }
  | { readonly kind: "timeout" }
  /** Says nothing about limits. */
  | { readonly kind: "other" };

/** Leave to send one try. `end` is called once. */
export interface Pass {
  end(ending: Ending): void;
}

export interface Entry {
  /** By when the call came: its later tries keep their place. */
  readonly order: number;
  /** What the try may use, prompt and output. */
  readonly tokens: number;
  readonly place: Place;
}

/** Of one endpoint: its own `concurrency`, within what all endpoints with the same limit key may do together. */
export interface Lane {
  /** Waits for its turn. Rejects with `CallFailure` "cancelled" when the place is left. */
  enter(entry: Entry): Promise<Pass>;
}

/** All calls of one limit key and process. */
export interface Limiter {
  lane(settings: EndpointSettings): Lane;
  /** What is in force, for display. */
  state(): LimiterState;
  close(): void;
}

export interface LimiterState {
  readonly inFlight: number;
  readonly waiting: number;
  readonly concurrency: number;
  readonly coolDownMs: number;
}

/** No server is waited for longer than this; a call that would have to fails instead. */
export const LONGEST_HOLD_MS = 600_000;
/** How old the view of other processes' cool-downs may be. */
const VIEW_MS = 25;

export interface LimiterOptions {
  readonly limitKey: string;
  readonly store: LimitStore;
  readonly clock: Clock;
  readonly random: Random;
}

interface Waiting {
  readonly entry: Entry;
  readonly resolve: (pass: Pass) => void;
}

interface LaneState {
  settings: EndpointSettings;
  readonly waiting: Queue<Waiting>;
  inFlight: number;
}

export function createLimiter({ limitKey, store, clock, random }: LimiterOptions): Limiter {
  const lanes = new Map<string, LaneState>();
  let known: KnownRates = { requests: null, tokens: null };
  let inFlight = 0;
  let waiting = 0;
  let wake: { readonly at: number; readonly cancel: () => void } | null = null;
  let isClosed = false;

  const kept = store.read(limitKey);
  let viewedAt = clock.now();
  let pace: PaceState = recalled(kept?.pace ?? null, viewedAt, LONGEST_HOLD_MS);
  const isRecent = kept !== null && viewedAt - kept.pace.lastAt < LONGEST_HOLD_MS;
  const ceiling = (): number => {
    let sum = 0;
    for (const { settings } of lanes.values()) sum += settings.concurrency;
    return sum;
  };
  const concurrency = createConcurrency(ceiling, isRecent ? kept.concurrency : null);
  let sharedConcurrency: number | null = isRecent ? kept.concurrency : null;

  /** Changes the shared pace; this process's view is then as new as can be. */
  const share = (change: (state: PaceState, now: number) => PaceState): void => {
    const now = clock.now();
    store.update(limitKey, (limits: SharedLimits | null) => {
      const before = recalled(limits?.pace ?? null, now, LONGEST_HOLD_MS);
      pace = change(before, now);
      viewedAt = now;
      return pace === limits?.pace && sharedConcurrency === limits.concurrency
        ? null
        : { pace, concurrency: sharedConcurrency };
    });
  };

  const view = (now: number): void => {
    if (now - viewedAt < VIEW_MS) return;
    pace = recalled(store.read(limitKey)?.pace ?? null, now, LONGEST_HOLD_MS);
    viewedAt = now;
  };

  /** The lane whose first waiting call came first, of those with room. */
  const nextLane = (): LaneState | null => {
    let next: LaneState | null = null;
    let order = Number.POSITIVE_INFINITY;
    for (const lane of lanes.values()) {
      const first = lane.waiting.first();
      if (first !== null && first.order < order && lane.inFlight < lane.settings.concurrency) {
        next = lane;
        order = first.order;
      }
    }
    return next;
  };

  const wakeIn = (ms: number): void => {
    const at = clock.now() + ms;
    if (wake !== null && wake.at <= at) return;
    wake?.cancel();
    const cancel = clock.after(Math.ceil(ms), () => {
      wake = null;
      pump();
    });
    wake = { at, cancel };
  };

  /** Lets through what may go; otherwise sees to being called again when something may. */
  function pump(): void {
    if (isClosed || waiting === 0) return;
    const now = clock.now();
    view(now);
    concurrency.started(now);
    for (let lane = nextLane(); lane !== null; lane = nextLane()) {
      const first = lane.waiting.first();
      if (first === null) return;
      if (inFlight >= concurrency.limit(now)) {
        if (concurrency.isGrowing() && concurrency.limit(now) < ceiling()) wakeIn(1);
        return;
      }
      const { ticket, waitMs } = letThrough(first.item.entry.tokens, now);
      if (ticket === null) {
        wakeIn(waitMs);
        return;
      }
      lane.waiting.take();
      lane.inFlight += 1;
      inFlight += 1;
      waiting -= 1;
      first.item.entry.place.onLeave = null;
      first.item.resolve(passFor(lane, ticket, first.item.entry.tokens));
    }
  }

  function letThrough(
    tokens: number,
    now: number,
  ): { readonly ticket: Ticket | null; readonly waitMs: number } {
    if (pace.holdUntil > now) return { ticket: null, waitMs: pace.holdUntil - now };
    // Where nothing limits, nothing is counted: it would cost a transaction per call.
    if (!isPaced(pace, known) && !isCareful(pace, now)) {
      return { ticket: { order: pace.sent - 1, sentAt: now }, waitMs: 0 };
    }
    let found: { readonly ticket: Ticket | null; readonly waitMs: number } = { ticket: null, waitMs: 0 };
    share((state) => {
      const admission = admit(state, known, tokens, now);
      found = admission;
      return admission.state;
    });
    return found;
  }

  function passFor(lane: LaneState, ticket: Ticket, tokens: number): Pass {
    return {
      end: (ending) => {
        lane.inFlight -= 1;
        inFlight -= 1;
        ended(ending, ticket, tokens);
        pump();
      },
    };
  }

  function ended(ending: Ending, ticket: Ticket, tokens: number): void {
    const now = clock.now();
    switch (ending.kind) {
      case "answered": {
        concurrency.succeeded(now, now - ticket.sentAt);
        const { limits } = ending;
        const unused = ending.tokens === null ? 0 : tokens - ending.tokens;
        const givesBack = unused > 0 && (pace.tokenRate ?? known.tokens) !== null;
        if (limits === undefined && pace.unhinted === 0 && !givesBack) return;
        if (limits !== undefined && pace.unhinted === 0 && !givesBack && heard(pace, limits, now) === pace)
          return;
        share((state) => {
          const told = limits === undefined ? state : heard(state, limits, now);
          const calm = told.unhinted === 0 ? told : { ...told, unhinted: 0 };
          return givesBack ? tokensGivenBack(calm, known, unused) : calm;
        });
        return;
      }
      case "rate_limited":
      case "overloaded":
        lower(now, ticket);
        share((state) => {
          const learned = ending.kind === "rate_limited" ? refused(state, ticket, now) : state;
          if (ending.retryAfterMs !== null) {
            return hold(learned, now + Math.min(ending.retryAfterMs, LONGEST_HOLD_MS));
          }
          // Those who left before the cool-down began do not make it longer.
          if (ticket.sentAt < state.refusedAt && state.holdUntil > now) return learned;
          const wait = backoffMs(state.unhinted, random);
          return hold({ ...learned, refusedAt: now, unhinted: state.unhinted + 1 }, now + wait);
        });
        return;
      case "timeout":
        if (lower(now, ticket)) share((state) => state);
        return;
      case "other":
        return;
    }
  }

  function lower(now: number, ticket: Ticket): boolean {
    // What the learned pace needs in flight was borne before.
    const needed = Math.ceil(1.25 * (pace.learnedRate ?? 0) * (concurrency.latencyMs() ?? 0)) + 1;
    const isLower = concurrency.refused(now, ticket.sentAt, pace.learnedRate === null ? 1 : needed);
    if (isLower) sharedConcurrency = concurrency.limit(now);
    return isLower;
  }

  return {
    lane: (settings) => {
      const lane: LaneState = lanes.get(settings.name) ?? { settings, waiting: createQueue(), inFlight: 0 };
      lane.settings = settings;
      lanes.set(settings.name, lane);
      known = ratesOf([...lanes.values()].map((one) => one.settings));
      return {
        enter: (entry) =>
          new Promise((resolve, reject) => {
            const leave = lane.waiting.add({ entry, resolve }, entry.order);
            waiting += 1;
            entry.place.onLeave = () => {
              leave();
              waiting -= 1;
              reject(new CallFailure("cancelled", "the call was cancelled before it was sent."));
            };
            pump();
          }),
      };
    },
    state: () => {
      const now = clock.now();
      return {
        inFlight,
        waiting,
        concurrency: concurrency.limit(now),
        coolDownMs: Math.max(0, pace.holdUntil - now),
      };
    },
    close: () => {
      isClosed = true;
      wake?.cancel();
      wake = null;
    },
  };
}

/** Endpoints that are limited together go by the strictest of what their settings say. */
function ratesOf(settings: readonly EndpointSettings[]): KnownRates {
  const least = (pick: (one: EndpointSettings) => number | null): number | null =>
    settings.reduce<number | null>((smallest, one) => {
      const rate = pick(one);
      return rate === null ? smallest : Math.min(smallest ?? rate, rate);
    }, null);
  const perMillisecond = (perMinute: number | null): number | null =>
    perMinute === null ? null : perMinute / 60_000;
  return {
    requests: perMillisecond(least((one) => one.requestsPerMinute)),
    tokens: perMillisecond(least((one) => one.tokensPerMinute)),
  };
}
