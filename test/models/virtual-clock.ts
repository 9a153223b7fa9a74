import type { Clock } from "../../src/models/clock.ts";

/** A clock that a test moves: nothing waits, and the same schedule gives the same run. */
export interface VirtualClock extends Clock {
  /** Lets all that is due happen, in order, with the promises that hang on it, until `work` has settled. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Moves on by `ms`, with all that is due on the way. */
  advance(ms: number): Promise<void>;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  /** null: called off. */
  work: (() => void) | null;
}

export function virtualClock(start = 1_700_000_000_000): VirtualClock {
  let now = start;
  let order = 0;
  // A binary heap: simulated servers have thousands of timers.
  const heap: Timer[] = [];
  const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b] as Timer, heap[a] as Timer];
  };
  const push = (timer: Timer): void => {
    heap.push(timer);
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at] as Timer, heap[parent] as Timer)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const pop = (): Timer | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < heap.length && isBefore(heap[left] as Timer, heap[least] as Timer)) least = left;
      if (right < heap.length && isBefore(heap[right] as Timer, heap[least] as Timer)) least = right;
      if (least === at) return first;
      swap(at, least);
      at = least;
    }
  };
  const next = (): Timer | undefined => {
    while (heap[0] !== undefined && heap[0].work === null) pop();
    return heap[0];
  };
  /** A turn of the event loop ends after all promises that can settle have. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const step = (): void => {
    const timer = pop();
    if (timer === undefined) return;
    now = Math.max(now, timer.at);
    timer.work?.();
    timer.work = null;
  };

  return {
    now: () => now,
    after: (ms, work) => {
      const timer: Timer = { at: now + Math.max(0, ms), order: order++, work };
      push(timer);
      return () => {
        timer.work = null;
      };
    },
    run: async (work) => {
      let isOver = false;
      let turns = 0;
      const over = (): void => {
        isOver = true;
      };
      work.then(over, over);
      for (;;) {
        await settle();
        if (isOver) return work;
        if (next() !== undefined) {
          step();
          turns = 0;
          continue;
        }
        // Nothing is due: a real disk may be at work.
        if (turns++ > 5000) throw new Error("nothing is due, and the work has not ended");
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    advance: async (ms) => {
      const until = now + ms;
      await settle();
      for (let timer = next(); timer !== undefined && timer.at <= until; timer = next()) {
        step();
        await settle();
      }
      now = until;
    },
  };
}
