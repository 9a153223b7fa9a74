import { z } from "zod";
import { PrefkitError } from "../../core/errors.ts";
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
  turnsFrom,
} from "../layout-support.ts";
import type { PromptRecord } from "../message-rows.ts";
import type { Turns } from "../trainer-adapter.ts";
import { imageTurns, type WrittenImages } from "./image-turns.ts";

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
  /** The columns of tools and images, where this format has a place for them. */
  readonly extraColumns: readonly Column[];
  /** Why a prompt with its responses cannot be written, or null when it can. */
  fault(record: PromptRecord, responses: readonly string[]): string | null;
  prompt(messages: readonly Message[]): unknown;
  completion(text: string): unknown;
  /** What `prompt` and `completion` wrote, as it was. */
  read(value: unknown): Turns;
  extraValues(record: PromptRecord): Row;
}

/**
 * `images`: what becomes of images, in a layout that can have them. A dataset that maps none has no column for them.
 * Throws `bad_option` for images in texts.
 */
export function turnWriter(
  format: Format,
  extras: RowExtras,
  images?: WrittenImages | "leave-out",
): TurnWriter {
  const written = images === "leave-out" ? undefined : images;
  if (written !== undefined && format === "text") {
    throw new PrefkitError(
      "bad_option",
      `images is ${written}, and format is text, which has no place for images.`,
      "say format=conversational, or leave images out.",
    );
  }
  if (written !== undefined && extras.images) return imageTurns(written);
  return format === "text" ? textTurns : conversationalTurns(extras, images !== undefined);
}

/** Whether rows have images: other trainers read them, and their lengths are not those of their text. */
export function hasImages({ extraColumns: columns }: TurnWriter): boolean {
  return columns.some(({ name }) => name === "images");
}

/** Records with images are left out; `hint`: the layout has an option that writes them. */
function conversationalTurns({ tools = false }: RowExtras, hint: boolean): TurnWriter {
  const withoutImages: RowExtras = { tools };
  return {
    type: MESSAGE_LIST,
    extraColumns: extraColumns(withoutImages),
    fault: ({ messages, images = [] }) =>
      plainFault(messages) ??
      (hint && images.length > 0
        ? "it has images (images=bytes writes them, for a vision model)"
        : extrasFault({ images })),
    prompt: messageRows,
    completion: (text) => messageRows([{ role: "assistant", content: text }]),
    read: turnsFrom,
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
  read: turnsFrom,
  extraValues: () => ({}),
};
