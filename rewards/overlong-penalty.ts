import { z } from "zod";
import { overlongPunishment } from "../src/core/overlong.ts";
import { defineScorer, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Scorer } from "../src/core/types.ts";

export interface OverlongPenaltyOptions {
  /** Hard limit, in policy-tokenizer tokens. */
  readonly maxTokens: number;
  /** Width of the ramp below the limit, in tokens; in (0, maxTokens]. */
  readonly rampTokens: number;
}

const optionsSchema = z
  .strictObject({
    maxTokens: z.int().positive().describe("Hard limit, in tokens of the policy's tokenizer."),
    rampTokens: z.int().positive().describe("Width of the ramp below the limit, in tokens."),
  })
  .refine(({ maxTokens, rampTokens }) => rampTokens <= maxTokens, {
    path: ["rampTokens"],
    error: "must not be larger than maxTokens",
  });

/**
 * Penalizes responses that run close to, or past, the token limit.
 *
 * Source: Yu et al. 2025, "DAPO", soft overlong punishment (eq. 13); the same numbers as TRL's
 *         `get_soft_overlong_punishment(max_completion_len=maxTokens, soft_punish_cache=rampTokens)`.
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [-1, 0]; 0 up to `maxTokens - rampTokens`, -1 from `maxTokens` on, linear between.
 * Worked: maxTokens 100, rampTokens 20, 90 tokens -> -(90 - 80) / 20 = -0.5.
 * Abstains when a response has no `tokenCount`. Characters are not tokens, so we do not guess.
 * Throws: `bad_option` when the ramp is not inside (0, maxTokens].
 */
export function overlongPenalty(options: OverlongPenaltyOptions): Scorer {
  const limits = parseOptions("overlong-penalty", optionsSchema, options);
  return perResponse(
    { name: "overlong-penalty", version: 1, range: [-1, 0], needs: { tokenCounts: true } },
    ({ tokenCount = 0 }) => scored(overlongPunishment(tokenCount, limits)),
  );
}

export const definition = defineScorer<OverlongPenaltyOptions>({
  name: "overlong-penalty",
  version: 1,
  summary: "0 for short responses, falling to -1 as the token count nears the limit (DAPO).",
  options: optionsSchema,
  create: overlongPenalty,
});
