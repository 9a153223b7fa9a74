import { z } from "zod";
import type { Message } from "../../core/types.ts";
import type { RowExtras } from "../../store/row-sets.ts";
import { required } from "../../store/schema.ts";
import type { Column, ColumnType, Row } from "../../store/table.ts";
import {
  extraColumns,
  extrasFault,
  extraValues,
  MESSAGE_LIST,
  messageRows,
  plainFault,
  singleTurnText,
} from "../layout-support.ts";
import type { PromptRecord } from "../message-rows.ts";

/**
 * conversational: message lists, rendered by the model's own chat template, without another end of sequence. text: strings, for
 * base models; TRL puts the end-of-sequence token after the completion itself.
 */
export type Format = "conversational" | "text";

export const formatOption = {
  format: z
    .enum(["conversational", "text"])
    .default("conversational")
    .describe(
      "conversational: message lists, rendered by the chat template. text: strings, for base models.",
    ),
};

/** How prompts and completions are written in one of TRL's two formats. */
export interface TurnWriter {
  readonly type: ColumnType;
  /** The column of tools, where this format has a place for it. */
  readonly extraColumns: readonly Column[];
  /** Why a prompt cannot be written, or null when it can. */
  fault(record: PromptRecord): string | null;
  prompt(messages: readonly Message[]): unknown;
  completion(text: string): unknown;
  extraValues(record: PromptRecord): Row;
}

export function turnWriter(format: Format, extras: RowExtras): TurnWriter {
  return format === "text" ? textTurns : conversationalTurns(extras);
}

/**
 * Images are left out: TRL asks for decoded pictures and puts a place of its own for each in front of the text, where `<image>` of
 * the dataset's would stay as letters.
 */
function conversationalTurns({ tools = false }: RowExtras): TurnWriter {
  const withoutImages: RowExtras = { tools };
  return {
    type: MESSAGE_LIST,
    extraColumns: extraColumns(withoutImages),
    fault: ({ messages, images }) =>
      plainFault(messages) ?? extrasFault(images === undefined ? {} : { images }),
    prompt: messageRows,
    completion: (text) => messageRows([{ role: "assistant", content: text }]),
    extraValues: (record) => extraValues(record, withoutImages),
  };
}

const textTurns: TurnWriter = {
  type: required("text", "string").type,
  extraColumns: [],
  fault: (record) => {
    const turn = singleTurnText(record.messages);
    return "why" in turn ? turn.why : extrasFault(record);
  },
  // A record with several turns has a fault, and never comes here.
  prompt: (messages) => messages.map(({ content }) => content).join(""),
  completion: (text) => text,
  extraValues: () => ({}),
};
