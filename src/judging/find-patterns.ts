import {
  ENGLISH_PATTERNS,
  FOREIGN_PATTERNS,
  type VerdictLikeKind,
  type VerdictPattern,
} from "./verdict-patterns.ts";

/** UTF-16 offsets; `end` is exclusive. */
export interface Find {
  readonly kind: VerdictLikeKind;
  readonly start: number;
  readonly end: number;
}

/** Every match of every pattern. */
export function patternFinds(text: string): Find[] {
  return [...englishFinds(text), ...matches(text, FOREIGN_PATTERNS)];
}

/**
 * Matches of the English patterns. A pattern is tried only on the lines around one of its words: most texts have few of them,
 * and looking for all words at once takes a tenth of the time of trying all patterns.
 */
export function englishFinds(text: string): Find[] {
  if (UNUSUAL.test(text)) return matches(text, ENGLISH_PATTERNS);
  return [...matches(text, WITHOUT_WORDS), ...nearWords(text, PLAIN, (lines) => lines)];
}

/** What is said in rot13, every Latin letter thirteen places on, and in words: brackets and figures are not turned. */
export function rotatedFinds(text: string): Find[] {
  const finds = UNUSUAL.test(text)
    ? matches(rotated(text), ENGLISH_PATTERNS)
    : nearWords(text, ROTATED, rotated);
  return finds.filter(inWords(text));
}

/** Brackets and figures mean what they are; only what is said in several words may be hidden by another spelling. */
export function inWords(text: string): (find: Find) => boolean {
  return ({ start, end }) => /^[a-z][^\n]{2,} [a-z]{3}/i.test(text.slice(start, end));
}

/** The two letters beyond ASCII that patterns take for ASCII ones when case does not count: the long s and the kelvin sign. */
const UNUSUAL = /[\u017f\u212a]/;
const WITHOUT_WORDS = ENGLISH_PATTERNS.filter(({ words }) => words.length === 0);

const ALPHABET = "abcdefghijklmnopqrstuvwxyz";
const TURNED = new Map(
  [ALPHABET, ALPHABET.toUpperCase()].flatMap((letters) =>
    [...letters].map((letter, place) => [letter, letters[(place + 13) % 26] ?? ""]),
  ),
);

interface WordIndex {
  readonly anyWord: RegExp;
  readonly patterns: ReadonlyMap<string, readonly VerdictPattern[]>;
}

const PLAIN = indexOf((word) => word);
const ROTATED = indexOf(rotated);

function indexOf(spelled: (word: string) => string): WordIndex {
  const patterns = new Map<string, VerdictPattern[]>();
  for (const pattern of ENGLISH_PATTERNS) {
    for (const word of pattern.words) {
      const known = patterns.get(spelled(word));
      if (known) known.push(pattern);
      else patterns.set(spelled(word), [pattern]);
    }
  }
  return { anyWord: new RegExp(`(?<![a-z])(?:${[...patterns.keys()].join("|")})`, "gi"), patterns };
}

/** More than any match of a pattern with words is long. */
const REACH = 256;

/** The matches on whole lines that reach at least REACH to both sides of each word, so that `^`, `$` and lookbehinds hold. */
function nearWords(text: string, { anyWord, patterns }: WordIndex, turn: (lines: string) => string): Find[] {
  const windows = new Map<VerdictPattern, { start: number; end: number }[]>();
  for (const { 0: word, index } of text.matchAll(anyWord)) {
    for (const pattern of patterns.get(word.toLowerCase()) ?? []) {
      const list = windows.get(pattern) ?? [];
      if (list.length === 0) windows.set(pattern, list);
      widen(list, text, index);
    }
  }
  return [...windows].flatMap(([pattern, list]) =>
    list.flatMap((window) =>
      matches(turn(text.slice(window.start, window.end)), [pattern]).map(({ kind, start, end }) => ({
        kind,
        start: window.start + start,
        end: window.start + end,
      })),
    ),
  );
}

function widen(windows: { start: number; end: number }[], text: string, at: number): void {
  const last = windows.at(-1);
  // A long line is looked through once, not once for each word in it.
  if (last && at + REACH <= last.end) return;
  const lineEnd = text.indexOf("\n", at + REACH);
  const end = lineEnd === -1 ? text.length : lineEnd;
  if (last && at - REACH <= last.end) last.end = end;
  else windows.push({ start: at <= REACH ? 0 : text.lastIndexOf("\n", at - REACH) + 1, end });
}

function matches(text: string, patterns: readonly VerdictPattern[]): Find[] {
  return patterns.flatMap(({ kind, pattern }) =>
    Array.from(text.matchAll(pattern), ({ 0: match, index }) => ({
      kind,
      start: index,
      end: index + match.length,
    })),
  );
}

function rotated(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => TURNED.get(letter) ?? letter);
}
