import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mapOrdered } from "../../src/annotate/ordered.ts";

interface Held {
  readonly item: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Work whose promises a test settles by hand. */
function heldWork() {
  const held: Held[] = [];
  const work = (item: number): Promise<number> =>
    new Promise((resolve, reject) => {
      held.push({ item, resolve: () => resolve(item), reject });
    });
  return { held, work };
}

async function* batchesOf(...batches: readonly (readonly number[])[]): AsyncGenerator<readonly number[]> {
  yield* batches;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Lets every promise that can go on go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function collect(results: AsyncIterable<readonly number[]>): Promise<number[]> {
  const all: number[] = [];
  for await (const some of results) all.push(...some);
  return all;
}

/** What comes before an error, and the error. */
async function untilError(
  results: AsyncIterable<readonly number[]>,
): Promise<{ before: number[]; error: unknown }> {
  const before: number[] = [];
  try {
    for await (const some of results) before.push(...some);
  } catch (error) {
    return { before, error };
  }
  throw new Error("no error");
}

describe("mapOrdered", () => {
  it("yields in item order, whatever order the work ends in, and never has more than its concurrency unfinished", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.boolean(), { maxLength: 8 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        fc.scheduler(),
        async (shape, concurrency, scheduler) => {
          let next = 0;
          const batches = shape.map((batch) => batch.map((isSlow) => ({ item: next++, isSlow })));
          let unfinished = 0;
          let most = 0;
          const work = ({ item, isSlow }: { item: number; isSlow: boolean }): number | Promise<number> => {
            if (!isSlow) return item;
            unfinished += 1;
            most = Math.max(most, unfinished);
            return scheduler.schedule(Promise.resolve(item)).then((value) => {
              unfinished -= 1;
              return value;
            });
          };
          async function* source() {
            yield* batches;
          }
          const all = collect(mapOrdered(source(), concurrency, work));
          expect(await scheduler.waitFor(all)).toEqual(upTo(next));
          expect(most).toBeLessThanOrEqual(concurrency);
        },
      ),
    );
  });

  it("starts as many as it may and no more, before one ends", async () => {
    const { held, work } = heldWork();
    const all = collect(mapOrdered(batchesOf(upTo(5)), 2, work));
    await settled();
    expect(held.map(({ item }) => item)).toEqual([0, 1]);
    held[1]?.resolve();
    await settled();
    expect(held.map(({ item }) => item)).toEqual([0, 1, 2]);
    for (let index = 0; index < 5; index++) {
      held[index]?.resolve();
      await settled();
    }
    expect(await all).toEqual([0, 1, 2, 3, 4]);
  });

  it("hands a batch of plain values on in one piece", async () => {
    const results = mapOrdered(batchesOf([1, 2, 3], [4]), 1, (item) => item * 10);
    expect(await results.next()).toEqual({ done: false, value: [10, 20, 30] });
    expect(await results.next()).toEqual({ done: false, value: [40] });
    expect((await results.next()).done).toBe(true);
  });

  it("has nothing to say of no items", async () => {
    expect(await collect(mapOrdered(batchesOf(), 4, (item) => item))).toEqual([]);
    expect(await collect(mapOrdered(batchesOf([], []), 4, (item) => item))).toEqual([]);
  });

  it("bounds what waits behind a slow head", async () => {
    // Two at a time: the look-ahead is 256 results, beyond the batch that is being read.
    const { held, work } = heldWork();
    let read = 0;
    async function* endless() {
      for (;;) yield [read++];
    }
    const results = mapOrdered(endless(), 2, (item) => (item === 0 ? work(item) : item));
    const first = results.next();
    await settled();
    for (let turn = 0; turn < 20; turn++) await settled();
    expect(read).toBe(256);
    held[0]?.resolve();
    expect((await first).value).toEqual(upTo(256));
    await results.return(undefined);
  });

  it("gives what stands before an error first, then the error", async () => {
    const fault = new Error("third");
    const work = (item: number): number | Promise<number> => (item === 2 ? Promise.reject(fault) : item);
    expect(await untilError(mapOrdered(batchesOf([0, 1, 2, 3], [4]), 8, work))).toEqual({
      before: [0, 1],
      error: fault,
    });
  });

  it("puts work that throws at once in its place too", async () => {
    const fault = new Error("third");
    const { held, work } = heldWork();
    const results = mapOrdered(batchesOf(upTo(4)), 8, (item) => {
      if (item === 2) throw fault;
      return work(item);
    });
    const outcome = untilError(results);
    await settled();
    for (const { resolve } of held) resolve();
    expect(await outcome).toEqual({ before: [0, 1], error: fault });
  });

  it("lets an error wait for the slow work before it", async () => {
    const { held, work } = heldWork();
    const outcome = untilError(mapOrdered(batchesOf(upTo(3)), 8, work));
    await settled();
    held[1]?.reject(new Error("second"));
    await settled();
    held[0]?.resolve();
    expect(await outcome).toEqual({ before: [0], error: new Error("second") });
  });

  it("passes an error of the source on", async () => {
    async function* broken() {
      yield [0, 1];
      throw new Error("source");
    }
    expect(await untilError(mapOrdered(broken(), 2, (item) => item))).toEqual({
      before: [0, 1],
      error: new Error("source"),
    });
  });

  it("closes its source when nobody wants more", async () => {
    let closed = false;
    async function* source() {
      try {
        for (let item = 0; ; item++) yield [item];
      } finally {
        closed = true;
      }
    }
    for await (const some of mapOrdered(source(), 2, (item) => item)) {
      if (some.includes(3)) break;
    }
    expect(closed).toBe(true);
  });
});
