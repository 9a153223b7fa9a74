import type { ServerLimits } from "./call-path.ts";

/** Response headers as undici hands them over: names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export function headerOf(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/**
 * How long a server asks to wait, in milliseconds; undefined when it does not say, or not in a way that can be read.
 * `retry-after-ms` (milliseconds) goes before `retry-after` (seconds, or an HTTP date; a date in the past is 0).
 *
 * Source: RFC 9110, section 10.2.3.
 * Worked: "retry-after: 2" → 2000; "retry-after-ms: 350" → 350.
 */
export function retryAfterMs(headers: ResponseHeaders, now: number): number | undefined {
  const milliseconds = nonNegative(headerOf(headers, "retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds;
  const text = headerOf(headers, "retry-after");
  const seconds = nonNegative(text);
  if (seconds !== undefined) return seconds * 1000;
  const date = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * The limits in `x-ratelimit-*` headers, as OpenAI and those who follow it write them; undefined when there are none.
 *
 * `resetMs` is that of the limit that is used up, the longer one when both are; with something left of each, the longer one.
 * Worked: remaining-requests 0, reset-requests "1m2.5s", remaining-tokens 90, reset-tokens "20ms" → 62,500.
 */
export function serverLimits(headers: ResponseHeaders): ServerLimits | undefined {
  const count = (name: string): number | undefined => nonNegative(headerOf(headers, `x-ratelimit-${name}`));
  const requestsPerMinute = count("limit-requests");
  const tokensPerMinute = count("limit-tokens");
  const remainingRequests = count("remaining-requests");
  const remainingTokens = count("remaining-tokens");
  const resets = [
    { remaining: remainingRequests, ms: durationMs(headerOf(headers, "x-ratelimit-reset-requests")) },
    { remaining: remainingTokens, ms: durationMs(headerOf(headers, "x-ratelimit-reset-tokens")) },
  ].flatMap(({ remaining, ms }) => (ms === undefined ? [] : [{ spent: remaining === 0, ms }]));
  const decisive = resets.some(({ spent }) => spent) ? resets.filter(({ spent }) => spent) : resets;
  const limits: ServerLimits = {
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...(tokensPerMinute !== undefined && { tokensPerMinute }),
    ...(remainingRequests !== undefined && { remainingRequests }),
    ...(remainingTokens !== undefined && { remainingTokens }),
    ...(decisive.length > 0 && { resetMs: Math.max(...decisive.map(({ ms }) => ms)) }),
  };
  return Object.keys(limits).length === 0 ? undefined : limits;
}

function nonNegative(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "6m0s", "1.5s", "20ms"; a bare number is seconds. */
function durationMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = nonNegative(text);
  if (seconds !== undefined) return seconds * 1000;
  if (!/^\s*(\d+(\.\d+)?(ms|s|m|h|d))+\s*$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(number) * (UNIT_MS[unit ?? ""] ?? 0);
  }
  return total;
}
