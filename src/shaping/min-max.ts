import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { momentsFor, runMoments, scopeOption } from "./moments.ts";
import type { Transform, TransformDefinition } from "./transform.ts";
import { mapScored } from "./values.ts";

const options = z.strictObject({
  scope: scopeOption,
  equal: z.number().min(0).max(1).default(0.5).describe("The value of each when all values are equal."),
});

export type MinMaxOptions = z.input<typeof options>;

/**
 * Stretches the values to [0, 1]: the smallest becomes 0, the largest 1.
 *
 *   y = (x - min) / (max - min)
 *
 * Range:  [0, 1].
 * Null:   stays null, and takes no part in min and max. A baseline counts like any other response.
 * Edges:  all equal, or a single value -> `equal`. With scope "run", a value that the run had not seen is held to the
 *         nearest end (a reward server meets such values).
 * Example: [10, 15, 20] -> [0, 0.5, 1].
 * Throws: `bad_option`; `need_unmet` with scope "run" and no frozen statistics.
 */
export function minMax(given: MinMaxOptions = {}): Transform {
  const { scope, equal } = parseOptions("min-max", options, given);
  return {
    name: "min-max",
    version: 1,
    apply: (values, context) => {
      const { min, max } = momentsFor("min-max", scope, values, context);
      const stretch = (x: number): number => Math.min(1, Math.max(0, (x - min) / (max - min)));
      return mapScored(values, (x) => (min === max ? equal : stretch(x)));
    },
    ...(scope === "run" ? { perResponse: true, statistics: runMoments("min-max") } : {}),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "min-max",
  version: 1,
  summary: "Stretches the values to [0, 1], within the group or over the run.",
  options,
  create: minMax,
};
