import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { curve, curveOptions } from "./references.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject(curveOptions);

export type TanhOptions = z.input<typeof options>;

/**
 * The hyperbolic tangent of the distance to the references, or of the value itself.
 *
 *   relative: y = (1 / M) * sum over m of tanh(x - reference_m)        pure: y = tanh(x)
 *
 * Source: compared with PAR in arXiv 2502.18770 (code: `calculate_relative_tanh`, `calculate_tanh`; M 10).
 * Range:  (-1, 1); a double cannot tell it from the ends beyond a distance of about 19.
 * Null:   stays null, and in relative form a response without references becomes null. Baselines as in `par`.
 * Example: x 2, references 0.5, 1, -0.5 -> 0.8845; pure -> 0.9640.
 * Throws: `bad_option`; `bad_row` when the metadata's list is not one of numbers.
 */
export function tanh(given: TanhOptions = {}): Transform {
  return curve("tanh", parseOptions("tanh", options, given), Math.tanh);
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "tanh",
  version: 1,
  summary: "The hyperbolic tangent of the distance to reference responses, or of the value itself.",
  options,
  create: tanh,
};
