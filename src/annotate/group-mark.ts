import { imageHash, sha256 } from "../core/ids.ts";
import type { Group, Prompt, SampledResponse } from "../core/types.ts";

/** What of a prompt and a response is looked at: all of it. A field that is new in the type is missing here, which is an error. */
const PROMPT_FIELDS = Object.keys({
  id: true,
  messages: true,
  reference: true,
  tools: true,
  metadata: true,
} satisfies Record<Exclude<keyof Prompt, "images">, true>) as (keyof Prompt)[];

/** Without the id, a hash that is made when first looked at, of what stands here; the text goes by its length and apart. */
const RESPONSE_FIELDS = Object.keys({
  reasoning: true,
  role: true,
  model: true,
  finishReason: true,
  tokenCount: true,
  sumLogprob: true,
  metadata: true,
} satisfies Record<Exclude<keyof SampledResponse, "id" | "text">, true>) as (keyof SampledResponse)[];

/**
 * Tells a group from every other by all that a scorer sees of it: 16 hex digits, 64 bits of a sha256. It stands beside a
 * group's scores, since ids that the user gives stay the same when the texts do not. The twin has a mark of its own.
 */
export function groupMark({ prompt, responses, siblingId }: Group): string {
  // Texts as JSON would cost half as much again, at millions of groups; with their lengths, they need no marks between them.
  let seen = JSON.stringify([
    PROMPT_FIELDS.map((field) => prompt[field]),
    (prompt.images ?? []).map(imageHash),
    responses.map((response) => [response.text.length, ...RESPONSE_FIELDS.map((field) => response[field])]),
    siblingId,
  ]);
  for (const { text } of responses) seen += text;
  return sha256(seen).slice(0, 16);
}
