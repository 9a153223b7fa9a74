import { z } from "zod";
import { messageRecord, sha256 } from "../core/ids.ts";
import { optional, required } from "../store/schema.ts";
import type { RowSet } from "../store/table.ts";
import { HYDRA_LINES } from "./hydra-quotes.ts";
import {
  defineLayout,
  IMAGE_LIST,
  MESSAGE_LIST,
  messageRows,
  plainFault,
  turnsFrom,
} from "./layout-support.ts";
import {
  GATHERING_FLAGS,
  mediaFault,
  metadataOption,
  metadataText,
  namedFields,
  type PromptRecord,
  promptLayout,
  rewardClientFile,
  splitFiles,
} from "./message-rows.ts";
import type { Companion, ExportedFacts, LengthRule, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * verl 0.9: prompts for GRPO, scored by `compute_score` of the reward client.
 *
 * Facts: verl 0.9.1, utils/dataset/rl_dataset.py, experimental/reward_loop/reward_manager/naive.py, trainer/config.
 * `extra_info.prompt` is the conversation as JSON text: verl does not hand the prompt to a reward function in any other way.
 * `extra_info.index` is a number made from the prompt's id: verl tells the samples of a trace apart by it.
 * Records with tools are left out: verl takes tools from its configuration, the same for all rows.
 */
export const verl: TrainerAdapter = {
  name: "verl",
  title: "verl",
  layouts: {
    prompts: defineLayout({
      summary: "data_source, prompt, reward_model and extra_info, for GRPO with the reward server",
      options: z.strictObject({
        dataSource: z
          .string()
          .min(1)
          .default("prefkit")
          .describe("The column data_source; metrics go by it."),
        ability: z.string().default("").describe("The column ability; verl only carries it."),
        ...metadataOption,
      }),
      create: ({ dataSource, ability, columns }, { extras }) => {
        const fields = namedFields("verl prompts", columns);
        return promptLayout(
          {
            metadata: fields,
            format: "parquet",
            rowSet: rowSet(extras.images === true, fields.length > 0),
            examples: ({ prompt }) => [{ kind: "prompt", prompt: turnsFrom(prompt) }],
            lengthRules: [LENGTHS],
            companions: (facts) => [script(facts), rewardClientFile()],
          },
          (asked) => {
            const { id, messages, reference, tools, images = [] } = asked;
            const fault =
              plainFault(messages) ??
              (tools === undefined ? null : "it has tools, which verl takes from its configuration") ??
              (images.length === 0 ? null : imagesFault({ messages, images }));
            if (fault !== null) return fault;
            return {
              data_source: dataSource,
              prompt: messageRows(messages),
              ability,
              reward_model: { style: "rule", ground_truth: reference },
              extra_info: {
                index: indexOf(id),
                prompt_id: id,
                prompt: JSON.stringify(messages.map(messageRecord)),
                ...(fields.length === 0 ? {} : { metadata: metadataText(asked, fields) }),
              },
              ...(extras.images ? { images: images.length === 0 ? null : images } : {}),
            };
          },
        );
      },
    }),
  },
};

/** verl opens the bytes of an image that is a struct, and nothing else: a path in it would stop the run. */
function imagesFault(prompt: PromptRecord): string | null {
  return (prompt.images ?? []).some(({ bytes }) => bytes === null)
    ? "an image is a path without bytes, which verl does not open"
    : mediaFault(prompt, []);
}

/** 48 bits of the id's hash: a whole number that Python, Arrow and JavaScript hold alike. */
function indexOf(promptId: string): number {
  return Number.parseInt(sha256(promptId).slice(0, 12), 16);
}

/** `data.max_prompt_length` in the script, in tokens; verl's own default is 512. */
const MAX_PROMPT_LENGTH = 1024;

/** With `data.filter_overlong_prompts=True`, as the script has it; without, verl stops with an error at such a prompt. */
const LENGTHS: LengthRule = {
  method: "GRPO",
  defaultMaxLength: MAX_PROMPT_LENGTH,
  kept: (lengths, maxLength) => (lengths.prompt <= maxLength ? lengths : null),
};

function rowSet(images: boolean, metadata: boolean): RowSet {
  return {
    name: "verl-prompts",
    version: 1,
    columns: [
      required("data_source", "string"),
      required("prompt", MESSAGE_LIST),
      required("ability", "string"),
      required("reward_model", {
        kind: "struct",
        fields: [required("style", "string"), optional("ground_truth", "string")],
      }),
      required("extra_info", {
        kind: "struct",
        fields: [
          required("index", "int64"),
          required("prompt_id", "string"),
          required("prompt", "string"),
          ...(metadata ? [required("metadata", "string")] : []),
        ],
      }),
      ...(images ? [optional("images", IMAGE_LIST)] : []),
    ],
  };
}

function script(facts: ExportedFacts): Companion {
  const { train, evaluation } = splitFiles(facts);
  const list = (files: readonly string[]) => `[${files.map((file) => `$(hydra "$here/${file}")`).join(",")}]`;
  return {
    path: "train_grpo.sh",
    text: `#!/usr/bin/env bash
# GRPO with verl 0.9, rewards by the reward server: MODEL=... bash train_grpo.sh
# First, elsewhere: prefkit serve RECIPE --group-size 8 ${GATHERING_FLAGS}
# prefkit_reward.py asks the server for one sample at a time; the server gathers the 8 of a prompt, and waits for the last of
# them as long as the window says: make it as long as the longest response may take.
# verl knows no missing reward: an unscored response stops the run unless PREFKIT_UNSCORED names the number to train on.
set -euo pipefail
: "\${MODEL:?set MODEL}"
${HYDRA_LINES}
export PREFKIT_REWARD_URL="\${PREFKIT_REWARD_URL:-http://127.0.0.1:8300}"
python -m verl.trainer.main_ppo \\
  algorithm.adv_estimator=grpo \\
  "data.train_files=${list(train)}" \\
  "data.val_files=${list(evaluation?.files ?? train)}" \\
  data.max_prompt_length=${MAX_PROMPT_LENGTH} data.max_response_length=1024 data.filter_overlong_prompts=True \\
  data.train_batch_size=128 \\
  "reward.custom_reward_function.path=$(hydra "$here/prefkit_reward.py")" \\
  reward.custom_reward_function.name=compute_score_async \\
  "actor_rollout_ref.model.path=$(hydra "$MODEL")" \\
  actor_rollout_ref.rollout.name=vllm actor_rollout_ref.rollout.n=8 \\
  actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=4 \\
  actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=4 \\
  actor_rollout_ref.actor.ppo_mini_batch_size=64 actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4 \\
  actor_rollout_ref.actor.optim.lr=1e-6 actor_rollout_ref.actor.use_kl_loss=True \\
  trainer.n_gpus_per_node="\${GPUS:-8}" trainer.nnodes=1 trainer.total_epochs=1 trainer.logger=console
`,
  };
}
