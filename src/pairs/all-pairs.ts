import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { commonOptions, pairBuilder } from "./common.ts";
import type { PairBuilder, PairBuilderDefinition } from "./pair-builder.ts";

const options = z.strictObject(commonOptions);

export type AllPairsOptions = z.input<typeof options>;

/**
 * Every couple that the options allow; `maxPairs` keeps the widest margins.
 *
 * Example: rewards [0, 2, 1] -> (2nd, 1st) margin 2, then (2nd, 3rd) and (3rd, 1st) margin 1.
 * A prompt with n different rewards gives n (n - 1) / 2 pairs, so prompts with many responses weigh more in training.
 * Throws: `bad_option`.
 */
export function allPairs(given: AllPairsOptions = {}): PairBuilder {
  const parsed = parseOptions("all-pairs", options, given);
  return pairBuilder({ name: "all-pairs", version: 1 }, parsed, ({ couples }) => couples);
}

export const definition: PairBuilderDefinition<z.output<typeof options>> = {
  name: "all-pairs",
  version: 1,
  summary: "Every couple of responses whose rewards differ enough.",
  options,
  create: allPairs,
};
