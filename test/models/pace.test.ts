import { describe, expect, it } from "vitest";
import { randomFor } from "../../src/core/random.ts";
import { createCallPath } from "../../src/models/call-path.ts";
import { memoryLimitStore } from "../../src/models/limit-store.ts";
import { admit, freshPace, heard, type PaceState, refused, requestRateAt } from "../../src/models/pace.ts";
import { callOf, endpointOf, never, pathOf } from "./call-fixtures.ts";
import { limitedServer } from "./limited-server.ts";
import { virtualClock } from "./virtual-clock.ts";

const unknown = { requests: null, tokens: null };

describe("the pace", () => {
  it("is what the server took between two refusals, over the time between them", () => {
    // Refused at 1,000; 20 calls taken; the next, sent at 3,000, refused: 20 in 2 s.
    const first = refused(freshPace(0), { order: -1, sentAt: 1000 }, 1005);
    const second = refused({ ...first, sent: 21 }, { order: 20, sentAt: 3000 }, 3005);
    expect(first.learnedRate).toBeNull();
    expect(second.learnedRate).toBe(20 / 2000);
  });

  it("counts refusals of one moment as one", () => {
    const first = refused(freshPace(0), { order: -1, sentAt: 1000 }, 1005);
    const again = refused(first, { order: -1, sentAt: 1003 }, 1008);
    expect([again.learnedRate, again.refusedAt]).toEqual([null, 1005]);
    expect(again.emptyAt).toBe(1003);
  });

  it("rises while nothing is refused, slowly first", () => {
    const learned: PaceState = { ...freshPace(0), learnedRate: 0.01, raisedFrom: 0, raiseMs: 15_000 };
    expect(requestRateAt(learned, unknown, 0)).toBe(0.01);
    // (1.5 ÷ 15)² is 1 %; (15 ÷ 15)² is 100 %.
    expect(requestRateAt(learned, unknown, 1500)).toBeCloseTo(0.0101, 10);
    expect(requestRateAt(learned, unknown, 15_000)).toBeCloseTo(0.02, 10);
  });

  it("never goes beyond what settings or headers say", () => {
    const told = heard(freshPace(0), { requestsPerMinute: 600 }, 0);
    expect(requestRateAt(told, unknown, 0)).toBe(0.01);
    expect(requestRateAt(told, { requests: 0.005, tokens: null }, 0)).toBe(0.005);
  });

  it("holds all calls when the headers say that nothing is left and not how fast it comes back", () => {
    const told = heard(freshPace(0), { remainingRequests: 0, resetMs: 400 }, 1000);
    expect(admit(told, unknown, 1, 1000)).toMatchObject({ waitMs: 400, ticket: null });
    expect(admit(told, unknown, 1, 1400)).toMatchObject({ waitMs: 0 });
  });

  it("spends tokens per minute as well as requests", () => {
    // 60,000 tokens a minute are 1 per ms, and up to 1,000 ms of them are at hand.
    let state = freshPace(0);
    const known = { requests: null, tokens: 1 };
    const waits: number[] = [];
    for (let call = 0; call < 4; call++) {
      const admission = admit(state, known, 600, 10_000);
      waits.push(admission.waitMs);
      state = admission.state;
    }
    expect(waits).toEqual([0, 0, 200, 200]);
  });
});

describe("behind a token bucket of 600 requests a minute, burst 10, that only refuses", () => {
  it.each(
    [true, false].flatMap((hints) =>
      [5, 20, 50, 100, 200, 350, 500].map((latencyMs) => ({ hints, latencyMs })),
    ),
  )(
    "1,800 calls lose no row, waste under 2 % and take at most 5 % longer than the limit itself, at $latencyMs ms, retry-after $hints",
    async ({ hints, latencyMs }) => {
      const clock = virtualClock();
      const server = limitedServer({ clock, perMinute: 600, burst: 10, latencyMs, hints });
      const path = createCallPath({
        cache: null,
        limits: null,
        budget: null,
        offline: false,
        clock,
        random: randomFor(1, "jitter"),
      });
      const began = clock.now();
      const calls = Array.from({ length: 1800 }, (_, n) =>
        path.call(
          endpointOf(),
          callOf(n, () => server.send(n)),
          never,
        ),
      );
      const replies = await clock.run(Promise.all(calls));
      expect(replies).toEqual(calls.map((_, n) => n));
      expect(server.refused / 1800).toBeLessThan(0.02);
      // The first 10 are free, the others come at 10 per second; the last reply takes its latency.
      expect((clock.now() - began) / (179_000 + latencyMs)).toBeLessThan(1.05);
    },
  );
});

