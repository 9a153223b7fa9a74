import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import {
  type Candidate,
  type Couple,
  commonOptions,
  maxPairsOption,
  pairBuilder,
  tieOption,
  tieRank,
  widestFirst,
} from "./common.ts";
import type { PairBuilder, PairBuilderDefinition } from "./pair-builder.ts";

const options = z.strictObject({
  ...commonOptions,
  tie: tieOption,
  maxPairs: maxPairsOption
    .default(1)
    .describe("More than 1 adds second best vs second worst, and so on, each response once."),
});

export type BestVsWorstOptions = z.input<typeof options>;

/**
 * The highest reward against the lowest: of all couples that the options allow, the one with the widest margin.
 *
 * Without `lengthMatch` and `veto` that is the best and the worst response; with them it may be a couple further in.
 * Ties: among equal rewards the first stands in the pair, or a seeded draw; "skip" makes no pair when another
 *       candidate shares the best or the worst reward.
 * Source: SimPO's annotation script (highest vs lowest, first on ties), but all-equal rewards give no pair.
 * Example: rewards [0.2, 0.9, 0.5, 0.9] -> chosen 2nd, rejected 1st, margin 0.7.
 * Throws: `bad_option`.
 */
export function bestVsWorst(given: BestVsWorstOptions = {}): PairBuilder {
  const parsed = parseOptions("best-vs-worst", options, given);
  return pairBuilder({ name: "best-vs-worst", version: 1 }, parsed, ({ candidates, couples, random }) => {
    if (parsed.tie === "skip" && sharedExtreme(candidates)) return "tie";
    return disjoint(couples.toSorted(widestFirst(tieRank(parsed.tie, candidates, random))));
  });
}

function sharedExtreme(candidates: readonly Candidate[]): boolean {
  const rewards = candidates.map(({ reward }) => reward).sort((a, b) => a - b);
  return rewards.length > 1 && (rewards[0] === rewards[1] || rewards.at(-1) === rewards.at(-2));
}

/** Keeps a couple when neither of its responses stands in one before it. */
function disjoint(couples: readonly Couple[]): Couple[] {
  const used = new Set<Candidate>();
  return couples.filter(({ chosen, rejected }) => {
    if (used.has(chosen) || used.has(rejected)) return false;
    used.add(chosen).add(rejected);
    return true;
  });
}

export const definition: PairBuilderDefinition<z.output<typeof options>> = {
  name: "best-vs-worst",
  version: 1,
  summary: "The response with the highest reward against the one with the lowest.",
  options,
  create: bestVsWorst,
};
