import type { RunScorer } from "../annotate/resolve-scorer.ts";
import type { ScoreCache } from "../annotate/score-cache.ts";
import { type GroupScoring, groupScoring } from "../annotate/score-group.ts";
import { inThreads } from "../annotate/scorer-pool.ts";
import type { ScorerStatus } from "../annotate/status.ts";
import type { WorkerPool } from "../annotate/worker-pool.ts";
import { isPrefkitError, reasonOf } from "../core/errors.ts";
import { abstained, failAll, groupLack } from "../core/scorer.ts";
import type { Group, Score } from "../core/types.ts";
import type { Clock } from "../models/clock.ts";
import { isLarge, ownThreads, type Threads } from "./threads.ts";

type Scores = readonly Score[];

/** One scorer at work for a server: it answers, or is late, without holding up the others. */
export interface Lane {
  readonly key: string;
  readonly needs: RunScorer["scorer"]["needs"];
  /**
   * The scores of a group, at once where the scorer answers at once. Never rejects. Nothing is begun once the deadline has
   * passed or the client has left; a paid call that outlasts it goes on, so that its scores reach the cache; anything else is given up.
   */
  start(group: Group, deadline: number, hasLeft: () => boolean): Scores | Promise<Scores>;
  /** The same scores by an earlier moment, or the same one: `failed: timeout` where they are not there yet. */
  by(scores: Scores | Promise<Scores>, group: Group, deadline: number): Scores | Promise<Scores>;
  /** Groups whose request has been answered and whose scores are still being made. */
  late(): number;
  /** Resolves when no paid call is under way. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface LaneSetup {
  /** With a time limit that makes sense for it here: see `withinDeadline`. */
  readonly run: RunScorer;
  readonly seed: number;
  readonly cancel: AbortSignal;
  readonly cache: ScoreCache | null;
  readonly counts: ReadonlyMap<string, ScorerStatus>;
  /** Threads for this scorer, where it is CPU-bound. */
  readonly threads: number;
  /** Threads, shared with other scorers, for large groups of one that is not CPU-bound; null where it stays here. */
  readonly forLarge: Threads | null;
  readonly clock: Clock;
}

/** What nobody waits for any more is not worth a thread; what is paid for is. */
export function withinDeadline(run: RunScorer, deadlineMs: number): RunScorer {
  return run.cost === "paid" ? run : { ...run, timeoutMs: Math.min(run.timeoutMs, deadlineMs) };
}

export function openLane(setup: LaneSetup): Lane {
  const { run, seed, cancel, cache, counts, threads, forLarge, clock } = setup;
  // Threads of its own, so that a scorer that hangs them holds up no other.
  const own = inThreads(run) ? ownThreads(run, seed, threads) : null;
  const threadsFor = (group: Group): Threads | null =>
    own ?? (forLarge !== null && isLarge(group) ? forLarge : null);
  const scoringIn = (pool: WorkerPool | null): GroupScoring =>
    groupScoring({ scorers: [{ ...run, cpuBound: pool !== null }], seed, cancel, cache, pool, counts });
  const here = scoringIn(null);

  const call = (scoring: GroupScoring, group: Group): Scores | Promise<Scores> => {
    const scored = scoring.score(group, null);
    return scored instanceof Promise
      ? scored.then(({ columns }) => columns[0]?.scores ?? [])
      : (scored.columns[0]?.scores ?? []);
  };
  let lateGroups = 0;
  const late = (group: Group): Scores => failAll(group, "timeout", "no answer before the request's deadline");
  const start: Lane["start"] = (group, deadline, hasLeft) => {
    const lack = groupLack(
      group,
      run.scorer.needs?.minResponses === undefined ? {} : { minResponses: run.scorer.needs.minResponses },
    );
    if (lack !== null) return group.responses.map(() => abstained(lack));
    // One request may bring thousands of groups, and what answers at once lets no timer in between.
    const over = (): Scores | null => {
      if (hasLeft()) return failAll(group, "cancelled", "the client left");
      return clock.now() >= deadline ? late(group) : null;
    };
    const tooLate = over();
    if (tooLate !== null) return tooLate;
    const elsewhere = threadsFor(group);
    if (elsewhere === null) return call(here, group);
    return elsewhere
      .enter(async (pool) => call(scoringIn(pool), group), over)
      .catch((error: unknown) =>
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
    drain: here.drain,
    close: async () => {
      await own?.close();
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
