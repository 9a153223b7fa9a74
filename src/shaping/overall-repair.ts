import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { aspectMeans, aspectOptions, aspectReads } from "./aspects.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  ...aspectOptions,
  suspect: z.number().default(10).describe("The overall score that may stand for a misread one."),
  becomes: z.number().default(1).describe("What a misread one becomes."),
  lowUpTo: z.number().default(2).describe("Misread when the aspects' mean is at most this."),
  highAbove: z.number().default(4).describe("Believed when the aspects' mean is above this."),
});

export type OverallRepairOptions = z.input<typeof options>;

/**
 * Repairs overall scores of 10 that should have been 1, by the mean of the aspects.
 *
 *   overall 10: mean <= 2 -> 1; mean > 4 -> 10; between -> null (upstream scored those anew)
 *   any other overall stays
 *
 * Source: the known fault of UltraFeedback's first release, where 2,628 completions carried 10 for 1, and the rule by
 *         which it was repaired.
 * Null:   stays null. A suspect score without all aspects becomes null: it cannot be told.
 * Example: overall [10, 10, 10, 7], aspects' means [1.5, 4.5, 3, 1] -> [1, 10, null, 7].
 * Throws: `bad_option` for an aspect outside the scale; `unknown_name` when there is no such score column.
 */
export function overallRepair(given: OverallRepairOptions = {}): Transform {
  const { suspect, becomes, lowUpTo, highAbove, ...which } = parseOptions("overall-repair", options, given);
  return {
    name: "overall-repair",
    version: 1,
    perResponse: true,
    reads: aspectReads(which),
    apply: (values, context) => {
      const means = aspectMeans("overall-repair", which, "null", context);
      return values.map((overall, index) => {
        if (overall !== suspect) return overall;
        const mean = means[index] ?? null;
        if (mean === null) return null;
        if (mean <= lowUpTo) return becomes;
        return mean > highAbove ? overall : null;
      });
    },
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "overall-repair",
  version: 1,
  summary:
    "Repairs overall scores of 10 that should have been 1, by the mean of the aspects (UltraFeedback).",
  options,
  create: overallRepair,
};
