import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { messageRecord } from "../core/ids.ts";
import type { Image, Message, MessageRole } from "../core/types.ts";
import type { RowExtras } from "../store/row-sets.ts";
import { listOf, optional, required } from "../store/schema.ts";
import type { Column, ColumnType, Row } from "../store/table.ts";
import type {
  ExportedExample,
  ExportLayout,
  LayoutDefinition,
  LayoutRows,
  SourceFacts,
  Turns,
} from "./trainer-adapter.ts";

/** list<struct<role, content>>: a conversation, and nothing in a turn but what every trainer and template reads. */
export const MESSAGE_LIST: ColumnType = listOf(required("role", "string"), required("content", "string"));

/** struct<role, content>: one turn by itself, as LLaMA-Factory and axolotl read `chosen` and `rejected`. */
export const MESSAGE: ColumnType = {
  kind: "struct",
  fields: [required("role", "string"), required("content", "string")],
};

/** list<struct<bytes, path>>: images as `datasets` stores them. */
export const IMAGE_LIST: ColumnType = listOf(optional("bytes", "bytes"), optional("path", "string"));

/** A layout whose options are typed by their schema; `create` gets what the schema made of them. */
export function defineLayout<Schema extends z.ZodObject>(definition: {
  readonly summary: string;
  readonly options: Schema;
  readonly create: (options: z.output<Schema>, facts: SourceFacts) => ExportLayout;
}): LayoutDefinition {
  return {
    ...definition,
    create: (options, facts) => definition.create(options as z.output<Schema>, facts),
  };
}

/** Text of an option that must be given; `example` says how, as in `--option scores=KEY,KEY`. */
export function requiredText(example: string): z.ZodString {
  const missing = `it must be given, as in \`--option ${example}\``;
  return z.string({ error: ({ input }) => (input === undefined ? missing : undefined) }).min(1, missing);
}

/** One row and nothing left out. */
export function oneRow(row: Row): LayoutRows {
  return { rows: [row], leftOut: [] };
}

/** No row, and the reason. Equal reasons are counted together: put no ids or texts into them. */
export function noRow(id: string, why: string): LayoutRows {
  return { rows: [], leftOut: [{ id, why }] };
}

/**
 * Why a conversation cannot be written as roles and contents alone, or null when it can: tool calls, and the ids and names
 * that bind tool turns to them, have no place in struct<role, content>, and without them it would be another conversation.
 */
export function plainFault(messages: readonly Message[]): string | null {
  const bound = messages.some(
    ({ toolCalls, toolCallId, name }) =>
      toolCalls !== undefined || toolCallId !== undefined || name !== undefined,
  );
  return bound
    ? "a message has tool calls, a tool call id or a name, which this layout has no place for"
    : null;
}

/** A conversation as rows of role and content. Throws `internal` for one with a `plainFault`: ask that first. */
export function messageRows(messages: readonly Message[]): Row[] {
  const fault = plainFault(messages);
  if (fault !== null)
    throw new PrefkitError("internal", `${fault}.`, "leave such records out, with the reason.");
  return messages.map(messageRecord);
}

/** The text of a side of a pair, which is one assistant turn. Throws `internal` for several. */
export function onlyText(messages: readonly Message[]): string {
  const [only, ...others] = messages;
  if (only && others.length === 0) return only.content;
  throw new PrefkitError(
    "internal",
    `one turn was looked for, and ${messages.length} are there.`,
    "leave such records out, with the reason.",
  );
}

/** A value of a written row, read back: text, or a conversation. */
export function turnsFrom(value: unknown): Turns {
  return typeof value === "string" ? value : (value as readonly Row[]).map(messageFrom);
}

/** A written turn, read back. */
export function messageFrom(value: unknown): Message {
  const { role, content } = value as Row;
  return { role: role as MessageRole, content: content as string };
}

/** The columns for tools and images, only in datasets that map them: an empty `images` column would change a trainer's path. */
export function extraColumns({ tools, images }: RowExtras): Column[] {
  return [
    ...(tools ? [optional("tools", "string")] : []),
    ...(images ? [optional("images", IMAGE_LIST)] : []),
  ];
}

/** What goes into `extraColumns`. */
export function extraValues(
  record: { readonly tools?: string; readonly images?: readonly Image[] },
  extras: RowExtras,
): Row {
  return {
    ...(extras.tools ? { tools: record.tools ?? null } : {}),
    ...(extras.images ? { images: record.images ?? null } : {}),
  };
}

/** The tools of a written row, as its example has them. */
export function toolsOf({ tools }: Row): { readonly tools?: string } {
  return typeof tools === "string" ? { tools } : {};
}

/** Why a response cannot stand in a row of its own, or null when it can. */
export function responseFault(text: string): string | null {
  return text.trim() === "" ? "the response is empty" : null;
}

/**
 * A response with a rating instead of a label, as the export check looks at it: one text after a prompt. It is given as a step,
 * since a label would be made up.
 */
export function ratedExample(prompt: Turns, response: unknown): ExportedExample {
  return { kind: "stepwise", prompt, completions: [response as string], labels: [true] };
}

/** Why a layout without a place for them cannot hold a record's tools or images, or null when it has none. */
export function extrasFault(record: {
  readonly tools?: string;
  readonly images?: readonly Image[];
}): string | null {
  if (record.tools !== undefined) return "it has tools, which this layout has no place for";
  return record.images !== undefined && record.images.length > 0
    ? "it has images, which this layout has no place for"
    : null;
}

/**
 * The one user turn that a text prompt can be, or why it is none. Several turns as one text would need a chat template, and
 * the trainer would not know them again.
 */
export function singleTurnText(
  messages: readonly Message[],
): { readonly text: string } | { readonly why: string } {
  const [only, ...others] = messages;
  if (only && others.length === 0 && only.role === "user" && plainFault(messages) === null)
    return { text: only.content };
  return { why: "the prompt is not one user turn, which is all that a text can hold" };
}

/** The scores of a dataset by key; throws `unknown_name` for one that it does not have. */
export function knownScore(key: string, { scores }: SourceFacts): string {
  if (scores.includes(key)) return key;
  throw new PrefkitError(
    "unknown_name",
    `the dataset has no score "${key}".`,
    scores.length === 0 ? "run a recipe with scorers first." : `it has ${scores.join(", ")}.`,
  );
}
