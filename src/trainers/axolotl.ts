import { z } from "zod";
import type { Message } from "../core/types.ts";
import { optional, required } from "../store/schema.ts";
import { lostResponseFault } from "./axolotl-responses.ts";
import {
  defineLayout,
  extrasFault,
  MESSAGE,
  MESSAGE_LIST,
  messageFrom,
  messageRows,
  plainFault,
  turnsFrom,
} from "./layout-support.ts";
import {
  dropLong,
  type PromptRecord,
  pairLayout,
  SIMPO,
  SIMPO_NOTE,
  splitFiles,
  unpairedLayout,
  unpairedOptions,
} from "./message-rows.ts";
import { alternationFault } from "./tool-turns.ts";
import type { Companion, ExportedFacts, LengthRule, PairLayout, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * axolotl 0.19: `chat_template.default` for DPO and SimPO, `chat_template.argilla` for ORPO, `chatml.argilla_chat` for KTO.
 *
 * Facts: axolotl 0.19.0, prompt_strategies/{dpo,orpo,kto}, utils/data/rl.py, core/builders/rl.py, utils/schemas.
 * Tools, tool calls and images are left out: its preference strategies render roles and contents alone.
 */
export const axolotl: TrainerAdapter = {
  name: "axolotl",
  title: "axolotl",
  layouts: {
    preference: defineLayout({
      summary: "messages, chosen and rejected for DPO and SimPO; whole conversations for ORPO",
      options: z.strictObject({
        method: z.enum(["dpo", "orpo"]).default("dpo").describe("dpo: for DPO and SimPO. orpo: for ORPO."),
        edges: z
          .enum(["leave-out", "trim", "keep"])
          .default("leave-out")
          .describe(
            "With dpo: what to do with responses that begin or end with white space. Under a template that trims, axolotl loses them.",
          ),
      }),
      create: ({ method, edges }) => (method === "orpo" ? orpoLayout() : dpoLayout(edges)),
    }),
    unpaired: defineLayout({
      summary: "conversation and label, for KTO",
      options: unpairedOptions,
      create: (options) =>
        unpairedLayout(
          {
            format: "parquet",
            rowSet: {
              name: "axolotl-unpaired",
              version: 1,
              columns: [required("completion", MESSAGE_LIST), required("label", "boolean")],
            },
            examples: ({ completion, label }) => {
              const turns = (completion as readonly unknown[]).map(messageFrom);
              const [prompt, response] = [turns.slice(0, -1), turns.slice(-1)];
              return [{ kind: "unpaired", prompt, completion: response, label: label as boolean }];
            },
            lengthRules: [lengths("KTO")],
            companions: (facts) => [config(facts, "kto.yaml", "chatml.argilla_chat", KTO)],
          },
          options,
          (one) =>
            fault(one) ?? {
              completion: [...messageRows(one.messages), assistant(one.completion)],
              label: one.label,
            },
        ),
    }),
  },
};

function dpoLayout(edges: "leave-out" | "trim" | "keep"): PairLayout {
  return pairLayout(
    {
      format: "parquet",
      rowSet: {
        name: "axolotl-preference",
        version: 1,
        columns: [
          required("messages", MESSAGE_LIST),
          required("chosen", MESSAGE),
          required("rejected", MESSAGE),
        ],
      },
      examples: ({ messages, chosen, rejected }) => [
        {
          kind: "preference",
          prompt: turnsFrom(messages),
          chosen: [messageFrom(chosen)],
          rejected: [messageFrom(rejected)],
        },
      ],
      lengthRules: [lengths("DPO"), lengths("CPO (SimPO)")],
      companions: (facts) => [
        config(facts, "dpo.yaml", "chat_template.default", "rl: dpo\nrl_beta: 0.1"),
        config(facts, "simpo.yaml", "chat_template.default", SIMPO_LINES),
      ],
    },
    (pair) => {
      const [chosen, rejected] = [pair.chosen, pair.rejected].map((text) =>
        edges === "trim" ? text.trim() : text,
      ) as [string, string];
      return (
        fault(pair) ??
        lostResponseFault(chosen, edges === "keep") ??
        lostResponseFault(rejected, edges === "keep") ??
        (chosen === rejected ? "its sides are equal without white space around them" : null) ?? {
          messages: messageRows(pair.messages),
          chosen: assistant(chosen),
          rejected: assistant(rejected),
        }
      );
    },
  );
}

/** ORPO's strategy takes the system turn from a column and reads the others as user and assistant in turns. */
function orpoLayout(): PairLayout {
  return pairLayout(
    {
      format: "parquet",
      rowSet: {
        name: "axolotl-orpo",
        version: 1,
        columns: [
          optional("system", "string"),
          required("chosen", MESSAGE_LIST),
          required("rejected", MESSAGE_LIST),
        ],
      },
      examples: ({ system, chosen, rejected }) => {
        const turns = (chosen as readonly unknown[]).map(messageFrom);
        const head: Message[] = typeof system === "string" ? [{ role: "system", content: system }] : [];
        return [
          {
            kind: "preference",
            prompt: [...head, ...turns.slice(0, -1)],
            chosen: turns.slice(-1),
            rejected: (rejected as readonly unknown[]).map(messageFrom).slice(-1),
          },
        ];
      },
      lengthRules: [lengths("ORPO")],
      companions: (facts) => [config(facts, "orpo.yaml", "chat_template.argilla", "rl: orpo\nrl_beta: 0.1")],
    },
    (pair) => {
      const found = fault(pair) ?? alternationFault(pair.messages) ?? orpoFault(pair.messages);
      if (found !== null) return found;
      const [first, ...rest] = messageRows(pair.messages);
      const system = first?.role === "system" ? first.content : null;
      const turns = first === undefined || first.role === "system" ? rest : [first, ...rest];
      return {
        system,
        chosen: [...turns, assistant(pair.chosen)],
        rejected: [...turns, assistant(pair.rejected)],
      };
    },
  );
}

function orpoFault(messages: readonly Message[]): string | null {
  if (messages[0]?.role === "system" && messages[0].content === "")
    return "its system turn is empty, and axolotl's ORPO would drop it";
  return messages.some(({ role }) => role === "tool")
    ? "it has a tool turn, which axolotl's ORPO would make a user turn"
    : null;
}

function assistant(content: string): Message {
  return { role: "assistant", content };
}

function fault(record: PromptRecord): string | null {
  if (record.messages.some(({ role }) => role === "developer"))
    return "it has a developer turn, a role that axolotl does not know";
  return plainFault(record.messages) ?? extrasFault(record);
}

/** `sequence_len` in the configs, in tokens; axolotl's own default is 512. */
const SEQUENCE_LENGTH = 2048;

/** `excess_length_strategy: drop`, the default of axolotl. BOS comes from the tokenizer, once; TRL adds EOS. */
function lengths(method: string): LengthRule {
  return { method, defaultMaxLength: SEQUENCE_LENGTH, adds: { bos: "tokenizer", eos: true }, kept: dropLong };
}

const SIMPO_LINES = `rl: simpo
${SIMPO_NOTE}
rl_beta: ${SIMPO.beta.toFixed(1)}
simpo_gamma: ${SIMPO.gamma.toFixed(1)}
cpo_alpha: 0.0 # 1.0 by default, which adds a supervised loss on the chosen side; 0.0 is SimPO`;

const KTO = `rl: kto
rl_beta: 0.1
kto_desirable_weight: 1.0
kto_undesirable_weight: 1.0
remove_unused_columns: false # axolotl's KTO asks for it`;

function config(facts: ExportedFacts, path: string, type: string, method: string): Companion {
  const { train, evaluation } = splitFiles(facts);
  const datasets = (files: readonly string[]) =>
    files
      .map((file) => `  - path: ${file}\n    ds_type: parquet\n    split: train\n    type: ${type}`)
      .join("\n");
  const template =
    type === "chatml.argilla_chat"
      ? "# This strategy writes ChatML by itself. For Llama 3 say llama3.argilla_chat below; other templates have none."
      : "chat_template: tokenizer_default";
  return {
    path,
    text: `# axolotl 0.19. Run it in this directory: axolotl train ${path}
base_model: MODEL # put your model here
${template}
${method}
datasets: # a file that is named has the single split train
${datasets(train)}
${evaluation === null ? "val_set_size: 0.0" : `test_datasets:\n${datasets(evaluation)}`}
sequence_len: ${SEQUENCE_LENGTH} # a row with a longer side is dropped
output_dir: ./checkpoint-${path.replace(".yaml", "")}
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
micro_batch_size: ${path === "kto.yaml" ? 2 : 1}
gradient_accumulation_steps: 16
num_epochs: 1
learning_rate: 1.0e-6
optimizer: adamw_torch
lr_scheduler: cosine
warmup_steps: 10
bf16: auto
gradient_checkpointing: true
`,
  };
}
