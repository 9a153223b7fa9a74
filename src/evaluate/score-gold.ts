import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { mapOrdered } from "../annotate/ordered.ts";
import type { ResolvedRecipe } from "../annotate/resolve.ts";
import type { RunScorer } from "../annotate/resolve-scorer.ts";
import { DEFAULT_CONCURRENCY } from "../annotate/run.ts";
import type { ScoreCache } from "../annotate/score-cache.ts";
import { groupScoring } from "../annotate/score-group.ts";
import { startScorerPool } from "../annotate/scorer-pool.ts";
import type { RunStatus } from "../annotate/status.ts";
import { PrefkitError } from "../core/errors.ts";
import type { Group, Score, ScoreColumn } from "../core/types.ts";

/** How scorers are run on a gold file. */
export interface GoldRunOptions {
  /** A directory for what lasts as long as the command. */
  readonly scratch: string;
  /** Groups in flight at a time. */
  readonly concurrency?: number;
  readonly offline?: boolean;
  readonly maxCost?: number;
  /** Failed cells are unscored, however many there are. */
  readonly acceptFailed?: boolean;
  /** Once aborted, no new group is begun; what is under way is finished, so that its replies are kept. */
  readonly stop?: AbortSignal;
  readonly openCache?: () => ScoreCache;
  readonly onPlanning?: (groups: number) => void;
  readonly onStart?: (status: RunStatus) => void;
  readonly onWarning?: (warning: string) => void;
}

export interface GoldScoring extends Pick<GoldRunOptions, "acceptFailed" | "concurrency"> {
  readonly openCache: () => ScoreCache;
  readonly stop: AbortSignal;
  readonly status: RunStatus;
}

/** Cells that failed, by scorer and code. */
export type FailedCells = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * Runs every scorer of a recipe on the groups of gold rows, and hands each row with its scores to `take`, in file order.
 * Once `stop` aborts, no new row is begun; what is under way is finished, so that its replies are kept.
 *
 * Throws `bad_option`, before anything is paid, for a group that a scorer's options do not fit, and `failed_budget_exceeded` when a scorer failed on more than its `maxFailedShare`, since an accuracy of what is left
 * may be another one.
 */
export async function scoreGold<Row extends { readonly group: Group }>(
  { scorers, recipe }: ResolvedRecipe,
  read: () => AsyncIterable<readonly Row[]>,
  { concurrency = DEFAULT_CONCURRENCY, acceptFailed = false, openCache, stop, status }: GoldScoring,
  take: (row: Row, columns: readonly ScoreColumn[]) => void,
): Promise<FailedCells> {
  await checkGroups(scorers, read(), stop);
  const failures = new Map(scorers.map(({ key }) => [key, {} as Record<string, number>]));
  const cancel = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, cancel.signal);
  const cache = scorers.some(({ cost }) => cost === "paid") ? openCache() : null;
  const pool = startScorerPool(scorers, recipe.seed, availableParallelism());
  const scoring = groupScoring({
    scorers,
    seed: recipe.seed,
    cancel: cancel.signal,
    cache,
    pool,
    counts: status.scorers,
  });
  try {
    const work = async (row: Row) => ({ row, ...(await scoring.score(row.group, null)) });
    for await (const batch of mapOrdered(untilStopped(read(), stop), concurrency, work)) {
      for (const { row, columns } of batch) {
        status.done += 1;
        note(columns, status, failures);
        take(row, columns);
      }
      if (!acceptFailed && !stop.aborted) checkFailures(scorers, status, failures, CELLS_BEFORE_CHECK);
    }
    if (!acceptFailed && !stop.aborted) checkFailures(scorers, status, failures, 1);
    await cache?.flush();
    return Object.fromEntries(failures);
  } catch (error) {
    await scoring.drain();
    cancel.abort(error);
    throw error;
  } finally {
    await pool?.close();
    await cache?.close();
  }
}

/** Reads all rows once more where a scorer must see every group before anything is paid. */
async function checkGroups(
  scorers: readonly RunScorer[],
  batches: AsyncIterable<readonly { readonly group: Group }[]>,
  stop: AbortSignal,
): Promise<void> {
  const checks = scorers.flatMap(({ checkGroup }) => checkGroup ?? []);
  if (checks.length === 0) return;
  for await (const [row] of untilStopped(batches, stop)) {
    if (row) for (const check of checks) check(row.group);
  }
}

async function* untilStopped<Row>(
  batches: AsyncIterable<readonly Row[]>,
  stop: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  for await (const batch of batches) {
    for (const row of batch) {
      if (stop.aborted) return;
      yield [row];
    }
  }
}

/** The value, or null for whatever is not one. */
export function scoredValue(score: Score | undefined): number | null {
  return score?.kind === "scored" ? score.value : null;
}

type Failures = ReadonlyMap<string, Record<string, number>>;

function note(columns: readonly ScoreColumn[], status: RunStatus, failures: Failures): void {
  for (const { name, scores } of columns) {
    const [cells, codes] = [status.scorers.get(name), failures.get(name)];
    for (const score of scores) {
      if (cells) cells[score.kind] += 1;
      if (codes && score.kind === "failed") codes[score.code] = (codes[score.code] ?? 0) + 1;
    }
  }
}

/** As in a run: the failed share is first looked at after this many cells. */
const CELLS_BEFORE_CHECK = 200;

function checkFailures(
  scorers: readonly RunScorer[],
  status: RunStatus,
  failures: Failures,
  atLeast: number,
): void {
  for (const { key, maxFailedShare } of scorers) {
    const { scored = 0, abstained = 0, failed = 0 } = status.scorers.get(key) ?? {};
    const cells = scored + abstained + failed;
    if (cells < atLeast || failed <= maxFailedShare * cells) continue;
    const codes = Object.entries(failures.get(key) ?? {}).map(([code, count]) => `${code} ${count}`);
    throw new PrefkitError(
      "failed_budget_exceeded",
      `scorer "${key}" failed on ${failed} of ${cells} cells (${codes.join(", ")}), more than its share of ${maxFailedShare}.`,
      "mend the cause and run the same command again: replies that came are in the cache. Or raise `maxFailedShare`, or leave such pairs out with --accept-failed.",
    );
  }
}
