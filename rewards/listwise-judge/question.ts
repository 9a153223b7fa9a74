import { contentHash } from "../../src/core/ids.ts";
import type { Prompt } from "../../src/core/types.ts";
import type { Question } from "../../src/judging/ask.ts";
import { conversationTexts, sealedConversation } from "../../src/judging/conversation.ts";
import { envelope } from "../../src/judging/envelope.ts";
import { type ListForm, listSchema, readList, readListJson } from "./read-list.ts";

export interface ListSettings {
  readonly criteria: string | null;
  readonly output: "json" | "text";
  /** null sends none. */
  readonly temperature: number | null;
  readonly maxTokens: number;
  readonly maxChars?: number | undefined;
  readonly hidden: "flag" | "strip";
}

export interface ShownList {
  readonly prompt: Pick<Prompt, "messages" | "tools">;
  readonly reference: string | null;
  /** As the judge may see them, in the order shown. */
  readonly texts: readonly string[];
}

// Another text gives other numbers: raise the version of the scorer `listwise-judge` with any change here.
const TASK = `You judge several answers to the same conversation side by side. The conversation and the responses, which are numbered, stand below, between marks.

The order of the responses is chance and says nothing about them. Length is no merit: a longer answer is better only by what it adds, and worse by what it adds in vain. Confidence, politeness and layout are no substitute for being right.`;

const USUAL_CRITERIA =
  "Being right comes first. Then: doing what was asked, all of it and nothing else; being clear; being safe. An answer with a grave error stands below one without, however well it is written.";

const REFERENCE = `A reference answer stands below as well. Take it for right, and judge the responses by whether they agree with it in substance.`;

/** Changes with the text of the question. */
export const LIST_PROMPT_HASH: string = contentHash([
  TASK,
  USUAL_CRITERIA,
  REFERENCE,
  ...(["text", "json"] as const).flatMap((output) => [
    formOf({ kind: "ratings", min: 1, max: 10, count: 3 }, output),
    formOf({ kind: "ranking", count: 3 }, output),
  ]),
]).slice(0, 16);

/** Asks for all responses of a group at once. The answer follows the order shown. */
export function listQuestion(
  { prompt, reference, texts }: ShownList,
  form: ListForm,
  { criteria, output, temperature, maxTokens, maxChars, hidden }: ListSettings,
): Question<readonly number[]> {
  const marks = envelope([
    ...conversationTexts(prompt),
    ...texts,
    ...(reference === null ? [] : [reference]),
  ]);
  const { task, reminder } = formOf(form, output);
  const content = [
    TASK,
    `Judge by this: ${criteria ?? USUAL_CRITERIA}`,
    ...(reference === null ? [] : [REFERENCE]),
    task,
    marks.notice,
    sealedConversation(marks, prompt, { maxChars, hidden }),
    ...(reference === null ? [] : [marks.seal("reference answer", reference, { hidden })]),
    ...texts.map((text, index) => marks.seal(`response ${index + 1}`, text, { hidden: "flag" })),
    reminder,
  ].join("\n\n");
  const request = {
    messages: [{ role: "user", content }],
    sampling: { ...(temperature !== null && { temperature }), maxTokens },
  } as const;
  return output === "json"
    ? {
        request: { ...request, schema: listSchema(form) },
        read: (reply) => readListJson(reply, form),
        form: reminder,
      }
    : { request, read: (reply) => readList(reply, form), form: reminder };
}

function formOf(
  form: ListForm,
  output: "json" | "text",
): { readonly task: string; readonly reminder: string } {
  const { count } = form;
  const before = "First say in a sentence or two for each response what speaks for and against it.";
  const asked =
    form.kind === "ratings"
      ? `a whole number from ${form.min} (worst) to ${form.max} (best) for each of the ${count} responses, in the order they stand in`
      : `the numbers of all ${count} responses, each once, the best first`;
  const example = form.kind === "ratings" ? exampleRatings(form) : exampleRanking(count);
  if (output === "json") {
    return {
      task: `Answer with a JSON object: "reasons", a sentence or two for each response, and then "${form.kind}", a list with ${asked}.`,
      reminder: `Answer with a JSON object of "reasons" and "${form.kind}", a list of exactly ${count} whole numbers.`,
    };
  }
  return {
    task: `${before} Then end with a line of its own that holds, in double square brackets, ${asked}, as in ${example}.`,
    reminder: `End with one line in double square brackets: exactly ${count} whole numbers, ${form.kind === "ratings" ? "separated by commas" : "the best first, separated by >"}.`,
  };
}

function exampleRatings({ min, max, count }: Extract<ListForm, { kind: "ratings" }>): string {
  const values = Array.from({ length: count }, (_, index) => (index % 2 === 0 ? min : max));
  return `[[${values.join(", ")}]]`;
}

function exampleRanking(count: number): string {
  return `[[${Array.from({ length: count }, (_, index) => count - index).join(" > ")}]]`;
}
