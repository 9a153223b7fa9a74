import { z } from "zod";
import { required } from "../store/schema.ts";
import type { RowSet } from "../store/table.ts";
import { defineLayout, extraColumns, extraValues, MESSAGE, MESSAGE_LIST, toolsOf } from "./layout-support.ts";
import { conversationFrom, conversationRows, turnsFault } from "./llama-factory-turns.ts";
import {
  mediaFault,
  type PromptRecord,
  pairLayout,
  SIMPO,
  SIMPO_NOTE,
  splitFiles,
  unpairedLayout,
  unpairedOptions,
} from "./message-rows.ts";
import type { Companion, ExportedFacts, LengthRule, SourceFacts, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * LLaMA-Factory 0.9: its ShareGPT format with the roles' names of OpenAI, and `dataset_info.json`.
 *
 * Facts: llamafactory 0.9.5, data/{parser,loader,converter}.py, data/processor/{pairwise,feedback}.py, hparams.
 * `chosen` and `rejected` are one message each, not lists. Tool calls become its role function_call;
 * images stand at `<image>`. It renders by templates of its own, not by the tokenizer's.
 */
export const llamaFactory: TrainerAdapter = {
  name: "llama-factory",
  title: "LLaMA-Factory",
  layouts: {
    preference: defineLayout({
      summary: "messages, chosen and rejected with dataset_info.json, for DPO, SimPO and reward models",
      options: z.strictObject({}),
      create: (_, { extras }) =>
        pairLayout(
          {
            format: "parquet",
            rowSet: rowSet("llama-factory-preference", extras, [
              required("chosen", MESSAGE),
              required("rejected", MESSAGE),
            ]),
            examples: (row) => [
              {
                kind: "preference",
                prompt: conversationFrom(row.messages),
                chosen: conversationFrom([row.chosen]),
                rejected: conversationFrom([row.rejected]),
                ...toolsOf(row),
              },
            ],
            lengthRules: [lengths("DPO, SimPO, reward")],
            companions: (facts) => [
              datasetInfo(facts, true, extras),
              settings(facts, "dpo.yaml", DPO),
              settings(facts, "simpo.yaml", SIMPO_LINES),
              settings(facts, "reward.yaml", "stage: rm"),
            ],
          },
          (pair) =>
            fault(pair, [pair.chosen, pair.rejected], extras) ?? {
              messages: conversationRows(pair.messages),
              chosen: { role: "assistant", content: pair.chosen },
              rejected: { role: "assistant", content: pair.rejected },
              ...extraValues(pair, extras),
            },
        ),
    }),
    unpaired: defineLayout({
      summary: "messages and label with dataset_info.json, for KTO",
      options: unpairedOptions,
      create: (options, { extras }) =>
        unpairedLayout(
          {
            format: "parquet",
            rowSet: rowSet("llama-factory-unpaired", extras, [required("label", "boolean")]),
            examples: (row) => {
              const turns = conversationFrom(row.messages);
              return [
                {
                  kind: "unpaired",
                  prompt: turns.slice(0, -1),
                  completion: turns.slice(-1),
                  label: row.label as boolean,
                  ...toolsOf(row),
                },
              ];
            },
            lengthRules: [lengths("KTO")],
            companions: (facts) => [datasetInfo(facts, false, extras), settings(facts, "kto.yaml", KTO)],
          },
          options,
          (one) =>
            fault(one, [one.completion], extras) ?? {
              messages: [...conversationRows(one.messages), { role: "assistant", content: one.completion }],
              label: one.label,
              ...extraValues(one, extras),
            },
        ),
    }),
  },
};

function rowSet(name: string, extras: SourceFacts["extras"], own: RowSet["columns"]): RowSet {
  return {
    name,
    version: 1,
    columns: [required("messages", MESSAGE_LIST), ...own, ...extraColumns(extras)],
  };
}

function fault(
  record: PromptRecord,
  responses: readonly string[],
  { images }: SourceFacts["extras"],
): string | null {
  return turnsFault(record.messages) ?? (images ? mediaFault(record, responses) : null);
}

/** `cutoff_len`: whichever of prompt and longer response is short keeps its length; of two long ones each keeps its share. */
function lengths(method: string): LengthRule {
  return {
    method,
    defaultMaxLength: 2048,
    kept({ prompt, responses }, maxLength) {
      const longest = Math.max(0, ...responses);
      let room = Math.floor(maxLength * (longest / (prompt + longest)));
      if (longest * 2 < maxLength) room = maxLength;
      else if (prompt * 2 < maxLength) room = maxLength - prompt;
      const target = Math.min(room, longest);
      return {
        prompt: Math.min(Math.max(maxLength - target, 0), prompt),
        responses: responses.map((length) => Math.min(length, target)),
      };
    },
  };
}

/** A name for each file: LLaMA-Factory reads one file, or all files of a folder, by a name. */
function names(files: readonly string[], split: string): string[] {
  return files.map((_, index) => (files.length === 1 ? `prefkit_${split}` : `prefkit_${split}_${index}`));
}

function datasetInfo({ files }: ExportedFacts, ranking: boolean, extras: SourceFacts["extras"]): Companion {
  const columns = {
    messages: "messages",
    ...(ranking ? { chosen: "chosen", rejected: "rejected" } : { kto_tag: "label" }),
    ...(extras.tools ? { tools: "tools" } : {}),
    ...(extras.images ? { images: "images" } : {}),
  };
  const tags = {
    role_tag: "role",
    content_tag: "content",
    user_tag: "user",
    assistant_tag: "assistant",
    observation_tag: "tool",
    function_tag: "function_call",
    system_tag: "system",
  };
  const entries = Object.entries(files).flatMap(([split, paths]) =>
    names(paths, split).map((name, index) => [
      name,
      { file_name: paths[index], formatting: "sharegpt", ranking, columns, tags },
    ]),
  );
  return { path: "dataset_info.json", text: `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n` };
}

const DPO = "stage: dpo\npref_loss: sigmoid\npref_beta: 0.1";
const SIMPO_LINES = `stage: dpo\npref_loss: simpo # no reference model is loaded
${SIMPO_NOTE}
pref_beta: ${SIMPO.beta.toFixed(1)}
simpo_gamma: ${SIMPO.gamma.toFixed(1)}
pref_ftx: 0.0 # above 0: a supervised loss on the chosen side is added`;
const KTO = "stage: kto\npref_beta: 0.1\nkto_chosen_weight: 1.0\nkto_rejected_weight: 1.0";

function settings(facts: ExportedFacts, path: string, stage: string): Companion {
  const { train, evaluation } = splitFiles(facts);
  const evaluated =
    evaluation === null
      ? ""
      : `eval_dataset: ${names(evaluation.files, evaluation.split).join(",")}\neval_strategy: steps\neval_steps: 100\n`;
  return {
    path,
    text: `# LLaMA-Factory 0.9. Run it in this directory: llamafactory-cli train ${path}
model_name_or_path: MODEL # put your model here
template: MODEL_TEMPLATE # and the name of LLaMA-Factory's template for it, for example qwen3_nothink
${stage}
do_train: true
finetuning_type: lora
lora_target: all
dataset_dir: .
dataset: ${names(train, "train").join(",")}
${evaluated}cutoff_len: 2048 # longer prompts and responses are cut
output_dir: ./checkpoint-${path.replace(".yaml", "")}
per_device_train_batch_size: 1
gradient_accumulation_steps: 16
learning_rate: 1.0e-6
num_train_epochs: 1.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
bf16: true
`,
  };
}
