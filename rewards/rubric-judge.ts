import { PrefkitError } from "../src/core/errors.ts";
import type { Rubric } from "../src/core/rubric/rubric.ts";
import { rubricSchema } from "../src/core/rubric/schema.ts";
import { rubricRange } from "../src/core/rubric/score-rubric.ts";
import { abstained, defineScorer, parseOptions, perGroup, type ScorerFacts } from "../src/core/scorer.ts";
import type { Score, Scorer } from "../src/core/types.ts";
import { judgeFingerprint } from "../src/judging/fingerprint.ts";
import type { ChatModel } from "../src/models/ports.ts";
import { together } from "./rubric-judge/ask-judge.ts";
import { judgeResponse } from "./rubric-judge/judge-response.ts";
import {
  NAME,
  optionsSchema,
  type RubricJudgeOptions,
  rubricsOf,
  type Settings,
} from "./rubric-judge/options.ts";
import { plannedCalls } from "./rubric-judge/planned-calls.ts";

export type { RubricJudgeOptions } from "./rubric-judge/options.ts";

export interface RubricJudgeModels {
  readonly judge: ChatModel;
  readonly judges?: readonly ChatModel[];
}

/** Raised with every change of a prompt's text or of how replies are read: each changes numbers. */
const VERSION = 3;

/**
 * Scores a response by a rubric, as a judge model finds its criteria met or rates them.
 *
 *   value = the rubric's weighted sum of verdicts over its denominator (see `scoreRubric`)
 *   verdict on a criterion: Yes 1, No 0, NA; or a whole number of its scale; of a panel see `panelVerdict`
 *   with `aggregate: implicit`, the judge weighs: (x - 1) / 9 of one rating x from 1 to 10 by all criteria
 *   with `expected: logprobs`, a rating is the mean over the judge's probabilities (see `expectedRating`)
 *
 * Source: HealthBench, Prometheus, Rubrics as Rewards (criteria judged one by one; its implicit aggregation); G-Eval
 *         (expectation over rating tokens). Prompts are our own.
 * Shape:  group of G responses -> G scores, same order. Equal texts are judged once.
 * Range:  that of the rubric; [1, 5] for a mean of ratings from 1 to 5; [0, 1] with `aggregate: implicit`.
 * Parts:  by criterion id, the verdict; with `aggregate: implicit`, `overall`, the rating. Beside them `ambiguous`, verdicts
 *         before which the judge gave another one; `hidden_characters` and `verdict_like` of the response; of a panel `answered`,
 *         the least number of judges whose verdict on a criterion was read, `disagreement`, the share of criteria on which judges
 *         differ (by the ratings that they wrote; by the nearest rating to a mean of samples), and `ID.sd`, the deviation (n - 1)
 *         of their ratings; of expectations `ID.rating`, the rating that was written, `mass`, the least probability found, and
 *         `sampled`, how many verdicts are means of samples instead; with `tagScores`, `tag.NAME`, the score over the criteria of
 *         a tag, where they give one.
 * Worked: three criteria of equal weight, verdicts Yes, No, NA with rule `skip` -> 1 / 2. Implicit: 7 -> 6 / 9.
 * Abstains on prompts with images, which judges are not shown; without a rubric for the prompt, where each has its own; and
 *         where the rubric has nothing to count.
 * Fails:  `unread_verdict` when a criterion's verdict could not be read in `tries` tries, a panel is undecided, and the
 *         rubric's rule for unread verdicts is `fail`; the code of a call that failed; `low_mass` or `no_logprobs` with
 *         `fallback: fail`; `verdict_like` with `onVerdictLike: fail`.
 * Throws: `bad_option` for a rubric that cannot be found or read, and options that contradict each other.
 */
export function rubricJudge(options: RubricJudgeOptions, models: RubricJudgeModels): Scorer {
  // By itself first: of a rubric inside a choice of shapes nothing is told but that it fits none.
  if (typeof options.rubric === "object") parseOptions(`${NAME}: rubric`, rubricSchema, options.rubric);
  return judgeBy(parseOptions(NAME, optionsSchema, options), models);
}

