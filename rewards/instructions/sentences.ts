import { SPACE, stripEnd } from "./python-text.ts";
import { ABBREVIATIONS, COMMON_WORDS, STARTERS } from "./sentence-lexicon.ts";

/**
 * Splits a text into sentences as NLTK's Punkt does.
 *
 * Source: Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection", in the form of NLTK's
 *         `PunktSentenceTokenizer`: the same steps, on short word lists instead of its trained tables.
 * Quirks: "1." at the head of a list item before a capital is a sentence; a line break alone ends none; "e.g." and
 *         "etc." do end one; a blank text has none.
 */
export function sentences(text: string): readonly string[] {
  return realigned(text, [...slices(text)]);
}

const NON_WORD = "[)\";}\\]*:@'({\\[\u2018\u2019\u201c\u201d«»?!]";
const MULTI_CHARACTER = `(?:-{2,}|\\.{2,}|(?:\\.[${SPACE}]){2,}\\.)`;
const CANDIDATE = new RegExp(`[.?!](?=(${NON_WORD}|[${SPACE}]+([^${SPACE}]+)))`, "gu");
const TOKEN = new RegExp(
  `${MULTI_CHARACTER}|(?=[^("\`{[:;&#*@)}\\]\\-,])[^${SPACE}]+?` +
    `(?=[${SPACE}]|$|${NON_WORD}|${MULTI_CHARACTER}|,(?=$|[${SPACE}]|${NON_WORD}|${MULTI_CHARACTER}))|[^${SPACE}]`,
  "gu",
);
/** Closing quotes and brackets after a period belong to the sentence before. */
const CLOSING = new RegExp(`^["')\\]}\u2018\u2019\u201c\u201d«»]+?(?:[${SPACE}]+|(?=--)|$)`, "u");

interface Candidate {
  /** Where the word before the mark begins, and where the mark stands. */
  readonly wordStart: number;
  readonly mark: number;
  readonly after: string;
  /** Where the next sentence would begin. */
  readonly next: number;
}

/** The last mark of each word that a mark follows: of "acting!!! I" the third. */
function* candidates(text: string): Generator<Candidate> {
  let previous: Candidate | null = null;
  for (const match of text.matchAll(CANDIDATE)) {
    const [, after = "", nextToken] = match;
    const mark = match.index;
    const wordStart = startOfWord(text, previous, mark);
    if (previous !== null && previous.mark <= wordStart) yield previous;
    const next = nextToken === undefined ? mark + 1 : mark + 1 + after.length - nextToken.length;
    previous = { wordStart, mark, after, next };
  }
  if (previous !== null) yield previous;
}

/** After the last blank since the mark before; with none, the word is one with the word before that mark. */
function startOfWord(text: string, previous: Candidate | null, mark: number): number {
  const from = previous?.mark ?? 0;
  const space = lastAsciiSpace(text, from, mark);
  return space > from ? space + 1 : (previous?.wordStart ?? 0);
}

/** -1 when there is none in [from, to). */
function lastAsciiSpace(text: string, from: number, to: number): number {
  for (let index = to - 1; index >= from; index--) {
    if (" \t\n\r\v\f".includes(text.charAt(index))) return index;
  }
  return -1;
}

interface Slice {
  readonly start: number;
  readonly end: number;
}

function* slices(text: string): Generator<Slice> {
  let start = 0;
  for (const { wordStart, mark, after, next } of candidates(text)) {
    if (!endsSentence(text.slice(wordStart, mark + 1) + after)) continue;
    yield { start, end: mark + 1 };
    start = next;
  }
  // Blanks at the end belong to no sentence; those at the beginning stay.
  yield { start, end: stripEnd(text).length };
}

function realigned(text: string, slices: readonly Slice[]): string[] {
  const found: string[] = [];
  let moved = 0;
  slices.forEach(({ start, end }, index) => {
    const from = start + moved;
    const following = slices[index + 1];
    const closing = following && CLOSING.exec(text.slice(following.start, following.end));
    moved = closing?.[0].length ?? 0;
    const to = following && closing ? following.start + stripEnd(closing[0]).length : end;
    if (closing || to > from) found.push(text.slice(from, to));
  });
  return found;
}

interface Token {
  readonly text: string;
  /** Lower case; numbers alike. */
  readonly type: string;
  ends: boolean;
  abbreviation: boolean;
}

/** Whether a sentence ends at a token of the context, another one following. */
function endsSentence(context: string): boolean {
  const tokens = context
    .split("\n")
    .flatMap((line) => line.match(TOKEN) ?? [])
    .map(byItself);
  tokens.forEach((token, index) => {
    const following = tokens[index + 1];
    if (following !== undefined) besideNext(token, following);
  });
  return tokens.slice(0, -1).some(({ ends }) => ends);
}

const NUMBER = /^-?[.,]?\p{Nd}[\p{Nd},.-]*\.?$/u;
const INITIAL = /^[\p{L}_]\.$/u;
const ELLIPSIS = /^\.\.+$/;

/** First pass: what the token alone says. */
function byItself(text: string): Token {
  const type = NUMBER.test(text) ? "##number##" : text.toLowerCase();
  const isMark = text === "." || text === "?" || text === "!";
  const hasPeriod = text.endsWith(".") && !text.endsWith("..");
  const word = text.slice(0, -1).toLowerCase();
  const abbreviation = !isMark && hasPeriod && (isAbbreviation(word) || isAbbreviation(afterHyphen(word)));
  return { text, type, ends: isMark || (hasPeriod && !abbreviation), abbreviation };
}

function isAbbreviation(word: string): boolean {
  return ABBREVIATIONS.has(word);
}

function afterHyphen(word: string): string {
  return word.slice(word.lastIndexOf("-") + 1);
}

/** Second pass: a period word before the next token. Changes the first of the two. */
function besideNext(token: Token, next: Token): void {
  if (!token.text.endsWith(".")) return;
  const isInitial = INITIAL.test(token.text);
  const nextType = next.ends && next.type.length > 1 ? next.type.replace(/\.$/, "") : next.type;
  const begins = beginsSentence(next.text, nextType);
  if ((token.abbreviation || ELLIPSIS.test(token.text)) && !isInitial && begins === true) {
    token.ends = true;
    return;
  }
  if (!isInitial && token.type !== "##number##") return;
  const isName = isInitial && begins === null && startsUpper(next.text) && !isCommon(nextType);
  if (begins === false || isName) {
    token.ends = false;
    token.abbreviation = true;
  }
}

/** By its case: true, false, or null when it does not tell. */
function beginsSentence(text: string, type: string): boolean | null {
  if (/^[;:,.!?]$/.test(text)) return false;
  if (startsUpper(text)) return STARTERS.has(type) ? true : null;
  return /^\p{Lowercase}/u.test(text) ? false : null;
}

function startsUpper(text: string): boolean {
  return /^\p{Uppercase}/u.test(text);
}

function isCommon(type: string): boolean {
  return STARTERS.has(type) || COMMON_WORDS.has(type);
}
