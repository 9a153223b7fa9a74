/**
 * Many listeners, one per call, on few signals. A signal looks through its listeners each time one is added, which with
 * thousands of calls in flight costs more than the calls; so each signal is listened to once.
 */
export interface AbortHub {
  /** Calls `work` when the signal aborts; the result stops listening. */
  on(signal: AbortSignal, work: () => void): () => void;
}

export function createAbortHub(): AbortHub {
  const groups = new WeakMap<AbortSignal, Set<() => void>>();
  return {
    on: (signal, work) => {
      let group = groups.get(signal);
      if (group === undefined) {
        const listening = new Set<() => void>();
        group = listening;
        groups.set(signal, listening);
        signal.addEventListener(
          "abort",
          () => {
            const all = [...listening];
            listening.clear();
            for (const one of all) one();
          },
          { once: true },
        );
      }
      const listeners = group;
      listeners.add(work);
      return () => {
        listeners.delete(work);
      };
    },
  };
}
