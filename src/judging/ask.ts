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
 * cut, filtered, refused or broken off is never read, see `cutReason`.
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

/** Ends that servers name, in lower case, where a reply came to its end by itself. */
const ENDED = ["stop", "stop_sequence", "eos", "eos_token", "end_turn", "complete", "completed"];

/** Servers that look for calls in the text end so; a reply of calls alone says nothing. */
const CALLED = ["tool_calls", "function_call"];

/** What other ends mean that are known well enough to be told in words. */
const CUT: Readonly<Record<string, string>> = {
  length: "it was cut at its limit",
  max_tokens: "it was cut at its limit",
  content_filter: "the server filtered it",
  safety: "the server filtered it",
  refusal: "the judge refused",
};

/** A reason is quoted no further than this, in UTF-16 units. */
const LONGEST_REASON = 40;

/**
 * Why a reply did not come to its end, so that what it ends with is not its last word; null for one that did. Servers have many
 * names for an end that is none (`max_tokens`, `abort`, `error`, `SAFETY`), so whatever is not known as a good one counts as such.
 * A server that names none (null) is believed.
 */
export function cutReason({ finishReason, text }: Pick<ChatReply, "finishReason" | "text">): string | null {
  const reason = (finishReason ?? "").trim().toLowerCase();
  if (reason === "" || ENDED.includes(reason)) return null;
  if (CALLED.includes(reason)) return /\S/.test(text) ? null : "it calls a tool and says nothing";
  const told = Object.hasOwn(CUT, reason) ? CUT[reason] : undefined;
  return told ?? `the server ended it by ${JSON.stringify(reason.slice(0, LONGEST_REASON).toWellFormed())}`;
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
