import { z } from "zod";
import { readAnswer } from "../src/core/answers/compare.ts";
import {
  EXTRACTION_RULES,
  type Extraction,
  type ExtractionRule,
  extractAnswer,
  findReferenceAnswer,
} from "../src/core/answers/extract.ts";
import { type Judgement, judgeAnswers } from "../src/core/answers/judge.ts";
import { defineScorer, failed, parseOptions, perGroup } from "../src/core/scorer.ts";
import type { SampledResponse, Score, Scorer } from "../src/core/types.ts";
import { type AnswerParts, responsesFault, verdictScore } from "./math-answer/verdict.ts";
import { COMPATIBILITY_MODES, type CompatibilityName } from "./math-compatibility/index.ts";
import { compatibleScorer, quoted } from "./math-compatibility/scorer.ts";

export interface MathAnswerOptions {
  /** How the final answer is looked for in a response; the first rule that finds one wins. Default: all, in order. */
  readonly rules?: readonly ExtractionRule[];
  /** Which marked answer counts when there are several. Default: the last. */
  readonly which?: "last" | "first";
  /** Largest accepted |answer − reference| / |reference|. Default 0: exact. */
  readonly tolerance?: number;
  /** `distinct` (default): 28% is 0.28 and not 28. `ignore`: it is also 28. */
  readonly percent?: "distinct" | "ignore";
  /** Whether the symbolic engine is asked when nothing cheaper can tell. Default true. */
  readonly symbolic?: boolean;
  /** What the symbolic engine gets for one pair of answers, in milliseconds. Default 400. */
  readonly symbolicTimeoutMs?: number;
  /** A response without an answer, or with one that cannot be read: its own fault (`zero`, default), or nothing to say. */
  readonly onUnreadable?: "zero" | "abstain";
  /** Both answers can be read and nobody can tell: our trouble (`fail`, default), or nothing to say. Never a number. */
  readonly onUndecided?: "fail" | "abstain";
  /** Reproduces another toolkit's checker literally; then no other option applies. */
  readonly compatibility?: CompatibilityName | undefined;
}

const compatibilityNames = Object.keys(COMPATIBILITY_MODES) as [CompatibilityName, ...CompatibilityName[]];

const settingsSchema = z.strictObject({
  rules: z
    .array(z.enum(EXTRACTION_RULES))
    .min(1)
    .default([...EXTRACTION_RULES])
    .describe("How the final answer is looked for, in order."),
  which: z.enum(["last", "first"]).default("last").describe("Which of several marked answers counts."),
  tolerance: z.number().min(0).max(1).default(0).describe("Largest accepted relative difference."),
  percent: z.enum(["distinct", "ignore"]).default("distinct").describe("Whether 28% may stand for 28."),
  symbolic: z.boolean().default(true).describe("Ask the symbolic engine when nothing cheaper can tell."),
  symbolicTimeoutMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(400)
    .describe("What the symbolic engine gets for one pair of answers, in milliseconds."),
  onUnreadable: z
    .enum(["zero", "abstain"])
    .default("zero")
    .describe("A response without an answer, or with one that cannot be read."),
  onUndecided: z
    .enum(["fail", "abstain"], {
      error: ({ input }) =>
        `got ${JSON.stringify(input)}; write "fail" or "abstain": that nobody can tell is never a number`,
    })
    .default("fail")
    .describe("Answers that can be read, and nobody can tell."),
  compatibility: z
    .enum(compatibilityNames)
    .optional()
    .describe("Reproduces another toolkit's checker literally; then no other option applies."),
});

/** Refuses what a reproduced checker would silently ignore. */
const optionsSchema = settingsSchema.superRefine((given, context) => {
  if (given.compatibility === undefined) return;
  const defaults: Readonly<Record<string, unknown>> = settingsSchema.parse({});
  for (const [name, value] of Object.entries(given)) {
    if (name === "compatibility" || JSON.stringify(value) === JSON.stringify(defaults[name])) continue;
    context.addIssue({
      code: "custom",
      path: [name],
      message: `does not apply beside compatibility "${given.compatibility}": remove one of the two`,
    });
  }
});

