import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import type { Site } from "./http.ts";
import type { ModelRuntime } from "./provider.ts";

/** What every provider that speaks HTTP takes. */
export interface HttpModelOptions {
  readonly model: string;
  readonly baseUrl?: string | undefined;
  readonly key?: string | undefined;
  readonly keyEnv?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly allowInsecure: boolean;
}

export const httpModelFields = {
  model: z.string().min(1).describe("The model's name, as the server knows it."),
  baseUrl: z.string().min(1).optional().describe("The server's address, without credentials or query."),
  key: z
    .string()
    .min(1)
    .optional()
    .describe("The key itself; better: take it from the environment by a variable or by keyEnv."),
  keyEnv: z.string().min(1).optional().describe("The environment variable that holds the key."),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .describe("Further request headers. They are no part of the cache key."),
  allowInsecure: z
    .boolean()
    .default(false)
    .describe("Send the key over plain http to a public host all the same."),
};

export interface SiteDefaults {
  readonly provider: string;
  /** The provider's public address; null: `baseUrl` must be given. */
  readonly baseUrl: string | null;
  /** An environment variable that names the address when `baseUrl` is absent. */
  readonly baseUrlEnv?: string;
  /** The environment variable that holds the key when neither `key` nor `keyEnv` is given; null: no key is looked for. */
  readonly keyEnv: string | null;
  /**
   * The hosts that get that variable's key although the recipe names the address; absent: all, since the variable is for
   * the user's own servers.
   */
  readonly keyHosts?: RegExp;
}

export interface ResolvedSite extends Site {
  /** See `Endpoint.limitKey`. */
  readonly limitKey: string;
}

/**
 * The server that the options name, and its key. A key is needed on the provider's public address, or when `keyEnv` says
 * where it is. A server that the recipe names gets the default variable's key only where `keyHosts` says so.
 * Offline none is needed: nothing is sent.
 *
 * Throws: `missing_key`; `bad_option` for an address that is missing or no http(s) URL, one that holds credentials or a
 * query, or a key that would cross a public network unencrypted.
 */
export function resolveSite(
  options: HttpModelOptions,
  defaults: SiteDefaults,
  { environment, offline }: Pick<ModelRuntime, "environment" | "offline">,
): ResolvedSite {
  const { provider } = defaults;
  const fromEnvironment = defaults.baseUrlEnv === undefined ? undefined : environment[defaults.baseUrlEnv];
  const given = options.baseUrl ?? (fromEnvironment || undefined) ?? defaults.baseUrl;
  if (given === null) {
    throw new PrefkitError(
      "bad_option",
      `${provider}: ${options.model} has no baseUrl.`,
      'write the server\'s address, such as baseUrl: "http://localhost:8000".',
    );
  }
  const url = checkedUrl(provider, given);
  const baseUrl = `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  // A recipe is often somebody else's: the address that it names does not get the user's key of another service.
  const isTrusted =
    options.baseUrl === undefined ||
    baseUrl === defaults.baseUrl ||
    (defaults.keyHosts?.test(url.hostname) ?? true);
  const variable = options.keyEnv ?? (isTrusted ? defaults.keyEnv : null);
  const key = options.key ?? ((variable !== null && environment[variable]) || null);
  if (key === null && !offline && (baseUrl === defaults.baseUrl || options.keyEnv !== undefined)) {
    throw new PrefkitError(
      "missing_key",
      `${provider}: ${variable} is not set, and ${url.origin} needs a key.`,
      `set ${variable} in the environment or in .env, or name another variable with keyEnv.`,
    );
  }
  if (key !== null && !/^[\x21-\x7e]+$/.test(key)) {
    throw new PrefkitError(
      "bad_option",
      `${provider}: the key for ${url.origin} holds a space, a line end or a character that no header can carry.`,
      "copy the key again, without what stands around it.",
    );
  }
  const headers = Object.fromEntries(
    Object.entries(options.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  for (const [name, value] of Object.entries(headers)) {
    if (/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue;
    throw new PrefkitError(
      "bad_option",
      `${provider}: the header ${JSON.stringify(name.slice(0, 60))} for ${url.origin} has a name or a value that HTTP cannot carry.`,
      "look for line ends and signs outside Latin-1 in it.",
    );
  }
  const carriesKey = key !== null || Object.keys(headers).some((name) => SECRET_HEADER.test(name));
  if (carriesKey && url.protocol === "http:" && !isPrivateHost(url.hostname) && !options.allowInsecure) {
    throw new PrefkitError(
      "bad_option",
      `${provider}: a key would go to ${url.origin} over plain http, where anyone on the way can read it.`,
      "use https, or say allowInsecure: true when the way there is safe.",
    );
  }
  const source = options.key !== undefined ? "key" : key === null ? "none" : variable;
  return { baseUrl, key, headers, limitKey: `${baseUrl} ${source}` };
}

const SECRET_HEADER = /authorization|cookie|key|token|secret/;

function checkedUrl(provider: string, given: string): URL {
  const url = URL.parse ? URL.parse(given) : URL.canParse(given) ? new URL(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new PrefkitError(
      "bad_option",
      `${provider}: baseUrl is not an http(s) address.`,
      'write it like "http://localhost:8000/v1".',
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new PrefkitError(
      "bad_option",
      `${provider}: baseUrl for ${url.host} holds credentials, a query or a fragment.`,
      "put the key into key or keyEnv, and anything else into headers.",
    );
  }
  return url;
}

/**
 * Whether a host is on this machine or in a private network: loopback, private, link-local and carrier-grade addresses, names
 * without a dot, and names under .localhost, .local, .internal, .lan and .home.arpa.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  if (host.includes(":")) {
    const mapped = /^::ffff:([0-9a-f]{1,4}):[0-9a-f]{1,4}$/.exec(host);
    if (mapped) {
      const high = Number.parseInt(mapped[1] ?? "0", 16);
      return isPrivateAddress(high >> 8, high & 255);
    }
    return host === "::1" || /^f[cd][0-9a-f]{2}:/.test(host) || /^fe[89ab][0-9a-f]:/.test(host);
  }
  const address = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(host);
  if (address) return isPrivateAddress(Number(address[1]), Number(address[2]));
  return !host.includes(".") || /\.(localhost|local|internal|lan|home\.arpa)\.?$/.test(host);
}

function isPrivateAddress(a: number, b: number): boolean {
  return (
    a === 127 ||
    a === 10 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b <= 127)
  );
}
