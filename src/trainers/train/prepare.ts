import { resolve } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/types.ts";
import { VERSION } from "../../core/version.ts";
import { requireExportable } from "../export-dataset.ts";
import { trl } from "../trl.ts";
import { checkpointsIn, trimMetrics } from "./checkpoints.ts";
import { isWithin, requireUnchanged } from "./fingerprints.ts";
import { requireModel } from "./model-folder.ts";
import { joinReference } from "./reference-join.ts";
import { logprobFiles, tableHash } from "./reference-table.ts";
import { rewardUrls } from "./reward-url.ts";
import { lookAtRun, openRun, type RunConfig, type RunReference, writeRunConfig } from "./run-directory.ts";
import { requireSamePlan } from "./same-plan.ts";
import { planTraining, type TrainSettings } from "./settings.ts";
import type { TrainOptions } from "./train.ts";
import { exportOf, isExport, kindFor, prepareData, requireTextRows, resumedData } from "./training-data.ts";

/** Throws `bad_option` and the like for settings that cannot be trained with; nothing is read or written. */
export function checkTraining(settings: TrainSettings): void {
  planTraining(settings);
  if (settings.method === "grpo") rewardUrls(settings.reward ?? "");
}

type Inputs = Pick<
  TrainOptions,
  "files" | "from" | "out" | "settings" | "reference" | "layoutOptions" | "resume"
>;

/**
 * Looks at what a training reads, and changes nothing; gives whether `from` is an export. Throws `dataset_incomplete` where no
 * data is; `bad_option` for an `out` that holds its own input, which a fresh start would remove, and for a reference that its
 * settings cannot use; `need_unmet` for a reference beside an export, an export or a dataset without the method's rows, and rows with tools for
 * SimPO; `no_input_file` for a reference that is not there; and what `requireModel` throws.
 */
export async function checkInputs(options: Inputs): Promise<boolean> {
  const { files, settings, reference, layoutOptions = {}, resume = false } = options;
  checkTraining(settings);
  const from = resolve(options.from);
  const exported = await isExport(files, from);
  const model = resolve(settings.model);
  const inputs: (readonly [string, string])[] = [["data", from]];
  if (await files.exists(model)) inputs.push(["model", model]);
  if (reference !== undefined) {
    requireUsable(settings);
    if (exported) {
      throw new PrefkitError(
        "need_unmet",
        "log-probs of a reference are joined by the ids of a dataset, and an export was given.",
        "give the dataset itself.",
      );
    }
    if ("directory" in reference) {
      await logprobFiles(files, reference.directory);
      // Going on removes nothing, and may be given what the run itself computed.
      if (!resume) inputs.push(["reference", resolve(reference.directory)]);
    }
  }
  for (const [what, path] of inputs) {
    if (!(await isWithin(path, options.out))) continue;
    throw new PrefkitError(
      "bad_option",
      `the ${what} ${path} stands in --out ${resolve(options.out)}, which is the run's own.`,
      "choose another --out.",
    );
  }
  await requireModel(files, settings.model);
  const kind = kindFor(settings.method);
  const given = exported ? await exportOf(files, from, kind) : null;
  // What a training goes on with was exported when it was begun.
  if (given === null && !resume)
    await requireExportable({ files, from, trainer: trl, kind, options: layoutOptions });
  if (settings.method === "simpo") await requireTextRows(files, from, given);
  return exported;
}

/** DPO settings under which the trainer needs other numbers than sums over the tokens up to `max_length`. */
function requireUsable({ method, set }: TrainSettings): void {
  if (method !== "dpo") {
    throw new PrefkitError(
      "bad_option",
      `log-probs of a reference were given, and ${method} has no reference.`,
      "leave them out, or choose --method dpo.",
    );
  }
  const { truncation_mode: mode = null, ld_alpha: alpha = null } = set;
  const unfit =
    mode !== null && mode !== "keep_start" ? "truncation_mode" : alpha !== null ? "ld_alpha" : null;
  if (unfit === null) return;
  throw new PrefkitError(
    "bad_option",
    `log-probs of a reference were given, and with --set ${unfit} the trainer needs those of other tokens.`,
    `leave --set ${unfit} out, or the log-probs: TRL then computes them.`,
  );
}

