import { type Candidate, isSeparator, joined } from "./boxed.ts";
import { isPiece, signWord } from "./extract-context.ts";
import { changesValue, readNumber } from "./number.ts";
import { normaliseAnswer } from "./text.ts";

/** How far around a digit a number may reach. */
const MAX_WORD = 1_000;

/** Whether the text is one number, at most with a unit. */
export function isNumber(text: string): boolean {
  return text.length <= MAX_WORD && readNumber(normaliseAnswer(text)) !== null;
}

/**
 * Whether a text is nothing but math: every word has a digit, an operator or a command in it, or is a single letter or the
 * name of a function. "2x + 3", "(1, 2)", "\sqrt{2}", "x < 5"; not "2 eggs", not "a".
 */
export function isFormula(text: string): boolean {
  if (text.length > MAX_WORD) return false;
  const words = text.replace(TEXT_COMMAND, "1").trim().split(/\s+/);
  return (
    words.every(isMathWord) && words.some((word) => /[\d=<>≤≥^\\]|\p{L}.*[-+*/(]|[-+*/(].*\p{L}/u.test(word))
  );
}

const TEXT_COMMAND = /\\(?:text|mathrm|mbox|operatorname)(?:bf|it|rm)? *\{[^{}]*\}/g;
const FUNCTION =
  /^(?:sqrt|cbrt|log|ln|exp|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|max|min|gcd|lcm|mod|pi|inf|infty|infinity)$/i;

function isMathWord(word: string): boolean {
  const bare = word.replace(/\\(?:begin|end)\{[a-z]+\*?\}|\\[a-zA-Z]+\*?/g, "1");
  const isLoose = /^[\p{L}]+$/u.test(bare);
  return (bare.match(/\p{L}{2,}/gu) ?? []).every(
    (letters) => FUNCTION.test(letters) || (!isLoose && letters.length === 2),
  );
}

const BOLD_LINE = /\d|\*\*\(?[A-J]\)?[.]?\*\*/;
const CHOICE = /^\(?[A-J]\)?\.?$/;

/** The last `**x**` on the last line with a digit or a choice, where x is a number, a formula, math or a choice from A to J; or a text that is nothing but a choice. */
export function boldAnswer(marked: string): readonly Candidate[] {
  if (marked.length < 100 && CHOICE.test(marked.trim()))
    return [{ start: 0, end: marked.length, text: marked }];
  const line = marked.includes("**") ? closingLine(marked, BOLD_LINE) : null;
  if (line === null) return [];
  const text = line.text.slice(-MAX_WORD);
  const lineStart = line.start + line.text.length - text.length;
  const bold = [...text.matchAll(/\*\*(?=[^\s*])([^*\n]{1,200})(?<=[^\s*])\*\*/g)].filter(
    ({ 0: all, 1: inside = "", index }) => {
      // "**3.** Then …" and "**Step 2:** …" are headings.
      const isHeading =
        /[.:)]$/.test(inside) && index < 6 && /[\p{L}\d]/u.test(text.slice(index + all.length));
      const content = inside.replace(LABEL, "");
      return !isHeading && (CHOICE.test(content) || (/\d/.test(inside) && isBoldAnswer(content)));
    },
  );
  const all = bold.map(({ 0: { length }, 1: inside = "", index }) => {
    const start = lineStart + index;
    return { start, end: start + length, text: inside.replace(LABEL, "") };
  });
  return wholeOf(marked, closingParts(marked, all));
}

/** The last of the pieces with those before it that are parts of the same list. */
function closingParts(text: string, all: readonly Candidate[]): readonly Candidate[] {
  const parts: Candidate[] = [];
  for (let index = all.length - 1; index >= 0; index--) {
    const part = all[index];
    const next = parts[0];
    if (!part || (next && !isSeparator(text, part.end, next.start))) break;
    if (next && !/[,;]|and|or/.test(text.slice(part.end, next.start))) break;
    parts.unshift(part);
  }
  return parts;
}

/** The parts as one candidate, unless they are only a piece of what is said. */
function wholeOf(text: string, parts: readonly Candidate[]): readonly Candidate[] {
  const [first] = parts;
  const last = parts.at(-1);
  if (!first || !last || isPiece(text, first.start, last.end)) return [];
  return [joined(parts)];
}

const LABEL = /^(?:final )?(?:answer|result|total) *[:=] */i;

function isBoldAnswer(content: string): boolean {
  return isNumber(content) || isFormula(content) || isWholeMath(content);
}

function isWholeMath(content: string): boolean {
  const [math] = environments(content);
  return math !== undefined && math.start === 0 && /^[\s.,]*$/.test(content.slice(math.end));
}

/** The last math environments, when no digit follows them; a lone letter ("where $x$ is …") is no answer. */
export function latexAnswer(text: string): readonly Candidate[] {
  const all = environments(text).filter(({ text }) => !/^\s*\\?[a-zA-Z]?\s*$/.test(text));
  const parts = closingParts(text, all);
  const last = parts.at(-1);
  if (last === undefined || /\d/.test(text.slice(last.end))) return [];
  return wholeOf(text, parts);
}

const PAIRS = [
  ["\\[", "\\]"],
  ["\\(", "\\)"],
  ["$$", "$$"],
] as const;

/**
 * Math environments in order, with what stands inside. A "$" is currency unless it closes on the same line with no prose
 * inside and no digit behind. Each closing mark is searched once, so the time is linear.
 */
export function environments(text: string): readonly Candidate[] {
  const found: Candidate[] = [];
  const closings = new Map<string, number>();
  const nextOf = (mark: string, from: number): number => {
    const known = closings.get(mark) ?? -2;
    if (known >= from || known === -1) return known;
    const place = text.indexOf(mark, from);
    closings.set(mark, place);
    return place;
  };
  const opening = /\\[[(]|\$\$?/g;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const { 0: mark, index } = match;
    if (text[index - 1] === "\\") continue; // "\$" is a dollar, "\\[2pt]" a line break
    const start = index + mark.length;
    const closing = PAIRS.find(([open]) => open === mark)?.[1] ?? "$";
    const end = nextOf(closing, start);
    if (end < 0 || end - start > MAX_WORD) continue;
    const inside = text.slice(start, end);
    if (mark === "$" && !isInline(inside, text[end + 1])) continue;
    found.push({ start: index, end: end + closing.length, text: inside });
    opening.lastIndex = end + closing.length;
  }
  return found;
}

function isInline(inside: string, next: string | undefined): boolean {
  if (inside === "" || inside.includes("\n") || isDigit(next)) return false;
  return isFormula(inside) || /^\s*\p{L}\s*$/u.test(inside);
}

const RELATION = /[=<>≤≥≠∈]|\\(?:le|ge|ne|lt|gt|in|leq|geq|neq|approx)(?![a-zA-Z])/;

/**
 * The last formula on the last line with a digit or a relation: it ends the line, or it has a relation sign and nothing with
 * a digit follows. What is a number, or a calculation that ends in one, is left to `last-number`.
 */
export function formulaAnswer(text: string): readonly Candidate[] {
  const line = closingLine(text, /[\d=<>≤≥]/);
  if (line === null || line.text.length > MAX_WORD) return [];
  const words = [...line.text.matchAll(/\S+/g)];
  let last = words.length - 1;
  const wordAt = (index: number): string => words[index]?.[0] ?? "";
  const isMath = (index: number): boolean => isMathWord(wordAt(index).replace(/[.,;:!?]+$/, ""));
  const isEnd = (index: number): boolean => index === words.length - 1;
  while (last >= 0 && !(isMath(last) && /[\d=<>≤≥]/.test(wordAt(last)))) {
    if (/\d/.test(wordAt(last))) return [];
    last -= 1;
  }
  if (last < 0) return [];
  let end = last;
  while (!isEnd(end) && isMath(end + 1) && !/[.,;:!?]$/.test(wordAt(end))) end += 1;
  let first = last;
  const isJoin = (index: number): boolean =>
    /^(?:and|or)$/i.test(wordAt(index)) && isMath(index - 1) && /^.$|[\d=<>≤≥\\]/u.test(wordAt(index - 1));
  while (first > 0 && (isMath(first - 1) || isJoin(first - 1)) && !/[.;:!?]$/.test(wordAt(first - 1)))
    first -= 1;
  while (first < last && /^(?:[aAI]|\W{1,2}|#{1,6})$/.test(wordAt(first))) first += 1;
  const start = words[first]?.index ?? 0;
  const stop = (words[end]?.index ?? 0) + wordAt(end).length;
  const content = withoutPunctuation(line.text.slice(start, stop)).replace(/,?\s+(?:and|or)\s+/gi, ", ");
  const isWanted = RELATION.test(content) ? isStatement(content) : isEnd(end) && isFormula(content);
  const isCut = content.includes("<<") || /[-+*/^=<>(]$/.test(content);
  if (!isWanted || isCut || isNumber(content)) return [];
  if (isPiece(text, line.start + start, line.start + stop)) return [];
  return [{ start: line.start + start, end: line.start + stop, text: content }];
}

/** In prose "18!" is no factorial; "(n - 1)!" is. */
function withoutPunctuation(text: string): string {
  const bare = text.replace(/[.,;:!?]+$/, "");
  return text[bare.length] === "!" && !isNumber(bare) ? `${bare}!` : bare;
}

/** An equation says more than its right side unless that is a number and the left side a calculation. */
function isStatement(content: string): boolean {
  const equals = content.lastIndexOf("=");
  if (equals < 0 || !isNumber(content.slice(equals + 1))) return true;
  const left = content.slice(0, equals).replace(/\\[a-zA-Z]+|(?<=\d) ?[xX] ?(?=\d)/g, "");
  return /\p{L}/u.test(left);
}

/** "Multiples of 18", "anything below 18": the number is not what is meant. */
const NOT_AS_IT_IS =
  /\b(?:of|by|below|under|above|over|beyond|past|from|to|until|till|before|after|between|within|near|around|about|approximately|roughly|nearly|almost|exceeds?|except|without|lacks?|minimum|maximum|up)\W+\d|\d\s+[a-z](?![a-z])/i;

/** What a sentence with one number says: "Janet makes 18 dollars." Null for what is no such sentence. */
export function sentenceNumber(text: string): string | null {
  if (text.length > MAX_WORD || !/^\s*\p{Lu}\p{L}*,? \p{L}[^=<>+*^\\{}()?!\n]*\.\s*$/u.test(text))
    return null;
  if ((text.match(/\S*\d\S*/g) ?? []).length !== 1 || NOT_AS_IT_IS.test(text)) return null;
  const [number] = numberAnswer(text);
  const words = text.replace(/(?:\b(?:is|are|was|were|be) )?\S*\d\S*/, "");
  return number === undefined || changesValue(words) ? null : number.text;
}

/** The last word with a digit in it, when that word (of "16*4=64" the 64) is a number. */
export function numberAnswer(text: string): readonly Candidate[] {
  let digit = text.length - 1;
  while (digit >= 0 && !isDigit(text[digit])) digit -= 1;
  if (digit < 0) return [];
  const window = text.slice(Math.max(0, digit - MAX_WORD), digit + MAX_WORD);
  const place = Math.min(digit, MAX_WORD);
  const before = /\S*$/.exec(window.slice(0, place))?.[0] ?? "";
  // A percent sign or a scale may stand apart and still belongs to the number.
  const after =
    /^\S*(?: ?(?:\\?%|(?:percent|thousand|million|billion|trillion)\b))?/i.exec(window.slice(place))?.[0] ??
    "";
  const word = `${before}${after}`;
  const value = word.slice(word.lastIndexOf("=") + 1).replace(/!+$/, ""); // prose calls out, and means no factorial
  const end = digit + after.length;
  if (!isNumber(value)) return [];
  const start = end - value.length;
  const sign = value.length === word.length ? signWord(text, start) : null;
  if (sign !== null && !isPiece(text, sign, end)) return [{ start: sign, end, text: `-${value}` }];
  return value.length === word.length && isPiece(text, start, end) ? [] : [{ start, end, text: value }];
}

interface Line {
  readonly start: number;
  readonly text: string;
}

/** The last line that holds the sign and is not all marks. */
function closingLine(text: string, sign: RegExp): Line | null {
  for (let end = text.length; end >= 0; ) {
    const start = end === 0 ? 0 : text.lastIndexOf("\n", end - 1) + 1;
    const line = text.slice(start, end);
    if (sign.test(line) && /[\p{L}\d]/u.test(line)) return { start, text: line };
    end = start - 1;
  }
  return null;
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}
