import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { averageRanks } from "../core/stats.ts";
import type { Transform, TransformDefinition } from "./transform.ts";
import { mapScored, scoredValues } from "./values.ts";

const options = z.strictObject({});

export type RankOptions = z.input<typeof options>;

/**
 * The place of each value within its group; only the order of the values counts.
 *
 *   y = (rank - 1) / (n - 1)        rank from 1 (smallest); equal values share the mean of their places
 *
 * Range:  [0, 1].
 * Null:   stays null, and takes no place. A baseline takes one like any other response.
 * Edges:  a single value -> 0.5; all equal -> 0.5.
 * Example: [3, 1, 3, 7]: ranks 2.5, 1, 2.5, 4 -> [0.5, 0, 0.5, 1].
 * Throws: `bad_option` for any option: it has none.
 */
export function rank(given: RankOptions = {}): Transform {
  parseOptions("rank", options, given);
  return {
    name: "rank",
    version: 1,
    apply: (values) => {
      const places = averageRanks(scoredValues(values));
      const last = places.length - 1;
      let next = 0;
      return mapScored(values, () => {
        const place = places[next++] ?? 0;
        return last === 0 ? 0.5 : (place - 1) / last;
      });
    },
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "rank",
  version: 1,
  summary: "The place within the group, from 0 (lowest) to 1 (highest); equal values share a place.",
  options,
  create: rank,
};
