import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { referenceOptions, relativeTransform } from "./references.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject(referenceOptions);

export type CenteredOptions = z.input<typeof options>;

/**
 * How far each value lies above the mean of its references.
 *
 *   y = (1 / M) * sum over m of (x - reference_m)
 *
 * Source: compared with PAR in arXiv 2502.18770 (code: `calculate_centered`, M 10).
 * Range:  any.
 * Null:   stays null, and a response without references becomes null. Baselines as in `par`.
 * Example: x 2, references 0.5, 1, -0.5 -> (1.5 + 1 + 2.5) / 3 = 1.6667.
 * Throws: `bad_option`; `bad_row` when the metadata's list is not one of numbers.
 */
export function centered(given: CenteredOptions = {}): Transform {
  return relativeTransform("centered", parseOptions("centered", options, given), (difference) => difference);
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "centered",
  version: 1,
  summary: "The distance above the mean of reference responses.",
  options,
  create: centered,
};
