import type { RunScorer } from "./resolve-scorer.ts";
import { startWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** Whether a scorer works in threads: it computes, costs nothing, and can be made there again. */
export function inThreads({ cpuBound, cost, source }: RunScorer): boolean {
  return cpuBound && cost === "free" && source !== null;
}

/** Threads for those of the scorers that work in them; null where none does. */
export function startScorerPool(
  scorers: readonly RunScorer[],
  seed: number,
  threads: number,
): WorkerPool | null {
  const threaded = scorers.filter(inThreads);
  return threaded.length === 0 ? null : poolFor(threaded, seed, threads);
}

/** Threads for scorers, each with its own time limit. One that cannot be made there is left out. */
export function poolFor(scorers: readonly RunScorer[], seed: number, threads: number): WorkerPool {
  return startWorkerPool(
    {
      sources: Object.fromEntries(scorers.flatMap(({ key, source }) => (source ? [[key, source]] : []))),
      timeouts: Object.fromEntries(scorers.map(({ key, timeoutMs }) => [key, timeoutMs])),
      seed,
    },
    Math.max(1, threads),
  );
}
