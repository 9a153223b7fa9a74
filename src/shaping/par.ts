import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { logistic } from "./logistic.ts";
import { referenceOptions, relativeTransform } from "./references.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  ...referenceOptions,
  k: z
    .number()
    .positive()
    .default(1)
    .describe("How steep the curve is; the published values are 1, 2 and 3."),
  shift: z
    .number()
    .default(0)
    .describe("How far above its references a response must be for 0.5; 3 gives the variant SGFC."),
});

export type ParOptions = z.input<typeof options>;

/**
 * Preference as reward: the mean probability, by Bradley and Terry, that the response is preferred to a reference.
 *
 *   y = (1 / M) * sum over m of 1 / (1 + exp(-k (x - shift - reference_m)))
 *
 * Source: Fu et al. 2025, arXiv 2502.18770, and its code (`calculate_relative_sigmoid`; M 10, k 1). With shift 3 it is
 *         the compared SGFC ("slow growth, fast convergence").
 * References: the first M of the group's baselines (by id) or of the list under `referenceField`; fewer when there are
 *         fewer. See `referencesOf`.
 * Range:  (0, 1); 0.5 is as good as the references. A double cannot tell y from 1 beyond a difference of 36 / k.
 * Null:   stays null, and a response without references becomes null: the paper's code divides by zero there.
 * Baselines: get the same formula, themselves among their references (which adds a 0.5): our choice.
 * Example: x 2, references 0.5, 1, -0.5, k 1 -> (0.8176 + 0.7311 + 0.9241) / 3 = 0.8243.
 * Note:   for one prompt it keeps the order of the responses, so best-of-n stays; it changes margins, and makes prompts
 *         comparable.
 * Throws: `bad_option`; `bad_row` when the metadata's list is not one of numbers.
 */
export function par(given: ParOptions = {}): Transform {
  const { k, shift, ...references } = parseOptions("par", options, given);
  return relativeTransform("par", references, (difference) => logistic(k * (difference - shift)));
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "par",
  version: 1,
  summary: "Preference as reward: the mean probability of being preferred to reference responses (PAR).",
  options,
  create: par,
};
