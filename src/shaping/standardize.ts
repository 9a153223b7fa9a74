import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { deviationOf } from "../core/stats.ts";
import { momentsFor, runMoments, scopeOption } from "./moments.ts";
import type { Transform, TransformDefinition } from "./transform.ts";
import { mapScored } from "./values.ts";

const options = z.strictObject({
  scope: scopeOption,
  epsilon: z
    .number()
    .min(0)
    .default(1e-4)
    .describe(
      "Added to the deviation, in units of the score. TRL's GRPO has 1e-4, verl 1e-6, OpenRLHF 1e-9.",
    ),
});

export type StandardizeOptions = z.input<typeof options>;

/**
 * How far each value lies from the mean, in standard deviations.
 *
 *   y = (x - mean) / (std + epsilon)        std with n - 1
 *
 * Source: the n - 1 and the epsilon of 1e-4 follow TRL's GRPO trainer.
 * Units:  x in the score's own; y has none.
 * Null:   stays null, and takes no part in mean and std. A baseline counts like any other response.
 * Edges:  fewer than two values, or no spread -> all 0.
 * Example: [1, 2, 3], epsilon 0: mean 2, std 1 -> [-1, 0, 1].
 * Throws: `bad_option`; `need_unmet` with scope "run" and no frozen statistics.
 */
export function standardize(given: StandardizeOptions = {}): Transform {
  const { scope, epsilon } = parseOptions("standardize", options, given);
  return {
    name: "standardize",
    version: 1,
    apply: (values, context) => {
      const moments = momentsFor("standardize", scope, values, context);
      const deviation = deviationOf(moments) ?? 0;
      return mapScored(values, (x) => (deviation === 0 ? 0 : (x - moments.mean) / (deviation + epsilon)));
    },
    ...(scope === "run" ? { perResponse: true, statistics: runMoments("standardize") } : {}),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "standardize",
  version: 1,
  summary: "Distance from the mean in standard deviations, within the group or over the run.",
  options,
  create: standardize,
};
