import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { parseOptions } from "../core/scorer.ts";
import type { Score } from "../core/types.ts";
import { columnOf, requireRange, valueIn } from "./columns.ts";
import type { Transform, TransformContext, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  rule: z
    .string()
    .min(1)
    .default("rule")
    .describe("The recipe's key of the score that a rule gives, such as math-answer."),
  verifiableField: z
    .string()
    .min(1)
    .default("verifiable")
    .describe("Metadata key of the prompt: true when a rule can verify its answers, false when not."),
  verifiable: z
    .boolean()
    .default(true)
    .describe("What holds for prompts whose metadata do not have that key."),
  confidence: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("The weight of the rule's value on a verifiable prompt; the rest is the model's."),
  confidencePart: z
    .string()
    .min(1)
    .exactOptional()
    .describe("A part of the rule's score, in [0, 1], that is the weight where the score has it."),
});

export type HybridOptions = z.input<typeof options>;

/**
 * A rule's verdict where the prompt can be verified, a model's score where it cannot. The term is the model's score; the
 * rule's is named.
 *
 *   y = w * rule + (1 - w) * model        w = confidence on a verifiable prompt, 0 on another
 *
 * Source: HARMO, arXiv 2510.05283 (eq. 1), as its readers describe it: a rule for verifiable answers, a model for open
 *         ones, "with confidence". How the confidence enters is not known; the formula above is our choice, as are these:
 *         verifiable is a property of the prompt; where the rule abstained w is 0; where it failed the value is null,
 *         because our trouble is no verdict; an answer that the rule could not read is a score of the rule and not a reason
 *         to ask the model.
 * Range:  that of rule and model; both should be in [0, 1] (a cosine c as (1 + c) / 2).
 * Null:   a response without the model's score stays null. Where each scorer speaks on its own prompts alone, use two terms
 *         with `onUnscored: drop-term` instead.
 * Example: rule 1, model 0.4: verifiable -> 1; open -> 0.4; confidence 0.75 -> 0.75 + 0.25 * 0.4 = 0.85.
 * Throws: `bad_option`, also for a confidence part outside [0, 1]; `bad_row` when the flag is not true or false;
 *         `unknown_name` when there is no such score column.
 */
export function hybrid(given: HybridOptions = {}): Transform {
  const { rule, confidence, confidencePart, ...flag } = parseOptions("hybrid", options, given);
  return {
    name: "hybrid",
    version: 1,
    perResponse: true,
    reads: [{ score: rule, option: ["rule"] }],
    apply: (values, context) => {
      const column = columnOf("hybrid", rule, context);
      const verifiable = isVerifiable(flag, context);
      return values.map((model, index) => {
        const score = column[index];
        if (model === null || !verifiable || score === undefined || score.kind === "abstained") return model;
        if (score.kind === "failed") return null;
        const weight = weightOf(score, confidence, confidencePart, context);
        return weight * score.value + (1 - weight) * model;
      });
    },
  };
}

function isVerifiable(
  { verifiableField, verifiable }: { readonly verifiableField: string; readonly verifiable: boolean },
  { group }: TransformContext,
): boolean {
  const { metadata, id } = group.prompt;
  const flag = Object.hasOwn(metadata, verifiableField) ? metadata[verifiableField] : null;
  if (flag === null || flag === undefined) return verifiable;
  if (typeof flag === "boolean") return flag;
  throw new PrefkitError(
    "bad_row",
    `hybrid: metadata "${verifiableField}" is ${JSON.stringify(flag).slice(0, 40)}, not true or false.`,
    "map true or false there, or name another key as verifiableField.",
    { place: { promptId: id } },
  );
}

function weightOf(
  score: Score,
  confidence: number,
  part: string | undefined,
  context: TransformContext,
): number {
  const given = part === undefined ? null : valueIn(score, part);
  requireRange(
    `hybrid: the rule's part "${part}"`,
    given,
    [0, 1],
    context,
    "name a part that the scorer gives in [0, 1].",
  );
  return given ?? confidence;
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "hybrid",
  version: 1,
  summary: "A rule's verdict on verifiable prompts, the model's score on others, by confidence (HARMO).",
  options,
  create: hybrid,
};
