import { PrefkitError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/types.ts";
import { refuseSecrets } from "./secrets.ts";

export const TRAIN_METHODS = ["simpo", "dpo", "grpo"] as const;
export type TrainMethod = (typeof TRAIN_METHODS)[number];

/** What a user says of a training; what is left out follows the method's authors, see `METHOD_DEFAULTS`. */
export interface TrainSettings {
  readonly method: TrainMethod;
  /** A folder or a hub id, as transformers takes it. */
  readonly model: string;
  readonly beta?: number;
  /** SimPO's γ/β, the authors' convention; TRL's `simpo_gamma` is γ = ratio · β. */
  readonly gammaRatio?: number;
  readonly learningRate?: number;
  /** Optimizer steps; goes before `epochs`. */
  readonly steps?: number;
  readonly epochs?: number;
  /** Rows per process and forward pass. */
  readonly batchSize?: number;
  /** Forward passes per optimizer step. */
  readonly gradAccum?: number;
  /** Tokens of prompt and response together. */
  readonly maxLength?: number;
  /** Rank of LoRA adapters on all linear layers; null: all weights are trained. */
  readonly loraRank: number | null;
  readonly processes: number;
  readonly groupSize?: number;
  readonly maxCompletionLength?: number;
  /** The reward server, for GRPO: one URL, or several separated by commas. */
  readonly reward?: string;
  /** Steps between checkpoints. */
  readonly saveEvery: number;
  readonly seed: number;
  /** Fields of the TRL config by their own names; they go before everything else. */
  readonly set: JsonObject;
}

/**
 * SimPO: the authors' repository (princeton-nlp/SimPO): β from 2.0, γ/β from 0.5, no NLL term, learning rate 1e-6 with a
 * cosine and 10 % warm-up, 128 pairs a step, one epoch, 2048 tokens. DPO: Rafailov et al. 2023, appendix B: β 0.1,
 * learning rate 1e-6, 64 pairs a step, 150 steps of linear warm-up, which is more than small data has: 10 % here; 1024
 * tokens as TRL's. GRPO: TRL 1.13's own.
 */
export const METHOD_DEFAULTS = {
  simpo: { beta: 2, gammaRatio: 0.5, learningRate: 1e-6, epochs: 1, rowsPerStep: 128, maxLength: 2048 },
  dpo: { beta: 0.1, learningRate: 1e-6, epochs: 1, rowsPerStep: 64, maxLength: 1024 },
  grpo: {
    beta: 0,
    learningRate: 1e-6,
    epochs: 3,
    rowsPerStep: 8,
    groupSize: 8,
    maxCompletionLength: 512,
  },
} as const;

/** What is trained, where it is TRL 1.13's own choice: said all the same, so that another TRL does not choose again. */
export const TRL_CHOICES: Readonly<Record<TrainMethod, JsonObject>> = {
  simpo: {},
  dpo: { loss_type: ["sigmoid"] },
  grpo: { loss_type: "dapo", scale_rewards: "group" },
};

const BATCH_SIZE = 8;

/** A training as TRL's config class is to be filled; what depends on the machine is decided where it is trained. */
export interface PlannedTraining {
  /** Fields of CPOConfig, DPOConfig or GRPOConfig. */
  readonly trainer: JsonObject;
  /** Arguments of peft's LoraConfig; null without LoRA. */
  readonly lora: JsonObject | null;
  /** Rows, or completions in GRPO, per optimizer step over all processes. */
  readonly rowsPerStep: number;
}

/**
 * Fills in what the user left open.
 *
 * Worked: SimPO with no more said: simpo_gamma = 0.5 · 2 = 1, batch 8, accumulation 128 / 8 = 16; over 4 processes 4.
 *
 * Throws `bad_option` for a setting that its method does not have, for a secret among `set`, and for a GRPO batch that no whole number of groups fills.
 */
export function planTraining(settings: TrainSettings): PlannedTraining {
  refuseForeign(settings);
  refuseOutOfRange(settings);
  const { method, processes, set } = settings;
  const defaults = METHOD_DEFAULTS[method];
  const batch = settings.batchSize ?? Math.min(BATCH_SIZE, defaults.rowsPerStep);
  const accumulation =
    settings.gradAccum ?? Math.max(1, Math.floor(defaults.rowsPerStep / (batch * processes)));
  const trainer: JsonObject = {
    ...TRL_CHOICES[method],
    ...ofMethod(settings),
    learning_rate: settings.learningRate ?? defaults.learningRate,
    ...(settings.steps === undefined
      ? { num_train_epochs: settings.epochs ?? defaults.epochs }
      : { max_steps: settings.steps }),
    per_device_train_batch_size: batch,
    gradient_accumulation_steps: accumulation,
    seed: settings.seed,
    ...BOOKKEEPING,
    save_steps: settings.saveEvery,
    ...set,
    // γ follows the β that is trained with, whichever way it was given.
    ...(method === "simpo" ? { simpo_gamma: set.simpo_gamma ?? gammaOf(settings) } : {}),
  };
  const rowsPerStep =
    numberOf(trainer, "per_device_train_batch_size") *
    numberOf(trainer, "gradient_accumulation_steps") *
    processes;
  if (method === "grpo") requireWholeGroups(trainer, processes);
  const { loraRank } = settings;
  return {
    trainer,
    lora:
      loraRank === null
        ? null
        : { r: loraRank, lora_alpha: 2 * loraRank, lora_dropout: 0, target_modules: "all-linear" },
    rowsPerStep,
  };
}

/** Every step is logged as it was: the filter would write a NaN loss as 0. Nothing is sent anywhere. */
const BOOKKEEPING: JsonObject = {
  logging_steps: 1,
  logging_first_step: true,
  logging_nan_inf_filter: false,
  report_to: "none",
  disable_tqdm: true,
  save_strategy: "steps",
  save_total_limit: 2,
};

function ofMethod(settings: TrainSettings): JsonObject {
  const { method } = settings;
  const beta = settings.beta ?? METHOD_DEFAULTS[method].beta;
  switch (method) {
    case "simpo":
      return {
        loss_type: "simpo",
        cpo_alpha: 0,
        beta,
        simpo_gamma: gammaOf(settings),
        max_length: settings.maxLength ?? METHOD_DEFAULTS.simpo.maxLength,
        lr_scheduler_type: "cosine",
        warmup_steps: 0.1,
      };
    case "dpo":
      return {
        beta,
        max_length: settings.maxLength ?? METHOD_DEFAULTS.dpo.maxLength,
        warmup_steps: 0.1,
      };
    case "grpo":
      return {
        beta,
        num_generations: settings.groupSize ?? METHOD_DEFAULTS.grpo.groupSize,
        max_completion_length: settings.maxCompletionLength ?? METHOD_DEFAULTS.grpo.maxCompletionLength,
      };
  }
}

/** SimPO's γ = ratio · β. */
function gammaOf({ beta, gammaRatio, set }: TrainSettings): number {
  const ratio = gammaRatio ?? METHOD_DEFAULTS.simpo.gammaRatio;
  if (set.beta === undefined) return ratio * (beta ?? METHOD_DEFAULTS.simpo.beta);
  if (typeof set.beta === "number") return ratio * set.beta;
  throw new PrefkitError("bad_option", `beta is ${JSON.stringify(set.beta)}.`, "give a number.");
}

const FLAGS: Readonly<Record<string, { readonly flag: string; readonly methods: readonly TrainMethod[] }>> = {
  gammaRatio: { flag: "--gamma-ratio", methods: ["simpo"] },
  maxLength: { flag: "--max-length", methods: ["simpo", "dpo"] },
  reward: { flag: "--reward", methods: ["grpo"] },
  groupSize: { flag: "--group-size", methods: ["grpo"] },
  maxCompletionLength: { flag: "--max-completion-length", methods: ["grpo"] },
};

function refuseForeign(settings: TrainSettings): void {
  for (const [name, { flag, methods }] of Object.entries(FLAGS)) {
    if (settings[name as keyof TrainSettings] === undefined || methods.includes(settings.method)) continue;
    throw new PrefkitError(
      "bad_option",
      `${flag} was given, and ${settings.method} has no such setting.`,
      `leave it out, or choose --method ${methods.join(" or ")}.`,
    );
  }
  for (const name of ["output_dir", "resume_from_checkpoint", "push_to_hub"]) {
    if (!Object.hasOwn(settings.set, name)) continue;
    throw new PrefkitError(
      "bad_option",
      `--set got ${name}, which prefkit decides: the run stays in its own directory.`,
      "use --out and --resume; upload the finished model yourself.",
    );
  }
  refuseSecrets(settings.set);
}

function refuseOutOfRange({ learningRate, epochs, beta, gammaRatio }: TrainSettings): void {
  const numbers = [
    { flag: "--lr", value: learningRate, least: "more than 0", isFine: (value: number) => value > 0 },
    { flag: "--epochs", value: epochs, least: "more than 0", isFine: (value: number) => value > 0 },
    { flag: "--beta", value: beta, least: "at least 0", isFine: (value: number) => value >= 0 },
    { flag: "--gamma-ratio", value: gammaRatio, least: "at least 0", isFine: (value: number) => value >= 0 },
  ];
  for (const { flag, value, least, isFine } of numbers) {
    if (value === undefined || (Number.isFinite(value) && isFine(value))) continue;
    throw new PrefkitError("bad_option", `${flag} is ${value}.`, `give a number of ${least}.`);
  }
}

function numberOf(trainer: JsonObject, name: string): number {
  const value = trainer[name];
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw new PrefkitError(
    "bad_option",
    `${name} is ${JSON.stringify(value)}.`,
    "give a whole number of at least 1.",
  );
}

/**
 * TRL generates for batch × steps_per_generation completions at a time and process, and these must be whole groups: one cut
 * over two processes would be scored in two halves by scorers that compare responses.
 */
function requireWholeGroups(trainer: JsonObject, processes: number): void {
  const group = numberOf(trainer, "num_generations");
  if (group < 2) {
    throw new PrefkitError(
      "bad_option",
      `--group-size is ${group}, and advantages compare responses within a group.`,
      "give --group-size 2 or more.",
    );
  }
  const steps = trainer.steps_per_generation == null ? "gradient_accumulation_steps" : "steps_per_generation";
  const batch =
    trainer.generation_batch_size == null
      ? numberOf(trainer, "per_device_train_batch_size") * numberOf(trainer, steps)
      : numberOf(trainer, "generation_batch_size") / processes;
  if (batch % group === 0) return;
  throw new PrefkitError(
    "bad_option",
    `${batch} completions at a time and process (batch size × accumulation) are no whole number of groups of ${group}.`,
    "choose --batch-size, --grad-accum or --group-size so that the group size divides their product.",
  );
}

/** `name=value` pairs of --set: the value as JSON where it is JSON, else as text. Throws `bad_option`. */
export function parseSet(pairs: readonly string[]): JsonObject {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      const name = pair.slice(0, Math.max(0, at)).trim();
      if (!/^[a-z][a-z0-9_]*$/.test(name)) {
        throw new PrefkitError(
          "bad_option",
          // What follows the name may be a secret.
          `--set got "${at < 0 ? pair : `${name}=`}".`,
          "write name=value with a field of the TRL config, as in --set warmup_steps=0.1.",
        );
      }
      return [name, setValue(pair.slice(at + 1))];
    }),
  );
}

function setValue(text: string): Json {
  // As Python writes them, and as people who come from there do.
  const python: Readonly<Record<string, Json>> = { True: true, False: false, None: null };
  if (Object.hasOwn(python, text)) return python[text] ?? null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
