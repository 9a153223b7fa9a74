import { describe, expect, it } from "vitest";
import { CallFailure, type CallFailureCode } from "../../src/core/errors.ts";
import { contentHash } from "../../src/core/ids.ts";
import { createBudget } from "../../src/models/budget.ts";
import { memoryReplyCache } from "../../src/models/reply-cache.ts";
import { callOf, endpointOf, failAfter, never, pathOf, replyAfter, settled, usage } from "./call-fixtures.ts";

const failure = (code: CallFailureCode, retryAfterMs?: number): CallFailure =>
  new CallFailure(code, code, retryAfterMs === undefined ? {} : { retryAfterMs });

describe("the cache in front", () => {
  it("answers what was answered before, in this path and in another", async () => {
    const cache = memoryReplyCache();
    const { clock, path } = pathOf({ cache });
    let sent = 0;
    const call = callOf({ text: "q", sample: 0 }, () => {
      sent += 1;
      return replyAfter(clock, 5, { text: "a" });
    });
    expect(await clock.run(path.call(endpointOf(), call, never))).toEqual({ text: "a" });
    expect(await path.call(endpointOf(), call, never)).toEqual({ text: "a" });
    expect(await pathOf({ cache, offline: true }).path.call(endpointOf(), call, never)).toEqual({
      text: "a",
    });
    expect(sent).toBe(1);
    expect(path.usage()).toMatchObject([{ name: "m", sent: 1, answered: 1, cached: 1 }]);
  });

  it("keeps n samples of one prompt as n entries, and endpoints apart", async () => {
    const cache = memoryReplyCache();
    const { clock, path } = pathOf({ cache });
    const calls = [0, 1, 2].map((sample) =>
      path.call(
        endpointOf(),
        callOf({ text: "q", sample }, () => replyAfter(clock, 5, sample)),
        never,
      ),
    );
    const other = path.call(
      endpointOf({ name: "n" }),
      callOf({ text: "q", sample: 0 }, () => replyAfter(clock, 5, 9)),
      never,
    );
    expect(await clock.run(Promise.all([...calls, other]))).toEqual([0, 1, 2, 9]);
    expect(cache.size).toBe(4);
  });

  it("has keys that are the content hash of {endpoint, request}", async () => {
    const cache = memoryReplyCache();
    const { clock, path } = pathOf({ cache });
    const endpoint = endpointOf();
    const request = { z: [1, "é"], a: null };
    await clock.run(
      path.call(
        endpoint,
        callOf(request, () => replyAfter(clock, 5, "r")),
        never,
      ),
    );
    expect(cache.get(contentHash({ endpoint: endpoint.identity, request }))).toEqual({ reply: "r", usage });
  });

  it("does not keep a failure", async () => {
    const cache = memoryReplyCache();
    const { clock, path } = pathOf({ cache });
    let tries = 0;
    const call = callOf("q", () => {
      tries += 1;
      return tries === 1 ? failAfter(clock, 5, failure("bad_request")) : replyAfter(clock, 5, "a");
    });
    expect(await clock.run(settled([path.call(endpointOf(), call, never)]))).toEqual([
      { code: "bad_request" },
    ]);
    expect(cache.size).toBe(0);
    expect(await clock.run(path.call(endpointOf(), call, never))).toBe("a");
  });

  it("offline, says what it does not hold and sends nothing", async () => {
    const { path } = pathOf({ cache: memoryReplyCache(), offline: true });
    const call = callOf("q", () => Promise.reject(new Error("sent")));
    expect(await settled([path.call(endpointOf(), call, never)])).toEqual([{ code: "not_cached" }]);
    expect(path.usage()[0]?.failed).toEqual({ not_cached: 1 });
  });
});

describe("equal calls at a time", () => {
  it("are sent once", async () => {
    const { clock, path } = pathOf();
    const call = callOf("q", () => replyAfter(clock, 5, "a"));
    const both = [path.call(endpointOf(), call, never), path.call(endpointOf(), call, never)];
    expect(await clock.run(Promise.all(both))).toEqual(["a", "a"]);
    expect(path.usage()).toMatchObject([{ sent: 1, joined: 1 }]);
  });

  it("go on when one who waits for them leaves, and stop when all have left", async () => {
    const { clock, path } = pathOf();
    const stopped: string[] = [];
    const call = (name: string) =>
      callOf(name, (signal) => {
        signal.addEventListener("abort", () => stopped.push(name));
        return replyAfter(clock, 50, name);
      });
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const results = settled([
      path.call(endpointOf(), call("shared"), first),
      path.call(endpointOf(), call("shared"), second),
      path.call(endpointOf(), call("left"), third),
      path.call(endpointOf(), call("left"), first),
    ]);
    await clock.advance(10);
    first.abort();
    third.abort();
    expect(await clock.run(results)).toEqual([
      { code: "cancelled" },
      "shared",
      { code: "cancelled" },
      { code: "cancelled" },
    ]);
    expect(stopped).toEqual(["left"]);
  });

  it("are asked anew by someone who comes after all others have left", async () => {
    const { clock, path } = pathOf();
    const leaving = new AbortController();
    const call = callOf("q", () => replyAfter(clock, 50, "a"));
    const left = settled([path.call(endpointOf(), call, leaving)]);
    await clock.advance(10);
    leaving.abort();
    const again = path.call(endpointOf(), call, never);
    expect(await clock.run(Promise.all([left, again]))).toEqual([[{ code: "cancelled" }], "a"]);
    expect(path.usage()).toMatchObject([{ sent: 2, answered: 1 }]);
  });
});

