import { basename, dirname, join, resolve } from "node:path";
import { takeLock } from "../../annotate/lock.ts";
import { PrefkitError } from "../../core/errors.ts";
import { type Files, writeWhole } from "../../core/files.ts";
import type { JsonObject } from "../../core/types.ts";
import { type Checkpoint, checkpointsIn, lastMetrics, METRICS_FILE } from "./checkpoints.ts";
import type { Metrics, TrainEvent, TrainLog } from "./events.ts";
import { launch, launchCommand, trainEnvironment } from "./launch.ts";
import { checkInputs, prepareRun } from "./prepare.ts";
import type { Versions } from "./python.ts";
import { CONFIG_FILE, LOG_FILE, RESULT_FILE, type RunConfig } from "./run-directory.ts";
import type { TrainSettings } from "./settings.ts";
import { silentServers } from "./silent-servers.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A table's directory, or what makes one in the run's directory and gives its place; `name` tells it from another model's. */
export type GivenReference =
  | { readonly directory: string }
  | { readonly name: string; readonly make: (run: string) => Promise<string> };

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
  readonly layoutOptions?: JsonObject;
  /** DPO: the reference's log-probs. */
  readonly reference?: GivenReference;
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
  /** TRL's own summary: train_runtime, train_loss, …; empty when it was stopped, or no step was left. */
  readonly summary: Metrics;
  /** Whole ones that are still there, relative to the run. */
  readonly checkpoints: readonly Checkpoint[];
  /** The trained model's folder, relative to the run; null when it was stopped. */
  readonly model: string | null;
}

/**
 * Trains with TRL on a dataset of ours. The run's directory gets config.json, data/, pair_ids.txt, metrics.jsonl (a line per logged
 * step, as it comes), log.txt, checkpoints/, model/ and train.json.
 *
 * A stop asks for a checkpoint after the step under way. A run that was stopped or killed goes on with `resume` from its last
 * whole checkpoint, or from the start when there is none; metrics after it are taken out and logged again.
 * Returns null when it was stopped before the training process was started.
 * `resume` reads data and reference again: they must be those it was begun with, and unchanged on the disk. A run whose last
 * checkpoint is its last step only gets its model.
 * Throws `not_this_run`, `directory_locked`, `plan_changed`, `damaged_file`, `bad_option`, `need_unmet`, `missing_dependency`, `not_finite`,
 * `contract_broken` (the training process failed), and what exporting throws.
 */
export async function train(options: TrainOptions): Promise<TrainOutcome | null> {
  const { files } = options;
  await checkInputs(options);
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

async function trainPrepared(options: TrainOptions, run: string, config: RunConfig): Promise<TrainOutcome> {
  const { files, python, environment, cpu = false, stop, onEvent, onNote } = options;
  for (const { url, why } of await silentServers(config.reward)) {
    onNote?.(
      `no reward server answers at ${url} (${why}). The training waits for it, some minutes by default: start it with \`prefkit serve RECIPE\`.`,
    );
  }
  const events = launch({
    command: launchCommand(join(run, CONFIG_FILE), { python, processes: config.processes, cpu }),
    environment: trainEnvironment(environment, { cpu }),
    logPath: join(run, LOG_FILE),
    stop,
  });
  let start: Extract<TrainEvent, { event: "start" }> | null = null;
  let end: Extract<TrainEvent, { event: "end" }> | null = null;
  let metrics: Metrics | null = null;
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
  if (end.kind === "done" && metrics === null && config.resume !== null)
    onNote?.(
      "The last checkpoint is the training's last step: nothing was trained, and the model is its model.",
    );
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
    metrics: metrics ?? (await lastMetrics(files, run)),
    summary,
    checkpoints: (await checkpointsIn(files, run)).whole,
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