const VERSION = 2;

/**
 * Checks the final answer of a response against the reference.
 *
 * Source: the answer checking of GSM8K (Cobbe et al. 2021) and MATH (Hendrycks et al. 2021), with the lessons of
 *         Math-Verify: the rule that fired is named, and a number is never lifted out of a formula.
 * Shape:  group of G responses -> G scores, same order. The reference may be a whole worked solution.
 * Range:  [0, 1]: 1 equal; 0 different, "no_answer: …" or "unparsable: …"; see `onUnreadable`. `why` names the rule that
 *         found the answer and the rung that decided. With `compatibility`, the range of that checker.
 * Parts:  `textAfter` 1 when more is said after the answer; `truncated` 1 when the finish reason is "length"; `candidates`
 *         how many different answers the rule found (0: none).
 * Worked: reference "…\n#### 18", response "…A: $18.00" -> 1; response "A: 26" -> 0.
 * Abstains without a reference.
 * Fails with `unreadable_reference` when no answer can be read from the reference, `undecided` when both can be read and
 *         nobody can tell (see `onUndecided`), `timeout` when the symbolic engine gave no answer in time.
 * Throws `bad_option`, also when `compatibility` stands beside an option that it does not heed.
 */
export function mathAnswer(options: MathAnswerOptions = {}): Scorer {
  const settings = parseOptions("math-answer", optionsSchema, options);
  if (settings.compatibility !== undefined) {
    return compatibleScorer("math-answer", VERSION, settings.compatibility);
  }
  const { rules, which, tolerance, percent, symbolic, symbolicTimeoutMs: timeoutMs } = settings;
  const judging = { tolerance, percent, symbolic, timeoutMs };

  const traits = {
    name: "math-answer",
    version: VERSION,
    range: [0, 1],
    needs: { reference: true },
  } as const;
  return perGroup(traits, ({ prompt, responses }) => {
    const reference = prompt.reference ?? "";
    const gold = findReferenceAnswer(reference);
    if (gold === null) {
      return responses.map(() => failed("unreadable_reference", `no answer found in ${quoted(reference)}`));
    }
    const goldAnswer = readAnswer(gold.text);
    // Responses to one prompt often share their answer: it is judged once.
    const judgements = new Map<string, Judgement | Promise<Judgement>>();
    const judge = (response: SampledResponse): Score | Promise<Score> => {
      const found = extractAnswer(response.text, { rules, which });
      const parts = partsOf(response, found);
      if (found === null) {
        return responsesFault(`no_answer: nothing found by ${rules.join(", ")}`, parts, settings);
      }
      const judgement =
        judgements.get(found.text) ?? judgeAnswers(goldAnswer, readAnswer(found.text), judging);
      judgements.set(found.text, judgement);
      const scoreOf = (verdict: Judgement) =>
        verdictScore(verdict, { found, gold: gold.text, parts }, settings);
      return judgement instanceof Promise ? judgement.then(scoreOf) : scoreOf(judgement);
    };
    const scores = responses.map(judge);
    // Without a promise the scores are there at once.
    return scores.some((score) => score instanceof Promise) ? Promise.all(scores) : (scores as Score[]);
  });
}

function partsOf({ finishReason }: SampledResponse, found: Extraction | null): AnswerParts {
  return {
    textAfter: Number(found?.hasTextAfter ?? false),
    truncated: Number(finishReason === "length"),
    candidates: found?.candidates ?? 0,
  };
}

export const definition = defineScorer<MathAnswerOptions>({
  name: "math-answer",
  version: VERSION,
  summary: "1 when the final answer equals the reference as text, number or formula, else 0.",
  options: optionsSchema,
  create: mathAnswer,
});
