import { jsonOrUndefined } from "../../core/json.ts";
import type { Message, MessageRole } from "../../core/types.ts";
import { isFields, kindOf, RowProblem } from "./row-problem.ts";
import { type RowReading, textOf, wellFormed } from "./row-values.ts";
import type { Fields } from "./source.ts";

export interface MessageOptions {
  readonly toolMessages: boolean;
  readonly images: boolean;
}

/** What an image part of a message becomes in its text, as trainers with vision input expect. */
export const IMAGE_PLACEHOLDER = "<image>";

const ROLES: readonly string[] = ["system", "developer", "user", "assistant", "tool"] satisfies MessageRole[];

/**
 * A prompt's messages. Text is one user message; a list is read as chat messages.
 * A row is bad when there is no message, a role is unknown, a system turn is not the first, or the last turn is not
 * from the user or a tool.
 */
export function promptMessages(
  value: unknown,
  column: string,
  options: MessageOptions,
  reading: RowReading,
): readonly Message[] {
  if (typeof value === "string") {
    if (value.trim() === "") throw emptyPrompt(column);
    return [{ role: "user", content: wellFormed(value, reading) }];
  }
  if (!Array.isArray(value)) {
    throw new RowProblem(
      `the prompt must be text or a list of messages and is ${kindOf(value)}.`,
      "map a field with text, or with a list of {role, content}.",
      column,
    );
  }
  if (value.length === 0) throw emptyPrompt(column);
  const messages = value.map((message) => readMessage(message, column, options, reading));
  checkOrder(messages, column);
  return messages;
}

function emptyPrompt(column: string): RowProblem {
  return new RowProblem("the prompt is empty.", "give it text, or leave the row out.", column);
}

function checkOrder(messages: readonly Message[], column: string): void {
  const late = messages.findIndex(({ role }, index) => index > 0 && isSystem(role));
  if (late > 0) {
    throw new RowProblem(
      `message ${late + 1} of the prompt has the role ${messages[late]?.role}, which may only come first.`,
      "move it to the front or join it to the first message.",
      column,
    );
  }
  const last = messages.at(-1);
  if (last?.role === "assistant") {
    throw new RowProblem(
      "the prompt ends with an assistant turn.",
      "end the prompt with the user's turn and map the last assistant turn as a response.",
      column,
    );
  }
  if (last && isSystem(last.role)) {
    throw new RowProblem("the prompt has no user turn.", "add the user's message.", column);
  }
  if (last?.role === "user" && last.content.trim() === "") throw emptyPrompt(column);
}

function isSystem(role: MessageRole): boolean {
  return role === "system" || role === "developer";
}

function readMessage(value: unknown, column: string, options: MessageOptions, reading: RowReading): Message {
  if (!isFields(value)) {
    throw new RowProblem(
      `a message must be an object and is ${kindOf(value)}.`,
      "write each message as {role, content}.",
      column,
    );
  }
  const role = readRole(value.role, column);
  const tools = toolFields(value, column, options, reading);
  const content =
    (value.content ?? null) === null && tools.toolCalls !== undefined
      ? ""
      : contentText(value.content, column, options, reading);
  return { role, content, ...tools };
}

function readRole(role: unknown, column: string): MessageRole {
  if (typeof role === "string" && ROLES.includes(role)) return role as MessageRole;
  const got = typeof role === "string" ? `the role "${role.slice(0, 40)}"` : "no role";
  throw new RowProblem(`a message has ${got}.`, `use one of ${ROLES.join(", ")}.`, column);
}

/** A message's text: text itself, or the text parts joined. Image parts become placeholders when images are mapped. */
export function contentText(
  content: unknown,
  column: string,
  options: Pick<MessageOptions, "images">,
  reading: RowReading,
): string {
  if (!Array.isArray(content)) return textOf(content, column, "a message's content", reading);
  return content.map((part) => partText(part, column, options, reading)).join("");
}

function partText(
  part: unknown,
  column: string,
  { images }: Pick<MessageOptions, "images">,
  reading: RowReading,
): string {
  if (typeof part === "string") return wellFormed(part, reading);
  const type = isFields(part) ? part.type : undefined;
  if (isFields(part) && type === "text") return textOf(part.text, column, "a text part", reading);
  if (type === "image" || type === "image_url" || type === "input_image") {
    if (images) {
      reading.imageParts += 1;
      return IMAGE_PLACEHOLDER;
    }
    throw new RowProblem(
      "a message has an image part, and the input maps no images.",
      "map the images (map.images), or leave the row out.",
      column,
    );
  }
  const got = typeof type === "string" ? `a part of type "${type.slice(0, 40)}"` : "a part without a type";
  throw new RowProblem(`a message has ${got}.`, 'use parts of type "text" and "image".', column);
}

type ToolFields = Pick<Message, "toolCalls" | "toolCallId" | "name">;

function toolFields(
  message: Fields,
  column: string,
  options: MessageOptions,
  reading: RowReading,
): ToolFields {
  const given = ["tool_calls", "tool_call_id", "name"].find((name) => isGiven(message[name]));
  if (given === undefined) return {};
  if (!options.toolMessages) {
    throw new RowProblem(
      `a message has ${given}, and the input does not map tool fields.`,
      "set map.toolMessages: true to keep them.",
      column,
    );
  }
  const { tool_calls: calls, tool_call_id: callId, name } = message;
  return {
    ...(isGiven(calls) && { toolCalls: jsonText(calls, column, "tool_calls", reading) }),
    ...(isGiven(callId) && { toolCallId: textOf(callId, column, "tool_call_id", reading) }),
    ...(isGiven(name) && { name: textOf(name, column, "a message's name", reading) }),
  };
}

// Tables fill fields that only some messages have with null, and lists with nothing.
function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0);
}

/** JSON text: as it stands when it is JSON already, else written. */
export function jsonText(value: unknown, column: string, what: string, reading: RowReading): string {
  const text = typeof value === "string" ? value : written(value);
  if (text !== undefined && jsonOrUndefined(text) !== undefined) return wellFormed(text, reading);
  throw new RowProblem(`${what} is not JSON.`, "write a list or an object, or JSON text of one.", column);
}

function written(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? Number(inner) : inner));
}

/**
 * The text of a chat message given as a response: `{role: "assistant", content}`. Null when `value` is no message.
 */
export function assistantText(value: Fields, column: string, reading: RowReading): string | null {
  if (!("content" in value) || !("role" in value)) return null;
  if (value.role !== "assistant") {
    throw new RowProblem(
      `a response is a message of role "${String(value.role).slice(0, 40)}".`,
      "map only the assistant's message as the response, and the turns before it as the prompt.",
      column,
    );
  }
  if (isGiven(value.tool_calls)) {
    throw new RowProblem(
      "a response has tool_calls, and a response is text.",
      "write the call into the text, or leave the row out.",
      column,
    );
  }
  return contentText(value.content, column, { images: false }, reading);
}
