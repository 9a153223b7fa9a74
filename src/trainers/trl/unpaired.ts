import { z } from "zod";
import { required } from "../../store/schema.ts";
import { defineLayout, toolsOf, turnsFrom } from "../layout-support.ts";
import { unpairedLayout, unpairedOptions } from "../message-rows.ts";
import { ktoConfig } from "./companions.ts";
import { ktoLengths } from "./length-rules.ts";
import { formatOption, turnWriter } from "./turns.ts";

/**
 * From pairs a response that stands in several of them has a row in each, chosen in one and rejected in another perhaps; from
 * groups each response has one.
 */
export const unpaired = defineLayout({
  summary: "prompt, completion and label, for KTO.",
  options: z.strictObject({ ...formatOption, ...unpairedOptions.shape }),
  create: ({ format, from, threshold }, { extras }) => {
    const turns = turnWriter(format, extras);
    return unpairedLayout(
      {
        format: "parquet",
        rowSet: {
          name: "trl-unpaired",
          version: 1,
          columns: [
            required("prompt", turns.type),
            required("completion", turns.type),
            required("label", "boolean"),
            ...turns.extraColumns,
          ],
        },
        examples: ({ prompt, completion, label, tools }) => [
          {
            kind: "unpaired",
            prompt: turnsFrom(prompt),
            completion: turnsFrom(completion),
            label: label as boolean,
            ...toolsOf({ tools }),
          },
        ],
        lengthRules: [ktoLengths(format)],
        companions: (facts) => [ktoConfig(facts)],
      },
      { from, threshold },
      (record) =>
        turns.fault(record) ?? {
          prompt: turns.prompt(record.messages),
          completion: turns.completion(record.completion),
          label: record.label,
          ...turns.extraValues(record),
        },
    );
  },
});