/** Fields of TRL's config as config.json gets them. */
export function plannedTrainer({
  settings,
  reference,
}: Pick<TrainOptions, "settings" | "reference">): JsonObject {
  const { trainer } = planTraining(settings);
  return reference === undefined ? trainer : { ...trainer, precompute_ref_log_probs: true };
}

/** Fills the run's directory up to config.json; null when it was stopped. The caller holds the directory's lock. */
export async function prepareRun(options: TrainOptions, run: string): Promise<RunConfig | null> {
  const { files, from, settings, resume = false, force = false, stop, onStage, onNote } = options;
  const state = await lookAtRun(files, run, { resume, force });
  if (state.before !== null) return await goOn(options, run, state.before);
  await openRun(files, run, state);
  const data = await prepareData({
    ...{ files, from, run, method: settings.method, stop },
    layoutOptions: options.layoutOptions ?? {},
    onProgress: ({ read, total }) => onStage?.("Exporting", read, total),
    onNote: (text) => onNote?.(text),
  });
  if (data === null) return null;
  const config = planned(options, data, await referenceOf(options, run, data));
  await writeRunConfig(files, run, config);
  return config;
}

/** The settings, data and reference are those it was begun with, and every file is as it was written. */
async function goOn(options: TrainOptions, run: string, before: RunConfig): Promise<RunConfig> {
  const { files, settings, layoutOptions = {}, onNote } = options;
  const from = resolve(options.from);
  const data = await resumedData({ files, from, method: settings.method, layoutOptions }, before.data);
  requireSamePlan(before, planned(options, data, await resumedReference(options, before.reference)));
  await requireUnchanged(files, run, before.data.hashes);
  if (before.reference !== null)
    await requireUnchanged(files, run, { [before.reference.file]: before.reference.sha256 });
  const { whole, damaged } = await checkpointsIn(files, run);
  const last = whole.at(-1);
  for (const { path, why } of damaged) onNote?.(`${path} is damaged (${why}), and is passed over.`);
  await trimMetrics(files, run, last?.step ?? 0);
  if (last === undefined)
    onNote?.("There is no whole checkpoint yet: the training starts at its first step.");
  const config = { ...planned(options, before.data, before.reference), resume: last?.path ?? null };
  await writeRunConfig(files, run, config);
  return config;
}

async function referenceOf(
  { files, from, reference }: TrainOptions,
  run: string,
  { split }: RunConfig["data"],
): Promise<RunReference | null> {
  if (reference === undefined) return null;
  const joined = await joinReference({
    ...{ files, run, split },
    dataset: resolve(from),
    logprobs: "directory" in reference ? reference.directory : await reference.make(run),
  });
  return { ...joined, name: "directory" in reference ? null : reference.name };
}

/** A table is known by its bytes, a model by its name: its log-probs are not computed again. */
async function resumedReference(
  { files, reference }: TrainOptions,
  before: RunReference | null,
): Promise<RunReference | null> {
  if (reference === undefined) return null;
  const known = before ?? { file: "", model: "", sha256: "", source: "", name: null };
  return "directory" in reference
    ? { ...known, source: await tableHash(files, reference.directory) }
    : { ...known, name: reference.name };
}

function planned(options: TrainOptions, data: RunConfig["data"], reference: RunReference | null): RunConfig {
  const { settings, cpu = false, trace = false } = options;
  return {
    prefkit: VERSION,
    configVersion: 1,
    method: settings.method,
    model: settings.model,
    data,
    trainer: plannedTrainer(options),
    lora: planTraining(settings).lora,
    reference,
    reward: settings.method === "grpo" ? { url: rewardUrls(settings.reward ?? "") } : null,
    processes: settings.processes,
    cpu,
    trace,
    resume: null,
  };
}
