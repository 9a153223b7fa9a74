import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallFailure } from "../../src/core/errors.ts";
import { createBudget } from "../../src/models/budget.ts";
import type { Sent } from "../../src/models/call-path.ts";
import { memoryReplyCache } from "../../src/models/reply-cache.ts";
import type { SpendingLedger } from "../../src/models/spending-ledger.ts";
import { callOf, endpointOf, failAfter, never, pathOf, replyAfter, settled } from "./call-fixtures.ts";

/** What the server does with one request. */
const anyFault = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("answer" as const), ms: fc.integer({ min: 0, max: 400 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("rate_limited" as const, "overloaded" as const),
      ms: fc.integer({ min: 0, max: 50 }),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: 5000 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "server_error" as const,
        "connection" as const,
        "bad_reply" as const,
        "bad_request" as const,
      ),
      ms: fc.integer({ min: 0, max: 400 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hang" as const) }) },
);

const anySchedule = fc.record({
  // Per call, what becomes of its first, second, … request; then answers.
  faults: fc.array(fc.array(anyFault, { maxLength: 5 }), { minLength: 1, maxLength: 60 }),
  concurrency: fc.integer({ min: 1, max: 40 }),
  maxCost: fc.option(fc.integer({ min: 1, max: 100 })),
});

/** The ledger as the moment-to-moment record of what has left and what it cost. */
function watchedLedger(limit: number): SpendingLedger & { readonly highest: () => number } {
  const open = new Map<string, number>();
  let [spent, highest, count] = [0, 0, 0];
  const look = (): void => {
    highest = Math.max(
      highest,
      [...open.values()].reduce((sum, amount) => sum + amount, spent),
    );
    expect(highest).toBeLessThanOrEqual(limit);
  };
  return {
    spentBefore: 0,
    reserve: (amount) => {
      open.set(String(count), amount);
      look();
      return String(count++);
    },
    settle: (id, amount) => {
      expect(amount).toBeLessThanOrEqual(open.get(id) ?? -1);
      expect(open.delete(id)).toBe(true);
      spent += amount;
      look();
    },
    close: () => {},
    highest: () => highest,
  };
}

describe("any schedule of faults", () => {
  it("ends every call with its answer or a code, pays no answer twice, and keeps within concurrency, cool-downs and budget", async () => {
    await fc.assert(
      fc.asyncProperty(anySchedule, async ({ faults, concurrency, maxCost }) => {
        // A call reserves 10 + 10 tokens at 1,000 per million: 0.02.
        const money = maxCost === null ? null : maxCost / 50;
        const ledger = money === null ? null : watchedLedger(Math.floor(money * 1e9));
        const budget = money === null || ledger === null ? null : createBudget({ maxCost: money, ledger });
        const cache = memoryReplyCache();
        const { clock, path } = pathOf({ cache, budget });
        const endpoint = endpointOf({
          concurrency,
          price: { in: 1000, out: 1000 },
          timeoutMs: 2000,
          retries: 2,
        });
        const answered = faults.map(() => 0);
        const requests = faults.map(() => 0);
        let [inFlight, heldUntil] = [0, 0];

        const send = (index: number, signal: AbortSignal): Promise<Sent<number>> => {
          const fault = faults[index]?.[requests[index] ?? 0];
          requests[index] = (requests[index] ?? 0) + 1;
          inFlight += 1;
          expect(inFlight).toBeLessThanOrEqual(concurrency);
          expect(clock.now()).toBeGreaterThanOrEqual(heldUntil);
          expect(answered[index]).toBe(0);
          const leave = (): void => {
            inFlight -= 1;
          };
          if (fault?.kind === "hang") {
            signal.addEventListener("abort", leave);
            return new Promise(() => {});
          }
          if (fault === undefined || fault.kind === "answer") {
            return replyAfter(clock, fault?.ms ?? 20, index).then((sent) => {
              leave();
              answered[index] = (answered[index] ?? 0) + 1;
              return sent;
            });
          }
          const retryAfterMs = "retryAfterMs" in fault ? fault.retryAfterMs : null;
          const failure = new CallFailure(
            fault.kind,
            fault.kind,
            retryAfterMs === null ? {} : { retryAfterMs },
          );
          return failAfter(clock, fault.ms, failure).catch((error: unknown) => {
            leave();
            if (retryAfterMs !== null) heldUntil = Math.max(heldUntil, clock.now() + retryAfterMs);
            throw error;
          });
        };
        const once = () =>
          settled(
            faults.map((_, index) =>
              path.call(
                endpoint,
                callOf(index, (signal) => send(index, signal)),
                never,
              ),
            ),
          );

        const first = await clock.run(once());
        first.forEach((end, index) => {
          if (typeof end === "number") expect([end, answered[index]]).toEqual([index, 1]);
          else expect([end.code, answered[index]]).not.toEqual(["cancelled", 1]);
        });
        expect(path.limits().key ?? { inFlight: 0, waiting: 0 }).toMatchObject({ inFlight: 0, waiting: 0 });
        if (budget !== null) expect(budget.state().reserved).toBe(0);

        // The same run again: what was answered is not asked again.
        const before = [...requests];
        const second = await clock.run(once());
        first.forEach((end, index) => {
          if (typeof end !== "number") return;
          expect([second[index], requests[index]]).toEqual([index, before[index]]);
        });
        expect(cache.size).toBe(answered.filter((count) => count > 0).length);
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  it("lets calls of one endpoint leave in the order they came", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 20 }),
        async (calls, concurrency) => {
          const { clock, path } = pathOf();
          const left: number[] = [];
          const all = Array.from({ length: calls }, (_, index) =>
            path.call(
              endpointOf({ concurrency }),
              callOf(index, () => {
                left.push(index);
                return replyAfter(clock, 10 + ((index * 37) % 50), index);
              }),
              never,
            ),
          );
          await clock.run(Promise.all(all));
          expect(left).toEqual(all.map((_, index) => index));
        },
      ),
      { numRuns: 30 },
    );
  });
});
