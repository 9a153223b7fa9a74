import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { commonOptions, pairBuilder, tieOption, tieRank } from "./common.ts";
import type { PairBuilder, PairBuilderDefinition } from "./pair-builder.ts";

const options = z.strictObject({
  ...commonOptions,
  k: z.number().int().min(1).default(2).describe("How many responses at either end; at most half of them."),
  tie: tieOption,
});

export type TopKVsBottomKOptions = z.input<typeof options>;

/**
 * Each of the k highest rewards against each of the k lowest: up to k * k pairs.
 *
 * With fewer than 2 k candidates k is half of them, rounded down, so that no response is at both ends.
 * Ties: at the edge of an end, the first are in, or a seeded draw; "skip" makes no pair when the response at an edge
 *       and the next one outside have the same reward.
 * Example: rewards [4, 1, 3, 2, 0], k 2 -> top 4 and 3, bottom 0 and 1: pairs with margins 4, 3, 3, 2.
 * Throws: `bad_option`.
 */
export function topKVsBottomK(given: TopKVsBottomKOptions = {}): PairBuilder {
  const parsed = parseOptions("top-k-vs-bottom-k", options, given);
  return pairBuilder({ name: "top-k-vs-bottom-k", version: 1 }, parsed, ({ candidates, couples, random }) => {
    const k = Math.min(parsed.k, Math.floor(candidates.length / 2));
    const rank = tieRank(parsed.tie, candidates, random);
    const falling = candidates.toSorted((a, b) => b.reward - a.reward || rank(a) - rank(b));
    const top = falling.slice(0, k);
    const rising = falling.slice(k).sort((a, b) => a.reward - b.reward || rank(a) - rank(b));
    const bottom = rising.slice(0, k);
    const ambiguous =
      falling[k]?.reward === top.at(-1)?.reward || rising[k]?.reward === bottom.at(-1)?.reward;
    if (parsed.tie === "skip" && k > 0 && ambiguous) return "tie";
    return couples.filter(({ chosen, rejected }) => top.includes(chosen) && bottom.includes(rejected));
  });
}

export const definition: PairBuilderDefinition<z.output<typeof options>> = {
  name: "top-k-vs-bottom-k",
  version: 1,
  summary: "Each of the k highest rewards against each of the k lowest.",
  options,
  create: topKVsBottomK,
};
