import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, nodeFiles, writeWhole } from "../core/files.ts";
import { canonicalJson } from "../core/ids.ts";
import type { JsonObject } from "../core/types.ts";
import type { Input } from "../store/input/types.ts";
import { MANIFEST_FILE, type Manifest, readManifest, STATS_FILE } from "../store/manifest.ts";
import { type FinishFacts, finishDataset, rollForward, writtenRecipe } from "./finish.ts";
import {
  failedCells,
  readJournals,
  type ShardRecord,
  type ShardSlice,
  sliceName,
  workPaths,
} from "./journal.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import { takeLock } from "./lock.ts";
import {
  checkDirectory,
  clearDirectory,
  outputDirectory,
  refuseOthers,
  removeParts,
  removeTornWork,
} from "./output-directory.ts";
import type { Plan } from "./plan.ts";
import { checkStillPlanned, openRecipeInput, planFor } from "./plan-file.ts";
import { type ResolvedRecipe, scoreInfos } from "./resolve.ts";
import type { Catalog } from "./resolve-scorer.ts";
import { refinish } from "./rework.ts";
import { sampleFirst } from "./sample-first.ts";
import { openScoreCache, type ScoreCache } from "./score-cache.ts";
import { openFailures, scoreShards } from "./score-shards.ts";
import { partsSource } from "./scored-source.ts";
import { enterPhase, newStatus, type RunStatus } from "./status.ts";
import { type OpenedRecipe, withModels } from "./with-models.ts";

export interface RunOptions {
  /** The output directory; default: the recipe's `output.dir`. */
  readonly out?: string;
  /** Only the first N groups. */
  readonly limit?: number;
  /** Groups in flight at a time. */
  readonly concurrency?: number;
  /** Threads for CPU-bound scorers; default: one per processor. */
  readonly workers?: number;
  /** Only the shards k with k mod count = index; `merge` joins what such runs leave. */
  readonly slice?: ShardSlice;
  /** Closes shards with failed cells: they stay failed and are not tried again. */
  readonly acceptFailed?: boolean;
  /** Starts over in a directory that holds another run or other files. */
  readonly force?: boolean;
  /** Nothing is scored: missing shards are an error instead of work to do, and failed cells stay as they are. */
  readonly requireScored?: boolean;
  /**
   * Most money that this run may spend, over all its restarts, in the currency of the models' prices. Reaching it stops and
   * saves the run.
   */
  readonly maxCost?: number;
  /** No model is called: replies come from the cache alone, and a reply that is not there is a failed cell. */
  readonly offline?: boolean;
  /** Drains and saves once aborted. */
  readonly stop?: AbortSignal;
  readonly files?: Files;
  readonly openCache?: () => ScoreCache;
  /** Told where the run stands, as soon as there is something to tell. */
  readonly onStart?: (status: RunStatus, plan: Plan) => void;
  readonly onPlanning?: (groups: number) => void;
  readonly onWarning?: (warning: string) => void;
}

export interface RunOutcome {
  /**
   * done: the dataset is finished. unchanged: it was finished before. scored: this slice is scored, `merge` comes next.
   * stopped: a signal ended it early, and the same command goes on. budget: the same with a larger `maxCost`.
   */
  readonly kind: "done" | "unchanged" | "scored" | "stopped" | "budget";
  readonly out: string;
  readonly plan: Plan;
  readonly manifest: Manifest | null;
  /** Cells that failed and that the same command would try again. */
  readonly openFailures: number;
  readonly status: RunStatus;
}

export const DEFAULT_CONCURRENCY = 16;

/** Runs a recipe: plan, sample, score, finish. See docs/running.md for what is kept when it is killed. */
export async function run(
  loaded: LoadedRecipe,
  catalog: Catalog,
  options: RunOptions = {},
): Promise<RunOutcome> {
  checkOptions(loaded, options);
  const out = outputDirectory(loaded, options.out);
  const slice = options.slice ?? null;
  const ledger = join(workPaths(out).root, `${sliceName("spending", slice)}.jsonl`);
  return withModels(loaded, catalog, ledger, options, (opened) => runResolved(opened, out, options));
}