describe("a try that fails", () => {
  it.each([
    { code: "server_error", tries: 3 },
    { code: "connection", tries: 3 },
    { code: "bad_reply", tries: 3 },
    { code: "bad_request", tries: 1 },
    { code: "unauthorized", tries: 1 },
    { code: "no_logprobs", tries: 1 },
    // The first and 20 more, as refusals cost nothing.
    { code: "rate_limited", tries: 21 },
    { code: "overloaded", tries: 21 },
  ] as const)("by $code is tried $tries times with 2 retries", async ({ code, tries }) => {
    const { clock, path } = pathOf();
    const call = callOf("q", () => failAfter(clock, 5, failure(code)));
    expect(await clock.run(settled([path.call(endpointOf(), call, never)]))).toEqual([{ code }]);
    expect(path.usage()).toMatchObject([
      { sent: tries, retries: tries - 1, failedTries: { [code]: tries }, failed: { [code]: 1 } },
    ]);
  });

  it("waits at least as long as the server asks", async () => {
    const { clock, path } = pathOf();
    const times: number[] = [];
    const call = callOf("q", () => {
      times.push(clock.now());
      return times.length === 1
        ? failAfter(clock, 5, failure("server_error", 30_000))
        : replyAfter(clock, 5, "a");
    });
    await clock.run(path.call(endpointOf(), call, never));
    // Sent at 0, refused at 5, held for 30,000.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(30_005);
  });

  it("is not tried again when the server wants to be left alone for longer than ten minutes", async () => {
    const { clock, path } = pathOf();
    const call = callOf("q", () => failAfter(clock, 5, failure("rate_limited", 601_000)));
    expect(await clock.run(settled([path.call(endpointOf(), call, never)]))).toEqual([
      { code: "rate_limited" },
    ]);
    expect(path.usage()).toMatchObject([{ sent: 1 }]);
  });

  it("in a way that no client may, is passed on as it is and not tried again", async () => {
    const { clock, path } = pathOf();
    const fault = new TypeError("x is not a function");
    const async = path.call(
      endpointOf(),
      callOf("q", () => failAfter(clock, 5, fault)),
      never,
    );
    await expect(clock.run(async)).rejects.toBe(fault);
    const sync = callOf("r", () => {
      throw fault;
    });
    await expect(path.call(endpointOf(), sync, never)).rejects.toBe(fault);
  });
});

describe("time", () => {
  it("ends a try that hangs, tells it to stop, and does not wait for it", async () => {
    const { clock, path } = pathOf();
    let aborted = 0;
    const call = callOf("q", (signal) => {
      signal.addEventListener("abort", () => {
        aborted += 1;
      });
      return new Promise<never>(() => {});
    });
    const began = clock.now();
    const ended = settled([path.call(endpointOf({ timeoutMs: 1000, retries: 1 }), call, never)]);
    expect(await clock.run(ended)).toEqual([{ code: "timeout" }]);
    expect(aborted).toBe(2);
    // Two tries of 1,000 ms, and a wait of 250 to 500 ms between them.
    expect(clock.now() - began).toBeGreaterThanOrEqual(2250);
    expect(clock.now() - began).toBeLessThanOrEqual(2500);
    await path.drain();
  });

  it("does not run out for a model in process, which is not limited either", async () => {
    const { clock, path } = pathOf();
    const endpoint = endpointOf({ timeoutMs: 10, concurrency: 1, requestsPerMinute: 1 }, null);
    const began = clock.now();
    const calls = [1, 2, 3].map((n) =>
      path.call(
        endpoint,
        callOf(n, () => replyAfter(clock, 500, n)),
        never,
      ),
    );
    expect(await clock.run(Promise.all(calls))).toEqual([1, 2, 3]);
    expect(clock.now() - began).toBe(500);
  });
});

