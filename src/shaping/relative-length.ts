import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { lengthOf, lengthUnitOption } from "./lengths.ts";
import { meanOf } from "./references.ts";
import { isCandidate } from "./rollouts.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  maxPenalty: z.number().min(0).default(0.5).describe("The largest penalty (P_max), in units of the reward."),
  tolerance: z
    .number()
    .min(0)
    .lt(1)
    .default(0.1)
    .describe("How far a length may be from the target, as a share of it, before it costs anything (tau)."),
  side: z
    .enum(["short", "long", "both"])
    .default("short")
    .describe("Which lengths cost: shorter than the target, longer, or both."),
  target: z
    .enum(["mean", "min", "median"])
    .default("mean")
    .describe("Of the lengths of the group's correct responses."),
  correctFrom: z.number().default(0.5).describe("Values from here on count as correct."),
  unit: lengthUnitOption,
});

export type RelativeLengthOptions = z.input<typeof options>;

/**
 * The penalty of a length that differs from that of the group's correct responses. The term's values say what is correct;
 * the penalty replaces them, so give it a term of its own.
 *
 *   L = mean length of the correct candidates        d = (L - length) / L
 *   e = d (side short), -d (long), |d| (both)
 *   y = -maxPenalty * min(1, max(0, e - tolerance) / (1 - tolerance))
 *
 * Source: HARMO, arXiv 2510.05283: a length term within the group that needs a correct sample, with P_max and tau, against
 *         rewards that push responses to become short. Its formula is not known; this one and its defaults are our choice.
 * Range:  [-maxPenalty, 0].
 * Null:   stays null, and a response whose length is not known becomes null.
 * Edges:  no correct candidate of known length, or a target of 0 -> all 0. Baselines get the formula, and no part in the
 *         target.
 * Example: lengths [40, 100, 160, 90], correct [1, 1, 0, 1]: L 76.67; short -> [-0.2101, 0, 0, 0]; both ->
 *         [-0.2101, -0.1135, -0.5, -0.0411].
 * Throws: `bad_option`.
 */
export function relativeLength(given: RelativeLengthOptions = {}): Transform {
  const { correctFrom, target, unit, ...shape } = parseOptions("relative-length", options, given);
  return {
    name: "relative-length",
    version: 1,
    apply: (values, { group: { responses } }) => {
      const lengths = responses.map((response) => lengthOf(response, unit));
      const correct = responses.flatMap((response, index) => {
        const length = lengths[index] ?? null;
        const right = isCandidate(response) && (values[index] ?? -Infinity) >= correctFrom;
        return right && length !== null ? [length] : [];
      });
      const aim = correct.length === 0 ? 0 : TARGETS[target](correct);
      return values.map((value, index) => {
        const length = lengths[index] ?? null;
        if (value === null || length === null) return null;
        return aim === 0 ? 0 : penalty((aim - length) / aim, shape);
      });
    },
  };
}

const TARGETS = {
  mean: meanOf,
  min: (lengths: readonly number[]): number => lengths.reduce((low, length) => Math.min(low, length)),
  median: (lengths: readonly number[]): number => {
    const sorted = lengths.toSorted((a, b) => a - b);
    const [low = 0, high = low] = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
    return (low + high) / 2;
  },
};

const SIDES = {
  short: (distance: number): number => distance,
  long: (distance: number): number => -distance,
  both: Math.abs,
};

function penalty(
  distance: number,
  { maxPenalty, tolerance, side }: Pick<z.output<typeof options>, "maxPenalty" | "tolerance" | "side">,
): number {
  const excess = SIDES[side](distance) - tolerance;
  return excess <= 0 ? 0 : -maxPenalty * Math.min(1, excess / (1 - tolerance));
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "relative-length",
  version: 1,
  summary: "A penalty for a length that differs from that of the group's correct responses (HARMO).",
  options,
  create: relativeLength,
};
