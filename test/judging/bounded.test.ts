import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bounded } from "../../src/judging/bounded.ts";

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};

describe("bounded", () => {
  it("gives results by index, with no more under way than allowed, whatever the order in which they come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9)), fc.integer({ min: 1, max: 5 }), async (waits, most) => {
        let running = 0;
        let peak = 0;
        const results = await bounded(waits, most, async (wait, index) => {
          running += 1;
          peak = Math.max(peak, running);
          await turns(wait);
          running -= 1;
          return [wait, index];
        });
        expect(results).toEqual(waits.map((wait, index) => [wait, index]));
        expect(peak).toBe(Math.min(most, waits.length));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("rejects once all that was under way has ended, and begins nothing more", async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const all = bounded([0, 1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      await turns(item === 1 ? 1 : 9);
      ended.push(item);
      if (item === 1) throw new Error("no");
    });
    await expect(all).rejects.toThrow("no");
    expect(begun).toEqual([0, 1]);
    expect(ended).toEqual([1, 0]);
  });
});
