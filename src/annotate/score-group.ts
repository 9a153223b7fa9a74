import type { Group, Score, ScoreColumn, ScoredGroup } from "../core/types.ts";
import { callScorer } from "./call-scorer.ts";
import type { RunScorer } from "./resolve-scorer.ts";
import { type ScoreCache, scoreKey } from "./score-cache.ts";
import { inThreads } from "./scorer-pool.ts";
import type { ScorerStatus } from "./status.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface GroupScorer {
  readonly scorers: readonly RunScorer[];
  readonly seed: number;
  readonly cancel: AbortSignal;
  /** Present when any scorer is paid. */
  readonly cache: ScoreCache | null;
  /** Present when any scorer is CPU-bound and can be made in a thread. */
  readonly pool: WorkerPool | null;
  readonly counts: ReadonlyMap<string, ScorerStatus>;
}

type Scores = readonly Score[];

export interface GroupScoring {
  score(group: Group, previous: readonly ScoreColumn[] | null): ScoredGroup | Promise<ScoredGroup>;
  /** Resolves when every paid call under way has ended and is in the cache: what is paid for is not thrown away. */
  drain(): Promise<void>;
}

/**
 * Scores one group with every scorer. Cells that an earlier run scored are kept; of a scorer with failed cells only
 * those are filled. Answers at once, without a promise, when every scorer does.
 */
export function groupScoring(setup: GroupScorer): GroupScoring {
  const paying = new Map<string, Promise<Scores>>();

  const callPaid = (run: RunScorer, group: Group, cache: ScoreCache): Scores | Promise<Scores> => {
    const key = scoreKey(run.cacheIdentity, group, run.usesIds);
    const kept = cache.get(key);
    if (kept && kept.scores.length === group.responses.length) {
      countCached(setup.counts.get(run.key), kept.scores.length);
      return kept.scores;
    }
    // The same question may be in flight under another id; it is paid for once.
    const running = paying.get(key);
    if (running) return running;
    const call = Promise.resolve(callHere(setup, run, group)).then(async (scores) => {
      if (scores.every((score) => score.kind !== "failed")) {
        // Whoever has the scores may ask another process next, which must find them.
        await cache.put(key, { scorer: run.key, promptId: group.prompt.id, scores });
      }
      paying.delete(key);
      return scores;
    });
    paying.set(key, call);
    return call;
  };

  const score: GroupScoring["score"] = (group, previous) => {
    if (group.responses.length === 0)
      return assemble(
        setup,
        group,
        setup.scorers.map(() => []),
      );
    const results: (Scores | Promise<Scores>)[] = [];
    const threaded: RunScorer[] = [];
    let pooled: Promise<ReadonlyMap<string, Scores>> | null = null;
    const toCall = setup.scorers.filter((run) => !isSettled(columnOf(previous, run.key)));
    for (const run of toCall) if (runsInThread(setup, run)) threaded.push(run);
    if (threaded.length > 0 && setup.pool) {
      pooled = setup.pool.run(
        group,
        threaded.map(({ key }) => key),
      );
    }
    for (const run of setup.scorers) {
      const earlier = columnOf(previous, run.key);
      if (isSettled(earlier)) {
        results.push(earlier);
      } else if (pooled && threaded.includes(run)) {
        results.push(pooled.then((scores) => retried(earlier, scores.get(run.key) ?? [])));
      } else {
        const scores =
          run.cost === "paid" && setup.cache
            ? callPaid(run, group, setup.cache)
            : callHere(setup, run, group);
        results.push(
          scores instanceof Promise
            ? scores.then((fresh) => retried(earlier, fresh))
            : retried(earlier, scores),
        );
      }
    }
    if (!results.some((result) => result instanceof Promise))
      return assemble(setup, group, results as Scores[]);
    return Promise.all(results).then((scores) => assemble(setup, group, scores));
  };
  const drain = async (): Promise<void> => {
    await Promise.allSettled(paying.values());
  };
  return { score, drain };
}

function runsInThread(setup: GroupScorer, run: RunScorer): boolean {
  return setup.pool !== null && inThreads(run);
}

function callHere(setup: GroupScorer, run: RunScorer, group: Group): Scores | Promise<Scores> {
  return callScorer(run.scorer, group, { timeoutMs: run.timeoutMs, seed: setup.seed, cancel: setup.cancel });
}

function columnOf(columns: readonly ScoreColumn[] | null, key: string): Scores | null {
  return columns?.find(({ name }) => name === key)?.scores ?? null;
}

function isSettled(scores: Scores | null): scores is Scores {
  return scores?.every(({ kind }) => kind !== "failed") ?? false;
}

/** A second try fills the failed cells and leaves the others as they are. */
function retried(earlier: Scores | null, fresh: Scores): Scores {
  if (earlier === null || earlier.length !== fresh.length) return fresh;
  return earlier.map((score, index) => (score.kind === "failed" ? (fresh[index] ?? score) : score));
}

function assemble(setup: GroupScorer, group: Group, results: readonly Scores[]): ScoredGroup {
  const columns = setup.scorers.map((run, index): ScoreColumn => {
    const scores = results[index] ?? [];
    return { name: run.key, scores: run.keepRaw ? scores : scores.map(withoutRaw) };
  });
  return { group, columns };
}

function withoutRaw(score: Score): Score {
  if (score.kind !== "scored" || score.raw === undefined) return score;
  const { raw: _raw, ...rest } = score;
  return rest;
}

function countCached(counts: ScorerStatus | undefined, cells: number): void {
  if (counts) counts.cached += cells;
}
