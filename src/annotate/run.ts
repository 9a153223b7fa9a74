import { stat } from "node:fs/promises";
import { availableParallelism, hostname } from "node:os";
import { join, resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, nodeFiles, writeWhole } from "../core/files.ts";
import { canonicalJson } from "../core/ids.ts";
import type { JsonObject } from "../core/types.ts";
import { availableCodec } from "../store/compression.ts";
import { openInput } from "../store/input/index.ts";
import type { Input } from "../store/input/types.ts";
import {
  CARD_FILE,
  MANIFEST_FILE,
  type Manifest,
  readManifest,
  STATS_FILE,
  TABLES,
} from "../store/manifest.ts";
import { type FinishFacts, finishDataset, rollForward, writtenRecipe } from "./finish.ts";
import {
  failedCells,
  readJournals,
  readPlan,
  type ShardRecord,
  type ShardSlice,
  sliceName,
  WORK_DIRECTORY,
  workPaths,
  writePlan,
} from "./journal.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import { refuseHeld, takeLock } from "./lock.ts";
import { makePlan, type Plan, type PlanOptions, planId } from "./plan.ts";
import { type Catalog, type ResolvedRecipe, resolveRecipe, scoreInfos } from "./resolve.ts";
import { refinish } from "./rework.ts";
import { openScoreCache, type ScoreCache } from "./score-cache.ts";
import { openFailures, scoreShards } from "./score-shards.ts";
import { partsSource } from "./scored-source.ts";
import { enterPhase, newStatus, type RunStatus } from "./status.ts";

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
  /** Drains and saves once aborted. */
  readonly stop?: AbortSignal;
  readonly files?: Files;
  readonly openCache?: () => ScoreCache;
  /** Told where the run stands, as soon as there is something to tell. */
  readonly onStart?: (status: RunStatus, plan: Plan) => void;
  readonly onPlanning?: (groups: number) => void;
}

export interface RunOutcome {
  /**
   * done: the dataset is finished. unchanged: it was finished before. scored: this slice is scored, `merge` comes next.
   * stopped: a signal ended it early, and the same command goes on.
   */
  readonly kind: "done" | "unchanged" | "scored" | "stopped";
  readonly out: string;
  readonly plan: Plan;
  readonly manifest: Manifest | null;
  /** Cells that failed and that the same command would try again. */
  readonly openFailures: number;
  readonly status: RunStatus;
}

export const DEFAULT_CONCURRENCY = 16;

/** What `validate` tells and `run` starts from; nothing is paid for. */
export interface Validation {
  readonly resolved: ResolvedRecipe;
  readonly plan: Plan;
}

/** Runs a recipe: plan, score, finish. See docs/running.md for what is kept when it is killed. */
export async function run(
  loaded: LoadedRecipe,
  catalog: Catalog,
  options: RunOptions = {},
): Promise<RunOutcome> {
  const resolved = await resolveRecipe(loaded, catalog);
  const files = options.files ?? nodeFiles;
  const out = outputDirectory(loaded, options.out);
  checkOptions(options);
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
    const plan = await planFor(files, out, resolved, input, options);
    const status = newStatus(resolved.scorers.map(({ key }) => key));
    options.onStart?.(status, plan);
    const outcome = await execute({ files, out, resolved, input, plan, status, slice, options });
    if (outcome.kind === "done") await writeStats(files, out, status, started);
    return outcome;
  } finally {
    await input?.close();
    await unlock();
  }
}

/** What a killed grouping of rows left; nobody else works here while the lock is held. */
async function removeTornWork(files: Files, directory: string): Promise<void> {
  for (const name of (await files.list(directory)) ?? []) {
    if (name.startsWith(".")) await files.remove(join(directory, name));
  }
}

