import type { JsonObject, Message } from "../src/core/types.ts";
import { promptMessages } from "../src/store/input/messages.ts";
import { isFields, RowProblem } from "../src/store/input/row-problem.ts";
import type { RowReading } from "../src/store/input/row-values.ts";
import { filledText, listOf, type ResponseDraft } from "./importer.ts";

export interface SideDraft {
  readonly text: string;
  readonly model?: string | undefined;
  readonly metadata: JsonObject;
}

/**
 * Two responses, the preferred one first: `preferred` 1 and 0. Where the data has no preference, as where both have the same
 * score, it is null for both. Equal texts teach nothing and are refused.
 */
export function preferencePair(
  chosen: SideDraft,
  rejected: SideDraft,
  decided = true,
): readonly ResponseDraft[] {
  if (chosen.text === rejected.text)
    throw new RowProblem("both responses are the same.", "leave the row out.");
  return [draft(chosen, decided ? 1 : null), draft(rejected, decided ? 0 : null)];
}

function draft({ text, model, metadata }: SideDraft, preferred: number | null): ResponseDraft {
  return { text, ...(model !== undefined && { model }), metadata: { ...metadata, preferred } };
}

export interface Conversations {
  readonly messages: readonly Message[];
  readonly chosen: string;
  readonly rejected: string;
}

/**
 * Prompt and answers from two whole conversations: the turns that both share are the prompt, and what is left of each must be
 * one assistant turn.
 */
export function splitConversations(
  chosen: readonly Message[],
  rejected: readonly Message[],
  reading: RowReading,
): Conversations {
  const shared = chosen.findIndex((turn, index) => {
    const other = rejected[index];
    return other === undefined || other.role !== turn.role || other.content !== turn.content;
  });
  if (shared === -1 && chosen.length === rejected.length) {
    throw new RowProblem("both conversations are the same.", "leave the row out.");
  }
  const at = shared === -1 ? chosen.length : shared;
  const prompt = promptMessages(
    chosen.slice(0, at).map(({ role, content }) => ({ role, content })),
    "chosen",
    { toolMessages: false, images: false },
    reading,
  );
  return {
    messages: prompt,
    chosen: lastTurn(chosen.slice(at), "chosen"),
    rejected: lastTurn(rejected.slice(at), "rejected"),
  };
}

function lastTurn(rest: readonly Message[], column: string): string {
  const [turn] = rest;
  if (rest.length !== 1 || turn?.role !== "assistant") {
    throw new RowProblem(
      "the conversations part before their last assistant turn.",
      "leave the row out: its sides do not answer the same prompt.",
      column,
    );
  }
  return filledText(turn.content, column);
}

/** A list of {role, content} whose content is text. */
export function conversation(value: unknown, column: string): readonly Message[] {
  return listOf(value, column).map((turn) => {
    const role = isFields(turn) ? turn.role : undefined;
    const content = isFields(turn) ? turn.content : undefined;
    if ((role === "system" || role === "user" || role === "assistant") && typeof content === "string") {
      return { role, content: content.toWellFormed() };
    }
    throw new RowProblem(
      "a turn is no {role, content} of system, user or assistant.",
      "correct the row.",
      column,
    );
  });
}
