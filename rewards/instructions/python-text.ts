/**
 * Text as Python's `str` and `re` see it, where JavaScript differs: the reference implementation of the checks is
 * Python, and a check that strips another blank than it does gives another verdict.
 */

const [FIRST_SEPARATOR, LAST_SEPARATOR] = [String.fromCharCode(0x1c), String.fromCharCode(0x1f)];

/** What `\s` and `str.isspace` accept, for use inside a character class: the four ASCII separators too, U+FEFF not. */
export const SPACE = `\\p{White_Space}${FIRST_SEPARATOR}-${LAST_SEPARATOR}`;
/** What `\w` accepts, for use inside a character class. Marks are not among them: they split words, as in Python. */
export const WORD = "\\p{L}\\p{N}_";
/** `\b`, by Unicode words. */
export const BOUNDARY = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;

const SPACES = new RegExp(`[${SPACE}]+`, "u");
const ONE_SPACE = new RegExp(`^[${SPACE}]$`, "u");

export function isSpace(character: string): boolean {
  return ONE_SPACE.test(character);
}

/** `str.strip()`. A loop, because a regular expression anchored at the end is quadratic on long runs of blanks. */
export function strip(text: string): string {
  return stripEnds(text, isSpace);
}

/** `str.rstrip()`. */
export function stripEnd(text: string): string {
  return strip(`.${text}`).slice(1);
}

/** `str.strip("…")` for one character. */
export function stripCharacter(text: string, character: string): string {
  return stripEnds(text, (other) => other === character);
}

// All characters asked about lie in the basic plane, so code units will do.
function stripEnds(text: string, strips: (character: string) => boolean): string {
  let [start, end] = [0, text.length];
  while (start < end && strips(text.charAt(start))) start++;
  while (end > start && strips(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

export function isBlank(text: string): boolean {
  return strip(text) === "";
}

/** `str.split()`: at runs of white space, without empty pieces. */
export function splitAtSpaces(text: string): string[] {
  return text.split(SPACES).filter((piece) => piece !== "");
}

/** `str.isupper()`: at least one cased character, and none in lower or title case. */
export function isUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/\p{Lowercase}|\p{Lt}/u.test(text);
}

/** `str.islower()`: at least one cased character, and none in upper or title case. */
export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/\p{Uppercase}|\p{Lt}/u.test(text);
}

export function removePrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

export function removeSuffix(text: string, suffix: string): string {
  return suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}

/** How often a global expression matches, without overlaps. */
export function countMatches(text: string, expression: RegExp): number {
  let count = 0;
  for (const _ of text.matchAll(expression)) count++;
  return count;
}
