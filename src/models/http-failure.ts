import { CallFailure, type CallFailureCode } from "../core/errors.ts";
import type { Json } from "../core/types.ts";
import { headerOf, type ResponseHeaders, retryAfterMs, serverLimits } from "./rate-headers.ts";

/** What must not stand in an error: the secrets sent with a request, and the texts in it. */
export interface Unspoken {
  readonly secrets: readonly string[];
  /** The JSON text sent. Its strings are the user's prompts, except `model`, which errors may name. */
  readonly body: string | null;
}

const EXCERPT = 200;
/** A run of this many characters shared with the request's texts is taken for a quotation of them. */
const QUOTATION = 16;

/** How servers say that a prompt is longer than their context: vLLM, SGLang, TGI, OpenAI, Fireworks, Together. */
const TOO_LONG =
  /context[_ ]length|maximum model length|maximum length|maximum allowed length|too long|must have less than \d+ tokens|max_new_tokens` must be <=|max_total_tokens|max_input_(tokens|length)/i;
const OUT_OF_CREDIT = /insufficient_quota|billing|out of credit|exceeded your (current|monthly)/i;

/** The failure that an HTTP status other than 2xx stands for. */
export function failureOfStatus(
  where: string,
  status: number,
  headers: ResponseHeaders,
  text: string,
  unspoken: Unspoken,
): CallFailure {
  const { message, code } = errorIn(text);
  const said = excerpt(message, unspoken);
  const why = `${where} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status === 429 && !OUT_OF_CREDIT.test(`${code} ${message}`))
    return waiting("rate_limited", why, headers);
  if (status === 429 || status === 402) {
    return new CallFailure("unauthorized", `${why}. The account is out of credit: no retry will help.`);
  }
  if (status === 503 || status === 529) return waiting("overloaded", why, headers);
  if (status === 408) return waiting("timeout", why, headers);
  if (status >= 500) return waiting("server_error", why, headers);
  if (status === 401 || status === 403) return new CallFailure("unauthorized", why);
  if (status >= 300 && status < 400) {
    const target = excerpt(headerOf(headers, "location") ?? "nowhere", unspoken);
    return new CallFailure(
      "bad_request",
      `${where} redirects to ${target}; redirects are not followed, since they would carry the key along. Name the final address as baseUrl.`,
    );
  }
  if (status !== 404 && TOO_LONG.test(`${code} ${message}`)) return new CallFailure("too_long", why);
  return new CallFailure("bad_request", why);
}

function waiting(code: CallFailureCode, why: string, headers: ResponseHeaders): CallFailure {
  // Without a retry-after, the time until a used-up limit is whole again says the same.
  const limits = serverLimits(headers);
  const isUsedUp = limits?.remainingRequests === 0 || limits?.remainingTokens === 0;
  const wait = retryAfterMs(headers, Date.now()) ?? (isUsedUp ? limits?.resetMs : undefined);
  return new CallFailure(code, why, wait === undefined ? {} : { retryAfterMs: wait });
}

/** The failure that a reply with status 200 stands for when it is an error all the same, as some routers send; else null. */
export function failureInReply(where: string, json: unknown, unspoken: Unspoken): CallFailure | null {
  if (typeof json !== "object" || json === null || !("error" in json) || !json.error) return null;
  const { error } = json;
  const code = typeof error === "object" && "code" in error ? Number(error.code) : Number.NaN;
  const text = JSON.stringify({ error });
  if (Number.isInteger(code) && code >= 400 && code < 600) {
    return failureOfStatus(where, code, {}, text, unspoken);
  }
  const { message, code: name } = errorIn(text);
  const kind = TOO_LONG.test(`${name} ${message}`) ? "too_long" : "bad_reply";
  return new CallFailure(kind, `${where} answered with an error: ${excerpt(message, unspoken)}`);
}

/** The failure of a body that is not JSON. */
export function failureOfText(where: string, text: string, unspoken: Unspoken): CallFailure {
  // Python's json module writes these three words, which JSON does not know.
  if (/[[:,]\s*(-?Infinity|NaN)\s*[,\]}]/.test(text)) {
    return new CallFailure("not_finite", `${where} wrote NaN or Infinity, which JSON cannot say`);
  }
  const start = excerpt(text, unspoken, 80);
  return new CallFailure(
    "bad_reply",
    `${where} sent ${text.length} characters that are not JSON${start === "" ? "" : `, starting with: ${start}`}`,
  );
}

/** What went wrong below HTTP: refused, reset, a body cut short, an unknown host, a bad certificate. */
export function failureOfTransport(where: string, error: unknown, signal: AbortSignal): CallFailure {
  if (signal.aborted)
    return new CallFailure("cancelled", `the call to ${where} was stopped`, { cause: error });
  const code = codeOf(error);
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
    return new CallFailure("bad_reply", `${where} sent more than a reply can hold`, { cause: error });
  }
  const kind =
    code === "UND_ERR_CONNECT_TIMEOUT" ? "no connection in time" : (code ?? "the connection broke");
  return new CallFailure("connection", `${where}: ${kind}`, { cause: error });
}

function codeOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null;
  if ("code" in error && typeof error.code === "string") return error.code;
  return "cause" in error ? codeOf(error.cause) : null;
}

/** The message in an error body: `error.message`, `error`, `message` or `detail`; else the text itself. */
function errorIn(text: string): { readonly message: string; readonly code: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { message: text, code: "" };
  }
  if (typeof json !== "object" || json === null) return { message: String(json), code: "" };
  const outer = json as Record<string, unknown>;
  const inner = typeof outer.error === "object" && outer.error !== null ? outer.error : outer;
  const fields = inner as Record<string, unknown>;
  const said = fields.message ?? fields.error ?? fields.detail ?? outer.message ?? "";
  const message = typeof said === "string" ? said : JSON.stringify(said);
  return { message, code: String(fields.code ?? fields.type ?? fields.error_type ?? "") };
}

/** The start of what a server said, on one line, without secrets and without quotations of the request. */
export function excerpt(text: string, { secrets, body }: Unspoken, limit = EXCERPT): string {
  let line = text;
  for (const secret of secrets) if (secret !== "") line = line.replaceAll(secret, "[key]");
  line = withoutQuotations(line.slice(0, 4 * limit), body)
    .replace(/\s+/g, " ")
    .trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}

/** Servers that check their input quote it in the error. */
function withoutQuotations(text: string, body: string | null): string {
  if (body === null) return text;
  const raw = stringsIn(JSON.parse(body) as Json).join("\n");
  const escaped = JSON.stringify(raw);
  let kept = "";
  let position = 0;
  while (position < text.length) {
    let length = QUOTATION;
    const isQuoted = (): boolean => {
      const window = text.slice(position, position + length);
      return window.length === length && (raw.includes(window) || escaped.includes(window));
    };
    if (!isQuoted()) {
      kept += text[position];
      position += 1;
      continue;
    }
    while (isQuoted()) length += 1;
    kept += "[…]";
    position += length - 1;
  }
  return kept;
}

function stringsIn(body: Json): string[] {
  if (typeof body === "string") return [body];
  if (Array.isArray(body)) return body.flatMap(stringsIn);
  if (typeof body !== "object" || body === null) return [];
  return Object.entries(body).flatMap(([name, value]) => (name === "model" ? [] : stringsIn(value)));
}
