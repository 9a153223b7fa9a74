import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import type { Transform, TransformDefinition } from "./transform.ts";
import { mapScored } from "./values.ts";

const options = z.strictObject({
  center: z.number().default(0).describe("The value that becomes 0.5."),
  scale: z
    .number()
    .positive()
    .default(1)
    .describe(
      "How far from the center the curve flattens, in units of the score; about 0.73 one scale above.",
    ),
});

export type SigmoidOptions = z.input<typeof options>;

/**
 * Squeezes any value into (0, 1).
 *
 *   y = 1 / (1 + exp(-(x - center) / scale))
 *
 * Range:  (0, 1). A double cannot tell y from 1 beyond 36 scales above the center, nor from 0 beyond 709 below; there
 *         it is exactly 1 or 0, and values that differed become equal.
 * Null:   stays null.
 * Edges:  never NaN: where exp overflows, 1 / (1 + Infinity) is 0.
 * Example: center 0, scale 1: [-2, 0, 2] -> [0.1192, 0.5, 0.8808].
 * Throws: `bad_option` unless scale > 0.
 */
export function sigmoid(given: SigmoidOptions = {}): Transform {
  const { center, scale } = parseOptions("sigmoid", options, given);
  return {
    name: "sigmoid",
    version: 1,
    perResponse: true,
    apply: (values) => mapScored(values, (x) => 1 / (1 + Math.exp(-(x - center) / scale))),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "sigmoid",
  version: 1,
  summary: "Squeezes any value into (0, 1) around a center.",
  options,
  create: sigmoid,
};
