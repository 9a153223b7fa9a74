import { join } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import { type Files, namesIn, writeWhole } from "../../core/files.ts";
import type { JsonObject } from "../../core/types.ts";
import { CHECKPOINTS, METRICS_FILE } from "./checkpoints.ts";
import type { TrainMethod } from "./settings.ts";

export const CONFIG_FILE = "config.json";
export const LOG_FILE = "log.txt";
export const RESULT_FILE = "train.json";
export const PAIR_IDS_FILE = "pair_ids.txt";
export const TRACE_FILE = "trace.jsonl";
export const REFERENCE_FILE = "reference.parquet";
/** While a reference is joined; a kill leaves it. */
export const JOIN_FOLDER = "reference-join";

/**
 * Says that the directory is a run of ours: written first, removed never. Without it nothing in a directory is removed, whatever
 * its files are called: `model`, `data` and `config.json` are names that others use too.
 */
const MARKER_FILE = ".prefkit-train";
const MARKER = "A training of prefkit. `prefkit train --force` removes what stands beside this file.\n";

/** What is made before config.json is written; a kill may leave it without one. */
const BEFORE_CONFIG = [PAIR_IDS_FILE, REFERENCE_FILE, JOIN_FOLDER, "data", "reference-logprobs"] as const;

/** All that a run of ours may hold beside its marker; nothing else is ever removed. */
const OWN = [
  ...BEFORE_CONFIG,
  CONFIG_FILE,
  LOG_FILE,
  RESULT_FILE,
  TRACE_FILE,
  METRICS_FILE,
  CHECKPOINTS,
  "cache",
  "model",
] as const;

export interface RunReference {
  /** Relative to the run. */
  readonly file: string;
  /** The model that the table names. */
  readonly model: string;
  /** sha256 of `file`. */
  readonly sha256: string;
  /** sha256 over the table that it was joined from. */
  readonly source: string;
  /** The recipe's name of the model, where the log-probs were computed for this run; null where they were given. */
  readonly name: string | null;
}

/** `config.json`: all that decides on a training, and what the Python side reads. No secret stands in it. */
export interface RunConfig {
  readonly prefkit: string;
  readonly configVersion: 1;
  readonly method: TrainMethod;
  readonly model: string;
  readonly data: {
    /** The plan of the dataset that the rows come from. */
    readonly planId: string;
    readonly split: string;
    /** Relative to the run where they stand in it. */
    readonly files: Readonly<Record<string, readonly string[]>>;
    readonly rows: Readonly<Record<string, number>>;
    /** Options of the TRL layout, as given. */
    readonly options: JsonObject;
    /** sha256 of each of `files` and of pair_ids.txt, by path. */
    readonly hashes: Readonly<Record<string, string>>;
  };
  readonly trainer: JsonObject;
  readonly lora: JsonObject | null;
  /** The reference's log-probs, row by row; null when TRL computes them or the method has none. */
  readonly reference: RunReference | null;
  readonly reward: { readonly url: string } | null;
  readonly processes: number;
  readonly cpu: boolean;
  readonly trace: boolean;
  /** The checkpoint to go on from, relative to the run. */
  readonly resume: string | null;
}

/** What `--out` is for this command: the run to go on with, and what is removed before a new one begins. */
export interface RunState {
  readonly before: RunConfig | null;
  readonly leftovers: readonly string[];
}

/**
 * Looks at the run's directory, and changes nothing. Throws `not_this_run` for files that are of no run of ours, for a run of a step
 * or more without `resume` or `force`, and for `resume` where there is none; `damaged_file` for a config.json that cannot be read.
 */
export async function lookAtRun(
  files: Files,
  run: string,
  { resume, force }: { readonly resume: boolean; readonly force: boolean },
): Promise<RunState> {
  const names = ((await namesIn(files, run)) ?? []).filter((name) => name !== MARKER_FILE);
  const isMarked = await files.exists(join(run, MARKER_FILE));
  const foreign = names.filter((name) => !isMarked || !isOwn(name));
  if (foreign.length > 0) {
    throw new PrefkitError(
      "not_this_run",
      `${run} holds files that are of no training of prefkit (${foreign.slice(0, 3).join(", ")}${foreign.length > 3 ? ", …" : ""}).`,
      "move them away, or choose another --out.",
    );
  }
  const hasConfig = names.includes(CONFIG_FILE);
  if (resume) {
    if (hasConfig) return { before: await readRunConfig(files, run), leftovers: [] };
    throw new PrefkitError(
      "not_this_run",
      `${run} has no ${CONFIG_FILE}, so there is no training to go on with.`,
      "check --out, or leave --resume out to begin one.",
    );
  }
  const trained = names.filter((name) => name === CONFIG_FILE || !isMadeFirst(name));
  if (trained.length > 0 && !force && !(await isUntrained(files, run, names))) {
    throw new PrefkitError(
      "not_this_run",
      `${run} holds a training already (${trained.slice(0, 3).join(", ")}).`,
      hasConfig
        ? "give --resume to go on from its last checkpoint, --force to start it over, or another --out."
        : `give --force to start it over, or another --out: without ${CONFIG_FILE} it cannot go on.`,
    );
  }
  return { before: null, leftovers: names };
}

/** Whether its training ended before the first step, for a setting that was refused say: starting over then takes nothing away. */
async function isUntrained(files: Files, run: string, names: readonly string[]): Promise<boolean> {
  if ([METRICS_FILE, RESULT_FILE, "model"].some((name) => names.includes(name))) return false;
  // TRL puts a README beside them.
  const saved = (await files.list(join(run, CHECKPOINTS))) ?? [];
  return !saved.some((name) => name.startsWith("checkpoint-"));
}

/** Makes the directory, marks it as ours, and clears what `lookAtRun` found to be in the way. */
export async function openRun(files: Files, run: string, { leftovers }: RunState): Promise<void> {
  await files.makeDirectory(run);
  await files.createExclusive(join(run, MARKER_FILE), MARKER);
  for (const name of leftovers) await files.remove(join(run, name));
}

/** A file is written under a dotted name of this form until it is whole. */
function isOneOf(name: string, list: readonly string[]): boolean {
  return list.some((own) => own === name || name.startsWith(`.${own}.`));
}

function isOwn(name: string): boolean {
  return isOneOf(name, OWN);
}

function isMadeFirst(name: string): boolean {
  return isOneOf(name, BEFORE_CONFIG) || name.startsWith(`.${CONFIG_FILE}.`);
}

async function readRunConfig(files: Files, run: string): Promise<RunConfig> {
  const path = join(run, CONFIG_FILE);
  try {
    const config = JSON.parse(Buffer.from(await files.readAll(path)).toString("utf8")) as RunConfig | null;
    if (config?.configVersion === 1) return config;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new PrefkitError(
    "damaged_file",
    `${path} is not what this version of prefkit writes.`,
    "start the training over with --force.",
  );
}

export async function writeRunConfig(files: Files, run: string, config: RunConfig): Promise<void> {
  await writeWhole(files, join(run, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}
