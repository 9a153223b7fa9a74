import { englishFinds, type Find, inWords, patternFinds, rotatedFinds } from "./find-patterns.ts";
import { lettersForFigures, plainLetters } from "./plain-letters.ts";
import type { VerdictLikeKind } from "./verdict-patterns.ts";

export type { VerdictLikeKind } from "./verdict-patterns.ts";

/** A place in a text that reads like a verdict or like an instruction to the judge. */
export interface VerdictLike {
  readonly kind: VerdictLikeKind;
  /** UTF-16 offsets; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Finds in a response what reads like a verdict ("[[A]]", "Score: 10/10", JSON with a score), like an instruction to the judge
 * ("ignore previous instructions", in fourteen languages), like the end of its own section, a turn of a chat or another
 * response, and what says so in base64, hex or rot13 or in look-alike letters. In order, without overlaps: where two finds
 * meet, the one that starts first, then the longer.
 *
 * It finds forms and not intentions: an answer about chat templates or about judging is found as well, and flattery is not.
 * docs/injection.md says how often.
 *
 *   verdictLike("fine [[A]]") -> [{ kind: "verdict_token", start: 5, end: 10, text: "[[A]]" }]
 */
export function verdictLike(text: string): readonly VerdictLike[] {
  return withoutOverlaps(text, [...plainFinds(text), ...encodedFinds(text)]);
}

/**
 * The text with all that was found in brackets or quotes broken by a space after the first: "[[A]]" becomes "[ [A]]", which no
 * reader of verdicts takes for one. What is said in words stays.
 */
export function breakVerdictLike(text: string): string {
  // Overlaps too: "Rating: [[5]]" is one find and holds another.
  const starts = plainFinds(text).map(({ start }) => start);
  let broken = "";
  let from = 0;
  for (const start of [...new Set(starts)].sort((a, b) => a - b)) {
    if (!/[[［<"'【]/.test(text[start] ?? "")) continue;
    broken += `${text.slice(from, start + 1)} `;
    from = start + 1;
  }
  return broken + text.slice(from);
}

function plainFinds(text: string): Find[] {
  const found = patternFinds(text);
  const spelled = lettersForFigures(text);
  if (spelled !== null) found.push(...englishFinds(spelled).filter(inWords(spelled)));
  const plain = plainLetters(text);
  if (plain === null) return found;
  const original = englishFinds(plain.text).map(({ kind, start, end }) => ({
    kind,
    start: plain.offsets[start] ?? 0,
    end: plain.offsets[end] ?? text.length,
  }));
  return [...found, ...original];
}

/** Long enough to say something, in the alphabets of base64 and of hex. */
const BASE64 = /[A-Za-z0-9+/]{16,4000}={0,2}/g;
const HEX = /(?:[0-9a-f]{2}[ :]?){12,2000}/gi;

function encodedFinds(text: string): Find[] {
  const runs = (pattern: RegExp, decode: (run: string) => string): Find[] =>
    Array.from(text.matchAll(pattern))
      .filter(([run]) => says(decode(run)))
      .map(({ 0: run, index }) => ({ kind: "encoded", start: index, end: index + run.length }));
  return [
    ...runs(BASE64, (run) => Buffer.from(run, "base64").toString("utf8")),
    ...runs(HEX, (run) => Buffer.from(run.replace(/[ :]/g, ""), "hex").toString("utf8")),
    ...rotatedFinds(text).map(({ start, end }): Find => ({ kind: "encoded", start, end })),
  ];
}

function says(decoded: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S}\s]*$/u.test(decoded) && plainFinds(decoded).length > 0;
}

function withoutOverlaps(text: string, finds: readonly Find[]): VerdictLike[] {
  const sorted = finds.toSorted((a, b) => a.start - b.start || b.end - a.end || (a.kind < b.kind ? -1 : 1));
  const kept: VerdictLike[] = [];
  for (const { kind, start, end } of sorted) {
    const last = kept.at(-1);
    if (last !== undefined && start < last.end) continue;
    kept.push({ kind, start, end, text: text.slice(start, end) });
  }
  return kept;
}
