import { z } from "zod";
import { defineScorer, failed, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Scorer } from "../src/core/types.ts";

export interface ContainsOptions {
  /** What to look for: one text or several. Default: the prompt's reference. */
  readonly text?: string | readonly string[];
  /** Of several texts, `all` (default) or `any` must be there. */
  readonly mode?: "all" | "any";
  /** Leave the case of letters out of account (default false). */
  readonly caseInsensitive?: boolean;
}

const needle = z.string().min(1);

const optionsSchema = z.strictObject({
  text: z
    .union([needle, z.array(needle).min(1)])
    .exactOptional()
    .describe("What to look for: one text or several; default: the prompt's reference."),
  mode: z.enum(["all", "any"]).default("all").describe("Whether all texts or any of them must be there."),
  caseInsensitive: z.boolean().default(false).describe("Leave the case of letters out of account."),
});

/**
 * Checks that a response contains the reference, or given texts, anywhere, inside words too.
 *
 * Source: substring search as `includes` in the model-evaluation tools; case is folded by `toLowerCase`.
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [0, 1]: 1 contained; 0 not, with the first text that is missing in `why`.
 * Parts:  `found` and `wanted`, numbers of texts.
 * Worked: texts ["Paris", "Seine"], response "Paris lies on the Rhine." -> 0, found 1 of 2; 1 with mode `any`.
 * Abstains without a reference when no `text` is given.
 * Fails with `unreadable_reference` when the reference is empty: every text contains it.
 */
export function contains(options: ContainsOptions = {}): Scorer {
  const { text: given, mode, caseInsensitive } = parseOptions("contains", optionsSchema, options);
  const fold = (text: string): string => (caseInsensitive ? text.toLowerCase() : text);
  return perResponse(
    {
      name: "contains",
      version: 1,
      range: [0, 1],
      ...(given === undefined && { needs: { reference: true } }),
    },
    ({ text }, { prompt }) => {
      const wanted = [given ?? prompt.reference ?? ""].flat();
      if (wanted.includes("")) return failed("unreadable_reference", "the reference is empty");
      const haystack = fold(text);
      const missing = wanted.filter((needle) => !haystack.includes(fold(needle)));
      const parts = { found: wanted.length - missing.length, wanted: wanted.length };
      const isMatch = mode === "all" ? missing.length === 0 : parts.found > 0;
      return isMatch
        ? scored(1, { parts })
        : scored(0, { parts, why: `missing: "${missing[0]?.slice(0, 60)}"` });
    },
  );
}

export const definition = defineScorer<ContainsOptions>({
  name: "contains",
  version: 1,
  summary: "1 when the response contains the reference, or all or any of given texts.",
  options: optionsSchema,
  create: contains,
});
