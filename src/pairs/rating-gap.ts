import { z } from "zod";
import { reaches } from "../core/noise.ts";
import { parseOptions } from "../core/scorer.ts";
import type { RewardedGroup } from "../core/types.ts";
import { commonOptions, pairBuilder, scoreOf } from "./common.ts";
import type { PairBuilder, PairBuilderDefinition } from "./pair-builder.ts";

const options = z.strictObject({
  ...commonOptions,
  score: z
    .string()
    .min(1)
    .describe("The score whose parts are summed, such as a rubric's ratings by principle."),
  parts: z
    .array(z.string().min(1))
    .min(1)
    .refine((names) => new Set(names).size === names.length, "must not name a part twice")
    .describe("Which parts are summed: a judge's score has others beside its ratings."),
  minGap: z
    .number()
    .positive()
    .exactOptional()
    .describe(
      "Smallest difference of the sums; the number of parts when absent, a gap of 1 between the means.",
    ),
});

export type RatingGapOptions = z.input<typeof options>;

/**
 * Every couple whose summed ratings differ enough.
 *
 *   sum(chosen) - sum(rejected) >= minGap        over the parts of one score
 *
 * Whole ratings are added as whole numbers, so a gap of exactly 1 between two means counts, where means of doubles might
 * fall a hair short; fractions are compared up to 1e-9 of their size. The margin is one of rewards: with the rubric's mean as the reward it is the gap of the means, and
 * a couple whose rewards point the other way does not pair.
 * Source:  PsychoCounsel-Preference: seven principles rated 1 to 5, pairs where the means differ by 1 or more.
 * Null:    a response that lacks the score or one of the parts is "unscored". A couple below `minGap` is "not_selected".
 * Example: sums of seven ratings 31, 26, 20, 24 -> 1st over 3rd (11) and 1st over 4th (7); 6, 5, 4 and 2 are too few.
 * Throws:  `bad_option`.
 */
export function ratingGap(given: RatingGapOptions): PairBuilder {
  const parsed = parseOptions("rating-gap", options, given);
  const { score, parts, minGap = parts.length } = parsed;
  const sumOf = (group: RewardedGroup, place: number): number =>
    parts.reduce((sum, part) => sum + (scoreOf(group, score, place, part) ?? Number.NaN), 0);
  const lacks = (group: RewardedGroup, place: number): boolean => Number.isNaN(sumOf(group, place));
  return pairBuilder(
    { name: "rating-gap", version: 1, needsScore: score, lacks },
    parsed,
    ({ group, couples }) =>
      couples.filter(({ chosen, rejected }) =>
        reaches(sumOf(group, chosen.place), sumOf(group, rejected.place), minGap),
      ),
  );
}

export const definition: PairBuilderDefinition<z.output<typeof options>> = {
  name: "rating-gap",
  version: 1,
  summary: "Every couple whose summed ratings differ by at least a gap.",
  options,
  example: { score: "my_score", parts: ["clarity", "safety"] },
  create: ratingGap,
};
