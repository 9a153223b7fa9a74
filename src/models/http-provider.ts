import type { Json, JsonObject } from "../core/types.ts";
import type { Endpoint } from "./call-path.ts";
import { type Http, openHttp } from "./http.ts";
import { type HttpModelOptions, resolveSite, type SiteDefaults } from "./http-options.ts";
import type { EndpointSettings, Finding, ModelRuntime } from "./provider.ts";

/** An opened server: what every HTTP provider starts from. */
export interface Seat {
  /** `provider/model`, for messages. */
  readonly id: string;
  readonly http: Http;
  readonly endpoint: Endpoint;
  readonly identity: Json;
}

/**
 * Resolves address and key, and opens the transport. `determining` is what else determines the answers, besides the request:
 * tokenizer and template hashes, the revision.
 */
export async function openSeat(
  options: HttpModelOptions,
  defaults: SiteDefaults,
  settings: EndpointSettings,
  runtime: ModelRuntime,
  determining: JsonObject = {},
  anyOrigin = false,
): Promise<Seat> {
  const site = resolveSite(options, defaults, runtime);
  const { provider } = defaults;
  const identity = { provider, baseUrl: site.baseUrl, model: options.model, ...determining };
  return {
    id: `${provider}/${options.model}`,
    http: await openHttp(site, { environment: runtime.environment, anyOrigin }),
    endpoint: { identity, limitKey: site.limitKey, settings },
    identity,
  };
}

/** One finding of `doctor`, written in order. */
export function finding(
  check: string,
  verdict: Finding["verdict"],
  found: string,
  fix: string | null = null,
  value?: Json,
): Finding {
  return { check, verdict, found, fix, ...(value !== undefined && { value }) };
}
