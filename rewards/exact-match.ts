import { z } from "zod";
import { defineScorer, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Scorer } from "../src/core/types.ts";

export interface ExactMatchOptions {
  /** The text to match. Default: the prompt's reference. */
  readonly text?: string;
  /** Leave blanks at both ends out of account (default true). */
  readonly trim?: boolean;
  /** Leave the case of letters out of account (default false). */
  readonly caseInsensitive?: boolean;
}

const optionsSchema = z.strictObject({
  text: z.string().exactOptional().describe("The text to match; default: the prompt's reference."),
  trim: z.boolean().default(true).describe("Leave blanks at both ends out of account."),
  caseInsensitive: z.boolean().default(false).describe("Leave the case of letters out of account."),
});

/**
 * Checks that a response is the reference, or a given text, character by character.
 *
 * Source: the "exact match" of question answering (Rajpurkar et al. 2016, SQuAD), without its removal of articles and
 *         punctuation. No Unicode normalisation; case is folded by `toLowerCase`, the same in every locale.
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [0, 1]: 1 equal, 0 not.
 * Worked: reference "Paris", response " Paris\n" -> 1; "paris" -> 0, and 1 with `caseInsensitive`.
 * Abstains without a reference when no `text` is given.
 */
export function exactMatch(options: ExactMatchOptions = {}): Scorer {
  const { text: wanted, trim, caseInsensitive } = parseOptions("exact-match", optionsSchema, options);
  const prepare = (text: string): string => {
    const trimmed = trim ? text.trim() : text;
    return caseInsensitive ? trimmed.toLowerCase() : trimmed;
  };
  return perResponse(
    {
      name: "exact-match",
      version: 1,
      range: [0, 1],
      ...(wanted === undefined && { needs: { reference: true } }),
    },
    ({ text }, { prompt }) => scored(prepare(text) === prepare(wanted ?? prompt.reference ?? "") ? 1 : 0),
  );
}

export const definition = defineScorer<ExactMatchOptions>({
  name: "exact-match",
  version: 1,
  summary: "1 when the response is the reference, or a given text, character by character.",
  options: optionsSchema,
  create: exactMatch,
});
