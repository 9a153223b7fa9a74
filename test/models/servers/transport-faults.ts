import { afterEach, describe, expect, it } from "vitest";
import { isCallFailure } from "../../../src/core/errors.ts";
import { type Answer, startServer, type TestServer } from "./http-server.ts";

/** Ways in which any server goes wrong, and what a client says then. */
export const TRANSPORT_FAULTS: readonly {
  readonly name: string;
  readonly answer: Answer;
  readonly code: string;
  readonly retryAfterMs?: number;
}[] = [
  { name: "429", answer: { status: 429 }, code: "rate_limited" },
  {
    name: "429 with retry-after in seconds",
    answer: { status: 429, headers: { "retry-after": "2" } },
    code: "rate_limited",
    retryAfterMs: 2000,
  },
  {
    name: "429 with retry-after-ms",
    answer: { status: 429, headers: { "retry-after-ms": "350", "retry-after": "9" } },
    code: "rate_limited",
    retryAfterMs: 350,
  },
  {
    name: "429 with a date in the past",
    answer: { status: 429, headers: { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" } },
    code: "rate_limited",
    retryAfterMs: 0,
  },
  {
    name: "429 with the time until a used-up limit is whole again",
    answer: {
      status: 429,
      headers: { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1.5s" },
    },
    code: "rate_limited",
    retryAfterMs: 1500,
  },
  {
    name: "429 because the account is empty",
    answer: {
      status: 429,
      json: { error: { message: "You exceeded your current quota", code: "insufficient_quota" } },
    },
    code: "unauthorized",
  },
  {
    name: "503",
    answer: { status: 503, headers: { "retry-after": "1" } },
    code: "overloaded",
    retryAfterMs: 1000,
  },
  { name: "529", answer: { status: 529 }, code: "overloaded" },
  { name: "500", answer: { status: 500, json: { error: { message: "boom" } } }, code: "server_error" },
  { name: "502 with HTML", answer: { status: 502, text: "<html>bad gateway</html>" }, code: "server_error" },
  { name: "408", answer: { status: 408 }, code: "timeout" },
  {
    name: "400",
    answer: { status: 400, json: { error: { message: "no such field" } } },
    code: "bad_request",
  },
  {
    name: "400 for a prompt that is too long",
    answer: {
      status: 400,
      json: {
        error: {
          message: "This model's maximum context length is 4096 tokens. However, you requested 5000.",
        },
      },
    },
    code: "too_long",
  },
  {
    name: "422 for a prompt that is too long",
    answer: {
      status: 422,
      json: { error: "Input validation error: `inputs` must have less than 1024 tokens. Given: 5000" },
    },
    code: "too_long",
  },
  { name: "404", answer: { status: 404, json: { detail: "Not Found" } }, code: "bad_request" },
  { name: "401", answer: { status: 401 }, code: "unauthorized" },
  { name: "403", answer: { status: 403 }, code: "unauthorized" },
  { name: "402", answer: { status: 402 }, code: "unauthorized" },
  {
    name: "a redirect",
    answer: { status: 307, headers: { location: "http://127.0.0.1:9/elsewhere" } },
    code: "bad_request",
  },
  { name: "a reset connection", answer: "reset", code: "connection" },
  { name: "a body cut short", answer: "cut", code: "connection" },
  { name: "a body without end", answer: "huge", code: "bad_reply" },
  { name: "truncated JSON", answer: { text: '{"choices":[{"mess' }, code: "bad_reply" },
  { name: "an empty body", answer: { text: "" }, code: "bad_reply" },
  {
    name: "HTML with status 200",
    answer: { text: "<html>login</html>", headers: { "content-type": "text/html" } },
    code: "bad_reply",
  },
  { name: "a literal -Infinity", answer: { text: '{"choices":[{"x":[-Infinity]}]}' }, code: "not_finite" },
  { name: "a literal NaN", answer: { text: '{"choices":[{"x":NaN}]}' }, code: "not_finite" },
  {
    name: "an error with status 200",
    answer: { json: { error: { message: "no", code: 429 } } },
    code: "rate_limited",
  },
];

/** Something that a client can be asked to do, already opened on the server's address. */
export type Asking = (signal: AbortSignal) => Promise<unknown>;

/** Registers the ways of going wrong for one client. `open` makes a client with the key that stands in `KEY`. */
export function failsAsServersDo(open: (url: string) => Promise<Asking>): void {
  let server: TestServer | null = null;
  afterEach(async () => {
    await server?.close();
    server = null;
  });
  const calm = () => new AbortController().signal;

  describe("when the server goes wrong", () => {
    it.each(TRANSPORT_FAULTS)("$name is $code, asked once", async ({ answer, code, retryAfterMs = null }) => {
      server = await startServer(() => answer);
      const ask = await open(server.url);
      const failure = await failureOf(ask(calm()));
      expect(failure).toMatchObject({ name: "CallFailure", code, retryAfterMs });
      expect(server.received.length).toBe(1);
    });

    it("nobody listens: connection", async () => {
      server = await startServer(() => ({}));
      const { url } = server;
      await server.close();
      const ask = await open(url);
      expect(await failureOf(ask(calm()))).toMatchObject({ code: "connection" });
    });

    it("it hangs: aborting ends the call", async () => {
      const controller = new AbortController();
      server = await startServer(() => {
        controller.abort();
        return "hang";
      });
      const ask = await open(server.url);
      expect(await failureOf(ask(controller.signal))).toMatchObject({ code: "cancelled" });
    });

    it("no key and no prompt stands in an error, although the server sends both back", async () => {
      server = await startServer(({ headers, body }) => ({
        status: 400,
        json: { error: { message: `refused ${headers.authorization}: ${JSON.stringify(body)}`.repeat(3) } },
      }));
      const ask = await open(server.url);
      const { message } = await failureOf(ask(calm()));
      expect(message).not.toContain(KEY);
      expect(message).not.toContain(SECRET_TEXT.slice(0, 20));
      expect(message).toContain("refused Bearer [key]");
      expect(message.length).toBeLessThan(300);
    });
  });
}

/** The key that clients under test are given, and a text that their requests hold. */
export const KEY = "sk-test-0123456789abcdef0123456789abcdef";
export const SECRET_TEXT = "The patient of room seven has told me that her heart beats too fast.";

export async function failureOf(promise: Promise<unknown>): Promise<Error & { readonly code: string }> {
  try {
    await promise;
  } catch (error) {
    if (isCallFailure(error)) return error;
    throw error;
  }
  throw new Error("the call went well, and was meant to fail");
}
