import { failed, failedCall } from "../core/scorer.ts";
import type { Failed, Message } from "../core/types.ts";
import type { CallContext, ChatModel, ChatReply, ChatRequest } from "../models/ports.ts";

/** What was made of a reply. `ambiguous`: it says several things, of which the last was taken. */
export type Reading<Answer> =
  | { readonly kind: "read"; readonly answer: Answer; readonly ambiguous?: true }
  | { readonly kind: "unread"; readonly why: string };

export interface Question<Answer> {
  readonly request: ChatRequest;
  /** Is given only replies that came to their end. */
  read(reply: ChatReply): Reading<Answer>;
  /** The form of the answer, as the judge is reminded of it: "End with [[Yes]] or [[No]]." */
  readonly form: string;
}

export interface Answered<Answer> {
  readonly kind: "answered";
  readonly answer: Answer;
  readonly ambiguous: boolean;
  /** The reply that was read. */
  readonly reply: ChatReply;
  /** Calls made, 1 for an answer that was read at once. */
  readonly tries: number;
}

/**
 * Asks a judge, and asks again in the same conversation while its answer cannot be read, `tries` times in all. A reply that was
 * cut, filtered or refused is never read, see `cutReason`.
 *
 * Fails: `unread_verdict` when no answer could be read, with the last reason; else with the code of the call that failed. Never
 * a number that stands for an answer.
 */
export async function ask<Answer>(
  model: ChatModel,
  { request, read, form }: Question<Answer>,
  context: CallContext,
  tries = 3,
): Promise<Answered<Answer> | Failed> {
  let messages = request.messages;
  let why = "";
  for (let attempt = 1; attempt <= tries; attempt++) {
    let reply: ChatReply;
    try {
      reply = await model.generate({ ...request, messages }, context);
    } catch (error) {
      return failedCall(error);
    }
    const cut = cutReason(reply);
    const reading: Reading<Answer> = cut === null ? read(reply) : { kind: "unread", why: cut };
    if (reading.kind === "read") {
      return {
        kind: "answered",
        answer: reading.answer,
        ambiguous: reading.ambiguous ?? false,
        reply,
        tries: attempt,
      };
    }
    why = reading.why;
    messages = [...messages, ...reminder(reply.text, form)];
  }
  const times = tries === 1 ? "1 try" : `${tries} tries`;
  return failed("unread_verdict", `the judge's answer could not be read in ${times}: ${why}`);
}

const CUT: Readonly<Record<string, string>> = {
  length: "it was cut at its limit",
  content_filter: "the server filtered it",
  refusal: "the judge refused",
};

/** Why a reply did not come to its end, so that what it ends with is not its last word; null for one that did. */
export function cutReason({ finishReason }: Pick<ChatReply, "finishReason">): string | null {
  return finishReason !== null && Object.hasOwn(CUT, finishReason) ? (CUT[finishReason] ?? null) : null;
}

/** A reply is quoted no further than this, in UTF-16 units: what a judge repeats without end is not paid for again. */
const QUOTED = 2_000;

function reminder(text: string, form: string): Message[] {
  const said = text
    .slice(0, QUOTED)
    .replace(/[\ud800-\udbff]$/, "")
    .trim();
  return [
    { role: "assistant", content: said === "" ? "(no answer)" : said },
    { role: "user", content: `Your answer could not be read. Answer again. ${form}` },
  ];
}
