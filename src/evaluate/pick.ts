import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import { mapOrdered } from "../annotate/ordered.ts";
import type { ResolvedRecipe } from "../annotate/resolve.ts";
import type { Catalog, RunScorer } from "../annotate/resolve-scorer.ts";
import { DEFAULT_CONCURRENCY } from "../annotate/run.ts";
import { openScoreCache, type ScoreCache } from "../annotate/score-cache.ts";
import { groupScoring } from "../annotate/score-group.ts";
import { enterPhase, newStatus, type RunStatus } from "../annotate/status.ts";
import { withModels } from "../annotate/with-models.ts";
import { startWorkerPool, type WorkerPool } from "../annotate/worker-pool.ts";
import { PrefkitError } from "../core/errors.ts";
import type { Score, ScoreColumn } from "../core/types.ts";
import type { ModelUsage } from "../models/usage.ts";
import { type GoldOptions, type GoldPair, type GoldPairs, openGoldPairs } from "./gold-pairs.ts";
import { type Picking, startPicking } from "./pick-models.ts";

export interface PickOptions {
  readonly gold: GoldOptions;
  /** A directory for what lasts as long as the command. */
  readonly scratch: string;
  /** Pairs in flight at a time. */
  readonly concurrency?: number;
  readonly offline?: boolean;
  readonly maxCost?: number;
  /** Failed cells are unscored pairs, however many there are. */
  readonly acceptFailed?: boolean;
  /** Once aborted, no new pair is begun; what is under way is finished, so that its replies are kept. */
  readonly stop?: AbortSignal;
  readonly openCache?: () => ScoreCache;
  readonly onPlanning?: (pairs: number) => void;
  readonly onStart?: (status: RunStatus) => void;
  readonly onWarning?: (warning: string) => void;
}

export interface PickOutcome {
  /** stopped, budget: ended early; the same command finds all replies that came in the cache. */
  readonly kind: "budget" | "done" | "stopped";
  /** null when it ended early: half a file would be another sample. */
  readonly picking: Picking | null;
  /** Cells that failed, by scorer and code. */
  readonly failed: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly usage: readonly ModelUsage[];
}

/**
 * Runs every scorer of a recipe on gold pairs, and compares how often each prefers what people prefer. Typically the scorers
 * are several `log-density-ratio` with other model pairs. The recipe's input, reward and pairs are left aside.
 *
 * The whole file is read and checked before the first call. Nothing holds it in memory.
 * Throws those of `openGoldPairs` and `resolveRecipe`; `empty_input`; `failed_budget_exceeded` when a scorer failed on more than
 * its `maxFailedShare`, since an accuracy of what is left may be another one.
 */
export async function pick(
  loaded: LoadedRecipe,
  catalog: Catalog,
  options: PickOptions,
): Promise<PickOutcome> {
  return withModels(loaded, catalog, join(options.scratch, "spending.jsonl"), options, async (opened) => {
    const { resolved, access, stop, ending } = opened;
    const gold = await openGoldPairs(loaded, options.gold);
    try {
      const pairs = await countPairs(gold, options);
      const status = newStatus(
        resolved.scorers.map(({ key }) => key),
        access.usage,
      );
      enterPhase(status, "score", pairs);
      options.onStart?.(status);
      const openCache = options.openCache ?? (() => openScoreCache(access.runtime.cacheDirectory));
      const scored = await scorePairs(resolved, gold, { ...options, openCache, stop, status });
      const kind = stop.aborted ? ending() : "done";
      return {
        kind,
        picking: kind === "done" ? scored.picking : null,
        failed: scored.failed,
        usage: access.usage(),
      };
    } finally {
      await gold.close();
    }
  });
}

/** Reads everything once, so that a bad row at the end is found before anything is paid. */
async function countPairs(gold: GoldPairs, { onPlanning, stop }: PickOptions): Promise<number> {
  let pairs = 0;
  for await (const batch of gold.read()) {
    pairs += batch.length;
    onPlanning?.(pairs);
    if (stop?.aborted) return pairs;
  }
  if (pairs > 0) return pairs;
  throw new PrefkitError(
    "empty_input",
    `${gold.files.map(({ path }) => path).join(", ")} holds no gold pair.`,
    "give rows with prompt, chosen and rejected.",
  );
}

interface Scoring {
  readonly concurrency?: number;
  readonly acceptFailed?: boolean;
  readonly openCache: () => ScoreCache;
  readonly stop: AbortSignal;
  readonly status: RunStatus;
}

async function scorePairs(
  { scorers, recipe }: ResolvedRecipe,
  gold: GoldPairs,
  { concurrency = DEFAULT_CONCURRENCY, acceptFailed = false, openCache, stop, status }: Scoring,
): Promise<{ readonly picking: Picking; readonly failed: PickOutcome["failed"] }> {
  const picker = startPicking(scorers.map(({ key }) => key));
  const failures = new Map(scorers.map(({ key }) => [key, {} as Record<string, number>]));
  const cancel = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, cancel.signal);
  const cache = scorers.some(({ cost }) => cost === "paid") ? openCache() : null;
  const pool = startPool(scorers, recipe.seed);
  const scoring = groupScoring({
    scorers,
    seed: recipe.seed,
    cancel: cancel.signal,
    cache,
    pool,
    counts: status.scorers,
  });
  try {
    const work = async (pair: GoldPair) => ({ pair, ...(await scoring.score(pair.group, null)) });
    for await (const batch of mapOrdered(untilStopped(gold, stop), concurrency, work)) {
      for (const { pair, columns } of batch) {
        status.done += 1;
        note(columns, status, failures);
        picker.add({
          domain: pair.domain,
          chosen: columns.map(({ scores }) => numberOf(scores[pair.chosen])),
          rejected: columns.map(({ scores }) => numberOf(scores[1 - pair.chosen])),
        });
      }
      if (!acceptFailed && !stop.aborted) checkFailures(scorers, status, failures, CELLS_BEFORE_CHECK);
    }
    if (!acceptFailed && !stop.aborted) checkFailures(scorers, status, failures, 1);
    await cache?.flush();
    return { picking: picker.result(), failed: Object.fromEntries(failures) };
  } catch (error) {
    await scoring.drain();
    cancel.abort(error);
    throw error;
  } finally {
    await pool?.close();
    await cache?.close();
  }
}

async function* untilStopped(gold: GoldPairs, stop: AbortSignal): AsyncGenerator<readonly GoldPair[]> {
  for await (const batch of gold.read()) {
    for (const pair of batch) {
      if (stop.aborted) return;
      yield [pair];
    }
  }
}

function startPool(scorers: readonly RunScorer[], seed: number): WorkerPool | null {
  const threaded = scorers.filter((run) => run.cpuBound && run.cost === "free" && run.source !== null);
  if (threaded.length === 0) return null;
  return startWorkerPool(
    {
      sources: Object.fromEntries(threaded.flatMap((run) => (run.source ? [[run.key, run.source]] : []))),
      timeouts: Object.fromEntries(threaded.map((run) => [run.key, run.timeoutMs])),
      seed,
    },
    availableParallelism(),
  );
}

function numberOf(score: Score | undefined): number | null {
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
