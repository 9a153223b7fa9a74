import { lastBoxed } from "./boxed.ts";
import { readNumber } from "./number.ts";
import { cleanResponse, normaliseAnswer } from "./text.ts";

/** Ways to find the final answer in a response, in the order in which they are tried. */
export const EXTRACTION_RULES = [
  "answer-tag",
  "boxed",
  "hashes",
  "answer-line",
  "answer-is",
  "last-number",
] as const;
export type ExtractionRule = (typeof EXTRACTION_RULES)[number];

/** The rules that go by a marker and do not guess. */
const MARKED_RULES: readonly ExtractionRule[] = ["boxed", "hashes", "answer-line", "answer-is"];

export interface FoundAnswer {
  /** `whole`: the text is itself the answer (references only). */
  readonly rule: ExtractionRule | "whole";
  /** As it was written. */
  readonly text: string;
}

/** A longer answer is not an answer. */
export const MAX_ANSWER_LENGTH = 1_000;
/** Of a longer text only this many last characters are read. */
const MAX_TEXT_LENGTH = 1_000_000;

/**
 * Finds the final answer of a response by the first rule that finds one. Linear in the length of the text; null when
 * no rule finds anything, or only what is longer than `MAX_ANSWER_LENGTH`.
 *
 * - `answer-tag`: what the last closed `<answer>…</answer>` holds, by the other rules or as a whole.
 * - `boxed`: the last closed `\boxed{x}` or `\fbox{x}`.
 * - `hashes`: the last `#### x`. Markdown has headings of that form, so x must be a number or stand on the last line.
 * - `answer-line`: the last line `A: x` or `(Final) answer: x`, x on the same or the next line; `A: x` under the same
 *   condition as `hashes`, and not when the text has a line `B: …`, which makes it a multiple choice.
 * - `answer-is`: the last "the (final) answer (to …) is x", x up to the end of the sentence.
 * - `last-number`: the last word with a digit in it, when that word is a number ("16*4=64" is 64; "2x" is none).
 */
export function findAnswer(
  text: string,
  rules: readonly ExtractionRule[] = EXTRACTION_RULES,
): FoundAnswer | null {
  const clean = cleanResponse(text.slice(-MAX_TEXT_LENGTH));
  for (const rule of rules) {
    const found = FINDERS[rule](clean)?.trim() ?? "";
    if (found !== "" && found.length <= MAX_ANSWER_LENGTH && normaliseAnswer(found) !== "") {
      return { rule, text: found };
    }
  }
  return null;
}

/**
 * Finds the answer in a reference, which may be a whole worked solution ("…\n#### 18") or the bare answer. A number is
 * never lifted out of running text: a reference without a marker is taken whole when it is a single line.
 * Null: unreadable.
 */
export function findReferenceAnswer(reference: string): FoundAnswer | null {
  const marked = findAnswer(reference, MARKED_RULES);
  if (marked !== null) return marked;
  const whole = reference.trim();
  if (whole.includes("\n") || whole.length > MAX_ANSWER_LENGTH || normaliseAnswer(whole) === "") return null;
  return { rule: "whole", text: whole };
}

const FINDERS: Readonly<Record<ExtractionRule, (text: string) => string | null>> = {
  "answer-tag": lastTagged,
  boxed: lastBoxed,
  hashes: (text) => lastOf(text, afterHashes),
  "answer-line": (text) => lastOf(text, answerLineFinder(text)),
  "answer-is": afterAnswerIs,
  "last-number": lastNumber,
};

function lastTagged(text: string): string | null {
  const end = text.lastIndexOf("</answer>");
  const start = end < 0 ? -1 : text.lastIndexOf("<answer>", end);
  if (start < 0) return null;
  const inside = text.slice(start + "<answer>".length, end).trim();
  const marked = findAnswer(inside, MARKED_RULES);
  if (marked !== null) return marked.text;
  return inside.includes("\n") ? lastNumber(inside) : inside;
}

type LineReader = (line: string, place: { readonly isLast: boolean; readonly next: string }) => string | null;

/** Asks each line, from the last one up, until one has something. */
function lastOf(text: string, read: LineReader): string | null {
  const lines = text.trimEnd().split(/\r?\n/);
  let next = "";
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index] ?? "";
    const found = read(line, { isLast: index === lines.length - 1, next });
    if (found !== null && found.trim() !== "") return found;
    if (/[\p{L}\d]/u.test(line)) next = line; // a line of marks, such as "$$", is passed over
  }
  return null;
}

const afterHashes: LineReader = (line, { isLast }) => {
  const start = line.lastIndexOf("####");
  if (start < 0 || line[start - 1] === "#") return null;
  const content = line.slice(start + 4);
  return isLast || isNumber(content) ? content : null;
};

function answerLineFinder(text: string): LineReader {
  const isChoice = /^[ \t]*B:/m.test(text);
  return (line, { isLast, next }) => {
    const spelled = /^[\s>*_#-]{0,12}(?:final\s{1,4})?answer[\s*_]{0,4}(?::(.*)|$)/i.exec(line);
    if (spelled) return spelled[1]?.trim() || next;
    const short = /^[ \t]{0,12}A:(.*)$/.exec(line)?.[1];
    if (short === undefined || isChoice) return null;
    return isLast || isNumber(short) ? short : null;
  };
}

function isNumber(text: string): boolean {
  return text.length <= MAX_ANSWER_LENGTH && readNumber(normaliseAnswer(text)) !== null;
}

const ANSWER_IS = /\banswer(?:\s{1,4}to\s[^.\n:=]{1,60}?)?\s{1,4}is\b\s{0,4}:?\s{0,8}/gi;
const SENTENCE_END = /[.?](?=\s|$)|,\s+(?=\p{L}{2})|\s(?:because|since)\s/u;

function afterAnswerIs(text: string): string | null {
  let start: number | null = null;
  for (const match of text.matchAll(ANSWER_IS)) start = match.index + match[0].length;
  if (start === null) return null;
  // One character more than an answer may have, so that a longer one is seen to be too long.
  const [line = ""] = text.slice(start, start + MAX_ANSWER_LENGTH + 1).split("\n", 1);
  return line.split(SENTENCE_END, 1)[0] ?? "";
}

function lastNumber(text: string): string | null {
  let digit = text.length - 1;
  while (digit >= 0 && !isDigit(text[digit])) digit -= 1;
  if (digit < 0) return null;
  const window = text.slice(Math.max(0, digit - MAX_ANSWER_LENGTH), digit + MAX_ANSWER_LENGTH);
  const place = Math.min(digit, MAX_ANSWER_LENGTH);
  const before = /\S*$/.exec(window.slice(0, place))?.[0] ?? "";
  // A percent sign or a scale may stand apart and still belongs to the number.
  const after = /^\S*(?: ?(?:\\?%|(?:percent|thousand|million|billion|trillion)\b))?/i.exec(
    window.slice(place),
  )?.[0];
  const word = `${before}${after ?? ""}`;
  const value = word.slice(word.lastIndexOf("=") + 1);
  return isNumber(value) ? value : null;
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}
