import { CallFailure } from "../../core/errors.ts";

/** How work with models is begun and ended. */
export interface Pace {
  /** Stops calls in flight. */
  readonly signal: AbortSignal;
  /** Once aborted nothing new is begun; what is under way is finished, so that it is kept. */
  readonly stop?: AbortSignal | undefined;
  /** Items in flight at a time. */
  readonly concurrency: number;
}

/**
 * Maps items through `work`, at most `concurrency` at a time; results in item order.
 *
 * After the first error, or once stopped, nothing new is begun. It ends when nothing is under way, so that nothing that was
 * paid for is lost. Rejects with the error of the first item in order that has one; `CallFailure` "cancelled" when stopped.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  { stop, signal, concurrency }: Pace,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const errors: (readonly [index: number, error: unknown])[] = [];
  const isStopped = (): boolean => stop?.aborted === true || signal.aborted;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && errors.length === 0 && !isStopped()) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item, index);
      } catch (error) {
        errors.push([index, error]);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  const [first] = errors.sort(([a], [b]) => a - b);
  if (first) throw first[1];
  if (isStopped() && next < items.length) throw new CallFailure("cancelled", "the work was stopped");
  return results;
}
