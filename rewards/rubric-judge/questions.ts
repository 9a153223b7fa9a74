import type { Criterion, Rubric } from "../../src/core/rubric/rubric.ts";
import type { Prompt } from "../../src/core/types.ts";
import type { Question, Reading } from "../../src/judging/ask.ts";
import { conversationTexts, sealedConversation } from "../../src/judging/conversation.ts";
import { envelope } from "../../src/judging/envelope.ts";
import { type Flags, guardedSeal } from "../../src/judging/guard.ts";
import {
  type ReadVerdict,
  readVerdict,
  readVerdictJson,
  readVerdictLines,
  readVerdictsJson,
  type VerdictForm,
} from "../../src/judging/read-verdict.ts";
import type { ChatRequest } from "../../src/models/ports.ts";
import type { Settings } from "./options.ts";
import {
  criteriaTask,
  criterionTask,
  criterionText,
  INSTRUCTION,
  jsonForm,
  jsonFormOfSeveral,
  markForm,
  markLinesForm,
  shownTexts,
  verdictForm,
  verdictSchema,
  verdictsSchema,
} from "./prompts.ts";

/** One question in its two forms: marked text, and structured output. */
export interface Questions<Answer> {
  readonly marked: Question<Answer>;
  readonly structured: Question<Answer>;
}

/** What a judge is shown, the same for all criteria. */
export interface Shown {
  readonly text: string;
  /** Of the marks in it. */
  readonly nonce: string;
}

/** What a judge is shown of a response, and what was suspicious in it. */
export function shownTo(
  { messages, tools, reference }: Prompt,
  response: string,
  { useReference, maxChars, hidden, onVerdictLike }: Settings,
): { readonly shown: Shown; readonly flags: Flags } {
  const prompt = { messages, ...(tools === undefined ? {} : { tools }) };
  const given = useReference === "never" ? null : reference;
  const marks = envelope([...conversationTexts(prompt), ...(given === null ? [] : [given]), response]);
  const { sealed, flags } = guardedSeal(marks, "response", response, { hidden, onVerdictLike });
  const text = shownTexts({
    notice: marks.notice,
    conversation: sealedConversation(marks, prompt, { maxChars, hidden }),
    reference: given === null ? null : marks.seal("reference", given, { hidden }),
    response: sealed,
  });
  return { shown: { text, nonce: marks.nonce }, flags };
}

/**
 * Puts marks around what the author of these criteria wrote. Their digits hang on those of the response's marks too, which no
 * response can know; the other way round, every criterion would begin its prompt otherwise, and a server could keep nothing of it.
 */
function criterionSeal({ nonce }: Shown, criteria: readonly Criterion[]): (text: string) => string {
  const texts = criteria.flatMap(({ text, scale }) => [text, ...Object.values(scale?.anchors ?? {})]);
  const marks = envelope([nonce, ...texts]);
  return (text) => marks.seal("criterion", text);
}

/** The question about one criterion. It depends on no other, so that its reply is found again in any rubric that holds it. */
export function criterionQuestions(
  shown: Shown,
  criterion: Criterion,
  rubric: Rubric,
  settings: Settings,
): Questions<ReadVerdict> {
  const form = verdictForm(criterion, rubric);
  const task = criterionTask(criterionText(criterion, criterionSeal(shown, [criterion])));
  return questions(shown, task, settings, {
    mark: markForm(form),
    json: jsonForm(form),
    schema: { name: "verdict", schema: verdictSchema(form) },
    readMark: (text) => readVerdict(text, form),
    readJson: (text) => readVerdictJson(text, form),
  });
}

/** One question about all criteria; its answer holds one verdict for each, in the rubric's order. */
export function responseQuestions(
  shown: Shown,
  rubric: Rubric,
  settings: Settings,
): Questions<readonly ReadVerdict[]> {
  const forms: ReadonlyMap<string, VerdictForm> = new Map(
    rubric.criteria.map((criterion) => [criterion.id, verdictForm(criterion, rubric)]),
  );
  const seal = criterionSeal(shown, rubric.criteria);
  const named = rubric.criteria.map((criterion) => `${criterion.id}: ${criterionText(criterion, seal)}`);
  return questions(shown, criteriaTask(named), settings, {
    mark: markLinesForm(forms),
    json: jsonFormOfSeveral(forms),
    schema: { name: "verdicts", schema: verdictsSchema(forms) },
    readMark: (text) => readVerdictLines(text, forms),
    readJson: (text) => readVerdictsJson(text, forms),
  });
}

interface Forms<Answer> {
  readonly mark: string;
  readonly json: string;
  readonly schema: NonNullable<ChatRequest["schema"]>;
  readMark(text: string): Reading<Answer>;
  readJson(text: string): Reading<Answer>;
}

function questions<Answer>(
  shown: Shown,
  task: string,
  { maxTokens, temperature }: Settings,
  { mark, json, schema, readMark, readJson }: Forms<Answer>,
): Questions<Answer> {
  const request = (form: string): ChatRequest => ({
    messages: [
      { role: "system", content: INSTRUCTION },
      // Half a surrogate pair, kept where hidden characters are only counted, is no text that a server takes.
      { role: "user", content: `${shown.text}\n\n${task}\n\n${form}`.toWellFormed() },
    ],
    sampling: { maxTokens, ...(temperature === null ? {} : { temperature }) },
  });
  return {
    marked: { request: request(mark), form: mark, read: ({ text }) => readMark(text) },
    structured: { request: { ...request(json), schema }, form: json, read: ({ text }) => readJson(text) },
  };
}
