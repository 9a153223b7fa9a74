import type { Json } from "../core/types.ts";

/**
 * The JSON that a reply consists of; undefined for anything else. One fence around the whole of it and a closed block of
 * thinking before it do not matter: servers without structured output add these. An object that names a key twice, at any
 * depth, says two things and is no JSON here.
 */
export function jsonOf(text: string): Json | undefined {
  const json = withoutFence(text.trim().replace(LEADING_THINKING, "").trim());
  let value: Json;
  try {
    value = JSON.parse(json) as Json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
  return keysWritten(json) === keysHeld(value) ? value : undefined;
}

/** The value as an object of exactly these keys; null for anything else. */
export function fieldsOf<Key extends string>(
  value: Json | undefined,
  keys: readonly Key[],
): Readonly<Record<Key, Json>> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const holdsAll = keys.every((key) => Object.hasOwn(value, key));
  return holdsAll && Object.keys(value).length === keys.length ? (value as Record<Key, Json>) : null;
}

/** Up to the first end of thinking, unless the reply starts with its JSON, which may speak of such an end. */
const LEADING_THINKING = /^[^{`][\s\S]*?<\/think(?:ing)?>/i;

function withoutFence(text: string): string {
  const [opening] = /^```(?:json)?\s*\n/i.exec(text) ?? [];
  const isFenced = opening !== undefined && text.length >= opening.length + 3 && text.endsWith("```");
  return isFenced ? text.slice(opening.length, -3) : text;
}

/** Strings before a colon; in JSON these are keys. */
function keysWritten(json: string): number {
  let keys = 0;
  for (const [, colon] of json.matchAll(/"(?:[^"\\]+|\\.)*"(\s*:)?/g)) if (colon !== undefined) keys += 1;
  return keys;
}

/** Keys of all objects in a value, of which each was kept once. */
function keysHeld(value: Json): number {
  const open: Json[] = [value];
  let keys = 0;
  for (const one of open) {
    if (typeof one !== "object" || one === null) continue;
    const values = Object.values(one) as Json[];
    if (!Array.isArray(one)) keys += values.length;
    for (const inner of values) open.push(inner);
  }
  return keys;
}
