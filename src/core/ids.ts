import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Image, Message } from "./types.ts";

/** sha256 as lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  // crypto.hash (Node 20.12 and newer) is about twice as fast as createHash on short texts.
  return hash("sha256", data);
}

/** RFC 8785 JSON. Throws on NaN, infinities and values JSON cannot say. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("canonicalJson got a value that JSON cannot represent.");
  return text;
}

/** First 32 hex digits of sha256 over the canonical JSON of `value`. */
export function contentHash(value: unknown): string {
  return sha256(canonicalJson(value)).slice(0, 32);
}

/**
 * `contentHash` for lists of texts and whole numbers, where JSON.stringify writes the canonical form already (RFC 8785
 * takes its rules for strings and numbers from ECMAScript) at a tenth of the cost.
 */
function listHash(values: readonly (string | number)[]): string {
  return sha256(JSON.stringify(values)).slice(0, 32);
}

/** A message as it is hashed and stored: snake_case, absent fields left out. */
export function messageRecord(message: Message): Record<string, string> {
  const record: Record<string, string> = { role: message.role, content: message.content };
  if (message.toolCalls !== undefined) record.tool_calls = message.toolCalls;
  if (message.toolCallId !== undefined) record.tool_call_id = message.toolCallId;
  if (message.name !== undefined) record.name = message.name;
  return record;
}

/** An image by its bytes; one without bytes by its path. */
export function imageHash({ bytes, path }: Image): string {
  return sha256(bytes ?? `path:${path ?? ""}`);
}

/**
 * The id of a prompt without an id of its own: a hash of what the model sees (messages, tools, image bytes), not of the
 * reference or metadata. Equal content gives equal ids in every run; no Unicode normalisation.
 */
export function promptId(content: {
  readonly messages: readonly Message[];
  readonly tools?: string;
  readonly images?: readonly Image[];
}): string {
  const hashed: Record<string, unknown> = { messages: content.messages.map(messageRecord) };
  if (content.tools !== undefined) hashed.tools = content.tools;
  if (content.images && content.images.length > 0) {
    hashed.images = content.images.map(imageHash);
  }
  return contentHash(hashed);
}

/** Ids of a prompt's responses; equal texts are told apart by their occurrence k = 0, 1, … */
export function responseIds(promptId: string, texts: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return texts.map((text) => {
    const occurrence = seen.get(text) ?? 0;
    seen.set(text, occurrence + 1);
    return listHash([promptId, text, occurrence]);
  });
}

export function pairId(promptId: string, chosenId: string, rejectedId: string, rule: string): string {
  return listHash([promptId, chosenId, rejectedId, rule]);
}
