import { z } from "zod";
import { overlongPunishment } from "../core/overlong.ts";
import { parseOptions } from "../core/scorer.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z
  .strictObject({
    maxTokens: z.int().positive().describe("Hard limit, in tokens of the policy's tokenizer."),
    rampTokens: z.int().positive().describe("Width of the ramp below the limit, in tokens."),
    factor: z
      .number()
      .positive()
      .default(1)
      .describe("What a response at the limit loses, in units of the score; the published value is 1."),
  })
  .refine(({ maxTokens, rampTokens }) => rampTokens <= maxTokens, {
    path: ["rampTokens"],
    error: "must not be larger than maxTokens",
  });

export type SoftOverlongOptions = z.input<typeof options>;

/**
 * Takes off up to `factor` from responses that run close to, or past, the token limit.
 *
 *   y = x + factor * p        p = 0 up to maxTokens - rampTokens, -1 from maxTokens on, linear between
 *
 * Source: Yu et al. 2025, "DAPO", arXiv 2503.14476, soft overlong punishment (eq. 13), which is added to the correctness
 *         reward; verl's `overlong_buffer` with `penalty_factor`. The scorer `overlong-penalty` gives p alone.
 * Range:  at most `factor` below the score.
 * Null:   stays null, and a response whose token count is not known becomes null: characters are not tokens.
 * Example: x 1, maxTokens 100, rampTokens 20, 90 tokens -> 1 - (90 - 80) / 20 = 0.5.
 * Throws: `bad_option` when the ramp is not inside (0, maxTokens].
 */
export function softOverlong(given: SoftOverlongOptions): Transform {
  const { factor, ...limits } = parseOptions("soft-overlong", options, given);
  return {
    name: "soft-overlong",
    version: 1,
    perResponse: true,
    apply: (values, { group }) =>
      group.responses.map(({ tokenCount }, index) => {
        const value = values[index] ?? null;
        if (value === null || tokenCount === undefined) return null;
        return value + factor * overlongPunishment(tokenCount, limits);
      }),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "soft-overlong",
  version: 1,
  summary: "Takes off up to a fixed amount as the token count nears the limit (DAPO).",
  options,
  create: softOverlong,
};
