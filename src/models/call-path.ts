import { randomInt } from "node:crypto";
import { CallFailure, isCallFailure, PrefkitError } from "../core/errors.ts";
import { canonicalJson, sha256 } from "../core/ids.ts";
import { type Random, randomFor } from "../core/random.ts";
import type { Json } from "../core/types.ts";
import { createAbortHub } from "./abort-hub.ts";
import { attempt, pause } from "./attempt.ts";
import type { Budget, Reservation } from "./budget.ts";
import type { Claims } from "./claims.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type LimitStore, memoryLimitStore } from "./limit-store.ts";
import {
  createLimiter,
  type Ending,
  type Lane,
  type Limiter,
  type LimiterState,
  LONGEST_HOLD_MS,
} from "./limiter.ts";
import { costOf, costOfUsage } from "./money.ts";
import type { CallContext, Usage } from "./ports.ts";
import type { EndpointSettings } from "./provider.ts";
import type { Place } from "./queue.ts";
import type { ReplyCache } from "./reply-cache.ts";
import { backoffMs, isRefusal, isTriedAgain, mayBeBilled, type Tries } from "./retry.ts";
import { createUsageCounter, type ModelUsage, type UsageCounter } from "./usage.ts";

/** Where calls go, as the call path sees it. */
export interface Endpoint {
  /** See `ModelHandle.identity`. */
  readonly identity: Json;
  /**
   * Who is limited together: base URL and the name of the variable that the key comes from, never the key. Calls with one
   * limit key share rate limits and cool-downs, between processes too. null: a model in process; nothing limits, times or
   * bills its calls.
   */
  readonly limitKey: string | null;
  readonly settings: EndpointSettings;
}

/** One request, as a client hands it to the call path. `Reply` is plain JSON: it is what the cache keeps. */
export interface Call<Reply extends Json> {
  /** What determines the answer, besides the endpoint: messages or token ids, sampling, sample index. No secrets. */
  readonly request: Json;
  /** Upper bounds in tokens; what the budget reserves. */
  readonly promptTokens: number;
  readonly maxOutputTokens: number;
  /** One try. Rejects with `CallFailure`; stops when the signal aborts. */
  send(signal: AbortSignal): Promise<Sent<Reply>>;
}

export interface Sent<Reply extends Json> {
  readonly reply: Reply;
  readonly usage: Usage;
  /** What the server's headers say of its limits. */
  readonly limits?: ServerLimits;
}

/** Rate-limit headers, as numbers; absent where the server does not say. */
export interface ServerLimits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly remainingRequests?: number;
  readonly remainingTokens?: number;
  /** Milliseconds until the limits are whole again. */
  readonly resetMs?: number;
}

/**
 * The one way to every model: cache → budget → limiter → timeout → retry → usage and money.
 *
 * The same call twice at a time is sent once, also by two processes where `claims` are given. A finished call is in the cache before its promise resolves. Rejects with
 * `CallFailure`: that of the last try, or "budget", "not_cached" (offline), "cancelled".
 */
export interface CallPath {
  call<Reply extends Json>(endpoint: Endpoint, call: Call<Reply>, context: CallContext): Promise<Reply>;
}

export interface CallPathOptions {
  /** null: nothing is kept, and equal calls are sent once only while they are in flight together. */
  readonly cache: ReplyCache | null;
  /** null: limits are this process's own. */
  readonly limits: LimitStore | null;
  /** null, or not given: what other processes ask at this moment is not known. Of use only with a cache that they share. */
  readonly claims?: Claims | null;
  /** null: no limit on money. */
  readonly budget: Budget | null;
  /** Nothing is sent; what is not in the cache is "not_cached". */
  readonly offline: boolean;
  /** For jitter. */
  readonly random?: Random;
  readonly clock?: Clock;
}

export interface RunningCallPath extends CallPath {
  /** One per `settings.name`, in the order of first calls. Cheap to read; a snapshot. */
  usage(): readonly ModelUsage[];
  /** What the limiters do at this moment, by limit key; for display. */
  limits(): Readonly<Record<string, LimiterState>>;
  /**
   * Resolves when no call is under way and all replies are on the disk; cancelled sends are not waited for. Rejects with
   * `cache_unavailable` when a reply could not be kept.
   */
  drain(): Promise<void>;
  /** Drains, then closes cache, limits, claims and budget, even when draining fails. */
  close(): Promise<void>;
}

/** How often a call that another process has sent is looked for. */
const CLAIM_POLL_MS = 50;

/** An equal call in flight, and how many wait for it. */
interface Job {
  readonly reply: Promise<Json>;
  readonly place: Place;
  followers: number;
}

