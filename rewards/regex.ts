import { z } from "zod";
import { reasonOf } from "../src/core/errors.ts";
import { defineScorer, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Scorer } from "../src/core/types.ts";

export interface RegexOptions {
  /** A JavaScript regular expression, without the slashes. Finds anywhere; write `^…$` for the whole text. */
  readonly pattern: string;
  /** Any of i, m, s, u, v, each once. g and y are refused: they keep a position between texts. Default "". */
  readonly flags?: string;
  /** 1 for texts that do not match (default false). */
  readonly invert?: boolean;
}

const optionsSchema = z
  .strictObject({
    pattern: z.string().min(1).describe("A JavaScript regular expression, without the slashes."),
    flags: z
      .string()
      .regex(/^[imsuv]*$/, "may hold i, m, s, u and v; g and y would keep a position between texts")
      .default("")
      .describe("Flags: any of i, m, s, u, v."),
    invert: z.boolean().default(false).describe("1 for texts that do not match."),
  })
  .superRefine(({ pattern, flags }, context) => {
    try {
      new RegExp(pattern, flags);
    } catch (error) {
      context.addIssue({ code: "custom", path: ["pattern"], message: reasonOf(error) });
    }
  });

/**
 * Checks that a response matches a regular expression.
 *
 * Source: ECMAScript regular expressions, as the Node that runs them knows them.
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [0, 1]: 1 matches, 0 does not; the other way round with `invert`.
 * Worked: pattern "^yes\b", flags "i", response "Yes, it is." -> 1; "Oh yes." -> 0.
 * Throws: `bad_option` at construction for a pattern or flags that do not compile.
 *
 * A pattern can backtrack for hours on some texts, so the scorer is CPU-bound: it runs in a worker that is killed when
 * its time is up.
 */
export function regex(options: RegexOptions): Scorer {
  const { pattern, flags, invert } = parseOptions("regex", optionsSchema, options);
  const expression = new RegExp(pattern, flags);
  return perResponse({ name: "regex", version: 1, range: [0, 1] }, ({ text }) =>
    scored(expression.test(text) === invert ? 0 : 1),
  );
}

export const definition = defineScorer<RegexOptions>({
  name: "regex",
  version: 1,
  summary: "1 when the response matches a regular expression, else 0.",
  options: optionsSchema,
  cpuBound: true,
  create: regex,
});
