import type { ModelUsage } from "../models/usage.ts";

/** Running counts of one scorer. */
export interface ScorerStatus {
  scored: number;
  abstained: number;
  failed: number;
  /** Cells that came from the persistent cache. */
  cached: number;
}

export type RunPhase = "plan" | "sample" | "score" | "refine" | "statistics" | "finish" | "done";

/**
 * Where a run stands: written by the run, read by whoever shows progress. Nothing that is stored depends on it, except
 * `stats.json`.
 */
export interface RunStatus {
  phase: RunPhase;
  /** Groups done and to do in this phase. */
  done: number;
  total: number;
  /** Groups that earlier runs had finished; not counted in `done`'s rate. */
  resumed: number;
  phaseStarted: number;
  readonly scorers: Map<string, ScorerStatus>;
  /** Seconds of the main thread by stage. */
  readonly stages: Map<string, number>;
  /** What the recipe's models were asked so far. */
  readonly usage: () => readonly ModelUsage[];
}

export function newStatus(keys: readonly string[], usage: RunStatus["usage"] = () => []): RunStatus {
  return {
    phase: "plan",
    done: 0,
    total: 0,
    resumed: 0,
    phaseStarted: performance.now(),
    scorers: new Map(keys.map((key) => [key, { scored: 0, abstained: 0, failed: 0, cached: 0 }])),
    stages: new Map(),
    usage,
  };
}

export function enterPhase(status: RunStatus, phase: RunPhase, total: number): void {
  status.phase = phase;
  status.done = 0;
  status.resumed = 0;
  status.total = total;
  status.phaseStarted = performance.now();
}

/** Adds what a stage took since `started` (of `performance.now()`), and returns now. */
export function chargeStage(status: RunStatus, stage: string, started: number): number {
  const now = performance.now();
  status.stages.set(stage, (status.stages.get(stage) ?? 0) + (now - started) / 1000);
  return now;
}

/** The batches of a stream, with the time until each came charged to a stage. */
export async function* chargedStream<T>(
  status: RunStatus,
  stage: string,
  stream: AsyncIterable<T>,
): AsyncGenerator<T> {
  const iterator = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const started = performance.now();
      const next = await iterator.next();
      chargeStage(status, stage, started);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