async function runResolved(
  { resolved, access, stop, ending }: OpenedRecipe,
  out: string,
  options: RunOptions,
): Promise<RunOutcome> {
  const files = options.files ?? nodeFiles;
  const slice = options.slice ?? null;
  const paths = workPaths(out);
  const force = options.force ?? false;
  if (!force) await checkDirectory(files, out);
  await files.makeDirectory(paths.root);
  const lock = sliceName("lock", slice);
  const unlock = await takeLock(files, join(paths.root, lock));
  const started = performance.now();
  let input: Input | null = null;
  try {
    await refuseOthers(files, out, slice, force);
    if (force) await clearDirectory(files, out, lock);
    await rollForward(files, out);
    if (slice === null) await removeTornWork(files, paths.input);
    input = await openRecipeInput(resolved, paths.input);
    const status = newStatus(
      resolved.scorers.map(({ key }) => key),
      access.usage,
    );
    let working = resolved;
    let sampling: JsonObject | null = null;
    if (resolved.recipe.sample) {
      const sampled = await sampleFirst({ files, out, resolved, input, status, stop, options });
      if (sampled.kind === "stopped") {
        return { kind: ending(), out, plan: sampled.plan, manifest: null, openFailures: 0, status };
      }
      await input.close();
      input = sampled.input;
      working = sampled.resolved;
      sampling = sampled.facts;
    }
    const plan = await planFor(files, out, working, input, sampling ? {} : options);
    options.onStart?.(status, plan);
    const outcome = await execute({
      files,
      out,
      resolved: working,
      sampling,
      input,
      plan,
      status,
      slice,
      stop,
      cacheDirectory: access.runtime.cacheDirectory,
      options,
    });
    if (outcome.kind === "done") await writeStats(files, out, status, started);
    return outcome.kind === "stopped" ? { ...outcome, kind: ending() } : outcome;
  } finally {
    await input?.close();
    await unlock();
  }
}

interface Execution {
  readonly files: Files;
  readonly out: string;
  readonly resolved: ResolvedRecipe;
  /** What the samples came from; null when none were drawn. */
  readonly sampling: JsonObject | null;
  readonly input: Input;
  readonly plan: Plan;
  readonly status: RunStatus;
  readonly slice: ShardSlice | null;
  readonly stop: AbortSignal;
  readonly cacheDirectory: string;
  readonly options: RunOptions;
}

async function execute(execution: Execution): Promise<RunOutcome> {
  const { files, out, resolved, input, plan, status, slice, stop, options } = execution;
  const base = { out, plan, status };
  const finished = await finishedManifest(files, out, plan);
  // Parts are removed once nothing is left to retry; then the tables are the only copy of the scores.
  const partsAreGone = finished !== null && (await readJournals(files, out)).size === 0;
  if (finished && (partsAreGone || finished.failedCells === 0)) {
    // A kill may have come between finishing and tidying up.
    if (!partsAreGone) await removeParts(files, out);
    return await followRecipe(execution, finished, stop);
  }

  const { records, finished: isScored } = await scoreShards({
    files,
    out,
    input,
    plan,
    scorers: resolved.scorers,
    slice,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    workers: options.workers ?? availableParallelism(),
    openCache: options.openCache ?? (() => openScoreCache(execution.cacheDirectory)),
    acceptFailed: options.acceptFailed ?? false,
    requireScored: options.requireScored ?? false,
    stop,
    status,
  });
  const failures = openFailures(records);
  if (!isScored) return { ...base, kind: "stopped", manifest: null, openFailures: failures };
  await checkStillPlanned(files, out, resolved, input, plan);
  if (slice !== null) return { ...base, kind: "scored", manifest: null, openFailures: failures };

  const manifest = await finishDataset({
    files,
    out,
    source: partsSource({ files, out, input, plan, scorers: resolved.scorers }),
    facts: factsOf(execution, records),
    resolved,
    status,
    stop,
  });
  if (manifest === null) return { ...base, kind: "stopped", manifest: null, openFailures: failures };
  if (failures === 0) await removeParts(files, out);
  enterPhase(status, "done", plan.groups);
  return { ...base, kind: "done", manifest, openFailures: failures };
}

