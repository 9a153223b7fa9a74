import { z } from "zod";
import { type Answer, answerRungs, compareAnswers, readAnswer } from "../src/core/answers/compare.ts";
import {
  EXTRACTION_RULES,
  type ExtractionRule,
  type FoundAnswer,
  findAnswer,
  findReferenceAnswer,
} from "../src/core/answers/extract.ts";
import { abstained, defineScorer, failed, parseOptions, perGroup, scored } from "../src/core/scorer.ts";
import type { Score, Scorer } from "../src/core/types.ts";

export interface MathAnswerOptions {
  /** How the final answer is looked for in a response; the first rule that finds one wins. Default: all, in order. */
  readonly rules?: readonly ExtractionRule[];
  /** A response without a final answer: its own fault (`zero`, default), or nothing to say (`abstain`). */
  readonly onNoAnswer?: "zero" | "abstain";
  /** Two answers that no comparison can decide on: nothing to say (`abstain`, default), or counted as wrong (`zero`). */
  readonly onUndecided?: "abstain" | "zero";
  /** Largest accepted |answer − reference| / |reference|. Default 0: exact. */
  readonly tolerance?: number;
  /** `distinct` (default): 28% is 0.28 and not 28. `ignore`: it is also 28. */
  readonly percent?: "distinct" | "ignore";
}

const optionsSchema = z.strictObject({
  rules: z
    .array(z.enum(EXTRACTION_RULES))
    .min(1)
    .default([...EXTRACTION_RULES])
    .describe("How the final answer is looked for, in order."),
  onNoAnswer: z.enum(["zero", "abstain"]).default("zero").describe("A response without a final answer."),
  onUndecided: z.enum(["abstain", "zero"]).default("abstain").describe("Answers that cannot be compared."),
  tolerance: z.number().min(0).max(1).default(0).describe("Largest accepted relative difference."),
  percent: z.enum(["distinct", "ignore"]).default("distinct").describe("Whether 28% may stand for 28."),
});

/**
 * Checks the final answer of a response against the reference.
 *
 * Source: the answer checking of GSM8K (Cobbe et al. 2021) and MATH (Hendrycks et al. 2021), with the lessons of
 *         Math-Verify: the rule that fired is named, and a number is never lifted out of a formula.
 * Shape:  group of G responses -> G scores, same order. The reference may be a whole worked solution.
 * Range:  [0, 1]: 1 equal; 0 different, or "no_answer: …" when there is no final answer. `why` names the rule that
 *         found the answer and the comparison that decided.
 * Worked: reference "…\n#### 18", response "…A: $18.00" -> 1; response "A: 26" -> 0.
 * Abstains without a reference, and when no comparison can decide ("\sqrt{4}" against "2"); see `onUndecided`.
 * Fails with `unreadable_reference` when no answer can be read from the reference.
 */
export function mathAnswer(options: MathAnswerOptions = {}): Scorer {
  const settings = parseOptions("math-answer", optionsSchema, options);
  const { rules, onNoAnswer, onUndecided } = settings;
  const rungs = answerRungs(settings);

  const judge = (text: string, gold: FoundAnswer, goldAnswer: Answer): Score => {
    const found = findAnswer(text, rules);
    if (found === null) {
      const why = `no_answer: nothing found by ${rules.join(", ")}`;
      return onNoAnswer === "zero" ? scored(0, { why }) : abstained(why);
    }
    const { verdict, rung } = compareAnswers(goldAnswer, readAnswer(found.text), rungs);
    const what = `${quoted(found.text)} (${found.rule})`;
    if (verdict === "equal") return scored(1, { why: `equal: ${what}, by ${rung}` });
    if (verdict === "different")
      return scored(0, { why: `different: ${what}, not ${quoted(gold.text)}, by ${rung}` });
    const why = `undecided: ${what} against ${quoted(gold.text)}`;
    return onUndecided === "zero" ? scored(0, { why }) : abstained(why);
  };

  const traits = { name: "math-answer", version: 1, range: [0, 1], needs: { reference: true } } as const;
  return perGroup(traits, ({ prompt, responses }) => {
    const reference = prompt.reference ?? "";
    const gold = findReferenceAnswer(reference);
    if (gold === null) {
      return responses.map(() => failed("unreadable_reference", `no answer found in ${quoted(reference)}`));
    }
    const goldAnswer = readAnswer(gold.text);
    return responses.map(({ text }) => judge(text, gold, goldAnswer));
  });
}

export const definition = defineScorer<MathAnswerOptions>({
  name: "math-answer",
  version: 1,
  summary: "1 when the final answer equals the reference as text or exact number, else 0.",
  options: optionsSchema,
  create: mathAnswer,
});

function quoted(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return `"${line.length <= 60 ? line : `${line.slice(0, 59)}…`}"`;
}
