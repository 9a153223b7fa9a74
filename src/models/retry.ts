import { CALL_FAILURES, type CallFailure, type CallFailureCode } from "../core/errors.ts";
import type { Random } from "../core/random.ts";

const BASE_MS = 500;
const LONGEST_MS = 60_000;

/** Refusals cost nothing, and the shared cool-down spaces them, so a call is not given up for a few. */
export const REFUSALS = 20;

/**
 * How long to wait before try number `tries` + 2: from half to all of 0.5 s × 2^tries, at most 60 s. The half that is
 * drawn keeps those apart who failed together. The third wait (tries 2) is 1 to 2 s.
 */
export function backoffMs(tries: number, random: Random): number {
  const longest = Math.min(LONGEST_MS, BASE_MS * 2 ** Math.min(tries, 20));
  return longest * (0.5 + 0.5 * random.uniform());
}

/** The server turned the call away unread: it cost nothing, and says when it will do more. */
export function isRefusal(code: CallFailureCode): boolean {
  return code === "rate_limited" || code === "overloaded";
}

/** What failed tries a call has behind it. */
export interface Tries {
  /** Failed otherwise than by refusal. */
  readonly failed: number;
  readonly refused: number;
}

/** Whether the call is tried again after this failure, which `tries` counts already. */
export function isTriedAgain(
  failure: CallFailure,
  tries: Tries,
  retries: number,
  longestHoldMs: number,
): boolean {
  if (!CALL_FAILURES[failure.code].retried) return false;
  if ((failure.retryAfterMs ?? 0) > longestHoldMs) return false;
  // Someone who wants no retries gets none, of any kind.
  return isRefusal(failure.code)
    ? tries.refused <= (retries === 0 ? 0 : Math.max(retries, REFUSALS))
    : tries.failed <= retries;
}

/** Nothing came of the try, and yet the server may have done the work and will bill it. */
export function mayBeBilled(failure: CallFailure): boolean {
  switch (failure.code) {
    case "rate_limited":
    case "overloaded":
    case "server_error":
    case "bad_request":
    case "unauthorized":
    case "too_long":
    case "template":
    case "span_impossible":
    case "span_merged":
    case "not_cached":
    case "budget":
      return false;
    case "connection":
      return !NEVER_CONNECTED.has(codeOf(failure.cause));
    default:
      return true;
  }
}

const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function codeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}
