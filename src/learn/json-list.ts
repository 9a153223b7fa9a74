import { jsonOrUndefined } from "../core/json.ts";
import type { Reading } from "../judging/ask.ts";
import { afterThinking } from "../judging/final-mark.ts";

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
 * Unread: thinking that is still open, no array at the end, broken JSON (a reply that was cut off, for instance), anything but strings in it, a blank item,
 * one of more than 1,000 characters. Never part of a list.
 * Worked: 'Two: ["Is short.", "Cites  a source."]' -> ["Is short.", "Cites a source."]; '["a", 1]' -> unread.
 */
export function readJsonList(reply: string): Reading<readonly string[]> {
  const reading = readJsonArray(reply);
  if (reading.kind === "unread") return reading;
  const items: string[] = [];
  for (const [index, item] of reading.answer.entries()) {
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

/**
 * The JSON array of finite numbers that a reply ends with, as many as were asked for; numbers below 0 count as 0.
 *
 * Worked: "The first.\n[9, 2.5, -1]" -> [9, 2.5, 0] of three; "[9, null, 1]" -> unread.
 */
export function readNumbers(reply: string, count: number): Reading<readonly number[]> {
  const reading = readJsonArray(reply);
  if (reading.kind === "unread") return reading;
  const numbers = reading.answer.filter(
    (value): value is number => typeof value === "number" && Number.isFinite(value),
  );
  if (numbers.length !== count || reading.answer.length !== count)
    return unread(`it does not end with ${count} numbers`);
  return { kind: "read", answer: numbers.map((value) => Math.max(0, value)) };
}

/** The JSON array that a reply ends with, plain or in a code fence; what it thought before does not count. */
function readJsonArray(reply: string): Reading<readonly unknown[]> {
  const answer = afterThinking(reply);
  if (answer === null) return unread("it does not come to the end of its thinking");
  const text = withoutFence(answer.trimEnd());
  if (!text.endsWith("]")) return unread("it does not end with a JSON array");
  const found = arrayAtEnd(text);
  return found === null ? unread("what it ends with is not valid JSON") : { kind: "read", answer: found };
}

function withoutFence(text: string): string {
  return text.endsWith(FENCE) ? text.slice(0, -FENCE.length).trimEnd() : text;
}

const FENCE = "```";

/** From the last opening bracket backwards: the first from which all that follows is JSON is the array's own. */
function arrayAtEnd(text: string): readonly unknown[] | null {
  let at = text.lastIndexOf("[");
  for (let tried = 0; at >= 0 && tried < MOST_OPENINGS; tried++) {
    const value = beginsAlone(text, at) ? jsonOrUndefined(text.slice(at)) : undefined;
    if (Array.isArray(value)) return value;
    at = at === 0 ? -1 : text.lastIndexOf("[", at - 1);
  }
  return null;
}

/**
 * Whether an array that begins here is no part of JSON that was cut off: of `["a", ["b"]`, of `["a", "see []`, or of an object
 * whose key stands before it, `{"rules": ["a"]`, be it on a line of its own.
 */
function beginsAlone(text: string, at: number): boolean {
  const sameLine = text.slice(lineStart(text, at), at);
  if (sameLine.includes('"')) return false;
  const before = text.slice(0, at).trimEnd();
  if (/[[{,]$/.test(before.slice(-1))) return false;
  const line = before.slice(lineStart(before, before.length)).trimStart();
  return !(before.endsWith(":") && (/^[[{"']/.test(line) || /["']$/.test(before.slice(0, -1).trimEnd())));
}

function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}

function unread(why: string): Reading<never> {
  return { kind: "unread", why };
}
