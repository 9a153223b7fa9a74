import { z } from "zod";
import { required } from "../../store/schema.ts";
import type { Column, Row } from "../../store/table.ts";
import { defineLayout, toolsOf } from "../layout-support.ts";
import { pairLayout, type TextPair } from "../message-rows.ts";
import type { Companion, ExportedFacts, LengthRule, PairLayout } from "../trainer-adapter.ts";
import { dpoConfig, imagesScript, rewardConfig, simpoScript } from "./companions.ts";
import { imagesOption } from "./image-turns.ts";
import { cpoLengths, dpoLengths, rewardLengths } from "./length-rules.ts";
import { formatOption, hasImages, type TurnWriter, turnWriter } from "./turns.ts";

export const preference = defineLayout({
  summary: "prompt, chosen and rejected, for DPO, SimPO (CPO) and ORPO.",
  options: z.strictObject({ ...formatOption, ...imagesOption }),
  create: ({ format, images }, { extras }) => {
    const turns = turnWriter(format, extras, images);
    if (hasImages(turns)) {
      return pairs(turns, {
        name: "trl-preference-images",
        // How many tokens an image takes, its model says.
        lengthRules: [],
        companions: (facts) => [dpoConfig(facts, true), imagesScript()],
      });
    }
    // The CPO trainer renders without tools: with them SimPO would train on other prompts.
    const readByCpo = !extras.tools;
    return pairs(turns, {
      name: "trl-preference",
      lengthRules: readByCpo ? [dpoLengths(format), cpoLengths] : [dpoLengths(format)],
      companions: (facts) =>
        readByCpo ? [dpoConfig(facts, false), simpoScript()] : [dpoConfig(facts, false)],
    });
  },
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
    pairs(turnWriter(format, extras), {
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

interface Variant {
  readonly name: string;
  readonly lengthRules: readonly LengthRule[];
  readonly companions: (facts: ExportedFacts) => readonly Companion[];
  readonly further?: readonly Column[];
  readonly furtherValues?: (pair: TextPair) => Row;
}

function pairs(turns: TurnWriter, variant: Variant): PairLayout {
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
          prompt: turns.read(prompt),
          chosen: turns.read(chosen),
          rejected: turns.read(rejected),
          ...toolsOf({ tools }),
        },
      ],
      lengthRules,
      companions,
    },
    (pair) =>
      turns.fault(pair, [pair.chosen, pair.rejected]) ?? {
        prompt: turns.prompt(pair.messages),
        chosen: turns.completion(pair.chosen),
        rejected: turns.completion(pair.rejected),
        ...furtherValues(pair),
        ...turns.extraValues(pair),
      },
  );
}
