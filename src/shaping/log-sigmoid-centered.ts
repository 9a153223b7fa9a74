import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { deviationOf, momentsOf } from "../core/stats.ts";
import { logLogistic } from "./logistic.ts";
import { referenceFieldOption, referencesOf } from "./references.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({ referenceField: referenceFieldOption });

export type LogSigmoidCenteredOptions = z.input<typeof options>;

/** The standard normal's quantile at 0.85. */
const Z_85 = 1.0364333894937894;

/**
 * The log probability of being preferred to a response that is better than 85 % of the references (LSC).
 *
 *   y = log(1 / (1 + exp(-(x - q85))))        q85 = mean + 1.0364 (std + 1e-5), std with n - 1 (0 for one reference)
 *
 * Source: compared with PAR in arXiv 2502.18770 (code: `calculate_percentile`, percentile 0.85, scale std + 1e-5). Mean
 *         and deviation are over all references, however many there are.
 * Range:  (-Infinity, 0).
 * Null:   stays null, and a response without references becomes null. Baselines as in `par`.
 * Example: x 2, references 0.5, 1, -0.5: mean 1/3, std 0.7638, q85 1.1249 -> -0.3484.
 * Throws: `bad_option`; `bad_row` when the metadata's list is not one of numbers.
 */
export function logSigmoidCentered(given: LogSigmoidCenteredOptions = {}): Transform {
  const { referenceField } = parseOptions("log-sigmoid-centered", options, given);
  return {
    name: "log-sigmoid-centered",
    version: 1,
    apply: (values, context) => {
      const lists = referencesOf("log-sigmoid-centered", values, context, referenceField);
      return values.map((x, index) => {
        const moments = momentsOf(lists[index] ?? []);
        if (x === null || moments.count === 0) return null;
        return logLogistic(x - moments.mean - Z_85 * ((deviationOf(moments) ?? 0) + 1e-5));
      });
    },
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "log-sigmoid-centered",
  version: 1,
  summary: "The log probability of being preferred to a better reference than 85 % of them (LSC).",
  options,
  create: logSigmoidCentered,
};