function judgeBy(settings: Settings, models: RubricJudgeModels): Scorer {
  const rubrics = rubricsOf(settings);
  const judges = [models.judge, ...(models.judges ?? [])];
  checkJudges(models, settings, judges.length);
  return perGroup(
    { name: NAME, version: VERSION, range: rangeOf(rubrics.all) },
    async ({ prompt, responses }, context) => {
      if (prompt.images?.length)
        return responses.map(() => abstained("prompt has images, which judges are not shown"));
      const rubric = rubrics.of(prompt.id);
      if (rubric === null) return responses.map(() => abstained("there is no rubric for this prompt"));
      const bench = { rubric, judges, settings };
      const byText = new Map<string, Promise<Score>>();
      for (const { text } of responses) {
        if (!byText.has(text)) byText.set(text, judgeResponse(prompt, text, bench, context));
      }
      return together(responses.map(({ text }) => byText.get(text) as Promise<Score>));
    },
  );
}

export const definition = defineScorer<Settings, RubricJudgeModels>({
  name: NAME,
  version: VERSION,
  summary: "Scores by a rubric, each criterion judged by a chat model or a panel of them.",
  options: optionsSchema,
  example: { rubric: "helpfulness", judge: "judge" },
  cost: "paid",
  // Samples, where log-probs give no expectation, are drawn by the run's seed.
  usesSeed: true,
  // A file of rubrics names prompts by their ids.
  usesIds: true,
  models: { judge: { port: "chat" }, judges: { port: "chat", optional: true, list: true } },
  files: ["rubric"],
  fingerprint: (options) => judgeFingerprint(rubricsOf(options).all),
  create: judgeBy,
  plannedCalls,
  alarms: samplingAlarms,
});

/** Sampling is many times as dear as log-probs: a judge that gives none is told of. */
function samplingAlarms({ parts }: ScorerFacts): string[] {
  const { mean } = parts?.sampled ?? { mean: 0 };
  if (!(mean > 0)) return [];
  return [
    `log-probs gave no expectation for ${Number(mean.toPrecision(2))} verdicts of a response on average, which are means of \`samples\` further calls each: see docs/scorers/rubric-judge.md on \`topLogprobs\` and \`fallback\``,
  ];
}

/** From the lowest to the highest value that any of the rubrics can give. */
function rangeOf(rubrics: readonly Rubric[]): readonly [number, number] {
  return rubrics
    .map(rubricRange)
    .reduce(([low, high], [min, max]) => [Math.min(low, min), Math.max(high, max)]);
}

function checkJudges(models: RubricJudgeModels, settings: Settings, count: number): void {
  if (!models.judge) {
    throw new PrefkitError(
      "bad_option",
      `${NAME} got no judge.`,
      "in a recipe, name one of its `models`; in code, give the model itself: rubricJudge(options, { judge }).",
    );
  }
  if (settings.judges && models.judges?.length !== settings.judges.length) {
    throw new PrefkitError(
      "bad_option",
      `${NAME} got ${settings.judges.length} further judges by name, and ${models.judges?.length ?? 0} models.`,
      "in code, give the models themselves: rubricJudge(options, { judge, judges: [...] }).",
    );
  }
  const names = [...(settings.judge === undefined ? [] : [settings.judge]), ...(settings.judges ?? [])];
  const twice = twiceIn(names) ?? twiceIn([models.judge, ...(models.judges ?? [])])?.id;
  if (twice !== undefined) {
    throw new PrefkitError(
      "bad_option",
      `${NAME}: the judge "${twice}" is named twice, and would agree with itself.`,
      "name each judge of a panel once. To ask one model several times, give it names of its own in `models`, with other settings.",
    );
  }
  if (settings.quorum !== undefined && settings.quorum > count) {
    const fix = `choose a quorum from 1 to ${count}, or name more judges.`;
    throw new PrefkitError("bad_option", `${NAME}: quorum ${settings.quorum} with ${count} judges.`, fix);
  }
}

function twiceIn<One>(list: readonly One[]): One | undefined {
  return list.find((one, index) => list.indexOf(one) < index);
}
