/** Runs work when its turn comes, or, when it is no longer wanted by then, answers without running it. */
export type Gate = <T>(work: () => Promise<T>, instead: () => T | null) => Promise<T>;

/** At most `limit` pieces of work at a time, in the order they came. `instead` is asked when a piece's turn comes. */
export function openGate(limit: number): Gate {
  // A set keeps the order too, and gives its first in no time, however many wait.
  const waiting = new Set<() => void>();
  let running = 0;
  // A loop, not a chain of calls: thousands may wait for what nobody wants any more.
  const admit = (): void => {
    while (running < limit) {
      const [enter] = waiting;
      if (enter === undefined) return;
      waiting.delete(enter);
      enter();
    }
  };
  return (work, instead) =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        running -= 1;
        admit();
      };
      waiting.add(() => {
        try {
          const answer = instead();
          if (answer !== null) return resolve(answer);
        } catch (error) {
          return reject(error);
        }
        running += 1;
        begun(work).then(resolve, reject).then(leave);
      });
      admit();
    });
}

/** A throw becomes a rejection. */
async function begun<T>(work: () => Promise<T>): Promise<T> {
  return work();
}
