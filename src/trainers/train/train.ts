import { basename, dirname, join, resolve } from "node:path";
import { takeLock } from "../../annotate/lock.ts";
import { PrefkitError } from "../../core/errors.ts";
import { type Files, writeWhole } from "../../core/files.ts";
import { VERSION } from "../../core/version.ts";
import { type Checkpoint, METRICS_FILE, trimMetrics, wholeCheckpoints } from "./checkpoints.ts";
import type { Metrics, TrainEvent, TrainLog } from "./events.ts";
import { launch, launchCommand, trainEnvironment } from "./launch.ts";
import type { Versions } from "./python.ts";
import { joinReference } from "./reference-table.ts";
import { rewardUrls } from "./reward-url.ts";
import {
  CONFIG_FILE,
  LOG_FILE,
  openRun,
  PAIR_IDS_FILE,
  RESULT_FILE,
  type RunConfig,
  requireSamePlan,
  writeRunConfig,
} from "./run-directory.ts";
import { planTraining, type TrainSettings } from "./settings.ts";
import { isExport, prepareData } from "./training-data.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface TrainOptions {
  readonly files: Files;
  /** A finished dataset, or an export of one for TRL. */
  readonly from: string;
  /** The run's directory. */
  readonly out: string;
  readonly settings: TrainSettings;
  readonly python: string;
  readonly environment: Environment;
  /** Go on from the last whole checkpoint. */
  readonly resume?: boolean;
  /** Start over in a directory that holds a training. */
  readonly force?: boolean;
  /** Leave a GPU alone. */
  readonly cpu?: boolean;
  /** Keep what the first losses are computed from, in trace.jsonl. */
  readonly trace?: boolean;
  /** Options of the TRL layout that the rows are exported in. */
  readonly layoutOptions?: Readonly<Record<string, unknown>>;
  /** DPO: the directory of the reference's log-probs; `run` is where one that is made now may be put. */
  readonly reference?: (run: string) => Promise<string>;
  readonly stop: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
  readonly onStage?: (stage: string, done: number, total: number | null) => void;
  readonly onNote?: (text: string) => void;
}

/** `train.json`: how a training ended. */
export interface TrainOutcome {
  readonly kind: "done" | "stopped";
  readonly method: TrainSettings["method"];
  readonly step: number;
  readonly of: number;
  readonly versions: Versions;
  readonly device: string;
  readonly processes: number;
  /** Rows given, and rows that the trainer kept. */
  readonly rows: number;
  readonly kept: number;
  /** Of the last logged step. */
  readonly metrics: Metrics;
  /** TRL's own summary: train_runtime, train_loss, …; empty when it was stopped. */
  readonly summary: Metrics;
  /** Whole ones that are still there, relative to the run. */
  readonly checkpoints: readonly Checkpoint[];
  /** The trained model's folder, relative to the run; null when it was stopped. */
  readonly model: string | null;
}

/** Throws `bad_option` and the like for settings that cannot be trained with; nothing is read or written. */
export function checkTraining(settings: TrainSettings): void {
  planTraining(settings);
  if (settings.method === "grpo") rewardUrls(settings.reward ?? "");
}

/**
 * Trains with TRL on a dataset of ours. The run's directory gets config.json, data/, pair_ids.txt, metrics.jsonl (a line per logged
 * step, as it comes), log.txt, checkpoints/, model/ and train.json.
 *
 * A stop asks for a checkpoint after the step under way. A run that was stopped or killed goes on with `resume` from its last
 * whole checkpoint, or from the start when there is none; metrics after it are taken out and logged again.
 * Returns null when it was stopped before the training process was started.
 * Throws `not_this_run`, `directory_locked`, `plan_changed`, `bad_option`, `need_unmet`, `missing_dependency`, `not_finite`,
 * `contract_broken` (the training process failed), and what exporting throws.
 */
export async function train(options: TrainOptions): Promise<TrainOutcome | null> {
  const { files, settings } = options;
  checkTraining(settings);
  await isExport(files, resolve(options.from));
  const run = resolve(options.out);
  await files.makeDirectory(dirname(run));
  const unlock = await takeLock(files, join(dirname(run), `.${basename(run)}.train.lock`));
  try {
    const config = await prepareRun(options, run);
    if (config === null || options.stop.aborted) return null;
    return await trainPrepared(options, run, config);
  } finally {
    await unlock();
  }
}

async function prepareRun(options: TrainOptions, run: string): Promise<RunConfig | null> {
  const { files, from, settings, resume = false, force = false, stop, onStage, onNote } = options;
  const before = await openRun(files, run, { resume, force });
  await files.makeDirectory(run);
  if (before !== null) {
    const now = planned(options, before.data, before.reference);
    requireSamePlan(before, now);
    const last = (await wholeCheckpoints(files, run)).at(-1);
    await trimMetrics(files, run, last?.step ?? 0);
    if (last === undefined)
      onNote?.("There is no whole checkpoint yet: the training starts at its first step.");
    const config = { ...now, resume: last?.path ?? null };
    await writeRunConfig(files, run, config);
    return config;
  }
  const data = await prepareData({
    files,
    from,
    run,
    method: settings.method,
    layoutOptions: options.layoutOptions ?? {},
    stop,
    onProgress: ({ read, total }) => onStage?.("Exporting", read, total),
  });
  if (data === null) return null;
  const reference = options.reference ? await referenceOf(options, run, data) : null;
  const config = planned(options, data, reference);
  await writeRunConfig(files, run, config);
  return config;
}

