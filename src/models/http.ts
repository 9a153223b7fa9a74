import type { Pool } from "undici";
import { CallFailure, isCallFailure } from "../core/errors.ts";
import type { Json } from "../core/types.ts";
import type { ServerLimits } from "./call-path.ts";
import { failureInReply, failureOfStatus, failureOfText, failureOfTransport } from "./http-failure.ts";
import { type ResponseHeaders, serverLimits } from "./rate-headers.ts";

/** The largest body of a reply that is read; a longer one is `bad_reply`. */
export const MAX_REPLY_BYTES = 64 * 1024 * 1024;

/** A server, and what every request to it carries. */
export interface Site {
  /** Without credentials, query or trailing slash. */
  readonly baseUrl: string;
  /** Sent as "Authorization: Bearer …"; null: none is sent. */
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpRequest {
  readonly method?: "GET" | "POST";
  /** The whole address. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string | null;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly json: unknown;
  readonly limits?: ServerLimits;
}

/**
 * JSON over HTTP to one server: one pool of connections, no retries, no redirects, no time limit of its own (the call
 * path has all of those). Everything that goes wrong is a `CallFailure` whose text holds no secret and no prompt.
 */
export interface Http {
  readonly site: Site;
  post(path: string, body: Json, signal: AbortSignal): Promise<HttpReply>;
  get(path: string, signal: AbortSignal): Promise<HttpReply>;
  /** As they are: for packages that make their own requests. */
  exchange(request: HttpRequest): Promise<HttpReply>;
  close(): Promise<void>;
}

type Dispatcher = Pick<Pool, "request" | "destroy">;

export interface HttpOptions {
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured when they stand here. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly maxReplyBytes?: number;
  /** Requests may go to other origins than the site's: for packages that look addresses up. */
  readonly anyOrigin?: boolean;
}

/** Opens the transport; nothing is sent yet. */
export async function openHttp(site: Site, options: HttpOptions = {}): Promise<Http> {
  const { origin } = new URL(site.baseUrl);
  const dispatcher = await dispatcherFor(origin, options);
  const secrets = secretsOf(site);
  const authorization = site.key === null ? {} : { authorization: `Bearer ${site.key}` };

  async function exchange(request: HttpRequest): Promise<HttpReply> {
    const { url, signal, body } = request;
    const { origin: target, pathname, search } = new URL(url);
    const where = `${target}${pathname}`;
    if (target !== origin && !options.anyOrigin) {
      throw new CallFailure("bad_request", `${where} is not on ${origin}, the server that was named`);
    }
    const unspoken = { secrets, body };
    try {
      const response = await dispatcher.request({
        origin: target,
        path: `${pathname}${search}`,
        method: request.method ?? "POST",
        headers: request.headers,
        body,
        signal,
      });
      const status = response.statusCode;
      const text = withoutKey(await response.body.text(), site.key);
      const headers = response.headers as ResponseHeaders;
      if (status < 200 || status > 299) throw failureOfStatus(where, status, headers, text, unspoken);
      const json = parsed(text);
      if (json === undefined) throw failureOfText(where, text, unspoken);
      const failure = failureInReply(where, json, unspoken);
      if (failure) throw failure;
      const limits = serverLimits(headers);
      return limits === undefined ? { json } : { json, limits };
    } catch (error) {
      throw isCallFailure(error) ? error : failureOfTransport(where, error, signal);
    }
  }

  const headers = { ...authorization, accept: "application/json", ...site.headers };
  return {
    site,
    post: (path, body, signal) =>
      exchange({
        url: `${site.baseUrl}${path}`,
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal,
      }),
    get: (path, signal) =>
      exchange({ method: "GET", url: `${site.baseUrl}${path}`, headers, body: null, signal }),
    exchange,
    close: () => dispatcher.destroy(),
  };
}

async function dispatcherFor(origin: string, options: HttpOptions): Promise<Dispatcher> {
  // Loaded on demand, as all packages of this size are: most commands call no model.
  const { Agent, EnvHttpProxyAgent, Pool } = await import("undici");
  const { environment = {}, maxReplyBytes = MAX_REPLY_BYTES } = options;
  // One request at a time on a connection, as many connections as calls in flight; the call path bounds those.
  const limits = { headersTimeout: 0, bodyTimeout: 0, pipelining: 1, maxResponseSize: maxReplyBytes };
  const of = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name];
  const [httpProxy, httpsProxy, noProxy] = [of("HTTP_PROXY"), of("HTTPS_PROXY"), of("NO_PROXY")];
  const proxy = origin.startsWith("https:") ? httpsProxy : httpProxy;
  if (!proxy) return options.anyOrigin ? new Agent(limits) : new Pool(origin, limits);
  return new EnvHttpProxyAgent({
    ...limits,
    ...(httpProxy && { httpProxy }),
    ...(httpsProxy && { httpsProxy }),
    noProxy: noProxy ?? "",
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The key, and values of headers, which may hold keys of other kinds. */
function secretsOf({ key, headers }: Site): string[] {
  const values = Object.values(headers).filter((value) => value.length >= 8);
  // Longest first: a value may hold the key.
  return [...(key === null ? [] : [key]), ...values].sort((a, b) => b.length - a.length);
}

/** A server may send back what it was sent; a reply is kept, a key must not be. Short keys are placeholders such as "EMPTY". */
function withoutKey(text: string, key: string | null): string {
  return key !== null && key.length >= 16 && text.includes(key) ? text.replaceAll(key, "[key]") : text;
}
