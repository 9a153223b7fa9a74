import { contentHash } from "../../core/ids.ts";
import type { Message, Prompt } from "../../core/types.ts";
import type { Reading } from "../../judging/ask.ts";
import { conversationTexts, sealedConversation } from "../../judging/conversation.ts";
import { envelope } from "../../judging/envelope.ts";
import { afterThinking } from "../../judging/final-mark.ts";
import type { ChatReply } from "../../models/ports.ts";
import { JSON_LIST_FORM } from "../json-list.ts";

const INTERPRET = `Two responses to the same conversation stand below, between marks. A person who compared them preferred one.

Work out what made the difference: what in the preferred response would lead a careful reader to choose it over the other? Look at how clear it is, how well it holds together, how far it helps, its tone, and its quality as a whole, and point at concrete things in both texts. Take the choice as given: do not argue with it.`;

const CANDIDATES = `An analysis of why one response was preferred to another stands below, between marks. List the rules for a good response that it implies.

A rule
- is one short sentence about a single response, never about two ("is clearer than the other");
- can be checked by reading the conversation and the response, and anybody who checks it comes to the same verdict;
- would make sense in conversations about other subjects too.

List only what the analysis implies. Two examples:
- "The second one opens with the date that was asked for; in the first it comes after three paragraphs of history." -> ["The response gives what was asked for in its first sentence."]
- "Both are much the same, the choice is a matter of taste." -> []`;

const MERGE = `Rules for good responses stand below, between marks, as a JSON array. They were collected from many analyses, so several of them say the same or nearly the same.

Unite those that do into one rule that keeps what they have in common. Leave rules that differ apart, drop none, add none, and keep each one a short sentence about a single response that can be checked by reading it.`;

/** By stage; each changes with the text of its prompt. */
export const PROMPT_HASHES = {
  interpret: hashOf(INTERPRET),
  candidates: hashOf(CANDIDATES, JSON_LIST_FORM),
  merge: hashOf(MERGE, JSON_LIST_FORM),
} as const;

function hashOf(...texts: readonly string[]): string {
  return contentHash(texts).slice(0, 16);
}

/** Why was this response preferred? `preferred` is where it stands. A conversation beyond `maxChars` loses its middle. */
export function interpretMessages(
  prompt: Pick<Prompt, "messages" | "tools">,
  [first, second]: readonly [string, string],
  preferred: "A" | "B",
  maxChars?: number,
): readonly Message[] {
  const marks = envelope([...conversationTexts(prompt), first, second]);
  return asked([
    INTERPRET,
    marks.notice,
    sealedConversation(marks, prompt, { maxChars }),
    marks.seal("response A", first),
    marks.seal("response B", second),
    `Response ${preferred} was preferred. Explain in one or two paragraphs why.`,
  ]);
}

/** Which rules do these texts imply? By label. */
export function candidateMessages(texts: Readonly<Record<string, string>>): readonly Message[] {
  const marks = envelope(Object.values(texts));
  const sections = Object.entries(texts).map(([label, text]) => marks.seal(label, text));
  return asked([CANDIDATES, marks.notice, ...sections, JSON_LIST_FORM]);
}

export function mergeMessages(rules: readonly string[]): readonly Message[] {
  const list = JSON.stringify(rules, null, 1);
  const marks = envelope([list]);
  return asked([MERGE, marks.notice, marks.seal("rules", list), JSON_LIST_FORM]);
}

function asked(paragraphs: readonly string[]): readonly Message[] {
  return [{ role: "user", content: paragraphs.join("\n\n") }];
}

/** What a reasoning model thought, and what it then said; "" where there is none. */
export interface Interpretation {
  readonly reasoning: string;
  readonly explanation: string;
}

/**
 * Thinking comes apart from the answer, or inside it as `afterThinking` knows it; thinking that was cut off has no explanation.
 *
 * Example: "<thinking>B cites.</thinking>\nB was preferred." -> reasoning "B cites.", explanation "B was preferred."
 */
export function readInterpretation({ text, reasoning = "" }: ChatReply): Reading<Interpretation> {
  const said = afterThinking(text) ?? "";
  const thought = text
    .slice(0, text.length - said.length)
    .replace(/^\s*<think(?:ing)?>/i, "")
    .replace(/<\/think(?:ing)?>$/i, "");
  const answer = {
    reasoning: [reasoning, thought].map(clean).filter(Boolean).join("\n\n"),
    explanation: clean(said),
  };
  if (answer.reasoning !== "" || answer.explanation !== "") return { kind: "read", answer };
  return { kind: "unread", why: "it is empty" };
}

function clean(text: string): string {
  return text.toWellFormed().trim();
}
