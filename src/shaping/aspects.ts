import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { columnOf, requireRange, valueIn } from "./columns.ts";
import type { Transform, TransformContext, TransformDefinition } from "./transform.ts";

/** UltraFeedback's four, equally. */
const FOUR = { instruction_following: 1, honesty: 1, truthfulness: 1, helpfulness: 1 };

/** The options that name the aspects; shared with `overall-repair`. */
export const aspectOptions = {
  aspects: z
    .record(z.string().min(1), z.number().positive())
    .refine((weights) => Object.keys(weights).length > 0, "name at least one aspect")
    .default(FOUR)
    .describe(
      "The names of the scores to take the mean of, each with its weight; weights need not sum to 1.",
    ),
  parts: z
    .string()
    .min(1)
    .exactOptional()
    .describe(
      "The recipe's key of one score whose parts have these names; without it, each is a score itself.",
    ),
  scale: z
    .tuple([z.number(), z.number()])
    .default([1, 5])
    .refine(([low, high]) => low < high, "the first must be below the second")
    .describe("The scale of the aspects; a value outside is an error."),
};

const options = z.strictObject({
  ...aspectOptions,
  missing: z
    .enum(["null", "rest"])
    .default("null")
    .describe("A response that lacks an aspect: no value at all, or the mean of those it has."),
});

export type AspectsOptions = z.input<typeof options>;

/** The aspects as they come out of the options' check. */
interface AspectMeanOptions {
  readonly aspects: Readonly<Record<string, number>>;
  readonly parts?: string;
  readonly scale: readonly [number, number];
}

/**
 * The weighted mean of several judged aspects, as UltraFeedback's "fine-grained" score.
 *
 *   y = sum of weight * aspect / sum of weight
 *
 * Source: Cui et al. 2023, "UltraFeedback", arXiv 2310.01377: instruction_following, honesty, truthfulness and
 *         helpfulness, each from 1 to 5. Equal weights and best-vs-random pairs give Argilla's binarised data set; the
 *         judge's overall score alone, without this transform, gives Zephyr's.
 * Own values: only say for which responses there is a value; name the term's score among the aspects if it is one.
 * Range:  the scale.
 * Null:   stays null. A response that lacks an aspect becomes null, or with missing "rest" has the mean of the others, its
 *         weights scaled up; without any it becomes null.
 * Example: aspects 5, 4, 3, 4 -> 4; with missing "rest", 5, null, 3, 4 -> 4.
 * Throws: `bad_option` for a value outside the scale; `unknown_name` when there is no such score column.
 */
export function aspects(given: AspectsOptions = {}): Transform {
  const { missing, ...which } = parseOptions("aspects", options, given);
  return {
    name: "aspects",
    version: 1,
    perResponse: true,
    reads: aspectReads(which),
    apply: (values, context) => {
      const means = aspectMeans("aspects", which, missing, context);
      return values.map((value, index) => (value === null ? null : (means[index] ?? null)));
    },
  };
}

/** One weighted mean per response. */
export function aspectMeans(
  transform: string,
  { aspects: weights, parts, scale }: AspectMeanOptions,
  missing: "null" | "rest",
  context: TransformContext,
): readonly (number | null)[] {
  const columns = Object.entries(weights).map(([name, weight]) => ({
    name,
    weight,
    scores: columnOf(transform, parts ?? name, context),
  }));
  return context.group.responses.map((_, index) => {
    let sum = 0;
    let counted = 0;
    for (const { name, weight, scores } of columns) {
      const value = valueIn(scores[index], parts === undefined ? undefined : name);
      requireRange(
        `${transform}: aspect "${name}"`,
        value,
        scale,
        context,
        "set `scale` to that of the scores.",
      );
      if (value === null && missing === "null") return null;
      if (value === null) continue;
      sum += weight * value;
      counted += weight;
    }
    return counted === 0 ? null : sum / counted;
  });
}

/** What a recipe must have for these aspects. */
export function aspectReads({ aspects: weights, parts }: AspectMeanOptions): NonNullable<Transform["reads"]> {
  if (parts !== undefined) return [{ score: parts, option: ["parts"] }];
  return Object.keys(weights).map((score) => ({ score, option: ["aspects", score] }));
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "aspects",
  version: 1,
  summary: "The weighted mean of several judged aspects, such as UltraFeedback's four.",
  options,
  create: aspects,
};