/**
 * A finished call survives: its promise resolves once the reply is committed to the cache, so that a process killed later
 * never pays for it again. (A power cut may take the last moments; `drain` is what waits for the disk.) A failed call is
 * never kept.
 *
 * A `send` that rejects with anything but `CallFailure` is a fault of its own: that error is passed on as it is.
 * Throws `missing_price` when there is a budget and the endpoint has no price.
 */
export function createCallPath({
  cache,
  limits,
  claims = null,
  budget,
  offline,
  random = randomFor(randomInt(2 ** 31), "jitter"),
  clock = systemClock,
}: CallPathOptions): RunningCallPath {
  const store = limits ?? memoryLimitStore();
  const jobs = new Map<string, Job>();
  const limiters = new Map<string, Limiter>();
  const counters = new Map<string, UsageCounter>();
  const known = new WeakMap<Endpoint, Served>();
  const aborts = createAbortHub();
  const idle: (() => void)[] = [];
  let arrivals = 0;
  let active = 0;

  /** What is worked out once for an endpoint. */
  const served = (endpoint: Endpoint): Served => {
    const found = known.get(endpoint);
    if (found !== undefined) return found;
    const { settings, limitKey } = endpoint;
    const { price } = settings;
    if (budget !== null && limitKey !== null && price === null) throw missingPrice(settings.name);
    const counter = counters.get(settings.name) ?? createUsageCounter(settings.name, price !== null);
    counters.set(settings.name, counter);
    const made: Served = {
      // The canonical form of {endpoint, request} is this, the request's, and a brace.
      keyStart: `{"endpoint":${canonicalJson(endpoint.identity)},"request":`,
      counter,
      lane: limitKey === null ? null : limiterFor(limitKey).lane(settings),
      price: limitKey === null ? null : price,
      timeoutMs: limitKey === null ? null : settings.timeoutMs,
      retries: settings.retries,
    };
    known.set(endpoint, made);
    return made;
  };

  const limiterFor = (limitKey: string): Limiter => {
    const limiter = limiters.get(limitKey) ?? createLimiter({ limitKey, store, clock, random });
    limiters.set(limitKey, limiter);
    return limiter;
  };

  const follow = (key: string, job: Job, signal: AbortSignal): Promise<Json> => {
    job.followers += 1;
    return new Promise((resolve, reject) => {
      const stopListening = aborts.on(signal, () => {
        job.followers -= 1;
        reject(new CallFailure("cancelled", "the call was cancelled."));
        if (job.followers > 0) return;
        // Whoever asks the same from now on asks anew.
        if (jobs.get(key) === job) jobs.delete(key);
        job.place.onLeave?.();
      });
      job.reply.then(
        (reply) => {
          stopListening();
          resolve(reply);
        },
        (error: unknown) => {
          stopListening();
          reject(error);
        },
      );
    });
  };

  const start = (key: string, endpoint: Served, call: Call<Json>): Job => {
    const place: Place = { onLeave: null };
    active += 1;
    const reply = obtain(key, endpoint, call, place, arrivals++).finally(() => {
      if (jobs.get(key)?.place === place) jobs.delete(key);
      active -= 1;
      if (active === 0) for (const tell of idle.splice(0)) tell();
    });
    const job: Job = { reply, place, followers: 0 };
    jobs.set(key, job);
    return job;
  };

  /** The server's reply, or what another process got that was asking the same. */
  const obtain = async (
    key: string,
    endpoint: Served,
    call: Call<Json>,
    place: Place,
    order: number,
  ): Promise<Json> => {
    const shared = endpoint.lane === null ? null : claims;
    if (shared !== null) {
      const { counts } = endpoint.counter;
      while (!shared.take(key)) {
        await pause(CLAIM_POLL_MS, place, clock);
        const theirs = cache?.get(key) ?? null;
        if (theirs !== null) {
          counts.joined += 1;
          return theirs.reply;
        }
      }
      // Another process may have kept its reply, and let go, since we looked.
      const kept = cache?.get(key, true) ?? null;
      if (kept !== null) {
        shared.release(key);
        counts.cached += 1;
        return kept.reply;
      }
    }
    try {
      const sent = await answer(endpoint, call, place, order);
      await cache?.put(key, { reply: sent.reply, usage: sent.usage });
      return sent.reply;
    } finally {
      shared?.release(key);
    }
  };

  /** Tries until there is an answer, or there will be none. */
  const answer = async (
    endpoint: Served,
    call: Call<Json>,
    place: Place,
    order: number,
  ): Promise<Sent<Json>> => {
    const { counter } = endpoint;
    let tries: Tries = { failed: 0, refused: 0 };
    for (;;) {
      try {
        return await oneTry(endpoint, call, place, order);
      } catch (error) {
        if (!isCallFailure(error)) throw error;
        tries = isRefusal(error.code)
          ? { ...tries, refused: tries.refused + 1 }
          : { ...tries, failed: tries.failed + 1 };
        if (!isTriedAgain(error, tries, endpoint.retries, LONGEST_HOLD_MS)) {
          counter.failed(error.code);
          throw error;
        }
        // After a refusal all calls of the limit key wait together, in the limiter.
        if (endpoint.lane === null || !isRefusal(error.code)) {
          await pause(Math.max(backoffMs(tries.failed - 1, random), error.retryAfterMs ?? 0), place, clock);
        }
        counter.counts.retries += 1;
      }
    }
  };

  const oneTry = async (
    { lane, counter, price, timeoutMs }: Served,
    call: Call<Json>,
    place: Place,
    order: number,
  ): Promise<Sent<Json>> => {
    const full = price === null ? 0 : costOf(price, call.promptTokens, call.maxOutputTokens);
    const reservation = price === null || budget === null ? null : await budget.reserve(full, place);
    const settle = (cost: number): void => {
      counter.spent(cost);
      reservation?.settle(cost);
    };
    const pass = lane === null ? null : await enter(lane, call, place, order, counter, reservation);
    let ending: Ending = { kind: "other" };
    let cost = full;
    try {
      try {
        reservation?.begin();
      } catch (error) {
        cost = 0;
        throw error;
      }
      counter.counts.sent += 1;
      const sent = await attempt(call, timeoutMs, place, clock);
      const { promptTokens, outputTokens } = sent.usage;
      const tokens = promptTokens === null || outputTokens === null ? null : promptTokens + outputTokens;
      ending = { kind: "answered", limits: sent.limits, tokens };
      if (price !== null) cost = costOfUsage(price, sent.usage) ?? full;
      counter.answered(sent.usage);
      return sent;
    } catch (error) {
      if (isCallFailure(error)) {
        const usage = error.usage ?? null;
        counter.tryFailed(error.code, usage);
        ending = endingOf(error);
        if (!mayBeBilled(error)) cost = 0;
        else if (price !== null && usage !== null) cost = costOfUsage(price, usage) ?? full;
      }
      throw error;
    } finally {
      pass?.end(ending);
      settle(cost);
    }
  };

  const enter = async (
    lane: Lane,
    call: Call<Json>,
    place: Place,
    order: number,
    counter: UsageCounter,
    reservation: Reservation | null,
  ) => {
    const since = clock.now();
    try {
      const pass = await lane.enter({ order, tokens: call.promptTokens + call.maxOutputTokens, place });
      counter.waited(clock.now() - since);
      return pass;
    } catch (error) {
      reservation?.settle(0);
      throw error;
    }
  };

  const drain = async (): Promise<void> => {
    if (active > 0) await new Promise<void>((resolve) => idle.push(resolve));
    await cache?.flush();
  };

  return {
    call: async <Reply extends Json>(endpoint: Endpoint, call: Call<Reply>, { signal }: CallContext) => {
      if (signal.aborted) throw new CallFailure("cancelled", "the call was cancelled before it began.");
      const found = served(endpoint);
      const { counts } = found.counter;
      const key = sha256(`${found.keyStart}${canonicalJson(call.request)}}`).slice(0, 32);
      let job = jobs.get(key);
      if (job === undefined) {
        const cached = cache?.get(key) ?? null;
        if (cached !== null) {
          counts.cached += 1;
          return cached.reply as Reply;
        }
        if (offline) {
          found.counter.failed("not_cached");
          throw new CallFailure("not_cached", "offline, and this reply is not in the cache.");
        }
        job = start(key, found, call);
      } else {
        counts.joined += 1;
      }
      return (await follow(key, job, signal)) as Reply;
    },
    usage: () => [...counters.values()].map((counter) => counter.snapshot()),
    limits: () => Object.fromEntries([...limiters].map(([key, limiter]) => [key, limiter.state()])),
    drain,
    close: async () => {
      try {
        await drain();
      } finally {
        for (const limiter of limiters.values()) limiter.close();
        budget?.close();
        await cache?.close();
        await limits?.close();
        await claims?.close();
      }
    },
  };
}

interface Served {
  readonly keyStart: string;
  readonly counter: UsageCounter;
  readonly lane: Lane | null;
  readonly price: EndpointSettings["price"];
  readonly timeoutMs: number | null;
  readonly retries: number;
}

function endingOf({ code, retryAfterMs }: CallFailure): Ending {
  if (code === "rate_limited" || code === "overloaded") return { kind: code, retryAfterMs };
  return { kind: code === "timeout" ? "timeout" : "other" };
}

function missingPrice(name: string): PrefkitError {
  return new PrefkitError(
    "missing_price",
    `a limit on money is set, and model "${name}" has no price.`,
    `write \`price: { in: …, out: … }\` (money per million tokens) under models.${name}.`,
  );
}
