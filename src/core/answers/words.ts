import { FUNCTIONS, GREEK } from "./math/vocabulary.ts";

/** What some words say in mathematics. */
const MEANINGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "no solution": "emptyset",
    "no solutions": "emptyset",
    "no real solution": "emptyset",
    "no real solutions": "emptyset",
    "empty set": "emptyset",
    empty: "emptyset",
    "all real numbers": "all real numbers",
    "all reals": "all real numbers",
    "all real": "all real numbers",
    "any real number": "all real numbers",
    "real numbers": "all real numbers",
    dne: "does not exist",
    "doesn't exist": "does not exist",
    "infinitely many": "infinitely many",
    "infinitely many solutions": "infinitely many",
    "infinite solutions": "infinitely many",
  }),
);

/** Words as they are compared: lower case, without article, "there is" and punctuation; phrases that say the same, the same. */
export function plainWords(text: string): string {
  const bare = text
    .toLowerCase()
    .replace(/[’]/g, "'")
    .replace(/[\s.,;:!?()"“”_*-]+/g, " ")
    .trim()
    .replace(/^there (?:is|are) (?=no )/, "")
    .replace(/^(?:the|an?) (?=\p{L}{2})/u, "");
  return MEANINGS.get(bare) ?? bare;
}

const WORDS = /^[("“]?\p{L}[\p{L}\s'’.,;:!?()"“”-]*$/u;

/**
 * Whether a text is words and not a formula: letters, with at least one run of letters that is no variable, function or
 * Greek letter. "xy", "sin x" and "x or y" are formulas; "Paris", "no" and "it is even" are words.
 */
export function isWording(text: string): boolean {
  if (!WORDS.test(text)) return false;
  const runs = text.match(/\p{L}+/gu) ?? [];
  return runs.some((run) => run.length >= 2 && isWord(run));
}

const TWO_LETTERS = new Set("no on so is it of to at an as be by do go he if me my up us we am".split(" "));
const SEPARATORS = new Set(["and", "or"]);

function isWord(run: string): boolean {
  const lower = run.toLowerCase();
  if (run.length === 2) return TWO_LETTERS.has(lower);
  if (FUNCTIONS.has(run) || GREEK.has(run) || SEPARATORS.has(lower) || /^(?:infinity|infty|inf)$/.test(lower))
    return false;
  // "xyz" and "abc" are products; English words have vowels besides a.
  if (run.length === 3) return !/^(?:[abcd]{3}|[^aeiouAEIOU]{3})$/.test(run);
  return true;
}
