import { randomFor } from "../../src/core/random.ts";
import type { Json } from "../../src/core/types.ts";
import {
  type Call,
  type CallPathOptions,
  createCallPath,
  type Endpoint,
  type RunningCallPath,
  type Sent,
} from "../../src/models/call-path.ts";
import type { EndpointSettings } from "../../src/models/provider.ts";
import { type VirtualClock, virtualClock } from "./virtual-clock.ts";

export function endpointOf(
  settings: Partial<EndpointSettings> = {},
  limitKey: string | null = "key",
): Endpoint {
  return {
    identity: { provider: "fake", model: settings.name ?? "m" },
    limitKey,
    settings: {
      name: "m",
      price: null,
      concurrency: 256,
      requestsPerMinute: null,
      tokensPerMinute: null,
      timeoutMs: 10_000,
      retries: 2,
      ...settings,
    },
  };
}

export function callOf<Reply extends Json>(
  request: Json,
  send: (signal: AbortSignal) => Promise<Sent<Reply>>,
  bounds: { readonly promptTokens?: number; readonly maxOutputTokens?: number } = {},
): Call<Reply> {
  return { request, promptTokens: 10, maxOutputTokens: 10, ...bounds, send };
}

export const usage = { promptTokens: 10, outputTokens: 5 };

/** A reply after `ms`. */
export function replyAfter<Reply extends Json>(
  clock: VirtualClock,
  ms: number,
  reply: Reply,
): Promise<Sent<Reply>> {
  return new Promise((resolve) => {
    clock.after(ms, () => resolve({ reply, usage }));
  });
}

export function failAfter(clock: VirtualClock, ms: number, error: unknown): Promise<never> {
  return new Promise((_, reject) => {
    clock.after(ms, () => reject(error));
  });
}

export interface PathSetup {
  readonly clock: VirtualClock;
  readonly path: RunningCallPath;
}

export function pathOf(options: Partial<CallPathOptions> = {}): PathSetup {
  const clock = virtualClock();
  const defaults = {
    cache: null,
    limits: null,
    budget: null,
    offline: false,
    random: randomFor(1, "jitter"),
  };
  return { clock, path: createCallPath({ ...defaults, ...options, clock }) };
}

/** A context that nobody cancels. */
export const never: { readonly signal: AbortSignal } = {
  get signal() {
    return new AbortController().signal;
  },
};

/** How promises ended, without one that fails ending the test. */
export function settled<T>(promises: readonly Promise<T>[]): Promise<(T | { readonly code: string })[]> {
  return Promise.all(
    promises.map((promise) =>
      promise.catch((error: unknown) => ({ code: String((error as { code?: unknown }).code ?? error) })),
    ),
  );
}