describe("behind the same bucket, with requests up to 100 ms late", () => {
  it.each([1, 2, 3])(
    "1,800 calls still waste under 2 % and take at most 5 % longer, with seed %i",
    async (seed) => {
      const random = randomFor(seed, "late");
      const late = () => 100 * random.uniform();
      const { clock, path } = pathOf();
      const server = limitedServer({ clock, perMinute: 600, burst: 10, latencyMs: 50, hints: true, late });
      const began = clock.now();
      const calls = Array.from({ length: 1800 }, (_, n) =>
        path.call(
          endpointOf(),
          callOf(n, () => server.send(n)),
          never,
        ),
      );
      await clock.run(Promise.all(calls));
      expect(server.refused / 1800).toBeLessThan(0.02);
      expect((clock.now() - began) / 179_150).toBeLessThan(1.05);
    },
  );
});

describe("a limit that is known", () => {
  it("is kept by two processes together, without a refusal", async () => {
    const clock = virtualClock();
    const server = limitedServer({ clock, perMinute: 600, burst: 12, latencyMs: 100, hints: true });
    const limits = memoryLimitStore();
    const paths = [1, 2].map((seed) =>
      createCallPath({
        cache: null,
        limits,
        budget: null,
        offline: false,
        clock,
        random: randomFor(seed, "x"),
      }),
    );
    const began = clock.now();
    const calls = paths.flatMap((path, process) =>
      Array.from({ length: 200 }, (_, n) =>
        path.call(
          endpointOf({ requestsPerMinute: 600 }),
          callOf([process, n], () => server.send(n)),
          never,
        ),
      ),
    );
    await clock.run(Promise.all(calls));
    expect(server.refused).toBe(0);
    // 400 calls at 10 per second, with up to a second's worth at once.
    expect(clock.now() - began).toBeGreaterThan(38_000);
    expect(clock.now() - began).toBeLessThan(40_500);
  });

  it("is obeyed when the headers of the first replies tell it", async () => {
    const { clock, path } = pathOf();
    const left: number[] = [];
    const calls = Array.from({ length: 100 }, (_, n) =>
      path.call(
        endpointOf(),
        callOf(n, async () => {
          left.push(clock.now());
          return {
            reply: n,
            usage: { promptTokens: 1, outputTokens: 1 },
            limits: { requestsPerMinute: 600, remainingRequests: 50 },
          };
        }),
        never,
      ),
    );
    await clock.run(Promise.all(calls));
    const later = left.slice(40);
    expect((later.at(-1) as number) - (later[0] as number)).toBeGreaterThan(5500);
  });
});

it("a pace that was learned is where the next process starts", async () => {
  const limits = memoryLimitStore();
  const clock = virtualClock();
  const server = limitedServer({ clock, perMinute: 600, burst: 10, latencyMs: 50, hints: true });
  const options = {
    cache: null,
    limits,
    budget: null,
    offline: false,
    clock,
    random: randomFor(1, "jitter"),
  };
  const runOnce = async () => {
    const path = createCallPath(options);
    const before = server.refused;
    const calls = Array.from({ length: 300 }, (_, n) =>
      path.call(
        endpointOf(),
        callOf(n, () => server.send(n)),
        never,
      ),
    );
    await clock.run(Promise.all(calls));
    return server.refused - before;
  };
  const first = await runOnce();
  expect(first).toBeGreaterThan(10);
  expect(await runOnce()).toBeLessThan(first / 2);
});
