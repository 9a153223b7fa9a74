import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { commonOptions, maxPairsOption, pairBuilder, tieOption, tieRank } from "./common.ts";
import type { PairBuilder, PairBuilderDefinition } from "./pair-builder.ts";

const options = z.strictObject({
  ...commonOptions,
  tie: tieOption,
  maxPairs: maxPairsOption
    .default(1)
    .describe("More than 1 sets the same best response against further random lower ones."),
});

export type BestVsRandomOptions = z.input<typeof options>;

/**
 * The highest reward against a seeded random one among the lower ones.
 *
 * Best is the highest reward among the responses that have an allowed partner. Every allowed partner below it is
 * equally likely to be rejected.
 * Ties:   `tie` is about the best alone; "skip" makes no pair when another candidate shares the highest reward.
 * Source: the binarised UltraFeedback of Zephyr (Tunstall et al. 2023): highest score vs a random one of the rest.
 *         There a rest that ties with the best was possible; here it never pairs.
 * Example: ratings [7, 9, 9, 3] -> chosen 2nd, rejected 1st or 4th, margin 2 or 6.
 * Throws: `bad_option`.
 */
export function bestVsRandom(given: BestVsRandomOptions = {}): PairBuilder {
  const parsed = parseOptions("best-vs-random", options, given);
  return pairBuilder({ name: "best-vs-random", version: 1 }, parsed, ({ candidates, couples, random }) => {
    const highest = Math.max(...candidates.map(({ reward }) => reward));
    const shared = candidates.filter(({ reward }) => reward === highest).length > 1;
    if (parsed.tie === "skip" && shared) return "tie";
    const rank = tieRank(parsed.tie, candidates, random);
    const [best] = couples
      .map(({ chosen }) => chosen)
      .sort((a, b) => b.reward - a.reward || rank(a) - rank(b));
    return random.shuffle(couples.filter(({ chosen }) => chosen === best));
  });
}

export const definition: PairBuilderDefinition<z.output<typeof options>> = {
  name: "best-vs-random",
  version: 1,
  summary: "The response with the highest reward against a seeded random lower one.",
  options,
  create: bestVsRandom,
};
