type Slot<R> = { state: "waiting" } | { state: "done"; value: R } | { state: "broken"; error: unknown };

/**
 * Maps items through `work` with at most `concurrency` unfinished at a time, and yields the results in item order.
 * Work that returns a plain value costs no promise. Finished results that wait for a slow one before them are bounded
 * too, so memory does not grow behind it. An error surfaces at its item's place, after everything before it.
 */
export async function* mapOrdered<T, R>(
  batches: AsyncIterable<readonly T[]>,
  concurrency: number,
  work: (item: T) => R | Promise<R>,
): AsyncGenerator<R[]> {
  const slots: Slot<R>[] = [];
  const maxSlots = Math.max(256, 8 * concurrency);
  let inFlight = 0;
  let wake: (() => void) | null = null;

  const start = (item: T): void => {
    let result: R | Promise<R>;
    try {
      result = work(item);
    } catch (error) {
      slots.push({ state: "broken", error });
      return;
    }
    if (!(result instanceof Promise)) {
      slots.push({ state: "done", value: result });
      return;
    }
    const index = slots.length;
    slots.push({ state: "waiting" });
    const slot = slots[index] as Slot<R>;
    inFlight += 1;
    const settle = (settled: Slot<R>): void => {
      Object.assign(slot, settled);
      inFlight -= 1;
      wake?.();
    };
    result.then(
      (value) => settle({ state: "done", value }),
      (error: unknown) => settle({ state: "broken", error }),
    );
  };
  const takeFinished = (): R[] => {
    const finished: R[] = [];
    let count = 0;
    for (const slot of slots) {
      if (slot.state === "waiting") break;
      if (slot.state === "broken") {
        // What stands before the error is handed out first; the error comes up when it is the head.
        if (count === 0) throw slot.error;
        break;
      }
      finished.push(slot.value);
      count += 1;
    }
    if (count > 0) slots.splice(0, count);
    return finished;
  };
  const untilOneSettles = (): Promise<void> =>
    new Promise((resolve) => {
      wake = () => {
        wake = null;
        resolve();
      };
    });

  for await (const batch of batches) {
    for (const item of batch) {
      start(item);
      while (inFlight >= concurrency || (slots.length >= maxSlots && slots[0]?.state === "waiting")) {
        await untilOneSettles();
        const finished = takeFinished();
        if (finished.length > 0) yield finished;
      }
    }
    const finished = takeFinished();
    if (finished.length > 0) yield finished;
  }
  while (slots.length > 0) {
    const finished = takeFinished();
    if (finished.length > 0) yield finished;
    if (slots.length > 0 && slots[0]?.state === "waiting") await untilOneSettles();
  }
}
