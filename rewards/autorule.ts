import { PrefkitError } from "../src/core/errors.ts";
import type { CriterionVerdict, Rubric } from "../src/core/rubric/rubric.ts";
import { rubricRange, scoreRubric } from "../src/core/rubric/score-rubric.ts";
import { abstained, defineScorer, failed, parseOptions, perGroup } from "../src/core/scorer.ts";
import type { Failed, Prompt, Score, ScoreContext, Scorer } from "../src/core/types.ts";
import { type Answered, ask } from "../src/judging/ask.ts";
import { judgeFingerprint } from "../src/judging/fingerprint.ts";
import { flagParts, guardFailure } from "../src/judging/guard.ts";
import { type RuleVerdict, ruleQuestions } from "../src/judging/rule-verdict.ts";
import type { ChatModel } from "../src/models/ports.ts";
import { type AutoruleOptions, NAME, optionsSchema, ruleSetOf, type Settings } from "./autorule/options.ts";
import { plannedCalls } from "./autorule/planned-calls.ts";

export type { AutoruleOptions } from "./autorule/options.ts";

export interface AutoruleModels {
  readonly judge: ChatModel;
}

/** Raised with every change of the question's text (src/judging/rule-verdict.ts) or of how replies are read. */
const VERSION = 2;

/**
 * The fraction of a rule set that a response follows, as a judge model finds rule by rule.
 *
 *   value = (1 / K) * sum_k s_k        s_k = 1 when rule k is followed (or does not apply), else 0
 *
 * Source: AutoRule (arXiv 2506.15651) and the verifier of its released code; the question is in our own words. Its reward is
 *         this with the transform `affine`: 10 * (value - 0.75).
 * Shape:  group of G responses -> G scores, same order. One call per rule and response; equal texts are checked once.
 * Range:  [0, 1].
 * NA:     is offered to the judge unless the rule set says `notApplicable: fail`; then it is unread like any other text.
 * Parts:  by rule id, 1 or 0; none for a rule that does not apply or whose verdict could not be read. Beside them `ambiguous`,
 *         how many replies held another verdict before the last; `hidden_characters` and `verdict_like` of the response.
 * Worked: 25 rules, 20 of them followed -> 0.8.
 * Abstains on prompts with images, which judges are not shown, and where every rule is left out.
 * Fails:  `unread_verdict` when a verdict could not be read in `tries` tries, unless `onUnread` says otherwise; the code of a
 *         call that failed; `verdict_like` with `onVerdictLike: fail`.
 * Throws: `bad_option` for a rule set that cannot be found or read, or that holds ratings or weights.
 */
export function autorule(options: AutoruleOptions, models: AutoruleModels): Scorer {
  return ruleScorer(parseOptions(NAME, optionsSchema, options), models);
}

function ruleScorer(settings: Settings, { judge }: AutoruleModels): Scorer {
  const rules = ruleSetOf(settings);
  if (!judge) {
    throw new PrefkitError(
      "bad_option",
      `${NAME} got no judge.`,
      "in a recipe, name one of its `models`; in code, give the model itself: autorule(options, { judge }).",
    );
  }
  return perGroup(
    { name: NAME, version: VERSION, range: rubricRange(rules) },
    async ({ prompt, responses }, context) => {
      if (prompt.images?.length)
        return responses.map(() => abstained("prompt has images, which judges are not shown"));
      const byText = new Map<string, Promise<Score>>();
      for (const { text } of responses) {
        if (!byText.has(text)) byText.set(text, checkResponse(judge, rules, settings, prompt, text, context));
      }
      // All calls end before the scorer returns, even where one of them is a fault of its own.
      await Promise.allSettled(byText.values());
      return Promise.all(responses.map(({ text }) => byText.get(text) as Promise<Score>));
    },
  );
}

export const definition = defineScorer<Settings, AutoruleModels>({
  name: NAME,
  version: VERSION,
  summary: "The fraction of a set of rules that a response follows, checked by a chat model.",
  options: optionsSchema,
  example: { rules: "good-answers", judge: "judge" },
  cost: "paid",
  models: { judge: { port: "chat" } },
  files: ["rules"],
  fingerprint: (options) => judgeFingerprint(ruleSetOf(options)),
  create: ruleScorer,
  plannedCalls,
});

async function checkResponse(
  judge: ChatModel,
  rules: Rubric,
  settings: Settings,
  prompt: Prompt,
  response: string,
  context: ScoreContext,
): Promise<Score> {
  const questions = ruleQuestions(prompt, response, {
    ...settings,
    offersNA: rules.notApplicable !== "fail",
  });
  const refused = guardFailure(questions.flags, settings);
  if (refused) return refused;
  const pending = rules.criteria.map(({ text }) => ask(judge, questions.ask(text), context, settings.tries));
  await Promise.allSettled(pending);
  const answers = await Promise.all(pending);
  const broken = answers.findIndex(
    (answer) => answer.kind === "failed" && (answer.code !== "unread_verdict" || rules.unread === "fail"),
  );
  if (broken >= 0) {
    const { code, why } = answers[broken] as Failed;
    return failed(code, `${rules.criteria[broken]?.id}: ${why}`);
  }
  const verdicts = answers.map((answer) => (answer.kind === "answered" ? answer.answer : null));
  const score = scoreRubric(rules, verdicts);
  if (score.kind !== "scored") return score;
  const read = answers.filter((answer) => answer.kind === "answered");
  const why = [notFollowed(rules, verdicts), score.why ?? ""].filter((line) => line !== "").join("; ");
  return {
    ...score,
    ...(why === "" ? {} : { why }),
    parts: {
      ...score.parts,
      ...flagParts(questions.flags),
      ambiguous: read.filter(({ ambiguous }) => ambiguous).length,
    },
    raw: rawOf(rules, answers),
  };
}

function notFollowed({ criteria }: Rubric, verdicts: readonly CriterionVerdict[]): string {
  const bad = criteria.filter(({ polarity }, index) => verdicts[index] === (polarity === "negative" ? 1 : 0));
  return bad.length === 0 ? "" : `not followed: ${bad.map(({ id }) => id).join(", ")}`;
}

/** The replies, for recipes that keep them: as JSON, by rule. */
function rawOf({ criteria }: Rubric, answers: readonly (Answered<RuleVerdict> | Failed)[]): string {
  return JSON.stringify(
    Object.fromEntries(
      answers.map((answer, index) => [
        criteria[index]?.id,
        answer.kind === "answered" ? answer.reply.text : null,
      ]),
    ),
  );
}
