import type { CriterionVerdict } from "../../core/rubric/rubric.ts";
import { type RuleQuestionOptions, type RuleVerdict, ruleQuestions } from "../../judging/rule-verdict.ts";
import { type AskCounts, type StageSetup, stageAsker } from "./asking.ts";
import { inParallel } from "./in-parallel.ts";
import type { RulePair } from "./pairs.ts";

export interface MeasureCounts extends AskCounts {
  readonly notApplicable: number;
}

/** The verdicts on one rule: by pair, on the chosen and on the rejected response. null: none could be had. */
export interface RuleVerdicts {
  readonly chosen: readonly CriterionVerdict[];
  readonly rejected: readonly CriterionVerdict[];
}

/** Asks of every held-out response whether it follows every rule: rules × pairs × 2 questions. */
export async function judgeRules(
  rules: readonly string[],
  pairs: readonly RulePair[],
  options: RuleQuestionOptions,
  setup: StageSetup,
): Promise<{ readonly verdicts: readonly RuleVerdicts[]; readonly counts: MeasureCounts }> {
  const asker = stageAsker("measure", setup);
  const responses = pairs.flatMap(({ prompt, chosen, rejected }) => [
    ruleQuestions(prompt, chosen, options),
    ruleQuestions(prompt, rejected, options),
  ]);
  const questions = rules.flatMap((rule) => responses.map((response) => ({ response, rule })));
  const answers = await inParallel(questions, setup.pace, async ({ response, rule }) => {
    const verdict = await asker.ask<RuleVerdict>(response.ask(rule));
    setup.onDone();
    return verdict;
  });
  asker.checkFailures();
  const at = (rule: number, pair: number, side: 0 | 1): CriterionVerdict =>
    answers[2 * (rule * pairs.length + pair) + side] ?? null;
  return {
    verdicts: rules.map((_, rule) => ({
      chosen: pairs.map((__, pair) => at(rule, pair, 0)),
      rejected: pairs.map((__, pair) => at(rule, pair, 1)),
    })),
    counts: {
      ...asker.counts(),
      notApplicable: answers.filter((answer) => answer === "not_applicable").length,
    },
  };
}
