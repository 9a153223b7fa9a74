/** How long one request may keep the thread to itself, in milliseconds, where its parts are worked on at once. */
const TURN_MS = 5;

/**
 * Works on each item, in order, and lets others have the thread every few milliseconds: a request of a thousand groups must
 * neither hold up one of a single group nor keep its own deadline from being seen. Promises among the results are left as
 * they are; a throw ends it. Answers at once, without a promise, when one turn is enough.
 */
export function inTurns<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item, index: number) => Result,
): Result[] | Promise<Result[]> {
  const iterator = items[Symbol.iterator]();
  const results: Result[] = [];
  /** Whether everything is done. */
  const turn = (): boolean => {
    const ends = performance.now() + TURN_MS;
    do {
      const next = iterator.next();
      if (next.done) return true;
      results.push(work(next.value, results.length));
    } while (performance.now() < ends);
    return false;
  };
  const others = async (): Promise<Result[]> => {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (!turn());
    return results;
  };
  return turn() ? results : others();
}
