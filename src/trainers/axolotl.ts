import { z } from "zod";
import type { Message } from "../core/types.ts";
import { optional, required } from "../store/schema.ts";
import { lostResponseFault, promptFault } from "./axolotl-responses.ts";
import { prompts, reward, stepwise } from "./axolotl-rewards.ts";
import { dpoSettings, droppedLengths, ktoSettings, orpoSettings, simpoSettings } from "./axolotl-settings.ts";
import {
  defineLayout,
  MESSAGE,
  MESSAGE_LIST,
  messageFrom,
  messageRows,
  turnsFrom,
} from "./layout-support.ts";
import { pairLayout, unpairedLayout, unpairedOptions } from "./message-rows.ts";
import { alternationFault } from "./tool-turns.ts";
import type { PairLayout, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * axolotl 0.19: `chat_template.default` for DPO and SimPO, `chat_template.argilla` for ORPO, `chatml.argilla_chat` for
 * KTO, `bradley_terry.chat_template` for reward models, `stepwise_supervised` for process reward models, rows as they are for GRPO.
 *
 * Facts: axolotl 0.19.0, prompt_strategies/{dpo,orpo,kto,bradley_terry}, stepwise_supervised.py, utils/data/{rl,sft}.py,
 * core/builders/{rl,causal}.py, core/trainers/grpo, utils/schemas.
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
            lengthRules: [droppedLengths("KTO")],
            companions: (facts) => [ktoSettings(facts)],
          },
          options,
          (one) =>
            promptFault(one) ?? {
              completion: [...messageRows(one.messages), assistantTurn(one.completion)],
              label: one.label,
            },
        ),
    }),
    reward,
    stepwise,
    prompts,
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
      lengthRules: [droppedLengths("DPO"), droppedLengths("CPO (SimPO)")],
      companions: (facts) => [dpoSettings(facts), simpoSettings(facts)],
    },
    (pair) => {
      const [chosen, rejected] = [pair.chosen, pair.rejected].map((text) =>
        edges === "trim" ? text.trim() : text,
      ) as [string, string];
      return (
        promptFault(pair) ??
        lostResponseFault(chosen, edges === "keep") ??
        lostResponseFault(rejected, edges === "keep") ??
        (chosen === rejected ? "its sides are equal without white space around them" : null) ?? {
          messages: messageRows(pair.messages),
          chosen: assistantTurn(chosen),
          rejected: assistantTurn(rejected),
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
      lengthRules: [droppedLengths("ORPO")],
      companions: (facts) => [orpoSettings(facts)],
    },
    (pair) => {
      const found = promptFault(pair) ?? alternationFault(pair.messages) ?? orpoFault(pair.messages);
      if (found !== null) return found;
      const [first, ...rest] = messageRows(pair.messages);
      const system = first?.role === "system" ? first.content : null;
      const turns = first === undefined || first.role === "system" ? rest : [first, ...rest];
      return {
        system,
        chosen: [...turns, assistantTurn(pair.chosen)],
        rejected: [...turns, assistantTurn(pair.rejected)],
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

function assistantTurn(content: string): Message {
  return { role: "assistant", content };
}
