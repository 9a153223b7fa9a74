import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { parseOptions } from "../core/scorer.ts";
import { columnOf, requireRange, valueIn } from "./columns.ts";
import { isCandidate } from "./rollouts.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  conciseness: z
    .string()
    .min(1)
    .default("conciseness")
    .describe("The recipe's key of the score that says how concise a response is, from 0 to 1."),
  alpha: z
    .number()
    .min(0)
    .default(0.2)
    .describe("How much conciseness counts; the published value is not known, this one is our choice."),
  anneal: z
    .number()
    .min(0)
    .default(1)
    .describe("The coefficient s, which a training run may lower from 1 to 0; fixed within a recipe."),
  correctFrom: z
    .number()
    .positive()
    .default(0.5)
    .describe("Outcomes from here on count as correct when the prompt's difficulty is taken."),
});

export type CrfOptions = z.input<typeof options>;

export interface ConcisenessRewardInput {
  /** Correctness of this response; not negative. */
  readonly outcome: number;
  /** 0 to 1; null when it could not be judged. */
  readonly conciseness: number | null;
  /** s. */
  readonly anneal: number;
  /** Correct rollouts of the prompt, out of `groupSize`. */
  readonly correctInGroup: number;
  readonly groupSize: number;
  readonly alpha: number;
}

/**
 * A correct response's reward, raised by how concise it is; a wrong one's stays 0.
 *
 *   R = outcome * (1 + alpha * conciseness * (s + d))        d = exp(correct / G)
 *
 * Source: "Efficient Reasoning via Reward Model", arXiv 2511.09158 (CRF). The formula is quoted by two readers of the
 *         paper; d by one; alpha and the schedule of s are not known.
 * Null:   conciseness null -> R = outcome (our choice).
 * Example: outcome 1, conciseness 0.8, s 1, 4 of 8 correct, alpha 0.2 -> 1 + 0.16 * (1 + 1.6487) = 1.4238.
 * Throws: `bad_option` for a negative outcome (brevity would make a wrong answer worse), for a group without responses,
 *         and for counts that cannot be.
 */
export function concisenessReward(input: ConcisenessRewardInput): number {
  const { outcome, conciseness, anneal, correctInGroup, groupSize, alpha } = input;
  if (!(outcome >= 0)) {
    throw badInput(
      `the outcome ${outcome}`,
      "give wrong answers 0: put `{ use: clip, min: 0 }` before, and punish them in another term.",
    );
  }
  if (!(groupSize > 0 && correctInGroup >= 0 && correctInGroup <= groupSize)) {
    throw badInput(
      `${correctInGroup} correct of ${groupSize}`,
      "give 0 <= correct <= group size, which is at least 1.",
    );
  }
  if (conciseness === null) return outcome;
  if (!(conciseness >= 0 && conciseness <= 1))
    throw badInput(`the conciseness ${conciseness}`, "give one in [0, 1], or null.");
  return outcome * (1 + alpha * conciseness * (anneal + Math.exp(correctInGroup / groupSize)));
}

/**
 * Correctness-conditioned conciseness: the term's own values are the outcomes, and a concise correct response gets more.
 *
 * See `concisenessReward` for formula and source. G counts the candidates that have an outcome; baselines are no rollouts
 * of the policy, take no part in it, and get the same formula (our choice).
 *
 * Range:  [0, outcome * (1 + alpha (s + e))]; with the defaults up to 1.7437 for outcome 1.
 * Null:   stays null; a response without conciseness keeps its outcome.
 * Throws: `bad_option` for a negative outcome, or a conciseness outside [0, 1]; `unknown_name` when there is no such
 *         score column.
 */
export function crf(given: CrfOptions = {}): Transform {
  const { conciseness, alpha, anneal, correctFrom } = parseOptions("crf", options, given);
  return {
    name: "crf",
    version: 1,
    reads: [{ score: conciseness, option: ["conciseness"] }],
    apply: (values, context) => {
      const column = columnOf("crf", conciseness, context);
      const outcomes = context.group.responses.flatMap((response, index) => {
        const value = values[index] ?? null;
        return isCandidate(response) && value !== null ? [value] : [];
      });
      const correctInGroup = outcomes.filter((outcome) => outcome >= correctFrom).length;
      return values.map((outcome, index) => {
        if (outcome === null) return null;
        const judged = valueIn(column[index]);
        requireRange(
          `crf: conciseness "${conciseness}"`,
          judged,
          [0, 1],
          context,
          "give the score itself on that scale: its transforms in other terms do not count here.",
        );
        return concisenessReward({
          outcome,
          conciseness: judged,
          anneal,
          correctInGroup,
          // Baselines alone: no rollout, so none was correct.
          groupSize: Math.max(1, outcomes.length),
          alpha,
        });
      });
    },
  };
}

function badInput(got: string, fix: string): PrefkitError {
  return new PrefkitError("bad_option", `crf got ${got}.`, fix);
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "crf",
  version: 1,
  summary: "Raises a correct response's reward by how concise it is; wrong ones stay 0 (CRF).",
  options,
  create: crf,
};
