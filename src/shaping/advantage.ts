import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { ADVANTAGE_CONVENTIONS, ADVANTAGE_METHODS, groupAdvantages } from "./advantages.ts";
import { isCandidate } from "./rollouts.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  method: z
    .enum(namesOf(ADVANTAGE_METHODS))
    .default("grpo")
    .describe("What is taken off, and whether the rest is divided by the deviation."),
  convention: z
    .enum(namesOf(ADVANTAGE_CONVENTIONS))
    .default("trl")
    .describe("Whose epsilon, deviation and rule for groups of one: trl 1e-4, verl 1e-6, openrlhf 1e-9."),
  epsilon: z.number().min(0).exactOptional().describe("Instead of the convention's, in units of the reward."),
  deviation: z
    .enum(["sample", "population"])
    .exactOptional()
    .describe("n - 1 or n under the squares, instead of the convention's (all three have n - 1)."),
  single: z
    .enum(["zero", "reward"])
    .exactOptional()
    .describe("A group of one gets 0, or its reward, instead of the convention's rule."),
});

export type AdvantageTransformOptions = z.input<typeof options>;

/**
 * The group-relative advantage of each candidate, as a trainer would compute it from these values.
 *
 * See `groupAdvantages` for formulas, sources and edges. Options: method "grpo", convention "trl".
 *
 * Range:  any; sums to zero over the group's candidates, except for a group of one by verl's convention.
 * Null:   stays null, and is left out of mean and deviation. A baseline is no rollout: it becomes null, and is left out too.
 * Example: [1, 0], verl -> [0.7071, -0.7071].
 * Throws: `bad_option`; `not_finite` when the values are too far apart for doubles.
 */
export function advantage(given: AdvantageTransformOptions = {}): Transform {
  const parsed = parseOptions("advantage", options, given);
  return {
    name: "advantage",
    version: 1,
    apply: (values, { group }) =>
      groupAdvantages(
        group.responses.map((response, index) => (isCandidate(response) ? (values[index] ?? null) : null)),
        parsed,
      ),
  };
}

function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(table) as Name[];
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "advantage",
  version: 1,
  summary: "The group-relative advantage: GRPO, Dr. GRPO or RLOO, by a trainer's convention.",
  options,
  create: advantage,
};
