import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { curve, curveOptions } from "./references.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject(curveOptions);

export type ArctanOptions = z.input<typeof options>;

/**
 * The arc tangent, in radians, of the distance to the references, or of the value itself.
 *
 *   relative: y = (1 / M) * sum over m of atan(x - reference_m)        pure: y = atan(x)
 *
 * Source: the code of arXiv 2502.18770 (`calculate_relative_arctan`, `calculate_arctan`; M 10), where no setting calls it.
 * Range:  (-pi/2, pi/2).
 * Null:   stays null, and in relative form a response without references becomes null. Baselines as in `par`.
 * Example: x 2, references 0.5, 1, -0.5 -> 0.9862.
 * Throws: `bad_option`; `bad_row` when the metadata's list is not one of numbers.
 */
export function arctan(given: ArctanOptions = {}): Transform {
  return curve("arctan", parseOptions("arctan", options, given), Math.atan);
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "arctan",
  version: 1,
  summary: "The arc tangent of the distance to reference responses, or of the value itself.",
  options,
  create: arctan,
};
