import { z } from "zod";
import { reaches } from "../core/noise.ts";
import { parseOptions } from "../core/scorer.ts";
import { type Candidate, commonOptions, maxPairsOption, pairBuilder, scoreOf } from "./common.ts";
import type { PairBuilder, PairBuilderDefinition } from "./pair-builder.ts";

const options = z.strictObject({
  ...commonOptions,
  score: z
    .string()
    .min(1)
    .exactOptional()
    .describe("The score that tells pass from fail; the reward when absent."),
  threshold: z.number().default(0.5).describe("A response passes from this value on."),
  pick: z
    .enum(["random", "first"])
    .default("random")
    .describe("Which pass and fail are taken: a seeded draw, or those that stand first."),
  maxPairs: maxPairsOption.default(1).describe("Most pairs per prompt."),
});

export type PassVsFailOptions = z.input<typeof options>;

/**
 * A response that passes against one that fails.
 *
 *   pass: value >= threshold, of the reward or of a named score, but for what doubles cannot tell (`reaches`)
 *
 * A prompt gives a pair exactly when the options allow at least one couple of a pass and a fail. The margin is one of
 * rewards all the same: a pass with a lower reward than the fail does not pair with it.
 * Pick:    "random" draws among the allowed couples, each equally likely. "first" takes the pass that stands first,
 *          with the first fail it may be paired with: where the place names the model that answered, that model would
 *          always be preferred, so it is not the default.
 * Null:    a response that is unscored on the named score neither passes nor fails: "unscored".
 * Example: rewards [1, 0, 1, 0] -> one pair, margin 1; [1, 1, 1, 1] -> none, all "tie".
 * Throws:  `bad_option`.
 */
export function passVsFail(given: PassVsFailOptions = {}): PairBuilder {
  const parsed = parseOptions("pass-vs-fail", options, given);
  const { score, threshold, pick } = parsed;
  const traits = { name: "pass-vs-fail", version: 1, needsScore: score };
  return pairBuilder(traits, parsed, ({ group, couples, random }) => {
    const passes = ({ place, reward }: Candidate): boolean =>
      reaches((score === undefined ? reward : scoreOf(group, score, place)) ?? Number.NaN, threshold, 0);
    const mixed = couples.filter(({ chosen, rejected }) => passes(chosen) && !passes(rejected));
    if (pick === "random") return random.shuffle(mixed);
    return mixed.sort((a, b) => a.chosen.place - b.chosen.place || a.rejected.place - b.rejected.place);
  });
}

export const definition: PairBuilderDefinition<z.output<typeof options>> = {
  name: "pass-vs-fail",
  version: 1,
  summary: "A response that reaches a threshold against one that does not; one pair per prompt by default.",
  options,
  create: passVsFail,
};