describe("cancelling", () => {
  it("ends what waits and what is in flight at once, and then nothing is under way", async () => {
    const { clock, path } = pathOf();
    const controller = new AbortController();
    let aborted = 0;
    const calls = Array.from({ length: 40 }, (_, n) =>
      path.call(
        endpointOf({ concurrency: 4 }),
        callOf(n, (signal) => {
          signal.addEventListener("abort", () => {
            aborted += 1;
          });
          return new Promise<never>(() => {});
        }),
        controller,
      ),
    );
    await clock.advance(100);
    controller.abort();
    const ends = await settled(calls);
    expect(ends.every((end) => (end as { code: string }).code === "cancelled")).toBe(true);
    expect(aborted).toBe(4);
    await path.drain();
    expect(path.limits().key).toMatchObject({ inFlight: 0, waiting: 0 });
  });

  it("ends a wait between two tries, and a wait for the budget", async () => {
    const controller = new AbortController();
    const { clock, path } = pathOf({ budget: createBudget({ maxCost: 1 }) });
    // Half a unit of money per call, so that the third waits.
    const endpoint = endpointOf({ price: { in: 0, out: 1 } });
    const bounds = { maxOutputTokens: 500_000 };
    const ends = settled([
      path.call(
        endpoint,
        callOf(1, () => failAfter(clock, 5, failure("server_error")), bounds),
        controller,
      ),
      path.call(
        endpoint,
        callOf(2, () => new Promise<never>(() => {}), bounds),
        controller,
      ),
      path.call(
        endpoint,
        callOf(3, () => replyAfter(clock, 5, 3), bounds),
        controller,
      ),
      path.call(
        endpoint,
        callOf(4, () => replyAfter(clock, 5, 4), bounds),
        controller,
      ),
    ]);
    await clock.advance(50);
    controller.abort();
    expect((await ends).map((end) => (end as { code: string }).code ?? end)).toEqual([
      "cancelled",
      "cancelled",
      3,
      "cancelled",
    ]);
    await path.drain();
  });

  it("refuses a call whose signal has aborted already", async () => {
    const { path } = pathOf();
    const call = callOf("q", () => Promise.reject(new Error("sent")));
    expect(await settled([path.call(endpointOf(), call, { signal: AbortSignal.abort() })])).toEqual([
      { code: "cancelled" },
    ]);
  });
});

describe("usage and money", () => {
  it("adds up what servers counted, and counts tries that may be billed in full", async () => {
    const { clock, path } = pathOf();
    const endpoint = endpointOf({ price: { in: 1, out: 2 }, retries: 1 });
    let tries = 0;
    const call = callOf(
      "q",
      () => {
        tries += 1;
        return tries === 1 ? failAfter(clock, 5, failure("bad_reply")) : replyAfter(clock, 5, "a");
      },
      { promptTokens: 100, maxOutputTokens: 50 },
    );
    await clock.run(path.call(endpoint, call, never));
    const [counted] = path.usage();
    expect(counted).toMatchObject({ promptTokens: 10, outputTokens: 5, uncounted: 0, sent: 2, answered: 1 });
    // By hand, per million: the bad reply 100 × 1 + 50 × 2 = 200, the answer 10 × 1 + 5 × 2 = 20.
    expect(counted?.cost).toBeCloseTo(220e-6, 12);
  });

  it("bills a reply that could not be used by what the server counted for it", async () => {
    const { clock, path } = pathOf();
    const endpoint = endpointOf({ price: { in: 1, out: 2 }, retries: 0 });
    const usage = { promptTokens: 7, outputTokens: 3 };
    const call = callOf("q", async () => Promise.reject(new CallFailure("bad_reply", "no", { usage })), {
      promptTokens: 100,
      maxOutputTokens: 50,
    });
    await clock.run(settled([path.call(endpoint, call, never)]));
    const [counted] = path.usage();
    expect(counted).toMatchObject({ promptTokens: 7, outputTokens: 3, uncounted: 0, answered: 0 });
    // By hand, per million: 7 × 1 + 3 × 2 = 13.
    expect(counted?.cost).toBeCloseTo(13e-6, 12);
  });

  it("takes an answer without a count as costing all that was reserved", async () => {
    const budget = createBudget({ maxCost: 1 });
    const { clock, path } = pathOf({ budget });
    const call = callOf("q", async () => ({ reply: "a", usage: { promptTokens: null, outputTokens: null } }));
    await clock.run(path.call(endpointOf({ price: { in: 1, out: 1 } }), call, never));
    // 10 prompt tokens and 10 output tokens at 1 per million, in billionths.
    expect(budget.state()).toEqual({ maxCost: 1e9, spent: 20_000, reserved: 0 });
    expect(path.usage()).toMatchObject([{ uncounted: 1 }]);
  });

  it("refuses a model without a price when money is limited", async () => {
    const { path } = pathOf({ budget: createBudget({ maxCost: 1 }) });
    const call = callOf("q", () => Promise.reject(new Error("sent")));
    expect(await settled([path.call(endpointOf(), call, never)])).toEqual([{ code: "missing_price" }]);
    expect(
      await path.call(
        endpointOf({}, null),
        callOf("q", async () => ({ reply: 1, usage })),
        never,
      ),
    ).toBe(1);
  });
});
