import { z } from "zod";
import { parseOptions } from "../../core/scorer.ts";

const schema = z.strictObject({
  pairs: z.int().min(1).default(256).describe("Pairs to learn from, at most."),
  heldOut: z.int().min(0).default(128).describe("Pairs to measure on, at most; 0: nothing is measured."),
  seed: z.int().min(0).default(0).describe("Draws the pairs, and which response is shown first."),
  source: z
    .enum(["reasoning", "explanation", "both"])
    .default("reasoning")
    .describe("The text that rules are taken from: the reasoning trace, or what the model then says."),
  tries: z.int().min(1).max(10).default(3).describe("How often an answer that cannot be read is asked for."),
  temperature: z
    .number()
    .min(0)
    .nullable()
    .default(0.6)
    .describe("Of the first three stages; verdicts are greedy. null sends none at any stage."),
  maxTokens: z.int().min(1).default(8192).describe("Most tokens of a reply of the first three stages."),
  verdictTokens: z.int().min(1).default(1024).describe("Most tokens of a verdict's reply."),
  maxChars: z
    .int()
    .min(1)
    .optional()
    .describe(
      "Longest conversation that is shown, in UTF-16 units; what is too much goes from its middle. Default: no limit.",
    ),
  mergeCharacters: z
    .int()
    .min(100)
    .default(60_000)
    .describe("Longer lists of rules are merged in batches, in characters."),
  conciseClause: z
    .boolean()
    .default(false)
    .describe("Held-out verdicts ask for the rule to be met concisely, as the released verifier does."),
  notApplicable: z
    .enum(["satisfied", "skip"])
    .default("satisfied")
    .describe("What a rule counts as where it does not apply."),
  minAgreement: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .default(null)
    .describe("Rules with less agreement, or none measured, are left out."),
  minCoverage: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .default(null)
    .describe("Rules with less coverage, or none measured, are left out."),
  name: z.string().regex(/\S/).default("autorule").describe("Of the rule set."),
});

export type RuleExtractionOptions = z.input<typeof schema>;
export type RuleExtractionSettings = z.output<typeof schema>;

/** Fills in defaults. Throws `bad_option`. */
export function ruleExtractionSettings(given: RuleExtractionOptions): RuleExtractionSettings {
  return parseOptions("rules extract", schema, given, "see docs/rules.md for the options.");
}
