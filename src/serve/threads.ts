import type { RunScorer } from "../annotate/resolve-scorer.ts";
import { poolFor } from "../annotate/scorer-pool.ts";
import type { WorkerPool } from "../annotate/worker-pool.ts";
import type { Group } from "../core/types.ts";
import { openGate } from "./gate.ts";

/** Threads that score. */
export interface Threads {
  /** Works with a thread when its turn comes, in the order asked; `instead` is asked then whether that is still wanted. */
  enter<T>(work: (pool: WorkerPool) => Promise<T>, instead: () => T | null): Promise<T>;
  close(): Promise<void>;
}

/** Jobs handed to a thread before the last one is answered: it is never idle, and little is stuck behind a slow one. */
const JOBS_PER_THREAD = 2;

/** Threads of one scorer's own, started at once. */
export function ownThreads(run: RunScorer, seed: number, count: number): Threads {
  const pool = poolFor([run], seed, count);
  const gate = openGate(count * JOBS_PER_THREAD);
  return { enter: (work, instead) => gate(() => work(pool), instead), close: pool.close };
}

/**
 * Threads that scorers share, each started when it is first needed. One works on one group for one scorer at a time, so
 * that what is quick never waits behind what is slow while another thread is free.
 */
export function sharedThreads(runs: readonly RunScorer[], seed: number, count: number): Threads {
  const gate = openGate(count);
  const pools: WorkerPool[] = [];
  const idle: WorkerPool[] = [];
  const start = (): WorkerPool => {
    const pool = poolFor(runs, seed, 1);
    pools.push(pool);
    return pool;
  };
  return {
    enter: (work, instead) =>
      gate(async () => {
        const pool = idle.pop() ?? start();
        try {
          return await work(pool);
        } finally {
          idle.push(pool);
        }
      }, instead),
    close: async () => {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}

/**
 * Text of a group, in UTF-16 code units, from which on scorers of the catalog work on it in a thread, so that the main one
 * stays free. What trainers send as a rule is smaller, and costs less than the way to a thread and back.
 */
const LARGE = 100_000;

export function isLarge({ prompt, responses }: Group): boolean {
  let length = 0;
  for (const { content } of prompt.messages) length += content.length;
  for (const { text, reasoning } of responses) length += text.length + (reasoning?.length ?? 0);
  return length >= LARGE;
}
