import { z } from "zod";
import { required } from "../../store/schema.ts";
import { defineLayout, toolsOf } from "../layout-support.ts";
import { unpairedLayout, unpairedOptions } from "../message-rows.ts";
import { imagesScript, ktoConfig } from "./companions.ts";
import { imagesOption } from "./image-turns.ts";
import { ktoLengths } from "./length-rules.ts";
import { formatOption, hasImages, turnWriter } from "./turns.ts";

/**
 * From pairs a response that stands in several of them has a row in each, chosen in one and rejected in another perhaps; from
 * groups each response has one.
 */
export const unpaired = defineLayout({
  summary: "prompt, completion and label, for KTO.",
  options: z.strictObject({ ...formatOption, ...imagesOption, ...unpairedOptions.shape }),
  create: ({ format, images, from, threshold }, { extras }) => {
    const turns = turnWriter(format, extras, images);
    const withImages = hasImages(turns);
    return unpairedLayout(
      {
        format: "parquet",
        rowSet: {
          name: withImages ? "trl-unpaired-images" : "trl-unpaired",
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
            prompt: turns.read(prompt),
            completion: turns.read(completion),
            label: label as boolean,
            ...toolsOf({ tools }),
          },
        ],
        // How many tokens an image takes, its model says.
        lengthRules: withImages ? [] : [ktoLengths(format)],
        companions: (facts) =>
          withImages ? [ktoConfig(facts, true), imagesScript()] : [ktoConfig(facts, false)],
      },
      { from, threshold },
      (record) =>
        turns.fault(record, [record.completion]) ?? {
          prompt: turns.prompt(record.messages),
          completion: turns.completion(record.completion),
          label: record.label,
          ...turns.extraValues(record),
        },
    );
  },
});
