/** Runs work when its turn comes, or, when it is no longer wanted by then, answers without running it. */
export type Gate = <T>(work: () => Promise<T>, instead: () => T | null) => Promise<T>;

/** At most `limit` pieces of work at a time, in the order they came. `instead` is asked when a piece's turn comes. */
export function openGate(limit: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  const leave = (): void => {
    running -= 1;
    waiting.shift()?.();
  };
  return (work, instead) =>
    new Promise((resolve, reject) => {
      const enter = (): void => {
        const answer = instead();
        running += 1;
        if (answer !== null) {
          resolve(answer);
          leave();
          return;
        }
        work().then(resolve, reject).finally(leave);
      };
      if (running < limit) enter();
      else waiting.push(enter);
    });
}
