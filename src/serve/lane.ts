import type { RunScorer } from "../annotate/resolve-scorer.ts";
import type { ScoreCache } from "../annotate/score-cache.ts";
import { groupScoring } from "../annotate/score-group.ts";
import type { ScorerStatus } from "../annotate/status.ts";
import { startWorkerPool, type WorkerPool } from "../annotate/worker-pool.ts";
import { isPrefkitError, reasonOf } from "../core/errors.ts";
import { abstained, failAll, groupLack } from "../core/scorer.ts";
import type { Group, Score } from "../core/types.ts";
import type { Clock } from "../models/clock.ts";
import { openGate } from "./gate.ts";

type Scores = readonly Score[];

/** One scorer at work for a server: it answers, or is late, without holding up the others. */
export interface Lane {
  readonly key: string;
  readonly needs: RunScorer["scorer"]["needs"];
  /**
   * The scores of a group, at once where the scorer answers at once. Never rejects. Nothing is begun once the deadline has
   * passed; a paid call that outlasts it goes on, so that its scores reach the cache; anything else is given up.
   */
  start(group: Group, deadline: number): Scores | Promise<Scores>;
  /** The same scores by an earlier moment, or the same one: `failed: timeout` where they are not there yet. */
  by(scores: Scores | Promise<Scores>, group: Group, deadline: number): Scores | Promise<Scores>;
  /** Groups whose request has been answered and whose scores are still being made. */
  late(): number;
  /** Resolves when no paid call is under way. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface LaneSetup {
  readonly run: RunScorer;
  readonly seed: number;
  readonly cancel: AbortSignal;
  readonly cache: ScoreCache | null;
  readonly counts: ReadonlyMap<string, ScorerStatus>;
  /** Threads for this scorer, where it is CPU-bound. */
  readonly threads: number;
  /** The longest that any request waits, in milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
}

/** Jobs handed to a thread before the last one is answered: it is never idle, and little is stuck behind a slow one. */
const JOBS_PER_THREAD = 2;

export function openLane(setup: LaneSetup): Lane {
  const { seed, cancel, cache, counts, threads, deadlineMs, clock } = setup;
  // What nobody waits for any more is not worth a thread; what is paid for is.
  const run: RunScorer =
    setup.run.cost === "paid"
      ? setup.run
      : { ...setup.run, timeoutMs: Math.min(setup.run.timeoutMs, deadlineMs) };
  const inThreads = run.cpuBound && run.cost === "free" && run.source !== null;
  // A pool of its own, so that a scorer that hangs its threads holds up no other.
  const pool: WorkerPool | null =
    inThreads && run.source !== null
      ? startWorkerPool(
          { sources: { [run.key]: run.source }, timeouts: { [run.key]: run.timeoutMs }, seed },
          threads,
        )
      : null;
  const gate = pool ? openGate(threads * JOBS_PER_THREAD) : null;
  const scoring = groupScoring({ scorers: [run], seed, cancel, cache, pool, counts });

  const call = (group: Group): Scores | Promise<Scores> => {
    const scored = scoring.score(group, null);
    return scored instanceof Promise
      ? scored.then(({ columns }) => columns[0]?.scores ?? [])
      : (scored.columns[0]?.scores ?? []);
  };
  let lateGroups = 0;
  const late = (group: Group): Scores => failAll(group, "timeout", "no answer before the request's deadline");
  const start: Lane["start"] = (group, deadline) => {
    const lack = groupLack(
      group,
      run.scorer.needs?.minResponses === undefined ? {} : { minResponses: run.scorer.needs.minResponses },
    );
    if (lack !== null) return group.responses.map(() => abstained(lack));
    // One request may bring thousands of groups, and what answers at once lets no timer in between.
    if (clock.now() >= deadline) return late(group);
    if (gate === null) return call(group);
    return gate(
      async () => call(group),
      () => (clock.now() >= deadline ? late(group) : null),
    ).catch((error: unknown) =>
      failAll(group, isPrefkitError(error) ? error.code : "threw", reasonOf(error)),
    );
  };
  return {
    key: run.key,
    needs: run.scorer.needs,
    start,
    by: (scores, group, deadline) => {
      if (!(scores instanceof Promise)) return scores;
      return beforeDeadline(scores, deadline, clock, () => {
        lateGroups += 1;
        const over = (): void => {
          lateGroups -= 1;
        };
        scores.then(over, over);
        return late(group);
      });
    },
    late: () => lateGroups,
    drain: scoring.drain,
    close: async () => {
      await pool?.close();
    },
  };
}

/** What `work` gives, or, once the deadline has passed, what `late` gives. The work itself goes on. */
function beforeDeadline<T>(work: Promise<T>, deadline: number, clock: Clock, late: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = clock.after(deadline - clock.now(), () => resolve(late()));
    work.then(
      (value) => {
        callOff();
        resolve(value);
      },
      (error: unknown) => {
        callOff();
        reject(error);
      },
    );
  });
}
