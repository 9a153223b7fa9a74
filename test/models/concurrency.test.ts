import { describe, expect, it } from "vitest";
import { CallFailure } from "../../src/core/errors.ts";
import { createConcurrency } from "../../src/models/concurrency.ts";
import { callOf, endpointOf, failAfter, never, pathOf, replyAfter, settled } from "./call-fixtures.ts";

describe("calls in flight", () => {
  /** The limit after looking at each millisecond up to `until`. */
  const grown = (limit: (now: number) => number, from: number, until: number): number => {
    for (let now = from; now < until; now++) limit(now);
    return limit(until);
  };

  it("start at 16, and grow by one per millisecond once the first 16 were answered", () => {
    const { limit, started, succeeded } = createConcurrency(() => 256, null);
    started(0);
    for (let success = 0; success < 15; success++) succeeded(200, 200);
    expect(grown(limit, 200, 300)).toBe(16);
    succeeded(300, 300);
    expect(grown(limit, 300, 400)).toBe(116);
    expect(grown(limit, 400, 1000)).toBe(256);
  });

  it("grow after 750 ms when replies take long", () => {
    const { limit, started } = createConcurrency(() => 256, null);
    started(0);
    expect(grown(limit, 0, 750)).toBe(16);
    expect(grown(limit, 750, 850)).toBe(116);
  });

  it("do not leap when the process was held up", () => {
    const { limit, started } = createConcurrency(() => 256, null);
    started(0);
    expect(limit(5000)).toBe(20);
  });

  it("halve once per round trip, and grow again by one per limit of successes", () => {
    const concurrency = createConcurrency(() => 256, 64);
    expect(concurrency.refused(100, 0, 1)).toBe(true);
    expect(concurrency.refused(110, 50, 1)).toBe(false);
    expect(concurrency.limit(110)).toBe(32);
    for (let success = 0; success < 33; success++) concurrency.succeeded(200, 10);
    expect(concurrency.limit(200)).toBe(33);
    expect(concurrency.refused(300, 250, 1)).toBe(true);
    expect(concurrency.limit(300)).toBe(16);
  });

  it("never fall below one, nor below what the learned pace needs", () => {
    const concurrency = createConcurrency(() => 256, 4);
    for (let time = 0; time < 10; time++) concurrency.refused(10 * time + 5, 10 * time, 3);
    expect(concurrency.limit(100)).toBe(3);
    for (let time = 10; time < 20; time++) concurrency.refused(10 * time + 5, 10 * time, 1);
    expect(concurrency.limit(200)).toBe(1);
  });

  it.each(["rate_limited", "overloaded", "timeout"] as const)(
    "halve on %s, which shows in the state",
    async (code) => {
      const { clock, path } = pathOf();
      const all = Array.from({ length: 200 }, (_, n) =>
        path.call(
          endpointOf({ concurrency: 64, retries: 0 }),
          callOf(n, () =>
            n === 150 ? failAfter(clock, 20, new CallFailure(code, code)) : replyAfter(clock, 20, n),
          ),
          never,
        ),
      );
      await clock.run(settled(all));
      expect(path.limits().key?.concurrency).toBeLessThan(36);
      expect(path.limits().key?.concurrency).toBeGreaterThanOrEqual(32);
    },
  );

  it("are filled for endpoints of one key each within its own limit", async () => {
    const { clock, path } = pathOf();
    const inFlight = { small: 0, large: 0 };
    const highest = { small: 0, large: 0 };
    const all = Array.from({ length: 100 }, (_, n) => {
      const name = n % 2 === 0 ? "small" : "large";
      return path.call(
        endpointOf({ name, concurrency: name === "small" ? 2 : 12 }),
        callOf(n, async () => {
          inFlight[name] += 1;
          highest[name] = Math.max(highest[name], inFlight[name]);
          const sent = await replyAfter(clock, 30, n);
          inFlight[name] -= 1;
          return sent;
        }),
        never,
      );
    });
    await clock.run(Promise.all(all));
    expect(highest).toEqual({ small: 2, large: 12 });
  });
});
