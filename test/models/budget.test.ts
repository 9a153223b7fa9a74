import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PrefkitError } from "../../src/core/errors.ts";
import { createBudget } from "../../src/models/budget.ts";
import { costOf, costOfUsage } from "../../src/models/money.ts";
import { openSpendingLedger, type SpendingLedger } from "../../src/models/spending-ledger.ts";
import { callOf, endpointOf, never, pathOf, replyAfter, settled } from "./call-fixtures.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "prefkit-budget-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("money", () => {
  it("is counted in billionths", () => {
    // 1,000 × 0.5 + 200 × 1.5 = 800 millionths.
    expect(costOf({ in: 0.5, out: 1.5 }, 1000, 200)).toBe(800_000);
    expect(costOfUsage({ in: 0.5, out: 1.5 }, { promptTokens: 1000, outputTokens: 200 })).toBe(800_000);
    expect(costOfUsage({ in: 1, out: 1 }, { promptTokens: null, outputTokens: 200 })).toBeNull();
    // 0.1 + 0.2 as floating point is more than 0.3.
    expect(costOf({ in: 0.1, out: 0.2 }, 1, 1)).toBe(300);
  });
});

describe("a budget", () => {
  const place = () => ({ onLeave: null });

  it("lets others wait for money that may come back, first come first served", async () => {
    let exhausted = 0;
    const budget = createBudget({
      maxCost: 1,
      onExhausted: () => {
        exhausted += 1;
      },
    });
    const order: string[] = [];
    const first = await budget.reserve(7e8, place());
    const second = Promise.resolve(budget.reserve(8e8, place())).then((held) => {
      order.push("second");
      return held;
    });
    const third = Promise.resolve(budget.reserve(1e8, place())).then((held) => {
      order.push("third");
      return held;
    });
    await Promise.resolve();
    expect(order).toEqual([]);
    first.settle(1e8);
    (await second).settle(8e8);
    (await third).settle(0);
    expect(order).toEqual(["second", "third"]);
    expect(budget.state()).toEqual({ maxCost: 1e9, spent: 9e8, reserved: 0 });
    expect(exhausted).toBe(0);
  });

  it("is exhausted when nothing is held and the next call does not fit; it is said once", async () => {
    let exhausted = 0;
    const budget = createBudget({
      maxCost: 1,
      onExhausted: () => {
        exhausted += 1;
      },
    });
    const first = await budget.reserve(7e8, place());
    const waiting = settled([5e8, 6e8].map(async (amount) => budget.reserve(amount, place())));
    first.settle(7e8);
    expect(await waiting).toEqual([{ code: "budget" }, { code: "budget" }]);
    expect(() => budget.reserve(1, place())).toThrow(/budget of 1 leaves: 0.7 is spent/);
    expect(exhausted).toBe(1);
  });

  it("stops a run of calls before it could be passed, and then sends nothing more", async () => {
    let exhausted = 0;
    const budget = createBudget({
      maxCost: 0.001,
      onExhausted: () => {
        exhausted += 1;
      },
    });
    const { clock, path } = pathOf({ budget });
    const endpoint = endpointOf({ price: { in: 1, out: 1 } });
    const bounds = { promptTokens: 50, maxOutputTokens: 50 };
    const all = Array.from({ length: 200 }, (_, n) =>
      path.call(
        endpoint,
        callOf(n, () => replyAfter(clock, 10, n), bounds),
        never,
      ),
    );
    const ends = await clock.run(settled(all));
    // Each reserves 100 millionths of 1,000 and uses 15; 61 × 15 = 915, after which 100 do not fit into 85.
    expect(ends.filter((end) => typeof end === "number")).toHaveLength(61);
    expect(ends.filter((end) => typeof end !== "number" && end.code === "budget")).toHaveLength(139);
    expect(budget.state()).toEqual({ maxCost: 1_000_000, spent: 915_000, reserved: 0 });
    expect(exhausted).toBe(1);
    expect(path.usage()[0]?.sent).toBe(61);
  });
});

describe("the ledger", () => {
  const path = () => join(directory, "spending.jsonl");

  it("adds up what was settled, and in full what never was", () => {
    const first = openSpendingLedger(path());
    expect(first.spentBefore).toBe(0);
    first.settle(first.reserve(500), 120);
    first.reserve(300);
    first.close();
    const second = openSpendingLedger(path());
    expect(second.spentBefore).toBe(420);
    second.settle(second.reserve(50), 0);
    second.close();
    const third = openSpendingLedger(path());
    expect(third.spentBefore).toBe(420);
    third.close();
  });

  it.each([
    { torn: '{"reserve":"x-1","amo', spent: 500, why: "half a reservation never left" },
    { torn: '{"settle":"FIRST","amou', spent: 500, why: "half a settlement leaves the reservation" },
  ])("passes over a line cut short: $why", ({ torn, spent }) => {
    const first = openSpendingLedger(path());
    const id = first.reserve(500);
    first.close();
    appendFileSync(path(), torn.replace("FIRST", id));
    const second = openSpendingLedger(path());
    expect(second.spentBefore).toBe(spent);
    second.settle(second.reserve(70), 70);
    second.close();
    const third = openSpendingLedger(path());
    expect(third.spentBefore).toBe(spent + 70);
    third.close();
    expect(readFileSync(path(), "utf8").endsWith("\n")).toBe(true);
  });

  it("carries a budget over a restart", () => {
    const first = createBudget({ maxCost: 1, ledger: openSpendingLedger(path()) });
    const held = first.reserve(6e8, { onLeave: null });
    if (held instanceof Promise) throw new Error("it fits");
    held.begin();
    first.close();
    const second = createBudget({ maxCost: 1, ledger: openSpendingLedger(path()) });
    expect(second.state().spent).toBe(6e8);
    expect(() => second.reserve(5e8, { onLeave: null })).toThrow("budget");
    second.close();
  });

  it("that cannot be written keeps the request from leaving", async () => {
    expect(() => openSpendingLedger(join(directory, "not", "there"))).toThrow(/could not open/);
    const ledger: SpendingLedger = {
      spentBefore: 0,
      reserve: () => {
        throw new PrefkitError("io", "the disk is full.", "free some space.");
      },
      settle: () => {},
      close: () => {},
    };
    const { path: calls } = pathOf({ budget: createBudget({ maxCost: 1, ledger }) });
    let sent = 0;
    const call = callOf("q", async () => {
      sent += 1;
      return { reply: 1, usage: { promptTokens: 1, outputTokens: 1 } };
    });
    expect(await settled([calls.call(endpointOf({ price: { in: 1, out: 1 } }), call, never)])).toEqual([
      { code: "io" },
    ]);
    expect(sent).toBe(0);
  });
});
