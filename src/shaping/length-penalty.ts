import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { lengthOf, lengthUnitOption } from "./lengths.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  free: z
    .number()
    .min(0)
    .default(300)
    .describe("Length up to which nothing is taken off; the published value is 300 tokens."),
  rate: z
    .number()
    .min(0)
    .default(0.01)
    .describe("What each unit of length above costs, in units of the score; the published value is 0.01."),
  unit: lengthUnitOption,
});

export type LengthPenaltyOptions = z.input<typeof options>;

/**
 * Takes a little off for each token above a free length.
 *
 *   y = x - rate * max(0, length - free)
 *
 * Source: arXiv 2502.18770, code (`gen_valid_len` 300, `len_penalty` 0.01), where it comes before every other shaping
 *         and the reference rewards carry it too: put it before `par`, and the baselines do.
 * Range:  up to the score's maximum; unbounded below.
 * Null:   stays null, and a response whose token count is not known becomes null: characters are not tokens.
 * Example: x 2, 350 tokens -> 2 - 0.01 * 50 = 1.5; 300 tokens -> 2.
 * Throws: `bad_option`.
 */
export function lengthPenalty(given: LengthPenaltyOptions = {}): Transform {
  const { free, rate, unit } = parseOptions("length-penalty", options, given);
  return {
    name: "length-penalty",
    version: 1,
    perResponse: true,
    apply: (values, { group }) =>
      group.responses.map((response, index) => {
        const value = values[index] ?? null;
        const length = lengthOf(response, unit);
        return value === null || length === null ? null : value - rate * Math.max(0, length - free);
      }),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "length-penalty",
  version: 1,
  summary: "Takes a little off for each token above a free length.",
  options,
  create: lengthPenalty,
};
