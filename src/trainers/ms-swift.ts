import { z } from "zod";
import type { Message, MessageRole } from "../core/types.ts";
import { optional, required } from "../store/schema.ts";
import type { Row, RowSet } from "../store/table.ts";
import { defineLayout, extraColumns, extraValues, MESSAGE_LIST, toolsOf } from "./layout-support.ts";
import {
  dropLong,
  mediaFault,
  metadataOption,
  metadataText,
  namedFields,
  type PromptRecord,
  pairLayout,
  promptLayout,
  rewardClientFile,
  SIMPO,
  SIMPO_NOTE,
  splitFiles,
  unpairedLayout,
  unpairedOptions,
} from "./message-rows.ts";
import { alternationFault, type ToolCall, toolCallsOf, toolCallsText, writtenCalls } from "./tool-turns.ts";
import type { Companion, ExportedFacts, LengthRule, SourceFacts, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * ms-swift 4.6: `messages` that end with the chosen turn, and `rejected_response`.
 *
 * Facts: ms_swift 4.6.0, dataset/preprocessor/core.py, template/template_inputs.py, arguments/{rlhf_args,base_args}.
 * Tool calls become its role tool_call. A prompt that ends with a tool turn is left out of preference data: ms-swift takes all
 * that follows the last user turn as part of the response.
 */
export const msSwift: TrainerAdapter = {
  name: "ms-swift",
  title: "ms-swift",
  layouts: {
    preference: defineLayout({
      summary: "messages and rejected_response, for DPO, SimPO, ORPO and reward models",
      options: z.strictObject({}),
      create: (_, { extras }) =>
        pairLayout(
          {
            format: "parquet",
            rowSet: rowSet("ms-swift-preference", extras, [required("rejected_response", "string")]),
            examples: (row) => {
              const turns = turnsFrom(row.messages);
              const rejected = [assistant(row.rejected_response as string)];
              const [prompt, chosen] = [turns.slice(0, -1), turns.slice(-1)];
              return [{ kind: "preference", prompt, chosen, rejected, ...toolsOf(row) }];
            },
            lengthRules: [lengths("DPO, SimPO, ORPO, reward")],
            companions: (facts) => [
              script(facts, "dpo", "--beta 0.1", ""),
              script(facts, "simpo", SIMPO_FLAGS, `${SIMPO_NOTE}\n`),
              script(facts, "orpo", "--beta 0.1", ""),
              script(facts, "rm", "", ""),
            ],
          },
          (pair) =>
            fault(pair, [pair.chosen, pair.rejected], extras) ??
            responseFault(pair.messages) ??
            (pair.chosen === pair.rejected ? "its sides are equal, which ms-swift refuses" : null) ?? {
              messages: [...turnRows(pair.messages), assistant(pair.chosen)],
              rejected_response: pair.rejected,
              ...extraValues(pair, extras),
            },
        ),
    }),
    unpaired: defineLayout({
      summary: "messages and label, for KTO",
      options: unpairedOptions,
      create: (options, { extras }) =>
        unpairedLayout(
          {
            format: "parquet",
            rowSet: rowSet("ms-swift-unpaired", extras, [required("label", "boolean")]),
            examples: (row) => {
              const turns = turnsFrom(row.messages);
              const [prompt, completion] = [turns.slice(0, -1), turns.slice(-1)];
              return [{ kind: "unpaired", prompt, completion, label: row.label as boolean, ...toolsOf(row) }];
            },
            lengthRules: [lengths("KTO")],
            companions: (facts) => [script(facts, "kto", "--beta 0.1", "")],
          },
          options,
          (one) =>
            fault(one, [one.completion], extras) ??
            responseFault(one.messages) ?? {
              messages: [...turnRows(one.messages), assistant(one.completion)],
              label: one.label,
              ...extraValues(one, extras),
            },
        ),
    }),
    prompts: defineLayout({
      summary: "messages, reference and prompt_id, for GRPO with the reward server",
      options: z.strictObject(metadataOption),
      create: ({ columns }, { extras }) => {
        const fields = namedFields("ms-swift prompts", columns);
        return promptLayout(
          {
            metadata: fields,
            format: "parquet",
            rowSet: rowSet("ms-swift-prompts", extras, [
              optional("reference", "string"),
              required("prompt_id", "string"),
              ...(fields.length === 0 ? [] : [required("metadata", "string")]),
            ]),
            examples: (row) => [{ kind: "prompt", prompt: turnsFrom(row.messages), ...toolsOf(row) }],
            lengthRules: [PROMPT_LENGTHS],
            companions: (facts) => [grpoScript(facts), rewardClientFile()],
          },
          (prompt) =>
            fault(prompt, [], extras) ?? {
              messages: turnRows(prompt.messages),
              reference: prompt.reference,
              prompt_id: prompt.id,
              ...(fields.length === 0 ? {} : { metadata: metadataText(prompt, fields) }),
              ...extraValues(prompt, extras),
            },
        );
      },
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

function assistant(content: string): Message {
  return { role: "assistant", content };
}

function fault(
  record: PromptRecord,
  responses: readonly string[],
  { images }: SourceFacts["extras"],
): string | null {
  const { messages } = record;
  // Tool turns in a row are the answers to calls in a row: ms-swift joins them as its agent template says.
  const turns = messages.filter(({ role }, index) => role !== "tool" || messages[index - 1]?.role !== "tool");
  if (turns.some((turn) => turn.toolCalls !== undefined && toolCallsOf(turn) === null))
    return "its tool calls are not in OpenAI's form";
  return alternationFault(turns) ?? (images ? mediaFault(record, responses) : null);
}

function responseFault(messages: readonly Message[]): string | null {
  return messages.at(-1)?.role === "user"
    ? null
    : "its prompt ends with a tool turn, which ms-swift would take as part of the response";
}

/** Each call a turn of its own, after the text of the turn that makes them, as ms-swift converts OpenAI's form. */
function turnRows(messages: readonly Message[]): Row[] {
  return messages.flatMap((message) => {
    const made = message.toolCalls === undefined ? null : toolCallsOf(message);
    if (made === null) return [{ role: message.role, content: message.content }];
    const text = message.content === "" ? [] : [{ role: "assistant", content: message.content }];
    return [...text, ...made.map((one) => ({ role: "tool_call", content: JSON.stringify(one) }))];
  });
}

/** Written turns, read back: calls join the assistant's turn before them. */
function turnsFrom(rows: unknown): readonly Message[] {
  const turns: Message[] = [];
  let pending: ToolCall[] = [];
  for (const { role, content } of rows as readonly { readonly role: string; readonly content: string }[]) {
    if (role !== "tool_call") {
      pending = [];
      turns.push({ role: role as MessageRole, content });
      continue;
    }
    const before = turns.at(-1);
    pending = [...pending, ...writtenCalls(content)];
    const text = before?.role === "assistant" ? turns.pop()?.content : undefined;
    turns.push({ role: "assistant", content: text ?? "", toolCalls: toolCallsText(pending) });
  }
  return turns;
}

/** `--max_length` in the scripts, in tokens; without it the model's own length counts. */
const MAX_LENGTH = 2048;

/** `--truncation_strategy delete`, the default. */
function lengths(method: string): LengthRule {
  return { method, defaultMaxLength: MAX_LENGTH, kept: dropLong };
}

/** GRPO cuts a longer prompt on the left, by default. */
const PROMPT_LENGTHS: LengthRule = {
  method: "GRPO",
  defaultMaxLength: MAX_LENGTH,
  kept: ({ prompt, responses }, maxLength) => ({ prompt: Math.min(prompt, maxLength), responses }),
};

const SIMPO_FLAGS = `--beta ${SIMPO.beta.toFixed(1)} --simpo_gamma ${SIMPO.gamma.toFixed(1)} --cpo_alpha 0.0`;

function dataFlags(facts: ExportedFacts): string {
  const { train, evaluation } = splitFiles(facts);
  const evaluated =
    evaluation === null ? "--split_dataset_ratio 0" : `--val_dataset ${evaluation.files.join(" ")}`;
  return `--dataset ${train.join(" ")} ${evaluated} --load_from_cache_file false`;
}

function script(facts: ExportedFacts, type: string, flags: string, note: string): Companion {
  const own = flags === "" ? "" : ` ${flags}`;
  const alpha =
    type === "simpo"
      ? "# cpo_alpha is 1.0 by default, which adds a supervised loss on the chosen side; 0.0 is SimPO.\n"
      : "";
  return {
    path: `train_${type}.sh`,
    text: `#!/usr/bin/env bash
# ms-swift 4.6. Run it in this directory: MODEL=... bash train_${type}.sh
# A row with a side longer than max_length is dropped (--truncation_strategy delete).
${note}${alpha}set -euo pipefail
swift rlhf --rlhf_type ${type}${own} \\
  --model "\${MODEL:?set MODEL}" \\
  ${dataFlags(facts)} \\
  --max_length ${MAX_LENGTH} --tuner_type lora --torch_dtype bfloat16 \\
  --per_device_train_batch_size 1 --gradient_accumulation_steps 16 --learning_rate 1e-6 \\
  --num_train_epochs 1 --output_dir checkpoint-${type}
`,
  };
}

function grpoScript(facts: ExportedFacts): Companion {
  return {
    path: "train_grpo.sh",
    text: `#!/usr/bin/env bash
# GRPO with ms-swift 4.6, rewards by the reward server. Run it in this directory: MODEL=... bash train_grpo.sh
# First, elsewhere: prefkit serve RECIPE. prefkit_reward.py registers the reward function prefkit; it sends whole groups.
set -euo pipefail
export PREFKIT_REWARD_URL="\${PREFKIT_REWARD_URL:-http://127.0.0.1:8300}"
swift rlhf --rlhf_type grpo \\
  --model "\${MODEL:?set MODEL}" \\
  --external_plugins prefkit_reward.py --reward_funcs prefkit \\
  ${dataFlags(facts)} \\
  --num_generations 8 --max_length ${MAX_LENGTH} --max_completion_length 1024 \\
  --per_device_train_batch_size 8 --gradient_accumulation_steps 2 --learning_rate 1e-6 \\
  --tuner_type lora --torch_dtype bfloat16 --num_train_epochs 1 --output_dir checkpoint-grpo
`,
  };
}
