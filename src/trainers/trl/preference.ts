import { z } from "zod";
import type { RowExtras } from "../../store/row-sets.ts";
import { required } from "../../store/schema.ts";
import type { Column, Row } from "../../store/table.ts";
import { defineLayout, toolsOf, turnsFrom } from "../layout-support.ts";
import { pairLayout, type TextPair } from "../message-rows.ts";
import type { Companion, ExportedFacts, LengthRule, PairLayout } from "../trainer-adapter.ts";
import { dpoConfig, rewardConfig, simpoScript } from "./companions.ts";
import { cpoLengths, dpoLengths, rewardLengths } from "./length-rules.ts";
import { type Format, formatOption, turnWriter } from "./turns.ts";

export const preference = defineLayout({
  summary: "prompt, chosen and rejected, for DPO, SimPO (CPO) and ORPO.",
  options: z.strictObject({ ...formatOption }),
  create: ({ format }, { extras }) =>
    pairs(format, extras, {
      name: "trl-preference",
      lengthRules: readByCpo(extras) ? [dpoLengths(format), cpoLengths] : [dpoLengths(format)],
      companions: (facts) => (readByCpo(extras) ? [dpoConfig(facts), simpoScript()] : [dpoConfig(facts)]),
    }),
});

export const reward = defineLayout({
  summary: "prompt, chosen and rejected, for a reward model; with a margin only when asked.",
  options: z.strictObject({
    ...formatOption,
    margin: z
      .boolean()
      .default(false)
      .describe("Write the reward margin as `margin`, which the loss subtracts as it stands."),
  }),
  create: ({ format, margin }, { extras }) =>
    pairs(format, extras, {
      name: margin ? "trl-reward-margin" : "trl-reward",
      lengthRules: [rewardLengths(format)],
      companions: (facts) => [rewardConfig(facts, margin)],
      ...(margin
        ? {
            further: [required("margin", "double")],
            furtherValues: (pair) => ({ margin: pair.rewardMargin }),
          }
        : {}),
    }),
});

/** The CPO trainer renders without tools: with them SimPO would train on other prompts. */
function readByCpo({ tools }: RowExtras): boolean {
  return !tools;
}

interface Variant {
  readonly name: string;
  readonly lengthRules: readonly LengthRule[];
  readonly companions: (facts: ExportedFacts) => readonly Companion[];
  readonly further?: readonly Column[];
  readonly furtherValues?: (pair: TextPair) => Row;
}

function pairs(format: Format, extras: RowExtras, variant: Variant): PairLayout {
  const turns = turnWriter(format, extras);
  const { name, lengthRules, companions, further = [], furtherValues = () => ({}) } = variant;
  return pairLayout(
    {
      format: "parquet",
      rowSet: {
        name,
        version: 1,
        columns: [
          required("prompt", turns.type),
          required("chosen", turns.type),
          required("rejected", turns.type),
          ...further,
          ...turns.extraColumns,
        ],
      },
      examples: ({ prompt, chosen, rejected, tools }) => [
        {
          kind: "preference",
          prompt: turnsFrom(prompt),
          chosen: turnsFrom(chosen),
          rejected: turnsFrom(rejected),
          ...toolsOf({ tools }),
        },
      ],
      lengthRules,
      companions,
    },
    (pair) =>
      turns.fault(pair) ?? {
        prompt: turns.prompt(pair.messages),
        chosen: turns.completion(pair.chosen),
        rejected: turns.completion(pair.rejected),
        ...furtherValues(pair),
        ...turns.extraValues(pair),
      },
  );
}
