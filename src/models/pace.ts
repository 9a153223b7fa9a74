import type { ServerLimits } from "./call-path.ts";

/**
 * How fast one server may be asked: what all calls to it, of all processes, go by. Plain JSON, changed only by the
 * functions below, so that it can be kept in a file that processes share. Times are milliseconds since 1970.
 */
export interface PaceState {
  /** No call leaves before. */
  readonly holdUntil: number;
  /** Requests per millisecond that the server's refusals showed; null while there were too few of them. */
  readonly learnedRate: number | null;
  /** The learned rate is raised from here on, as limits get lifted: by ((now − raisedFrom) ÷ raiseMs)². */
  readonly raisedFrom: number;
  readonly raiseMs: number;
  /** How much unused time is caught up on: less where the server's bucket is shallow. */
  readonly catchUpMs: number;
  /** From the server's headers, per millisecond. */
  readonly requestRate: number | null;
  readonly tokenRate: number | null;
  /**
   * The server's bucket was empty at `emptyAt`, the moment when call number `emptyOrder` was sent and then refused: what
   * it took since, over the time since, is the rate that it refills at. null: there is nothing to count from.
   */
  readonly emptyAt: number | null;
  readonly emptyOrder: number;
  /** Calls numbered so far. */
  readonly sent: number;
  /** When the last call left, and when that refusal was noticed that counted last. */
  readonly lastAt: number;
  readonly refusedAt: number;
  /** Refusals in a row that gave no hint how long to wait; any success ends the row. */
  readonly unhinted: number;
  /** When the next call is due, by requests, by tokens, and with catching up. */
  readonly due: number;
  readonly tokensDue: number;
  readonly spacedDue: number;
}

/** What is known beforehand, per millisecond; null: not known. */
export interface KnownRates {
  readonly requests: number | null;
  readonly tokens: number | null;
}

/** A call as it was let through. */
export interface Ticket {
  readonly order: number;
  readonly sentAt: number;
}

/** Unused time is caught up on, up to this much of it, at twice the pace: a cool-down is not lost. */
const CATCH_UP_MS = 1000;
/** Calls may leave this much before they are due, as timers are no finer. */
const GRAIN_MS = 2;
/** After a cool-down of unknown pace calls leave one by one for a while, so that they are not all refused. */
const CAREFUL_MS = 1000;
const CAREFUL_SPACING_MS = 10;
/** With no call for this long the server's bucket may have been full: there is nothing to count from. */
const IDLE_MS = 2000;
const FORGET_MS = 3_600_000;
const FASTEST_RAISE_MS = 15_000;
const SLOWEST_RAISE_MS = 240_000;
/** Calls that a first measurement needs. */
const FEWEST_TAKEN = 5;
const LOWEST_STEP = 0.6;

export function freshPace(now: number): PaceState {
  return {
    holdUntil: 0,
    learnedRate: null,
    raisedFrom: now,
    raiseMs: FASTEST_RAISE_MS,
    catchUpMs: CATCH_UP_MS,
    requestRate: null,
    tokenRate: null,
    emptyAt: null,
    emptyOrder: 0,
    sent: 0,
    lastAt: 0,
    refusedAt: 0,
    unhinted: 0,
    due: 0,
    tokensDue: 0,
    spacedDue: 0,
  };
}

/** Whether calls have to be counted one by one, in one place for all processes. */
export function isPaced(state: PaceState, known: KnownRates): boolean {
  return (
    state.emptyAt !== null ||
    state.learnedRate !== null ||
    state.requestRate !== null ||
    state.tokenRate !== null ||
    known.requests !== null ||
    known.tokens !== null
  );
}

/** Whether a cool-down has just ended. */
export function isCareful(state: PaceState, now: number): boolean {
  return now < state.holdUntil + CAREFUL_MS;
}

/** Requests per millisecond at this moment; null when nothing is known to limit them. */
export function requestRateAt(state: PaceState, known: KnownRates, now: number): number | null {
  const learned = state.learnedRate === null ? null : state.learnedRate * raisedBy(state, now);
  return least(learned, state.requestRate, known.requests);
}

function raisedBy({ raisedFrom, raiseMs }: PaceState, now: number): number {
  const time = Math.max(0, now - raisedFrom) / raiseMs;
  return 1 + time * time;
}

export type Admission =
  | { readonly waitMs: 0; readonly state: PaceState; readonly ticket: Ticket }
  | { readonly waitMs: number; readonly state: PaceState; readonly ticket: null };

/** Lets one call through, or says how long it has to wait at least. */
export function admit(before: PaceState, known: KnownRates, tokens: number, now: number): Admission {
  if (before.holdUntil > now) return { waitMs: before.holdUntil - now, state: before, ticket: null };
  const idleSince = Math.max(before.lastAt, before.holdUntil);
  const isIdle = idleSince > 0 && now - idleSince > IDLE_MS;
  const state = outgrown(isIdle ? afterIdling(before, now - idleSince) : before, now);
  const rate = requestRateAt(state, known, now);
  const tokenRate = least(state.tokenRate, known.tokens);

  const due = rate === null ? now : Math.max(state.due, now - state.catchUpMs);
  const tokensDue = tokenRate === null ? now : Math.max(state.tokensDue, now - state.catchUpMs);
  const spacing = rate !== null ? 0.5 / rate : isCareful(state, now) ? CAREFUL_SPACING_MS : 0;
  const spacedDue = Math.max(state.spacedDue, now - GRAIN_MS);
  const waitMs = Math.max(due, tokensDue, spacedDue) - now;
  if (waitMs > 0.01) return { waitMs, state, ticket: null };
  return {
    waitMs: 0,
    ticket: { order: state.sent, sentAt: now },
    state: {
      ...state,
      sent: state.sent + 1,
      lastAt: now,
      due: rate === null ? now : due + 1 / rate,
      tokensDue: tokenRate === null ? now : tokensDue + tokens / tokenRate,
      spacedDue: spacedDue + spacing,
    },
  };
}

