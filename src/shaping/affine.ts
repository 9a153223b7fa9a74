import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import type { Transform, TransformDefinition } from "./transform.ts";
import { mapScored } from "./values.ts";

const options = z.strictObject({
  gain: z.number().default(10).describe("Factor; negative turns a score into a penalty."),
  offset: z.number().default(0.75).describe("The value that becomes 0, in units of the score."),
});

export type AffineOptions = z.input<typeof options>;

/**
 * Moves and stretches the values.
 *
 *   y = gain * (x - offset)
 *
 * Source: AutoRule (arXiv 2506.15651), reward of the released code: gain 10, offset 0.75 of the fraction of rules satisfied.
 * Range:  with the defaults [0, 1] becomes [-7.5, 2.5].
 * Null:   stays null.
 * Example: 20 of 25 rules satisfied, 0.8 -> 0.5; 0.25 -> -5; 0 -> -7.5; 1 -> 2.5.
 * Throws: `bad_option`.
 */
export function affine(given: AffineOptions = {}): Transform {
  const { gain, offset } = parseOptions("affine", options, given);
  return {
    name: "affine",
    version: 1,
    perResponse: true,
    apply: (values) => mapScored(values, (x) => gain * (x - offset)),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "affine",
  version: 1,
  summary: "gain * (value - offset); by default AutoRule's reward.",
  options,
  create: affine,
};
