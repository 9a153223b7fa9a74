import type { PlannedCalls } from "../../src/core/scorer.ts";
import { estimateTokens, messageTokens } from "../../src/core/token-estimate.ts";
import type { Group } from "../../src/core/types.ts";
import { guarded } from "../../src/judging/guard.ts";
import { ruleSetOf, type Settings } from "./options.ts";

/** By options that were checked once and are asked about for every group: tokens of each rule. */
const rulesKnown = new WeakMap<Settings, readonly number[]>();

/** The instruction, the marks and what they mean. */
const FRAME_TOKENS = 350;
/** A few sentences and a verdict. */
const REPLY_TOKENS = 80;

/** One call per rule and different text. Estimated: a token for every four characters. */
export function plannedCalls(settings: Settings, { prompt, responses }: Group): readonly PlannedCalls[] {
  if (prompt.images?.length) return [];
  const rules = rulesOf(settings);
  const { hidden, onVerdictLike } = settings;
  const texts = [...new Set(responses.map(({ text }) => text))].filter(
    (text) => onVerdictLike !== "fail" || guarded(text, { hidden }).verdictLike.length === 0,
  );
  const calls = texts.length * rules.length;
  if (calls === 0) return [];
  const before = FRAME_TOKENS + messageTokens(prompt.messages);
  const promptTokens = texts
    .flatMap((text) => rules.map((rule) => before + estimateTokens(text) + rule))
    .reduce((sum, tokens) => sum + tokens, 0);
  const outputTokens = calls * Math.min(settings.maxTokens, REPLY_TOKENS);
  return [{ model: "judge", calls, promptTokens, outputTokens }];
}

function rulesOf(settings: Settings): readonly number[] {
  const known = rulesKnown.get(settings);
  if (known) return known;
  const tokens = ruleSetOf(settings).criteria.map(({ text }) => estimateTokens(text));
  rulesKnown.set(settings, tokens);
  return tokens;
}
