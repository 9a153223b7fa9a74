import { contentHash } from "../../core/ids.ts";
import type { Message, Prompt } from "../../core/types.ts";
import { conversationTexts, sealedConversation } from "../../judging/conversation.ts";
import { type Envelope, envelope } from "../../judging/envelope.ts";
import { JSON_LIST_FORM } from "../json-list.ts";

// Another text finds another rubric: the hashes stand in the report of a refinement, and a memo begun with others is refused.
const PROPOSE = `You write the criteria by which responses to one conversation will be judged. The conversation and some responses to it stand below, between marks.

Write criteria that tell better responses from worse ones. Each criterion
- belongs to this conversation and would be out of place in most others;
- asks for one thing only, which a response either has or has not;
- can be checked from the conversation and a single response, with no sight of other responses or other criteria;
- neither gives the answer away nor repeats what a response says;
- overlaps with none of the others. Together they leave out nothing that matters.

State each as a short sentence that is true of a good response.`;

const DECOMPOSE = `One criterion for responses to a conversation is met by too many of them, so that it hardly tells them apart. The conversation, the criterion, the responses that meet it, and the other criteria in use stand below, between marks.

Take the criterion apart into exactly two finer ones. Each of the two
- asks for a part or a stricter form of what the criterion asks for, one thing only;
- should be met by some of these responses and not by others;
- can be checked from the conversation and a single response;
- neither gives the answer away nor repeats what a response says;
- says nothing that the other one, or a criterion in use, says already.

State each as a short sentence that is true of a good response.`;

const JUDGE = `You check whether a response meets one criterion. The conversation, the response and the criterion stand below, between marks.

Judge by this criterion alone: whether the response is good in other ways does not matter here. Where it meets the criterion only in part, it does not meet it.

First say in one to three sentences what in the response speaks for and against.`;

const REDUNDANT = `A rubric for responses to a conversation is being put together. The conversation, the criteria it has, and a new criterion stand below, between marks.

Is the new criterion redundant? It is when, for one of the criteria there,
- the two ask for the same in other words, or
- one of the two is contained in the other, or
- that criterion covers about 70 % or more of what the new one asks for.
Merely being about the same subject does not make it redundant.

First say in one to three sentences which criterion comes nearest, and what sets the two apart.`;

const CONFLICT = `A rubric for responses to a conversation is being put together. The conversation, the criteria it has, and a new criterion stand below, between marks.

Does the new criterion contradict one of the criteria there? It does when it rewards what that criterion punishes, so that no response could meet both. Asking for different things is no contradiction.

First say in one to three sentences which criterion comes nearest to one, and whether a response could meet both.`;

const WEIGH = `Responses to a conversation are judged by several criteria. The conversation and the numbered criteria stand below, between marks.

How much should each criterion count? Give each a number from 0 (nothing) to 10 (decisive), by how much meeting it makes a response better here. First say in a few sentences what matters most.`;

const YES_OR_NO = "End with [[Yes]] or [[No]] on a line of its own.";

/** By stage; each changes with the text of its prompt. */
export const RUBRIC_PROMPT_HASHES = {
  propose: hashOf(PROPOSE, JSON_LIST_FORM),
  decompose: hashOf(DECOMPOSE, JSON_LIST_FORM),
  votes: hashOf(JUDGE, YES_OR_NO),
  redundancy: hashOf(REDUNDANT, YES_OR_NO),
  conflict: hashOf(CONFLICT, YES_OR_NO),
  weights: hashOf(WEIGH),
} as const;

function hashOf(...texts: readonly string[]): string {
  return contentHash(texts).slice(0, 16);
}

/** What a stage asks: the messages, and the form that an answer must have. */
export interface Asking {
  readonly messages: readonly Message[];
  readonly form: string;
}

/** What all questions about one prompt share. */
export interface Shown {
  readonly prompt: Pick<Prompt, "messages" | "tools">;
  readonly maxChars: number | undefined;
}

export function proposeAsking(shown: Shown, responses: readonly string[], most: number): Asking {
  const form = `${JSON_LIST_FORM} At most ${most} criteria.`;
  return asking(shown, PROPOSE, responses, form, (marks) => sealedResponses(marks, responses));
}

/** `met`: the responses that meet the criterion. `others`: the other criteria. */
export function decomposeAsking(
  shown: Shown,
  criterion: string,
  met: readonly string[],
  others: readonly string[],
): Asking {
  const list = numbered(others);
  const form = `${JSON_LIST_FORM} Exactly two criteria.`;
  return asking(shown, DECOMPOSE, [criterion, list, ...met], form, (marks) => [
    ...sealedResponses(marks, met),
    ...(others.length === 0 ? [] : [marks.seal("criteria in use", list)]),
    marks.seal("criterion", criterion),
  ]);
}

/** Does this response meet this criterion? The question depends on nothing else. */
export function voteAsking(shown: Shown, criterion: string, response: string): Asking {
  return asking(shown, JUDGE, [criterion, response], `Does the response meet it? ${YES_OR_NO}`, (marks) => [
    marks.seal("response", response),
    marks.seal("criterion", criterion),
  ]);
}

export function overlapAsking(
  shown: Shown,
  kind: "conflict" | "redundancy",
  criterion: string,
  others: readonly string[],
): Asking {
  const list = numbered(others);
  const [task, question] =
    kind === "redundancy" ? [REDUNDANT, "Is it redundant?"] : [CONFLICT, "Does it contradict one of them?"];
  return asking(shown, task, [list, criterion], `${question} ${YES_OR_NO}`, (marks) => [
    marks.seal("criteria", list),
    marks.seal("new criterion", criterion),
  ]);
}

export function weighAsking(shown: Shown, criteria: readonly string[]): Asking {
  const list = numbered(criteria);
  const form = `End with a JSON array of ${criteria.length} numbers, one per criterion in their order, and nothing after it.`;
  return asking(shown, WEIGH, [list], form, (marks) => [marks.seal("criteria", list)]);
}

function asking(
  { prompt, maxChars }: Shown,
  task: string,
  texts: readonly string[],
  form: string,
  sections: (marks: Envelope) => readonly string[],
): Asking {
  const marks = envelope([...conversationTexts(prompt), ...texts]);
  const conversation = sealedConversation(marks, prompt, { maxChars });
  const content = [task, marks.notice, conversation, ...sections(marks), form].join("\n\n");
  return { messages: [{ role: "user", content }], form };
}

function sealedResponses(marks: Envelope, responses: readonly string[]): string[] {
  return responses.map((response, index) => marks.seal(`response ${index + 1}`, response));
}

function numbered(criteria: readonly string[]): string {
  return criteria.map((text, index) => `${index + 1}. ${text}`).join("\n");
}
