import type { Rubric } from "../../src/core/rubric/rubric.ts";
import type { PlannedCalls } from "../../src/core/scorer.ts";
import { estimateTokens, messageTokens } from "../../src/core/token-estimate.ts";
import type { Group } from "../../src/core/types.ts";
import { envelope } from "../../src/judging/envelope.ts";
import { guarded } from "../../src/judging/guard.ts";
import { type Rubrics, rubricsOf, type Settings } from "./options.ts";
import { criterionText, INSTRUCTION, markForm, verdictForm } from "./prompts.ts";

/** The rubrics, by options that are asked about for every group. */
const rubrics = new WeakMap<Settings, Rubrics>();
/** Tokens in which each criterion and the form of its verdict are told. */
const costs = new WeakMap<Rubric, readonly number[]>();

/** The instruction, what the marks mean, and the marks themselves. */
const FRAME_TOKENS = estimateTokens(INSTRUCTION) + 200;

/**
 * Calls when every reply is read at once and log-probs give each expectation; where they do not, a rating takes `samples` more.
 * Estimated: a token for every four characters.
 */
export function plannedCalls(settings: Settings, { prompt, responses }: Group): readonly PlannedCalls[] {
  if (prompt.images?.length) return [];
  const rubric = rubricFor(settings, prompt.id);
  if (rubric === null) return [];
  const criteria = costsOf(rubric);
  const texts = [...new Set(responses.map(({ text }) => text))].filter(
    (text) =>
      settings.onVerdictLike !== "fail" ||
      guarded(text, { hidden: settings.hidden }).verdictLike.length === 0,
  );
  if (texts.length === 0) return [];
  const tasks =
    settings.calls === "per-response" ? [criteria.reduce((sum, tokens) => sum + tokens, 0)] : criteria;
  const reference = settings.useReference === "never" ? "" : (prompt.reference ?? "");
  const before = FRAME_TOKENS + messageTokens(prompt.messages) + estimateTokens(reference);
  const promptTokens = texts
    .flatMap((text) => tasks.map((task) => before + estimateTokens(text) + task))
    .reduce((sum, tokens) => sum + tokens, 0);
  const calls = texts.length * tasks.length;
  const each = { calls, promptTokens, outputTokens: (calls * settings.maxTokens) / 2 };
  const names = ["judge", ...(settings.judges ?? []).map((_, index) => `judges.${index}`)];
  return names.map((model) => ({ model, ...each }));
}

function rubricFor(settings: Settings, promptId: string): Rubric | null {
  const known = rubrics.get(settings) ?? rubricsOf(settings);
  rubrics.set(settings, known);
  return known.of(promptId);
}

function costsOf(rubric: Rubric): readonly number[] {
  const known = costs.get(rubric);
  if (known) return known;
  const found = rubric.criteria.map((criterion) => {
    // Marks of any digits are as long.
    const sealed = criterionText(criterion, (text) => envelope([text]).seal("criterion", text));
    return estimateTokens(`${sealed}${markForm(verdictForm(criterion, rubric))}`);
  });
  costs.set(rubric, found);
  return found;
}
