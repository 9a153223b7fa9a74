import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inOrder } from "../../../src/learn/rules/in-order.ts";
import type { Pace } from "../../../src/learn/rules/in-parallel.ts";

const pace: Pace = { signal: new AbortController().signal, concurrency: 3 };

async function* streamOf(items: readonly number[]): AsyncGenerator<number> {
  yield* items;
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};

describe("inOrder", () => {
  it("gives every result in item order, and has no more under way than told", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 40 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (waits, concurrency) => {
          let underWay = 0;
          let most = 0;
          const results: number[] = [];
          for await (const result of inOrder(streamOf(waits), { ...pace, concurrency }, async (wait) => {
            most = Math.max(most, ++underWay);
            await turns(wait);
            underWay -= 1;
            return wait;
          }))
            results.push(result);
          expect(results).toEqual(waits);
          expect(most).toBeLessThanOrEqual(concurrency);
          expect(underWay).toBe(0);
        },
      ),
      { seed: 1 },
    );
  });

  it("throws the first error in item order, begins nothing after any, and leaves nothing under way", async () => {
    const begun: number[] = [];
    let underWay = 0;
    const results: number[] = [];
    const work = async (item: number): Promise<number> => {
      begun.push(item);
      underWay += 1;
      // Item 1 fails last, item 2 first.
      await turns(item === 1 ? 60 : 20);
      underWay -= 1;
      if (item === 1 || item === 2) throw new Error(`item ${item}`);
      return item;
    };
    const all = (async () => {
      for await (const result of inOrder(streamOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), pace, work))
        results.push(result);
    })();
    await expect(all).rejects.toThrow("item 1");
    expect(results).toEqual([0]);
    expect(underWay).toBe(0);
    expect(begun.length).toBeLessThan(7);
  });

  it("begins nothing once stopped, but ends what is under way", async () => {
    const stop = new AbortController();
    let done = 0;
    const all = (async () => {
      for await (const _ of inOrder(
        streamOf([1, 2, 3, 4, 5]),
        { ...pace, stop: stop.signal },
        async (item) => {
          if (item === 2) stop.abort();
          await turns(20);
          done += 1;
        },
      ));
    })();
    await expect(all).rejects.toMatchObject({ code: "cancelled" });
    expect(done).toBe(2);
  });

  it("ends what is under way when whoever reads goes away", async () => {
    let underWay = 0;
    for await (const _ of inOrder(streamOf([1, 2, 3, 4, 5]), pace, async (item) => {
      underWay += 1;
      await turns(item * 30);
      underWay -= 1;
    }))
      break;
    expect(underWay).toBe(0);
  });
});
