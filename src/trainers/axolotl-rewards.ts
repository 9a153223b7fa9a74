import { z } from "zod";
import type { Message } from "../core/types.ts";
import { required } from "../store/schema.ts";
import { promptFault } from "./axolotl-responses.ts";
import {
  grpoSettings,
  prmSettings,
  REWARD_LENGTHS,
  rewardSettings,
  SEQUENCE_LENGTH,
} from "./axolotl-settings.ts";
import { defineLayout } from "./layout-support.ts";
import { pairLayout } from "./message-rows.ts";
import { prmLengths } from "./trl/length-rules.ts";
import { promptsLayout, promptsOptions } from "./trl/prompts.ts";
import { stepwiseLayout, stepwiseOptions } from "./trl/stepwise.ts";

/**
 * `bradley_terry.chat_template`, the one such strategy that tokenizes: one user turn, and at most a system turn before it.
 * It makes a system turn of an empty `system` too, and stops at a null one; `drop_system_message` drops all system turns. So a
 * file holds prompts with a system turn, or prompts without.
 */
export const reward = defineLayout({
  summary: "system, input, chosen and rejected, for a Bradley–Terry reward model",
  options: z.strictObject({
    system: z
      .enum(["leave-out", "only"])
      .default("leave-out")
      .describe(
        "leave-out: prompts without a system turn. only: prompts with one. axolotl cannot read both from one file.",
      ),
  }),
  create: ({ system }) =>
    pairLayout(
      {
        format: "parquet",
        rowSet: {
          name: "axolotl-reward",
          version: 1,
          columns: [
            // Empty where there is none.
            required("system", "string"),
            required("input", "string"),
            required("chosen", "string"),
            required("rejected", "string"),
          ],
        },
        examples: ({ system, input, chosen, rejected }) => [
          {
            kind: "preference",
            prompt: [...(system === "" ? [] : [turn("system", system)]), turn("user", input)],
            chosen: [turn("assistant", chosen)],
            rejected: [turn("assistant", rejected)],
          },
        ],
        lengthRules: [REWARD_LENGTHS],
        companions: (facts) => [rewardSettings(facts, system === "leave-out")],
      },
      (pair) => {
        const asked = systemAndInput(pair.messages, system === "only");
        const fault = promptFault(pair) ?? ("why" in asked ? asked.why : null);
        return fault ?? { ...asked, chosen: pair.chosen, rejected: pair.rejected };
      },
    ),
});

/** `stepwise_supervised`: TRL's rows, tokenized by axolotl as TRL's PRM trainer does it. */
export const stepwise = defineLayout({
  summary: "prompt, completions and labels (a step and whether it is right), for a process reward model",
  options: stepwiseOptions,
  create: (options, facts) =>
    stepwiseLayout("axolotl-stepwise", options, facts, {
      lengthRules: [{ ...prmLengths, defaultMaxLength: SEQUENCE_LENGTH }],
      companions: (exported) => [prmSettings(exported)],
    }),
});

/** Rows for TRL's GRPO trainer, which axolotl hands on as they are. */
export const prompts = defineLayout({
  summary: "prompt, prompt_id and reference, for GRPO with the reward server",
  options: promptsOptions,
  create: (options) => promptsLayout("axolotl", options, grpoSettings),
});

function systemAndInput(
  messages: readonly Message[],
  withSystem: boolean,
): { readonly system: string; readonly input: string } | { readonly why: string } {
  const [system, user, ...others] = messages[0]?.role === "system" ? messages : [null, ...messages];
  if (user?.role !== "user" || others.length > 0)
    return {
      why: "the prompt is not one user turn, which is all that axolotl's reward models read beside a system turn",
    };
  if (withSystem !== (system !== null))
    return {
      why: withSystem
        ? "it has no system turn (system=only)"
        : "it has a system turn (system=only takes those)",
    };
  if (system?.content === "") return { why: "its system turn is empty, and that column says there is none" };
  return { system: system?.content ?? "", input: user.content };
}

function turn(role: Message["role"], content: unknown): Message {
  return { role, content: content as string };
}
