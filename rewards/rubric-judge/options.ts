import { z } from "zod";
import { PrefkitError } from "../../src/core/errors.ts";
import { isPath } from "../../src/core/paths.ts";
import { namedRubric, readNamedFile } from "../../src/core/rubric/named-rubric.ts";
import type { Rubric } from "../../src/core/rubric/rubric.ts";
import { parseRubricLines } from "../../src/core/rubric/rubric-lines.ts";
import { rubricSchema } from "../../src/core/rubric/schema.ts";
import { PANEL_RULES, type PanelRule } from "../../src/judging/panel.ts";
import { readyRubrics } from "../rubrics/index.ts";
import { type ShownOptions, shownFields } from "../support/shown-options.ts";
import { implicitRubric } from "./implicit.ts";

export const NAME = "rubric-judge";

export interface RubricJudgeOptions extends ShownOptions {
  /**
   * Name of a ready rubric; path of a rubric file, which starts with "." or "/"; or the rubric itself. A file that ends with
   * ".jsonl" holds a rubric per prompt, as `prefkit rubric refine` writes them.
   */
  readonly rubric: string | z.input<typeof rubricSchema>;
  /** The recipe's name of the chat model that judges; in code the model itself is given beside the options. */
  readonly judge?: string | undefined;
  /** Further judges, which make it a panel. */
  readonly judges?: readonly string[] | undefined;
  /** How the panel's verdicts on a criterion become one. Default `majority`. */
  readonly panel?: PanelRule;
  /** How many judges' verdicts must have been read for a criterion to be judged; a failed call is not forgiven. Default: all. */
  readonly quorum?: number | undefined;
  /**
   * `explicit` (default): verdicts on the criteria are summed by the rubric. `implicit`: the judge is shown all criteria with
   * their weights and gives one rating x from 1 to 10; the score is (x - 1) / 9.
   */
  readonly aggregate?: "explicit" | "implicit";
  /** One call for each criterion (default), or one for all criteria of a response. Only with `aggregate: explicit`. */
  readonly calls?: "per-criterion" | "per-response" | undefined;
  /** Parts `tag.NAME`: the score over the criteria of each tag alone. Default false. */
  readonly tagScores?: boolean;
  /** Verdicts as structured output, as marked text, or (default) structured where the server has it, else marked. */
  readonly output?: "auto" | "json" | "text";
  /** How often a judge is asked for a verdict in all, while its answers cannot be read. Default 3. */
  readonly tries?: number;
  /** Most tokens of one answer, reasoning included. Default 2048. */
  readonly maxTokens?: number;
  /** Default 0; null sends none, for models that refuse one. */
  readonly temperature?: number | null;
  /** `logprobs`: a rating is the mean over the judge's probabilities. Default `off`. */
  readonly expected?: "off" | "logprobs";
  /** How many likeliest tokens are asked for in a rating's place, which some servers bound. Default 20. */
  readonly topLogprobs?: number;
  /** What to do where log-probs give no expectation: ask `samples` times and take the mean (default), or fail. */
  readonly fallback?: "sampled" | "fail";
  /** Default 20. */
  readonly samples?: number;
  /** Temperature of these samples. Default 1. */
  readonly sampleTemperature?: number;
  /** Least probability that must be found on ratings. Default 0.5. */
  readonly minMass?: number;
  /** Whether the judge is shown the reference where there is one (default), or never. */
  readonly useReference?: "auto" | "never";
}

export const optionsSchema = z
  .strictObject({
    rubric: z
      .union([z.string().min(1), rubricSchema])
      .describe(
        'A ready rubric by name, a rubric file (a path starts with "."; ".jsonl": a rubric per prompt), or the rubric itself.',
      ),
    judge: z.string().min(1).optional().describe("The chat model that judges: one of `models`."),
    judges: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Further chat models, which make it a panel."),
    panel: z.enum(PANEL_RULES).default("majority").describe("How the panel's verdicts become one."),
    quorum: z.int().min(1).optional().describe("How many judges must have answered; default: all of them."),
    aggregate: z
      .enum(["explicit", "implicit"])
      .default("explicit")
      .describe("Verdicts are summed by the rubric, or the judge gives one rating by all criteria."),
    calls: z
      .enum(["per-criterion", "per-response"])
      .optional()
      .describe("One call for each criterion (default), or one for all criteria of a response."),
    tagScores: z
      .boolean()
      .default(false)
      .describe("Parts `tag.NAME`: the score over the criteria of each tag alone."),
    output: z
      .enum(["auto", "json", "text"])
      .default("auto")
      .describe("Structured output, marked text, or structured where the server has it."),
    tries: z.int().min(1).max(20).default(3).describe("How often a judge is asked for a verdict in all."),
    maxTokens: z.int().min(1).default(2048).describe("Most tokens of one answer, reasoning included."),
    temperature: z
      .number()
      .min(0)
      .nullable()
      .default(0)
      .describe("Temperature of the judges; null sends none."),
    expected: z
      .enum(["off", "logprobs"])
      .default("off")
      .describe("logprobs: ratings are means over the judge's probabilities."),
    topLogprobs: z
      .int()
      .min(2)
      .max(100)
      .default(20)
      .describe("How many likeliest tokens are asked for; some servers take fewer."),
    fallback: z
      .enum(["sampled", "fail"])
      .default("sampled")
      .describe("Where log-probs give no expectation: the mean of samples, or a failure."),
    samples: z.int().min(1).max(1024).default(20).describe("How many samples the fallback takes."),
    sampleTemperature: z.number().min(0).default(1).describe("Temperature of these samples."),
    minMass: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe("Least probability that must be found on ratings of the scale."),
    useReference: z
      .enum(["auto", "never"])
      .default("auto")
      .describe("Whether the judge is shown the reference, where there is one."),
    ...shownFields,
  })
  .refine(({ expected, calls }) => expected === "off" || calls !== "per-response", {
    message: "expected: logprobs needs calls: per-criterion",
    path: ["expected"],
  })
  .refine(({ aggregate, calls }) => aggregate === "explicit" || calls === undefined, {
    message:
      "aggregate: implicit makes one call for a response, so that there is nothing to choose; leave it out",
    path: ["calls"],
  })
  .refine(({ aggregate, tagScores }) => aggregate === "explicit" || !tagScores, {
    message: "aggregate: implicit has no verdicts on criteria, which scores by tag are made of; leave it out",
    path: ["tagScores"],
  });

