import { CallFailure } from "../../core/errors.ts";
import type { Pace } from "./in-parallel.ts";

interface Slot<Result> {
  readonly result: Promise<Result>;
  isSettled: boolean;
}

/** Results that wait for a slow one before them, in multiples of those in flight: memory does not grow behind it. */
const MOST_HELD = 8;

/**
 * Maps a stream of items through `work`, at most `concurrency` at a time; results in item order. A window slides over the
 * stream, whatever pieces it comes in: the next item is begun as soon as any one is done.
 *
 * After the first error, or once stopped, nothing new is begun; it ends when nothing is under way, so that nothing that was paid
 * for is lost. Throws the error of the first item in order that has one; `CallFailure` "cancelled" when stopped.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  { stop, signal, concurrency }: Pace,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const slots: Slot<Result>[] = [];
  const underWay = new Set<Promise<unknown>>();
  let isBroken = false;
  const begin = (item: Item): void => {
    const slot: Slot<Result> = { result: work(item), isSettled: false };
    const settled: Promise<void> = slot.result
      .then(
        () => {},
        () => {
          isBroken = true;
        },
      )
      .then(() => {
        slot.isSettled = true;
        underWay.delete(settled);
      });
    underWay.add(settled);
    slots.push(slot);
  };
  try {
    for await (const item of items) {
      if (stop?.aborted || signal.aborted) throw new CallFailure("cancelled", "the work was stopped");
      begin(item);
      for (;;) {
        while (slots[0]?.isSettled) yield await (slots.shift() as Slot<Result>).result;
        if (isBroken || (underWay.size < concurrency && slots.length < MOST_HELD * concurrency)) break;
        await Promise.race(underWay);
      }
      if (isBroken) break;
    }
    for (const { result } of slots) yield await result;
  } finally {
    await Promise.all(underWay);
  }
}