/** Time without calls teaches nothing of the server's limits, so it neither counts nor raises the rate. */
function afterIdling(state: PaceState, idleMs: number): PaceState {
  return { ...state, emptyAt: null, raisedFrom: state.raisedFrom + idleMs };
}

/** A limit that has not shown itself for long is no longer counted. */
function outgrown(state: PaceState, now: number): PaceState {
  if (state.learnedRate !== null) {
    return now - state.raisedFrom > 10 * state.raiseMs
      ? { ...state, learnedRate: null, emptyAt: null }
      : state;
  }
  return state.emptyAt !== null && now - state.emptyAt > 60_000 ? { ...state, emptyAt: null } : state;
}

/** All calls wait until then. */
export function hold(state: PaceState, until: number): PaceState {
  return until <= state.holdUntil ? state : { ...state, holdUntil: until };
}

/**
 * The server refused a call (429). The first refusal of a new episode says how fast the server's bucket refills: between
 * two moments when it was empty it took `order` − `emptyOrder` − 1 calls. 20 calls taken in 2 s are 10 per second.
 * Refusals of calls that had left before the last refusal was noticed belong to that one.
 */
export function refused(before: PaceState, ticket: Ticket, now: number): PaceState {
  const state = { ...before, lastAt: Math.max(before.lastAt, ticket.sentAt) };
  if (state.emptyAt !== null && ticket.order < state.emptyOrder) return state;
  const empty = { emptyAt: Math.max(state.emptyAt ?? 0, ticket.sentAt), emptyOrder: ticket.order };
  if (ticket.sentAt <= state.refusedAt) return { ...state, ...empty };
  const began = { ...state, ...empty, refusedAt: now, raisedFrom: now };
  if (state.emptyAt === null) return began;
  const elapsed = ticket.sentAt - state.emptyAt;
  const taken = ticket.order - state.emptyOrder - 1;
  if (elapsed <= 0 || taken <= 0) return began;
  const measured = taken / elapsed;
  const last = state.learnedRate;
  // A few calls say little to begin with: more are waited for, counted from the same moment.
  if (last === null && taken < FEWEST_TAKEN) return { ...state, refusedAt: now };
  const limit = last === null ? measured : last * raisedBy(state, ticket.sentAt);
  // A bucket that was full for part of the time makes the rate look smaller than it is, so a measurement is followed
  // downwards by no more than this at a time.
  const learnedRate = Math.max(measured, LOWEST_STEP * limit);
  const raiseMs = last === null ? state.raiseMs : raiseAfter(state.raiseMs, learnedRate / last);
  // Refused at once while catching up: the bucket holds less than that.
  const isShallow = measured < learnedRate && ticket.sentAt < state.holdUntil + CATCH_UP_MS;
  const catchUpMs = isShallow
    ? Math.floor(state.catchUpMs / 2)
    : raiseMs > state.raiseMs
      ? Math.min(CATCH_UP_MS, state.catchUpMs + CATCH_UP_MS / 8)
      : state.catchUpMs;
  return {
    ...began,
    catchUpMs,
    learnedRate,
    raiseMs,
    due: ticket.sentAt + (state.sent - ticket.order) / learnedRate,
  };
}

/** A rate that was found again is trusted longer. */
function raiseAfter(raiseMs: number, change: number): number {
  if (change > 1.1) return raiseMs;
  return change < 0.9 ? Math.max(FASTEST_RAISE_MS, raiseMs / 2) : Math.min(SLOWEST_RAISE_MS, raiseMs * 2);
}

/** What a reply's headers say. Without a rate, nothing left means waiting until the limits are whole again. */
export function heard(state: PaceState, limits: ServerLimits, now: number): PaceState {
  const requestRate = perMillisecond(limits.requestsPerMinute) ?? state.requestRate;
  const tokenRate = perMillisecond(limits.tokensPerMinute) ?? state.tokenRate;
  const isSpent =
    (limits.remainingRequests === 0 && requestRate === null) ||
    (limits.remainingTokens === 0 && tokenRate === null);
  const told =
    requestRate === state.requestRate && tokenRate === state.tokenRate
      ? state
      : { ...state, requestRate, tokenRate };
  return isSpent && limits.resetMs !== undefined ? hold(told, now + limits.resetMs) : told;
}

/** Tokens that a call was let through with and then did not use. */
export function tokensGivenBack(state: PaceState, known: KnownRates, tokens: number): PaceState {
  const rate = least(state.tokenRate, known.tokens);
  return rate === null || tokens <= 0 ? state : { ...state, tokensDue: state.tokensDue - tokens / rate };
}

/** A kept state as it counts now: what is too old is forgotten, and no clock that was wrong holds anything up for long. */
export function recalled(state: PaceState | null, now: number, longestHoldMs: number): PaceState {
  if (state === null || now - state.lastAt > FORGET_MS || state.lastAt > now + FORGET_MS) {
    return state === null
      ? freshPace(now)
      : { ...freshPace(now), holdUntil: Math.min(state.holdUntil, now + longestHoldMs) };
  }
  return state.holdUntil > now + longestHoldMs ? { ...state, holdUntil: now + longestHoldMs } : state;
}

function perMillisecond(perMinute: number | undefined): number | null {
  return perMinute !== undefined && perMinute > 0 ? perMinute / 60_000 : null;
}

function least(...rates: readonly (number | null)[]): number | null {
  return rates.reduce((smallest, rate) =>
    rate === null ? smallest : smallest === null ? rate : Math.min(smallest, rate),
  );
}
