import { CallFailure, isCallFailure } from "../core/errors.ts";
import type { Json, Message } from "../core/types.ts";
import type { Usage } from "./ports.ts";

/**
 * A message as OpenAI-compatible servers read it. `toolCalls` is JSON text in the row and a list here. An unpaired surrogate, which
 * UTF-8 cannot say, becomes U+FFFD.
 */
export function wireMessage(message: Message): { readonly [key: string]: Json } {
  const { role, content, toolCalls, toolCallId, name } = message;
  return {
    role,
    content: content.toWellFormed(),
    ...(toolCalls !== undefined && { tool_calls: jsonOf(toolCalls, "tool_calls") }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
    ...(name !== undefined && { name }),
  };
}

/** JSON text from a row, parsed. Throws `CallFailure` "bad_request" naming the field: no server was asked. */
export function jsonOf(text: string, field: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new CallFailure("bad_request", `the row's ${field} is not JSON`, { cause: error });
  }
}

/** `usage` of an OpenAI-compatible reply; null for what it does not say. */
export function wireUsage(reply: Readonly<Record<string, unknown>>): Usage {
  const usage = fieldsOf(reply.usage);
  const cached = count(fieldsOf(usage.prompt_tokens_details).cached_tokens);
  return {
    promptTokens: count(usage.prompt_tokens),
    outputTokens: count(usage.completion_tokens),
    ...(cached !== null && { cachedTokens: cached }),
  };
}

/** Reads a reply that its server has counted: one that cannot be read is billed all the same, and its failure says for how much. */
export function readCounted<Value>(usage: Usage, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    throw new CallFailure(error.code, error.message, { cause: error.cause, usage });
  }
}

export function count(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

/** The fields of anything: none for what is no object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** The items of anything: none for what is no list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/**
 * An upper bound of a prompt's tokens: UTF-8 bytes of what is sent (a byte-level token has at least one) and 16 for what a
 * template puts around each message.
 */
export function promptTokensAtMost(messages: readonly Message[], tools = ""): number {
  let bytes = Buffer.byteLength(tools);
  for (const { content, toolCalls = "", toolCallId = "", name = "" } of messages) {
    bytes += 16 + Buffer.byteLength(content) + Buffer.byteLength(toolCalls);
    bytes += Buffer.byteLength(toolCallId) + Buffer.byteLength(name);
  }
  return bytes;
}

/**
 * Whether a reply's model may be the one that was asked for: equal, case aside; or the reply starts with the asked name (dated
 * snapshots), or one ends with the other after a slash (paths, owners); a ":provider" suffix of the asked name is left aside.
 * `expected`, when given, is compared in its place; "any" accepts every model.
 */
export function isModel(replied: string | null, asked: string, expected = asked): boolean {
  if (replied === null || replied === "" || expected === "any") return true;
  const reply = replied.toLowerCase();
  const names = [expected.toLowerCase(), expected.toLowerCase().replace(/:[^/:]*$/, "")];
  return names.some(
    (name) => reply.startsWith(name) || name.endsWith(`/${reply}`) || reply.endsWith(`/${name}`),
  );
}

export function requireModel(where: string, replied: string | null, asked: string, expected?: string): void {
  if (isModel(replied, asked, expected)) return;
  throw new CallFailure(
    "wrong_model",
    `${where} was asked for ${asked} and ${(replied ?? "").slice(0, 100)} answered; if they are the same, say so with expectModel`,
  );
}