async function referenceOf(
  { files, from, settings, reference }: TrainOptions,
  run: string,
  data: RunConfig["data"],
): Promise<RunConfig["reference"]> {
  if (settings.method !== "dpo" || reference === undefined) {
    throw new PrefkitError(
      "bad_option",
      `log-probs of a reference were given, and ${settings.method} has no reference.`,
      "leave them out, or choose --method dpo.",
    );
  }
  const dataset = resolve(from);
  if (await isExport(files, dataset)) {
    throw new PrefkitError(
      "need_unmet",
      "log-probs of a reference are joined by the ids of a dataset, and an export was given.",
      "give the dataset itself.",
    );
  }
  const ids = Buffer.from(await files.readAll(join(run, PAIR_IDS_FILE))).toString("utf8");
  return await joinReference({
    files,
    dataset,
    logprobs: await reference(run),
    run,
    split: data.split,
    pairIds: ids.split("\n").filter((id) => id !== ""),
  });
}

function planned(
  { settings, cpu = false, trace = false }: TrainOptions,
  data: RunConfig["data"],
  reference: RunConfig["reference"],
): RunConfig {
  const { trainer, lora } = planTraining(settings);
  return {
    prefkit: VERSION,
    configVersion: 1,
    method: settings.method,
    model: settings.model,
    data,
    trainer: reference === null ? trainer : { ...trainer, precompute_ref_log_probs: true },
    lora,
    reference,
    reward: settings.method === "grpo" ? { url: rewardUrls(settings.reward ?? "") } : null,
    processes: settings.processes,
    cpu,
    trace,
    resume: null,
  };
}

async function trainPrepared(options: TrainOptions, run: string, config: RunConfig): Promise<TrainOutcome> {
  const { files, python, environment, cpu = false, stop, onEvent, onNote } = options;
  const events = launch({
    command: launchCommand(join(run, CONFIG_FILE), { python, processes: config.processes, cpu }),
    environment: trainEnvironment(environment, { cpu }),
    logPath: join(run, LOG_FILE),
    stop,
  });
  let start: Extract<TrainEvent, { event: "start" }> | null = null;
  let end: Extract<TrainEvent, { event: "end" }> | null = null;
  let metrics: Metrics = {};
  let summary: Metrics = {};
  let warned = false;
  for await (const event of events) {
    if (event.event === "start") {
      start = event;
      for (const note of rowNotes(event)) onNote?.(note);
    }
    if (event.event === "log") {
      metrics = event.metrics;
      const nothing = unscoredNote(event);
      if (nothing !== null && !warned) onNote?.(nothing);
      warned ||= nothing !== null;
      await files.appendLine(join(run, METRICS_FILE), JSON.stringify(logLine(event)));
    }
    if (event.event === "summary") summary = event.metrics;
    if (event.event === "end") end = event;
    onEvent?.(event);
  }
  if (start === null || end === null) {
    throw new PrefkitError(
      "contract_broken",
      "the training process ended well and did not say how.",
      `look at ${join(run, LOG_FILE)}; see that --python runs Python itself.`,
    );
  }
  const outcome: TrainOutcome = {
    kind: end.kind,
    method: config.method,
    step: end.step,
    of: end.of,
    versions: start.versions,
    device: start.device,
    processes: start.processes,
    rows: start.rows,
    kept: start.kept,
    metrics,
    summary,
    checkpoints: await wholeCheckpoints(files, run),
    model: end.kind === "done" ? "model" : null,
  };
  await writeWhole(files, join(run, RESULT_FILE), `${JSON.stringify(outcome, null, 2)}\n`);
  // Copies of the rows that `datasets` made for itself.
  if (end.kind === "done") await files.remove(join(run, "cache"));
  return outcome;
}

function logLine({ step, epoch, seconds, metrics }: TrainLog): object {
  return { step, epoch, seconds, ...metrics };
}

/** TRL logs no reward, or none that is a number, when every completion of a step is unscored. */
function unscoredNote({ step, metrics }: TrainLog): string | null {
  const { unscored = 0, reward = null } = metrics;
  if (unscored === null || unscored === 0 || reward !== null) return null;
  return `none of the ${unscored} completions of step ${step} was scored: nothing is learned from such a step.`;
}

function rowNotes({ rows, kept, truncated }: Extract<TrainEvent, { event: "start" }>): string[] {
  const notes: string[] = [];
  if (kept < rows)
    notes.push(
      `${rows - kept} of ${rows} rows leave no response token within --max-length: the trainer drops them.`,
    );
  if (truncated !== null && truncated > 0)
    notes.push(
      `${truncated} of ${kept} rows are longer than --max-length: the trainer cuts their responses.`,
    );
  return notes;
}
