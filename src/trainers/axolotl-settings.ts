import { cutResponses, dropLong, SIMPO, SIMPO_NOTE, splitFiles } from "./message-rows.ts";
import type { Companion, ExportedFacts, LengthRule } from "./trainer-adapter.ts";

/** `sequence_len` in the settings, in tokens; axolotl's own default is 512. */
export const SEQUENCE_LENGTH = 2048;

/** `excess_length_strategy: drop`, the default of axolotl. BOS comes from the tokenizer, once; TRL adds EOS. */
export function droppedLengths(method: string): LengthRule {
  return { method, defaultMaxLength: SEQUENCE_LENGTH, adds: { bos: "tokenizer", eos: true }, kept: dropLong };
}

/** Reward models: each side is cut at its end, by its own length; nothing is dropped, and nothing added to what the template writes. */
export const REWARD_LENGTHS: LengthRule = {
  method: "reward",
  defaultMaxLength: SEQUENCE_LENGTH,
  kept: cutResponses,
};

/** What one method adds to the settings that all of them share. */
interface Method {
  readonly path: string;
  /** The strategy that reads the rows. */
  readonly type: string;
  /** Further lines of each data set. */
  readonly ofDataset?: readonly string[];
  /** Lines behind the model's. */
  readonly lines: string;
  /** What becomes of rows longer than `sequence_len`; null where that does not count. */
  readonly length?: string | null;
  readonly batch?: readonly [micro: number, accumulated: number];
  readonly learningRate?: string;
}

const TEMPLATE = "chat_template: tokenizer_default";

const NO_KERNELS =
  "lora_mlp_kernel: false # and so none of the LoRA kernels, which axolotl turns on by itself, and which refuse such a model";

const DPO: Method = {
  path: "dpo.yaml",
  type: "chat_template.default",
  lines: `${TEMPLATE}\nrl: dpo\nrl_beta: 0.1`,
};

const SIMPO_METHOD: Method = {
  path: "simpo.yaml",
  type: "chat_template.default",
  lines: `${TEMPLATE}
rl: simpo
${SIMPO_NOTE}
rl_beta: ${SIMPO.beta.toFixed(1)}
simpo_gamma: ${SIMPO.gamma.toFixed(1)}
cpo_alpha: 0.0 # 1.0 by default, which adds a supervised loss on the chosen side; 0.0 is SimPO`,
};

const ORPO: Method = {
  path: "orpo.yaml",
  type: "chat_template.argilla",
  lines: `${TEMPLATE}\nrl: orpo\nrl_beta: 0.1`,
};

const KTO: Method = {
  path: "kto.yaml",
  type: "chatml.argilla_chat",
  lines: `# This strategy writes ChatML by itself. For Llama 3 say llama3.argilla_chat below; other templates have none.
rl: kto
rl_beta: 0.1
kto_desirable_weight: 1.0
kto_undesirable_weight: 1.0
remove_unused_columns: false # axolotl's KTO asks for it`,
  batch: [2, 16],
};

const REWARD: Method = {
  path: "reward.yaml",
  type: "bradley_terry.chat_template",
  lines: `${TEMPLATE}
# The loss is -log sigmoid(r_chosen - r_rejected); there is no beta, no gamma, and this strategy reads no margin.
reward_model: true # and with it one label and AutoModelForSequenceClassification
pad_to_sequence_len: true # as axolotl recommends for reward models
${NO_KERNELS}`,
  length: "the end of a longer side is cut",
  batch: [2, 16],
  learningRate: "1.0e-5",
};

const PRM: Method = {
  path: "prm.yaml",
  type: "stepwise_supervised",
  lines: `# No chat template: the prompt and each step are tokenized as text, a newline behind each step; its label stands on the
# newline's last token, 1 for a right step and 0 for a wrong one. The loss is the cross-entropy of these labels.
process_reward_model: true # and with it two labels and AutoModelForTokenClassification
remove_unused_columns: false
${NO_KERNELS}
lora_modules_to_save: [score] # the head: trained whole, and not by LoRA too, at which PEFT would stop`,
  length: "the end of a longer row is cut, its labels too",
  batch: [4, 8],
  learningRate: "1.0e-5",
};

const GRPO: Method = {
  path: "grpo.yaml",
  type: "passthrough.default",
  lines: `# The reward comes from \`prefkit serve RECIPE\`, through prefkit_reward.py in this directory: set PREFKIT_REWARD_URL to its
# address, and PREFKIT_SERVE_TOKEN when it asks for one. A completion without a score has no reward: TRL leaves it out of
# the baseline and gives it advantage 0.
${TEMPLATE}
rl: grpo
trl:
  reward_funcs: [prefkit_reward.trl_reward] # looked for in the directory that axolotl runs in
  num_generations: 8 # divides micro_batch_size * gradient_accumulation_steps
  max_completion_length: 512
  temperature: 1.0
  beta: 0.0 # of the KL term; this one counts, not rl_beta
  loss_type: dapo
  scale_rewards: group
  use_vllm: false # true: run \`axolotl vllm-serve grpo.yaml\` beside, on other GPUs; it needs a \`vllm:\` section`,
  length: null,
  batch: [8, 4],
};

export const dpoSettings = (facts: ExportedFacts): Companion => settings(facts, DPO);
export const simpoSettings = (facts: ExportedFacts): Companion => settings(facts, SIMPO_METHOD);
export const orpoSettings = (facts: ExportedFacts): Companion => settings(facts, ORPO);
export const ktoSettings = (facts: ExportedFacts): Companion => settings(facts, KTO);
/** `noSystem`: the rows' `system` is empty, and axolotl would write a system turn of it. */
export const rewardSettings = (facts: ExportedFacts, noSystem: boolean): Companion =>
  settings(facts, {
    ...REWARD,
    ofDataset: [
      // Otherwise the rendered prompt, generation prompt and all, takes the place of as many tokens of the whole.
      "roles_to_train: [assistant]",
      ...(noSystem ? ["drop_system_message: true"] : []),
    ],
  });
export const prmSettings = (facts: ExportedFacts): Companion => settings(facts, PRM);
export const grpoSettings = (facts: ExportedFacts): Companion => settings(facts, GRPO);

function settings(facts: ExportedFacts, { path, type, ofDataset = [], lines, ...method }: Method): Companion {
  const { length = "a row with a longer side is dropped", batch = [1, 16], learningRate = "1.0e-6" } = method;
  const { train, evaluation } = splitFiles(facts);
  const datasets = (files: readonly string[]) =>
    files
      .map((file) =>
        [`  - path: ${file}`, "ds_type: parquet", "split: train", `type: ${type}`, ...ofDataset].join(
          "\n    ",
        ),
      )
      .join("\n");
  return {
    path,
    text: `# axolotl 0.19. Run it in this directory: axolotl train ${path}
base_model: MODEL # put your model here
${lines}
datasets: # a file that is named has the single split train
${datasets(train)}
${evaluation === null ? "val_set_size: 0.0" : `test_datasets:\n${datasets(evaluation.files)}`}
${length === null ? "" : `sequence_len: ${SEQUENCE_LENGTH} # ${length}\n`}output_dir: ./checkpoint-${path.replace(".yaml", "")}
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
micro_batch_size: ${batch[0]}
gradient_accumulation_steps: ${batch[1]}
num_epochs: 1
learning_rate: ${learningRate}
optimizer: adamw_torch
lr_scheduler: cosine
warmup_steps: 10
bf16: auto
gradient_checkpointing: true
`,
  };
}
