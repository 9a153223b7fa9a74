import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "../core/types.ts";
import type { CallPath, Endpoint, Sent } from "../models/call-path.ts";
import type { EndpointSettings, ModelRuntime } from "../models/provider.ts";

/** One call as a client handed it over, and what was sent back when it went well. */
export interface PassedCall {
  readonly endpoint: Endpoint;
  readonly request: Json;
  readonly promptTokens: number;
  readonly maxOutputTokens: number;
  /** Absent when the call failed. */
  readonly sent?: Sent<Json>;
}

/** A call path that sends every call once: no cache, limits, retries or budget. It remembers what went through it. */
export function plainCallPath(): CallPath & { readonly calls: readonly PassedCall[] } {
  const calls: PassedCall[] = [];
  return {
    calls,
    async call(endpoint, { request, promptTokens, maxOutputTokens, send }, { signal }) {
      const index = calls.push({ endpoint, request, promptTokens, maxOutputTokens }) - 1;
      const sent = await send(signal);
      calls[index] = { endpoint, request, promptTokens, maxOutputTokens, sent };
      return sent.reply;
    },
  };
}

/** Settings of an endpoint with everything at its default. */
export function endpointSettings(given: Partial<EndpointSettings> = {}): EndpointSettings {
  return {
    name: "model",
    price: null,
    concurrency: 16,
    requestsPerMinute: null,
    tokensPerMinute: null,
    timeoutMs: 60_000,
    retries: 5,
    ...given,
  };
}

/** What a provider is opened with: a plain call path, an empty environment, the system's temporary folder. */
export function modelRuntime(given: Partial<ModelRuntime> = {}): ModelRuntime {
  return {
    path: plainCallPath(),
    cacheDirectory: join(tmpdir(), "prefkit-testing"),
    environment: {},
    directory: ".",
    offline: false,
    ...given,
  };
}
