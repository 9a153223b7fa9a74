import { join } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import { type Files, namesIn, writeWhole } from "../../core/files.ts";
import { canonicalJson } from "../../core/ids.ts";
import type { Json, JsonObject } from "../../core/types.ts";
import { CHECKPOINTS, METRICS_FILE } from "./checkpoints.ts";
import type { TrainMethod } from "./settings.ts";

export const CONFIG_FILE = "config.json";
export const LOG_FILE = "log.txt";
export const RESULT_FILE = "train.json";
export const PAIR_IDS_FILE = "pair_ids.txt";
export const TRACE_FILE = "trace.jsonl";
export const REFERENCE_FILE = "reference.parquet";

/** All that a run of ours may hold; nothing else is ever removed. */
const OWN = [
  CONFIG_FILE,
  LOG_FILE,
  RESULT_FILE,
  PAIR_IDS_FILE,
  TRACE_FILE,
  REFERENCE_FILE,
  METRICS_FILE,
  CHECKPOINTS,
  "data",
  "cache",
  "model",
  "reference-logprobs",
] as const;

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
    /** sha256 of each file of `split`, in order. */
    readonly hashes: readonly string[];
  };
  readonly trainer: JsonObject;
  readonly lora: JsonObject | null;
  /** The reference's log-probs, row by row; null when TRL computes them or the method has none. */
  readonly reference: { readonly file: string; readonly model: string } | null;
  readonly reward: { readonly url: string } | null;
  readonly processes: number;
  readonly cpu: boolean;
  readonly trace: boolean;
  /** The checkpoint to go on from, relative to the run. */
  readonly resume: string | null;
}

/** What the directory is for this command. Throws `not_this_run` for other files, or a run without `resume` or `force`. */
export async function openRun(
  files: Files,
  run: string,
  { resume, force }: { readonly resume: boolean; readonly force: boolean },
): Promise<RunConfig | null> {
  const names = (await namesIn(files, run)) ?? [];
  const foreign = names.filter((name) => !isOwn(name));
  if (foreign.length > 0) {
    throw new PrefkitError(
      "not_this_run",
      `${run} holds files that are of no training (${foreign.slice(0, 3).join(", ")}${foreign.length > 3 ? ", …" : ""}).`,
      "move them away, or choose another --out.",
    );
  }
  if (names.includes(CONFIG_FILE)) {
    if (resume) return await readRunConfig(files, run);
    if (!force) {
      throw new PrefkitError(
        "not_this_run",
        `${run} holds a training already.`,
        "give --resume to go on from its last checkpoint, --force to start it over, or another --out.",
      );
    }
  }
  // With --force an earlier run; otherwise what a kill left before config.json was written.
  for (const name of names) await files.remove(join(run, name));
  return null;
}

/** The export that is made in the run keeps its own work under names of this form. */
function isOwn(name: string): boolean {
  return name.startsWith(".data.") || name.startsWith(".config.json.") || OWN.some((own) => own === name);
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

/** Fields of the TRL config that may differ when a training goes on: how long, how often saved, what is logged. */
const FREE = new Set([
  "max_steps",
  "num_train_epochs",
  "save_steps",
  "save_total_limit",
  "logging_steps",
  "report_to",
]);

/** Throws `plan_changed`, naming what differs, when a training is resumed with other settings than it was begun with. */
export function requireSamePlan(before: RunConfig, now: RunConfig): void {
  const differing = differences(before, now);
  const [first] = differing;
  if (first === undefined) return;
  throw new PrefkitError(
    "plan_changed",
    `the training was begun with ${first.name} ${shown(first.before)}, and now ${first.name} is ${shown(first.now)}${
      differing.length > 1 ? ` (and ${differing.length - 1} more)` : ""
    }.`,
    "give the settings it was begun with, or --force to start over.",
  );
}

interface Difference {
  readonly name: string;
  readonly before: Json;
  readonly now: Json;
}

function differences(before: RunConfig, now: RunConfig): Difference[] {
  const [old, fresh] = [comparable(before), comparable(now)];
  return [...new Set([...Object.keys(old), ...Object.keys(fresh)])]
    .filter((name) => canonicalJson(old[name] ?? null) !== canonicalJson(fresh[name] ?? null))
    .map((name) => ({ name, before: old[name] ?? null, now: fresh[name] ?? null }));
}

function comparable({ method, model, data, trainer, lora, reference, processes }: RunConfig): JsonObject {
  const settings = Object.fromEntries(Object.entries(trainer).filter(([name]) => !FREE.has(name)));
  return {
    method,
    model,
    data: [...data.hashes],
    reference: reference === null ? null : reference.model,
    lora,
    processes,
    ...settings,
  };
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