export type Settings = z.output<typeof optionsSchema>;

const RUBRIC = {
  label: `${NAME}: rubric`,
  what: "rubric",
  ready: readyRubrics,
  samplePath: "./my-rubric.yaml",
};

/** Parts of the score beside those of the criteria, whose ids may therefore not be these. */
const NOTES = [
  "ambiguous",
  "answered",
  "disagreement",
  "hidden_characters",
  "mass",
  "sampled",
  "verdict_like",
];
/** What the parts of tags begin with, before a point. */
export const TAG = "tag";
/** Beyond this a rating is no word any more, and its probabilities cannot be gathered. */
const LONGEST_SCALE = 1000;

/** The rubrics that options name: one for all prompts, or one for each. */
export interface Rubrics {
  readonly all: readonly Rubric[];
  /** null: this prompt has none. */
  of(promptId: string): Rubric | null;
}

/**
 * Throws `bad_option` for a rubric that does not exist, cannot be parsed, or does not go with the other options; `io` for one that
 * cannot be read.
 */
export function rubricsOf(settings: Settings): Rubrics {
  const { rubric: given } = settings;
  if (typeof given === "string" && isPath(given) && given.endsWith(".jsonl"))
    return promptRubrics(given, settings);
  const rubric = usedRubric(typeof given === "string" ? namedRubric(given, RUBRIC) : given, settings);
  checkTags([rubric], settings);
  return { all: [rubric], of: () => rubric };
}

function promptRubrics(file: string, settings: Settings): Rubrics {
  const byPrompt = new Map(
    parseRubricLines(readNamedFile(file, file, RUBRIC), file).map(({ promptId, rubric }) => [
      promptId,
      rubric && usedRubric(rubric, settings),
    ]),
  );
  const all = [...byPrompt.values()].filter((rubric) => rubric !== null);
  if (all.length === 0)
    throw new PrefkitError("bad_option", `${NAME}: rubric: ${file} holds no rubric.`, "check the path.");
  checkTags(all, settings);
  return { all, of: (promptId) => byPrompt.get(promptId) ?? null };
}

/** The rubric that judges go by: the given one, or with `aggregate: implicit` the one rating that stands for it. */
function usedRubric(given: Rubric, settings: Settings): Rubric {
  if (settings.aggregate === "implicit" && given.unread !== "fail") {
    throw new PrefkitError(
      "bad_option",
      `${NAME}: aggregate: implicit with the rubric "${given.name}", whose rule for unread verdicts is ${given.unread}.`,
      "write `unread: fail` in the rubric, or aggregate: explicit: of one rating alone, an unread one leaves nothing to count.",
    );
  }
  const rubric = settings.aggregate === "implicit" ? implicitRubric(given) : given;
  checkRubric(rubric, settings);
  return rubric;
}

function checkTags(rubrics: readonly Rubric[], { tagScores }: Settings): void {
  if (!tagScores) return;
  const criteria = rubrics.flatMap((rubric) => rubric.criteria);
  if (criteria.every(({ tags }) => tags.length === 0)) {
    throw new PrefkitError(
      "bad_option",
      `${NAME}: tagScores: no criterion has a tag.`,
      "give criteria `tags`, or leave `tagScores` out.",
    );
  }
  if (criteria.some(({ id }) => id === TAG)) {
    throw new PrefkitError(
      "bad_option",
      `${NAME}: tagScores: a criterion has the id "${TAG}".`,
      `choose another id: the parts of tags begin with "${TAG}.".`,
    );
  }
}

function checkRubric(rubric: Rubric, { expected }: Settings): void {
  const taken = rubric.criteria.find(({ id }) => NOTES.includes(id));
  if (taken) {
    const fix = `choose another id: ${NOTES.join(", ")} name other parts of the score.`;
    throw new PrefkitError("bad_option", `${NAME}: rubric: a criterion has the id "${taken.id}".`, fix);
  }
  if (expected === "off") return;
  const scales = rubric.criteria.flatMap(({ scale }) => (scale ? [scale] : []));
  if (scales.length === 0) {
    throw new PrefkitError(
      "bad_option",
      `${NAME}: expected: no criterion of the rubric "${rubric.name}" has a scale.`,
      "give criteria a `scale`, or leave `expected` out.",
    );
  }
  if (scales.some(({ min, max }) => max - min > LONGEST_SCALE)) {
    throw new PrefkitError(
      "bad_option",
      `${NAME}: expected: a scale of the rubric "${rubric.name}" has more than ${LONGEST_SCALE + 1} ratings.`,
      "choose a shorter scale, or leave `expected` out.",
    );
  }
}
