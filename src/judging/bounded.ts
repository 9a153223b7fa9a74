/**
 * `Promise.all(items.map(run))` with at most `most` of them under way at once, so that what each holds while it runs (a judge's
 * prompt) is not there for all at the same time. Results stand by index, whatever order they came in.
 *
 * Rejects with the first rejection, after what was under way has ended; what had not begun is not begun.
 */
export async function bounded<Item, Result>(
  items: readonly Item[],
  most: number,
  run: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      try {
        results[index] = await run(items[index] as Item, index);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, work));
  const rejected = workers.find((worker) => worker.status === "rejected");
  if (rejected?.status === "rejected") throw rejected.reason;
  return results;
}
