import { z } from "zod";
import { PrefkitError } from "../../src/core/errors.ts";
import { namedRubric } from "../../src/core/rubric/named-rubric.ts";
import type { Rubric } from "../../src/core/rubric/rubric.ts";
import { rubricSchema } from "../../src/core/rubric/schema.ts";
import { type ShownOptions, shownFields } from "../support/shown-options.ts";

export const NAME = "autorule";

export interface AutoruleOptions extends ShownOptions {
  /** Path of a rule set, which starts with "." or "/", as `prefkit rules extract` writes it; name of a ready one; or the set itself. */
  readonly rules: string | z.input<typeof rubricSchema>;
  /** The recipe's name of the chat model that checks; in code the model itself is given beside the options. */
  readonly judge?: string | undefined;
  /** What a rule that does not apply counts as. Default: what the rule set says. */
  readonly notApplicable?: "satisfied" | "skip" | undefined;
  /** A rule must be followed, and followed concisely, as the released verifier asks. Default false. */
  readonly conciseClause?: boolean;
  /** What a verdict that cannot be read does: the score fails; the rule counts as not followed; or it is left out. Default: what the rule set says. */
  readonly onUnread?: "fail" | "unsatisfied" | "skip" | undefined;
  /** How replies are read: by the verdict at their end, or as AutoRule's released code does. Default `strict`. */
  readonly parse?: "strict" | "official";
  /** How often the judge is asked for a verdict in all, while its answers cannot be read. Default 3. */
  readonly tries?: number;
  /** Most tokens of one answer, reasoning included. Default 1024. */
  readonly maxTokens?: number;
  /** Default 0; null sends none, for models that refuse one. */
  readonly temperature?: number | null;
}

export const optionsSchema = z.strictObject({
  rules: z
    .union([z.string().min(1), rubricSchema])
    .describe('A rule set file (a path starts with "."), a ready rule set by name, or the rule set itself.'),
  judge: z.string().min(1).optional().describe("The chat model that checks: one of `models`."),
  notApplicable: z
    .enum(["satisfied", "skip"])
    .optional()
    .describe("What a rule that does not apply counts as; default: what the rule set says."),
  conciseClause: z.boolean().default(false).describe("Rules must be followed, and followed concisely."),
  onUnread: z
    .enum(["fail", "unsatisfied", "skip"])
    .optional()
    .describe("What an unread verdict does; default: what the rule set says."),
  parse: z
    .enum(["strict", "official"])
    .default("strict")
    .describe("official: followed exactly when the reply holds [[Yes]], as in the released code."),
  tries: z.int().min(1).max(20).default(3).describe("How often the judge is asked for a verdict in all."),
  maxTokens: z.int().min(1).default(1024).describe("Most tokens of one answer, reasoning included."),
  temperature: z.number().min(0).nullable().default(0).describe("Temperature of the judge; null sends none."),
  ...shownFields,
});

export type Settings = z.output<typeof optionsSchema>;

/** Rule sets that come with the package. A new one is a file in ../rules and a line here. */
const READY = { "good-answers": new URL("../rules/good-answers.yaml", import.meta.url) };
const RULES = { label: `${NAME}: rules`, what: "rule set", ready: READY, samplePath: "./rules.yaml" };

/** Parts of the score beside those of the rules, whose ids may therefore not be these. */
const NOTES = ["ambiguous", "hidden_characters", "verdict_like"];

/**
 * The rule set that the options name, as it is scored by. Throws `bad_option` for one that does not exist, cannot be read as a
 * rule set, or holds more than rules of equal weight that are followed or not.
 */
export function ruleSetOf({ rules: given, notApplicable, onUnread }: Settings): Rubric {
  const rules = typeof given === "string" ? namedRubric(given, RULES) : given;
  const refuse = (problem: string, fix: string): never => {
    throw new PrefkitError("bad_option", `${NAME}: rules: ${problem}`, fix);
  };
  const taken = rules.criteria.find(({ id }) => NOTES.includes(id));
  if (taken) {
    refuse(`a rule has the id "${taken.id}".`, `choose another id: ${NOTES.join(", ")} name other parts.`);
  }
  const rated = rules.criteria.find(({ scale }) => scale);
  if (rated) refuse(`the rule "${rated.id}" has a scale.`, "use `rubric-judge` for ratings.");
  if (rules.weighting !== "uniform") {
    refuse(
      `the set is weighted by ${rules.weighting}.`,
      "use `rubric-judge` for weights, or weighting: uniform.",
    );
  }
  return {
    ...rules,
    denominator: "weights",
    ...(notApplicable && { notApplicable }),
    ...(onUnread && { unread: onUnread }),
  };
}
