import { readFileSync } from "node:fs";
import { splitFiles } from "../message-rows.ts";
import type { Companion, ExportedFacts } from "../trainer-adapter.ts";

/** A script that reads the data beside itself; the Python files stand in `../python`. */
function script(path: string): Companion {
  return { path, text: readFileSync(new URL(`../python/${path}`, import.meta.url), "utf8") };
}

export const simpoScript = (): Companion => script("train_simpo.py");
export const imagesScript = (): Companion => script("train_images.py");
export const prmScript = (): Companion => script("train_prm.py");

/** A config of TRL's command line; the model is given there. */
function config(
  command: string,
  facts: ExportedFacts,
  notes: readonly string[],
  lines: readonly string[],
  images = false,
): Companion {
  const { evaluation } = splitFiles(facts);
  return {
    path: `${command}.yaml`,
    text: [
      "# TRL 1.13. In this directory:",
      `#   ${images ? "python train_images.py" : "trl"} ${command} --config ${command}.yaml --model_name_or_path MODEL`,
      "# Flags after the config win. On a CPU add: --use_cpu --bf16 False --gradient_checkpointing False",
      ...notes.map((note) => `# ${note}`),
      // Not ".": `datasets` takes a name from the path. data/README.md says which files are train.
      "dataset_name: data",
      "dataset_train_split: train",
      ...(evaluation === null ? [] : [`dataset_test_split: ${evaluation.split}`, "eval_strategy: epoch"]),
      ...lines,
      `output_dir: ../${command}-model`,
      "report_to: none",
      "",
    ].join("\n"),
  };
}

const WHOLE_IMAGES =
  "Nothing is cut: the places of an image's tokens would be cut with the rest, and the training would stop.";

/** `images`: the rows have a column of images. */
export function dpoConfig(facts: ExportedFacts, images: boolean): Companion {
  return config(
    "dpo",
    facts,
    [
      "beta scales the log-ratio to the reference model (Rafailov et al. 2023); a larger one keeps the policy closer to it.",
      "The first loss is ln 2 = 0.6931, since policy and reference are the same model then.",
      images
        ? WHOLE_IMAGES
        : "Sequences are cut at max_length tokens; pairs whose prompt alone is as long are dropped.",
    ],
    [
      "loss_type: [sigmoid]",
      "beta: 0.1",
      "learning_rate: 1.0e-6",
      `max_length: ${images ? "null" : 1024}`,
      "per_device_train_batch_size: 4",
      "gradient_accumulation_steps: 8",
      "num_train_epochs: 1",
    ],
    images,
  );
}

export function rewardConfig(facts: ExportedFacts, margin: boolean): Companion {
  return config(
    "reward",
    facts,
    [
      margin
        ? "The loss is -log sigmoid(r_chosen - r_rejected - margin): `margin` is in the units of the dataset's combined reward."
        : "The loss is -log sigmoid(r_chosen - r_rejected).",
      "Pairs with a side longer than max_length tokens are dropped.",
    ],
    [
      "learning_rate: 1.0e-5",
      "max_length: 1024",
      "per_device_train_batch_size: 4",
      "gradient_accumulation_steps: 8",
      "num_train_epochs: 1",
    ],
  );
}

/** `images`: the rows have a column of images. */
export function ktoConfig(facts: ExportedFacts, images: boolean): Companion {
  return config(
    "kto",
    facts,
    [
      "KTO pairs each prompt with the completion of the row before, within a batch, for its KL estimate: a batch of 1 gives none.",
      "So rows of a prompt stand apart, and TRL keeps their order (train_sampling_strategy: sequential).",
      "TRL warns when desirable and undesirable rows times their weights are far from 1 : 1 to 4 : 3.",
      ...(images ? [WHOLE_IMAGES] : []),
    ],
    [
      "loss_type: kto",
      "beta: 0.1",
      "desirable_weight: 1.0",
      "undesirable_weight: 1.0",
      "learning_rate: 1.0e-6",
      `max_length: ${images ? "null" : 1024}`,
      "per_device_train_batch_size: 8",
      "gradient_accumulation_steps: 4",
      "num_train_epochs: 1",
    ],
    images,
  );
}

export function grpoConfig(facts: ExportedFacts): Companion {
  return config(
    "grpo",
    facts,
    [
      "The reward comes from `prefkit serve RECIPE`, through prefkit_reward.py in this directory:",
      "set PREFKIT_REWARD_URL to its address, and PREFKIT_SERVE_TOKEN when it asks for one.",
      "A completion without a score has no reward: TRL leaves it out of the baseline and gives it advantage 0.",
      "per_device_train_batch_size * gradient_accumulation_steps * processes must be a multiple of num_generations.",
    ],
    [
      "reward_funcs: [prefkit_reward.trl_reward]",
      "num_generations: 8",
      "max_completion_length: 512",
      "temperature: 1.0",
      "beta: 0.0",
      "loss_type: dapo",
      "scale_rewards: group",
      "learning_rate: 1.0e-6",
      "per_device_train_batch_size: 8",
      "gradient_accumulation_steps: 4",
      "num_train_epochs: 1",
    ],
  );
}