/** A finished dataset whose recipe changed in what comes after scoring is finished anew from its own tables. */
async function followRecipe(
  { files, out, resolved, input, plan, status }: Execution,
  finished: Manifest,
  stop: AbortSignal,
): Promise<RunOutcome> {
  const base = { out, plan, status, openFailures: 0 };
  if (canonicalJson(finished.recipe) === canonicalJson(writtenRecipe(resolved.loaded.raw))) {
    enterPhase(status, "done", plan.groups);
    return { ...base, kind: "unchanged", manifest: finished };
  }
  const manifest = await refinish({
    files,
    from: out,
    out,
    manifest: finished,
    resolved,
    status,
    stop,
    origin: { input, plan },
  });
  if (manifest === null) return { ...base, kind: "stopped", manifest: null };
  enterPhase(status, "done", plan.groups);
  return { ...base, kind: "done", manifest };
}

async function finishedManifest(files: Files, out: string, plan: Plan): Promise<Manifest | null> {
  if (!(await files.exists(join(out, MANIFEST_FILE)))) return null;
  const manifest = await readManifest(files, out);
  return manifest.planId === plan.id ? manifest : null;
}

function checkOptions(
  { recipe }: LoadedRecipe,
  { concurrency, workers, limit, slice, maxCost }: RunOptions,
): void {
  if (maxCost !== undefined && !(Number.isFinite(maxCost) && maxCost >= 0)) {
    throw new PrefkitError("bad_option", `maxCost is ${maxCost}.`, "give an amount of money of at least 0.");
  }
  if (slice && recipe.sample) {
    throw new PrefkitError(
      "bad_option",
      "a recipe with a section `sample` cannot be run in shards: every shard would draw all samples.",
      "draw them first with `prefkit sample`, then run a recipe whose input is what that wrote.",
    );
  }
  const atLeastOne = { concurrency, workers, limit };
  for (const [name, value] of Object.entries(atLeastOne)) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new PrefkitError("bad_option", `${name} is ${value}.`, "give a whole number of at least 1.");
  }
  if (slice && !(Number.isSafeInteger(slice.index) && slice.index >= 0 && slice.index < slice.count)) {
    throw new PrefkitError(
      "bad_option",
      `shard ${slice.index}/${slice.count} is none.`,
      "write i/n with 0 <= i < n.",
    );
  }
}

function factsOf(
  { resolved, plan, sampling }: Execution,
  records: ReadonlyMap<number, ShardRecord>,
): FinishFacts {
  return {
    planId: plan.id,
    input: {
      ...(plan.input as unknown as JsonObject),
      limit: plan.limit,
      warnings: plan.warnings,
      ...(sampling ? { sampling } : {}),
    },
    seed: plan.seed,
    codec: plan.codec,
    shards: plan.shards.length,
    groups: plan.groups,
    extras: plan.extras,
    failedCells: [...records.values()].reduce((sum, record) => sum + failedCells(record), 0),
    scorers: Object.fromEntries(
      resolved.scorers.map(({ key, configHash, config }) => [key, { configHash, config }]),
    ),
    scoreInfo: scoreInfos(resolved.scorers),
    alarmsOf: (key, summary) => resolved.scorers.find((run) => run.key === key)?.alarms(summary) ?? [],
    judges: new Map(
      resolved.scorers.flatMap(({ key, judges }) => (judges.length > 0 ? [[key, judges]] : [])),
    ),
    diagnosisOf: (key) => resolved.scorers.find((run) => run.key === key)?.diagnose() ?? null,
  };
}

/** What depends on the day, kept apart from the manifest so that equal runs have equal manifests. */
async function writeStats(files: Files, out: string, status: RunStatus, started: number): Promise<void> {
  const usage = process.resourceUsage();
  const stats = {
    finishedAt: new Date().toISOString(),
    host: hostname(),
    node: process.version,
    wallSeconds: (performance.now() - started) / 1000,
    cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    peakRssMb: usage.maxRSS / 1024,
    stages: Object.fromEntries(status.stages),
    scorers: Object.fromEntries(status.scorers),
    models: status.usage(),
  };
  const temporary = join(workPaths(out).root, STATS_FILE);
  await writeWhole(files, temporary, `${JSON.stringify(stats, null, 2)}\n`);
  await files.rename(temporary, join(out, STATS_FILE));
}