/** The plan of a run, without running it. */
export async function validate(
  loaded: LoadedRecipe,
  catalog: Catalog,
  options: Pick<RunOptions, "limit" | "onPlanning"> & { readonly scratch: string },
): Promise<Validation> {
  const resolved = await resolveRecipe(loaded, catalog);
  const input = await openRecipeInput(resolved, options.scratch);
  try {
    return { resolved, plan: await makePlan(resolved, input, planOptions(resolved, options)) };
  } finally {
    await input.close();
  }
}

interface Execution {
  readonly files: Files;
  readonly out: string;
  readonly resolved: ResolvedRecipe;
  readonly input: Input;
  readonly plan: Plan;
  readonly status: RunStatus;
  readonly slice: ShardSlice | null;
  readonly options: RunOptions;
}

async function execute(execution: Execution): Promise<RunOutcome> {
  const { files, out, resolved, input, plan, status, slice, options } = execution;
  const stop = options.stop ?? new AbortController().signal;
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
    openCache: options.openCache ?? openScoreCache,
    acceptFailed: options.acceptFailed ?? false,
    requireScored: options.requireScored ?? false,
    stop,
    status,
  });
  const failures = openFailures(records);
  if (!isScored) return { ...base, kind: "stopped", manifest: null, openFailures: failures };
  if (slice !== null) return { ...base, kind: "scored", manifest: null, openFailures: failures };

  const manifest = await finishDataset({
    files,
    out,
    source: partsSource({ files, out, input, plan, scorers: resolved.scorers }),
    facts: factsOf(resolved, plan, records),
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

function outputDirectory(loaded: LoadedRecipe, out: string | undefined): string {
  if (out !== undefined) return resolve(out);
  const { dir } = loaded.recipe.output;
  if (dir !== undefined) return resolve(loaded.directory, dir);
  throw new PrefkitError(
    "bad_recipe",
    `${loaded.label} names no output directory.`,
    "add `output: { dir: … }` or give --out DIR.",
  );
}

function checkOptions({ concurrency, workers, limit, slice }: RunOptions): void {
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

/** A directory of ours is gone on with; an empty one is taken; any other is left alone. */
async function checkDirectory(files: Files, out: string): Promise<void> {
  const names = await namesIn(files, out);
  if (names === null || names.length === 0) return;
  if (names.includes(WORK_DIRECTORY) || names.includes(MANIFEST_FILE)) return;
  throw new PrefkitError(
    "not_this_run",
    `the output directory ${out} holds other files (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}).`,
    "choose an empty --out, or give --force: it leaves foreign files where they are and replaces prefkit's own.",
  );
}

async function namesIn(files: Files, out: string): Promise<string[] | null> {
  try {
    return await files.list(out);
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== "ENOTDIR") throw error;
    throw new PrefkitError("not_this_run", `${out} is a file, not a directory.`, "choose another --out.", {
      cause: error,
    });
  }
}

/** Slices of one division may share a directory; a whole run, another division or a start from scratch may not. */
async function refuseOthers(
  files: Files,
  out: string,
  slice: ShardSlice | null,
  force: boolean,
): Promise<void> {
  const { root } = workPaths(out);
  for (const name of (await files.list(root)) ?? []) {
    const held = /^lock(?:-\d+-of-(\d+))?$/.exec(name);
    if (!held || name === sliceName("lock", slice)) continue;
    if (!force && slice !== null && Number(held[1]) === slice.count) continue;
    await refuseHeld(files, join(root, name));
  }
}

/** Removes what is ours, but for the lock held: the mark of a whole dataset first, so that no kill leaves it on half of one. */
async function clearDirectory(files: Files, out: string, lock: string): Promise<void> {
  const { root } = workPaths(out);
  for (const name of [MANIFEST_FILE, CARD_FILE, STATS_FILE, ...TABLES]) await files.remove(join(out, name));
  for (const name of (await files.list(root)) ?? []) if (name !== lock) await files.remove(join(root, name));
}

export async function openRecipeInput(resolved: ResolvedRecipe, workDirectory: string): Promise<Input> {
  return openInput(resolved.recipe.input, { baseDirectory: resolved.loaded.directory, workDirectory });
}

function planOptions(
  resolved: ResolvedRecipe,
  options: Pick<RunOptions, "limit" | "onPlanning">,
): PlanOptions {
  return {
    codec: resolved.recipe.output.codec ?? availableCodec(),
    limit: options.limit ?? null,
    ...(options.onPlanning ? { onProgress: options.onPlanning } : {}),
  };
}

/** The directory's own plan where it still holds; else a scan of the input, checked against what is there. */
async function planFor(
  files: Files,
  out: string,
  resolved: ResolvedRecipe,
  input: Input,
  options: RunOptions,
): Promise<Plan> {
  const wanted = planOptions(resolved, options);
  const paths = workPaths(out);
  const existing = await readPlan(files, out);
  const marks = await fileMarks(resolved, input);
  if (existing && planId(resolved, existing.input.fingerprint, wanted) === existing.id) {
    const seen = (await files.exists(paths.scan))
      ? Buffer.from(await files.readAll(paths.scan)).toString("utf8")
      : "";
    if (seen === marks) return existing;
  }
  const plan = await makePlan(resolved, input, wanted);
  if (existing && existing.id !== plan.id) throw changedPlan(out, existing, plan);
  if (!existing) {
    const finished = (await files.exists(join(out, MANIFEST_FILE))) ? await readManifest(files, out) : null;
    if (finished && finished.planId !== plan.id) throw otherRun(out);
    await writePlan(files, out, plan);
  }
  await writeWhole(files, paths.scan, marks);
  return plan;
}

/** Sizes and times of the input files on this machine: when they are as they were, the input need not be scanned again. */
async function fileMarks(resolved: ResolvedRecipe, input: Input): Promise<string> {
  const marks = await Promise.all(
    input.files.map(async ({ path }) => {
      const { size, mtimeMs, ino } = await stat(resolve(resolved.loaded.directory, path));
      return { path, size, mtimeMs, ino };
    }),
  );
  return JSON.stringify(marks);
}

function changedPlan(out: string, existing: Plan, plan: Plan): PrefkitError {
  const what =
    existing.codec !== plan.codec
      ? `codec ${existing.codec}, and this run would use ${plan.codec}`
      : existing.input.fingerprint !== plan.input.fingerprint
        ? "another content of the input"
        : existing.toolkit !== plan.toolkit
          ? `prefkit ${existing.toolkit}, and this is ${plan.toolkit}`
          : "other scorers, options, seed or limit";
  return new PrefkitError(
    "plan_changed",
    `the directory ${out} was planned with ${what}.`,
    "choose another --out (paid scores come from the cache, so nothing is paid twice), undo the change, or start over with --force.",
  );
}

function otherRun(out: string): PrefkitError {
  return new PrefkitError(
    "not_this_run",
    `the directory ${out} holds the dataset of another run.`,
    "choose another --out (paid scores come from the cache), or start over with --force.",
  );
}

function factsOf(
  resolved: ResolvedRecipe,
  plan: Plan,
  records: ReadonlyMap<number, ShardRecord>,
): FinishFacts {
  return {
    planId: plan.id,
    input: { ...plan.input, limit: plan.limit, warnings: plan.warnings } as unknown as JsonObject,
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
  };
}

async function removeParts(files: Files, out: string): Promise<void> {
  const { root, parts, input } = workPaths(out);
  for (const name of (await files.list(root)) ?? []) {
    if (/^journal.*\.jsonl$/.test(name)) await files.remove(join(root, name));
  }
  await files.remove(parts);
  await files.remove(input);
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
  };
  const temporary = join(workPaths(out).root, STATS_FILE);
  await writeWhole(files, temporary, `${JSON.stringify(stats, null, 2)}\n`);
  await files.rename(temporary, join(out, STATS_FILE));
}
