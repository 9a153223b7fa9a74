import { z } from "zod";
import { messageRecord } from "../core/ids.ts";
import type { Image, Prompt } from "../core/types.ts";
import { optional, required } from "../store/schema.ts";
import type { ColumnType, RowSet } from "../store/table.ts";
import {
  defineLayout,
  extrasFault,
  MESSAGE_LIST,
  messageFrom,
  messageRows,
  plainFault,
  turnsFrom,
} from "./layout-support.ts";
import {
  cutResponses,
  GATHERING_FLAGS,
  IMAGE_PLACEHOLDER,
  type LayoutBase,
  pairLayout,
  placeholderFault,
  promptLayout,
  splitFiles,
  type TextPair,
} from "./message-rows.ts";
import type { Companion, ExportedFacts, LengthRule, PairLayout, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * OpenRLHF 0.11: message lists, rendered by its own `--data.apply_chat_template`.
 *
 * Facts: openrlhf 0.11.2, datasets/{reward_dataset,prompts_dataset,utils}.py and the flags of cli/train_{dpo,rm,ppo_ray}.py.
 * Tools and tool calls are left out: it renders without tools. Images only with prompts; with preference pairs it has no place.
 */
export const openrlhf: TrainerAdapter = {
  name: "openrlhf",
  title: "OpenRLHF",
  layouts: {
    preference: defineLayout({
      summary: "prompt, chosen and rejected as message lists, for DPO",
      options: z.strictObject({}),
      create: () =>
        preference(columns("openrlhf-preference"), DPO_LENGTHS, (facts) => [dpoScript(facts)], sides),
    }),
    reward: defineLayout({
      summary: "prompt, chosen and rejected as message lists, for a reward model",
      options: z.strictObject({
        margin: z
          .boolean()
          .default(false)
          .describe(
            "Write the reward margin as `margin`, which --model.margin_loss_enable subtracts in the loss.",
          ),
      }),
      create: ({ margin }) => {
        const rowSet = columns("openrlhf-reward");
        const withMargin = { ...rowSet, columns: [...rowSet.columns, required("margin", "double")] };
        return margin
          ? preference(
              withMargin,
              REWARD_LENGTHS,
              (facts) => [rewardScript(facts, true)],
              (pair) => ({ ...sides(pair), margin: pair.rewardMargin }),
            )
          : preference(rowSet, REWARD_LENGTHS, (facts) => [rewardScript(facts, false)], sides);
      },
    }),
    prompts: defineLayout({
      summary: "input, label and datasource, for reinforcement learning with the reward server",
      options: z.strictObject({
        datasource: z
          .string()
          .min(1)
          .default("prefkit")
          .describe("The name that OpenRLHF's evaluation is logged under."),
        labels: z
          .enum(["reference", "row"])
          .default("reference")
          .describe(
            "reference: the label is the reference answer. row: it is JSON of the id, prompt, reference and metadata, for `prefkit serve --labels row`.",
          ),
      }),
      create: ({ datasource, labels }, { extras }) =>
        promptLayout(
          {
            format: "parquet",
            rowSet: {
              name: "openrlhf-prompts",
              version: 1,
              columns: [
                required("input", MESSAGE_LIST),
                required("label", "string"),
                required("datasource", "string"),
                ...(extras.images ? [optional("images", IMAGE_TEXTS)] : []),
              ],
            },
            examples: ({ input }) => [{ kind: "prompt", prompt: turnsFrom(input) }],
            lengthRules: [PROMPT_LENGTHS],
            companions: (facts) => [rlScript(facts, labels)],
          },
          (prompt) => {
            const { messages, reference, tools, images = [] } = prompt;
            const fault =
              plainFault(messages) ??
              (tools === undefined ? null : "it has tools, which OpenRLHF renders no prompt with") ??
              placeholderFault({ messages, images });
            if (fault !== null) return fault;
            return {
              input: messageRows(messages),
              label: labels === "row" ? rowLabel(prompt) : (reference ?? ""),
              datasource,
              ...(extras.images ? { images: images.length === 0 ? null : images.map(imageText) } : {}),
            };
          },
        ),
    }),
  },
};

/** OpenRLHF reads images as paths, addresses or base64 text. */
const IMAGE_TEXTS: ColumnType = { kind: "list", element: { kind: "string" } };

function imageText({ bytes, path }: Image): string {
  return bytes === null ? (path ?? "") : `data:image;base64,${Buffer.from(bytes).toString("base64")}`;
}

/** A prompt as `--labels row` of the reward server reads it, a row of a file: its group is then the same as the dataset's. */
function rowLabel({ id, messages, reference, metadata }: Prompt): string {
  return JSON.stringify({ id, prompt: messages.map(messageRecord), reference, metadata });
}

/** `--data.max_len` in the scripts, in tokens; OpenRLHF's own default is 512. */
const MAX_LENGTH = 2048;
/** The same of the script for GRPO: prompt and response together; 2,048 by default. */
const MAX_LENGTH_RL = 4096;

/** Cut at `--data.max_len` on the right, the last token made EOS; dropped when the prompt leaves no three tokens. */
const DPO_LENGTHS: LengthRule = {
  method: "DPO",
  defaultMaxLength: MAX_LENGTH,
  adds: { eos: true },
  kept: (lengths, maxLength) => (lengths.prompt >= maxLength - 2 ? null : cutResponses(lengths, maxLength)),
};

const REWARD_LENGTHS: LengthRule = {
  method: "reward",
  defaultMaxLength: MAX_LENGTH,
  adds: { eos: true },
  kept: cutResponses,
};

/** A prompt that leaves no token to generate is cut on the left. `--data.max_len` counts prompt and response. */
const PROMPT_LENGTHS: LengthRule = {
  method: "PPO, GRPO",
  defaultMaxLength: MAX_LENGTH_RL,
  kept: ({ prompt, responses }, maxLength) => ({ prompt: Math.min(prompt, maxLength - 1), responses }),
};

function columns(name: string): RowSet {
  return {
    name,
    version: 1,
    columns: ["prompt", "chosen", "rejected"].map((column) => required(column, MESSAGE_LIST)),
  };
}

function sides({ messages, chosen, rejected }: TextPair) {
  return {
    prompt: messageRows(messages),
    chosen: [{ role: "assistant", content: chosen }],
    rejected: [{ role: "assistant", content: rejected }],
  };
}

function preference(
  rowSet: RowSet,
  rule: LengthRule,
  companions: LayoutBase["companions"],
  rowOf: (pair: TextPair) => Readonly<Record<string, unknown>>,
): PairLayout {
  return pairLayout(
    {
      format: "parquet",
      rowSet,
      examples: ({ prompt, chosen, rejected }) => [
        {
          kind: "preference",
          prompt: turnsFrom(prompt),
          chosen: (chosen as readonly unknown[]).map(messageFrom),
          rejected: (rejected as readonly unknown[]).map(messageFrom),
        },
      ],
      lengthRules: [rule],
      companions,
    },
    (pair) => plainFault(pair.messages) ?? extrasFault(pair) ?? rowOf(pair),
  );
}

/** Files as `--data.dataset` and `--eval.dataset` take them; one that is named has the single split train. */
function dataFlags(facts: ExportedFacts): string {
  const { train, evaluation } = splitFiles(facts);
  const eval_ =
    evaluation === null
      ? ""
      : `--eval.dataset ${evaluation.files.join(",")} --eval.split train --eval.steps 100 \\\n  `;
  return `--data.dataset ${train.join(",")} --data.dataset_split train \\\n  ${eval_}--data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected --data.apply_chat_template`;
}

const HEAD = (what: string) => `#!/usr/bin/env bash
# ${what} Run it in this directory: MODEL=... bash FILE
set -euo pipefail
`;

function dpoScript(facts: ExportedFacts): Companion {
  return {
    path: "train_dpo.sh",
    text: `${HEAD("DPO with OpenRLHF 0.11.")}# OpenRLHF has no SimPO, and so no gamma: its DPO sums log-probs and keeps a reference model; --model.beta is DPO's beta.
# Longer than max_len: cut on the right. Prompts of max_len - 2 tokens and more are dropped.
deepspeed --module openrlhf.cli.train_dpo \\
  --model.model_name_or_path "\${MODEL:?set MODEL}" --ref.model_name_or_path "$MODEL" \\
  ${dataFlags(facts)} \\
  --data.max_len ${MAX_LENGTH} --model.beta 0.1 --adam.lr 5e-7 \\
  --train.batch_size 128 --train.micro_batch_size 1 --train.max_epochs 1 \\
  --ds.zero_stage 3 --model.gradient_checkpointing_enable --ckpt.output_dir ./checkpoint-dpo
`,
  };
}

function rewardScript(facts: ExportedFacts, margin: boolean): Companion {
  const flag = margin ? " --model.margin_loss_enable" : "";
  const note = margin
    ? "# margin is in units of the combined reward; the loss is -log sigmoid(r_chosen - r_rejected - margin).\n"
    : "";
  return {
    path: "train_reward.sh",
    text: `${HEAD("A reward model with OpenRLHF 0.11.")}${note}deepspeed --module openrlhf.cli.train_rm \\
  --model.model_name_or_path "\${MODEL:?set MODEL}" \\
  ${dataFlags(facts)} \\
  --data.max_len ${MAX_LENGTH} --adam.lr 9e-6${flag} \\
  --train.batch_size 128 --train.micro_batch_size 1 --train.max_epochs 1 \\
  --ds.zero_stage 3 --model.gradient_checkpointing_enable --ckpt.output_dir ./checkpoint-reward
`,
  };
}

function rlScript(facts: ExportedFacts, labels: "reference" | "row"): Companion {
  const [flag, note] =
    labels === "row"
      ? [" --labels row", "A label is JSON of the prompt's id, messages, reference and metadata."]
      : ["", "An empty label: no reference answer."];
  return {
    path: "train_grpo.sh",
    text: `${HEAD("GRPO with OpenRLHF 0.11, rewards by the reward server.")}# First, elsewhere: prefkit serve RECIPE --group-size 8${flag} ${GATHERING_FLAGS}
# One sample comes per request; the server gathers the 8 of a prompt, and waits for the last of them as long as the window
# says: make it as long as the longest response may take, and the deadline less than the 180 s after which OpenRLHF gives up.
# ${note}
# One server, with --workers N for more processes. Of several addresses OpenRLHF asks each in turn, sample by sample: that
# spreads a prompt's samples, and is right only without --group-size, for rewards that look at one response alone.
# Prompts that hold the text ${IMAGE_PLACEHOLDER} without an image were left out: OpenRLHF would make it a picture.
python -m openrlhf.cli.train_ppo_ray \\
  --actor.model_name_or_path "\${MODEL:?set MODEL}" \\
  --reward.remote_url "\${REWARD_URL:-http://127.0.0.1:8300/get_reward}" \\
  --data.prompt_dataset ${splitFiles(facts).train.join(",")} --data.prompt_split train \\
  --data.input_key input --data.label_key label --data.apply_chat_template --data.max_len ${MAX_LENGTH_RL} \\
  --algo.advantage.estimator group_norm --rollout.n_samples_per_prompt 8 --rollout.batch_size 128 \\
  --train.batch_size 1024 --train.micro_batch_size 1 --actor.adam.lr 5e-7 \\
  --actor.num_nodes 1 --actor.num_gpus_per_node "\${GPUS:-8}" \\
  --vllm.num_engines "\${GPUS:-8}" --vllm.tensor_parallel_size 1 --train.colocate_all \\
  --ds.zero_stage 3 --actor.gradient_checkpointing_enable --ckpt.output_dir ./checkpoint-grpo
`,
  };
}
