import { describe, expect, it } from "vitest";
import { inTurns } from "../../src/serve/turns.ts";

/** Keeps the thread for so many milliseconds. */
function keep(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe("work in turns", () => {
  it("is done in order, each item once, at once where it is little, with promises left as they are", async () => {
    const promise = Promise.resolve("c");
    const results = await inTurns(["a", "b"], (item, index) => (index === 1 ? promise : item));
    expect(results[0]).toBe("a");
    expect(results[1]).toBe(promise);
    expect(inTurns([], keep)).toEqual([]);
  });

  it("lets others have the thread in between", async () => {
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    // 20 items of 3 ms: the thread is given away after two of them, ten times.
    const whole = inTurns(Array(20).fill(3), keep);
    expect(whole).toBeInstanceOf(Promise);
    expect(await whole).toHaveLength(20);
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it("takes no item before its turn, and ends with the first that throws", async () => {
    const taken: number[] = [];
    const items = function* () {
      for (let item = 0; ; item++) {
        taken.push(item);
        yield item;
      }
    };
    const work = (item: number): number => {
      if (item === 2) throw new Error("broken");
      return item;
    };
    expect(() => inTurns(items(), work)).toThrow("broken");
    expect(taken).toEqual([0, 1, 2]);
    const late = inTurns([6, 0, 0], (ms, index) => {
      keep(ms);
      return work(index);
    });
    await expect(late).rejects.toThrow("broken");
  });
});
