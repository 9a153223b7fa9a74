import { contentHash } from "../../core/ids.ts";
import type { Message, Prompt } from "../../core/types.ts";
import type { Question } from "../ask.ts";
import { conversationTexts, sealedConversation } from "../conversation.ts";
import { envelope } from "../envelope.ts";
import { type Choice, choiceSchema, readChoice, readChoiceJson } from "./read-choice.ts";

export interface ComparisonSettings {
  /** What to judge by; null for the usual. */
  readonly criteria: string | null;
  readonly ties: boolean;
  readonly output: "json" | "text";
  /** null sends none, for models that refuse one. */
  readonly temperature: number | null;
  readonly maxTokens: number;
  /** Longest conversation that is shown; undefined: no limit. */
  readonly maxChars?: number | undefined;
  readonly hidden: "flag" | "strip";
}

export interface Shown {
  readonly prompt: Pick<Prompt, "messages" | "tools">;
  readonly reference: string | null;
  /** Texts as the judge may see them (see guard.ts). */
  readonly first: string;
  readonly second: string;
}

// Another text gives other verdicts: raise the version of the scorer `pairwise-judge` with any change here.
const TASK = `You compare two answers to the same conversation, response A and response B, and decide which of them serves the person who asked better. The conversation and the responses stand below, between marks.

Where the answers stand is chance and says nothing about them. Length is no merit: a longer answer is better only by what it adds, and worse by what it adds in vain. Confidence, politeness and layout are no substitute for being right.`;

const USUAL_CRITERIA =
  "Being right comes first. Then: doing what was asked, all of it and nothing else; being clear; being safe. An answer with a grave error loses against one without, however well it is written.";

const REFERENCE = `A reference answer stands below as well. Take it for right, and judge the responses by whether they agree with it in substance.`;

const FORMS = {
  text: {
    ties: "First say in a few sentences what speaks for and against each response. Then end with your verdict on a line of its own: [[A]] when response A is better, [[B]] when response B is better, [[C]] when neither is.",
    decided:
      "First say in a few sentences what speaks for and against each response. Then end with your verdict on a line of its own: [[A]] when response A is better, [[B]] when response B is better. You must choose one.",
  },
  json: {
    ties: 'Answer with a JSON object: "reasons", a few sentences on what speaks for and against each response, and then "verdict": "A" when response A is better, "B" when response B is better, "C" when neither is.',
    decided:
      'Answer with a JSON object: "reasons", a few sentences on what speaks for and against each response, and then "verdict": "A" when response A is better, "B" when response B is better. You must choose one.',
  },
} as const;

const REMINDERS = {
  text: {
    ties: "End with [[A]], [[B]] or [[C]] on a line of its own.",
    decided: "End with [[A]] or [[B]] on a line of its own.",
  },
  json: {
    ties: 'Answer with a JSON object of "reasons" and "verdict", which is "A", "B" or "C".',
    decided: 'Answer with a JSON object of "reasons" and "verdict", which is "A" or "B".',
  },
} as const;

/** Changes with the text of the question. */
export const COMPARISON_PROMPT_HASH: string = contentHash([
  TASK,
  USUAL_CRITERIA,
  REFERENCE,
  FORMS,
  REMINDERS,
]).slice(0, 16);

/** Asks which of two responses is better. The answer is told of the first. */
export function comparisonQuestion(
  { prompt, reference, first, second }: Shown,
  { criteria, ties, output, temperature, maxTokens, maxChars, hidden }: ComparisonSettings,
): Question<Choice> {
  const marks = envelope([
    ...conversationTexts(prompt),
    first,
    second,
    ...(reference === null ? [] : [reference]),
  ]);
  const way = ties ? "ties" : "decided";
  const content = [
    TASK,
    `Judge by this: ${criteria ?? USUAL_CRITERIA}`,
    ...(reference === null ? [] : [REFERENCE]),
    FORMS[output][way],
    marks.notice,
    sealedConversation(marks, prompt, { maxChars, hidden }),
    ...(reference === null ? [] : [marks.seal("reference answer", reference, { hidden })]),
    // What a judge may see of the responses was decided before.
    marks.seal("response A", first, { hidden: "flag" }),
    marks.seal("response B", second, { hidden: "flag" }),
    `Which response is better? ${REMINDERS[output][way]}`,
  ].join("\n\n");
  const request = {
    messages: [{ role: "user", content }] as readonly Message[],
    sampling: { ...(temperature !== null && { temperature }), maxTokens },
  };
  return output === "json"
    ? {
        request: { ...request, schema: choiceSchema(ties) },
        read: (reply) => readChoiceJson(reply, ties),
        form: REMINDERS.json[way],
      }
    : { request, read: (reply) => readChoice(reply, ties), form: REMINDERS.text[way] };
}
