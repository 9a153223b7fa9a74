import type { Reading } from "../judging/ask.ts";

/** Longest item, in UTF-16 units: what is longer is an essay, not an item of a list. */
const LONGEST_ITEM = 1_000;
/** More opening brackets than this are not looked at, so that no reply takes long to read. */
const MOST_OPENINGS = 500;

/** What a model is asked for, and reminded of. */
export const JSON_LIST_FORM =
  'End with a JSON array of strings and nothing after it, as in ["first", "second"]; an empty array [] when there is nothing to list.';

/**
 * The list of texts that a reply ends with: a JSON array of strings, plain or in a code fence, with anything before it and
 * nothing after. Of each item the spaces are made single ones.
 *
 * Unread: no array at the end, broken JSON (a reply that was cut off, for instance), anything but strings in it, a blank item,
 * one of more than 1,000 characters. Never part of a list.
 * Worked: 'Two: ["Is short.", "Cites  a source."]' -> ["Is short.", "Cites a source."]; '["a", 1]' -> unread.
 */
export function readJsonList(reply: string): Reading<readonly string[]> {
  const text = reply.trimEnd().replace(/\s*```$/, "");
  if (!text.endsWith("]")) return unread("it does not end with a JSON array");
  const found = arrayAtEnd(text);
  if (found === null) return unread("what it ends with is not valid JSON");
  const items: string[] = [];
  for (const [index, item] of found.entries()) {
    if (typeof item !== "string") return unread(`item ${index + 1} of the array is not a string`);
    const clean = item.toWellFormed().replace(/\s+/g, " ").trim();
    if (clean === "") return unread(`item ${index + 1} of the array is blank`);
    if (clean.length > LONGEST_ITEM) {
      return unread(
        `item ${index + 1} of the array has ${clean.length} characters, more than ${LONGEST_ITEM}`,
      );
    }
    items.push(clean);
  }
  return { kind: "read", answer: items };
}

/** From the last opening bracket backwards: the first from which all that follows is JSON is the array's own. */
function arrayAtEnd(text: string): readonly unknown[] | null {
  let at = text.lastIndexOf("[");
  for (let tried = 0; at >= 0 && tried < MOST_OPENINGS; tried++) {
    const value = beginsAlone(text, at) ? parsed(text.slice(at)) : undefined;
    if (Array.isArray(value)) return value;
    at = at === 0 ? -1 : text.lastIndexOf("[", at - 1);
  }
  return null;
}

/** Whether an array that begins here is not a part of one that was cut off: of `["a", ["b"]`, or of `["a", "see []`. */
function beginsAlone(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  return !line.includes('"') && !/[[,]\s*$/.test(text.slice(Math.max(0, at - 100), at));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function unread(why: string): Reading<never> {
  return { kind: "unread", why };
}
