import { MAX_ANSWER_LENGTH } from "./extract.ts";
import {
  mentionsNumberWord,
  type NumberComparison,
  readNumber,
  sameNumber,
  type WrittenNumber,
} from "./number.ts";
import { normaliseAnswer } from "./text.ts";

/** A final answer, read once and compared many times. */
export interface Answer {
  /** As it was written, without blanks around it. */
  readonly raw: string;
  /** `normaliseAnswer(raw)`. */
  readonly text: string;
  /** Null when the text is not one number with at most a unit. */
  readonly number: WrittenNumber | null;
  /** Present when the text has an "=": "x = 5" -> left "x", right "5". With several, what follows the last one. */
  readonly equation: {
    readonly left: string;
    readonly right: string;
    readonly number: WrittenNumber | null;
  } | null;
}

export type Verdict = "equal" | "different" | "unknown";

/** One way to decide whether two answers are equal. `unknown` leaves it to the next one. */
export interface Rung {
  readonly name: string;
  readonly compare: (gold: Answer, given: Answer) => Verdict;
}

/** Reads an answer that was found. Longer texts than `MAX_ANSWER_LENGTH` are never read as numbers. */
export function readAnswer(raw: string): Answer {
  const trimmed = raw.trim();
  if (trimmed.length > MAX_ANSWER_LENGTH)
    return { raw: trimmed, text: trimmed, number: null, equation: null };
  const text = normaliseAnswer(trimmed);
  return { raw: trimmed, text, number: readNumber(text), equation: readEquation(text) };
}

function readEquation(text: string): Answer["equation"] {
  const first = text.indexOf("=");
  if (first < 0 || /[<>≤≥≠!]|\\(?:le|ge|ne)/.test(text)) return null;
  const right = text.slice(text.lastIndexOf("=") + 1).trim();
  return { left: text.slice(0, first).trim(), right, number: readNumber(right) };
}

/**
 * The rungs, cheapest first. A later one, such as a symbolic comparison, is one more entry at the end.
 *
 * 1. `string`: the answers are written the same.
 * 2. `normalised`: they are written the same once spacing, wrappers, currency and case of plain words are taken off.
 * 3. `number`: both are numbers; compared exactly, as fractions. Units are dropped and not converted: other values in
 *    other units are left undecided. "x = 5" counts as 5 where the other side has no equation.
 * 4. `words`: both are plain words and differ, or one is a number and the other plain words without a number word.
 * 5. `open-formula`: one is a number, the other a formula with a name in it ("9 + John's age", "5x").
 */
export function answerRungs(options: Partial<NumberComparison> = {}): readonly Rung[] {
  const comparison: NumberComparison = { tolerance: 0, percent: "distinct", ...options };
  return [
    { name: "string", compare: (gold, given) => equalWhen(gold.raw === given.raw) },
    { name: "normalised", compare: (gold, given) => equalWhen(compact(gold.text) === compact(given.text)) },
    { name: "number", compare: (gold, given) => compareNumbers(gold, given, comparison) },
    { name: "words", compare: compareWords },
    { name: "open-formula", compare: compareOpenFormula },
  ];
}

/** Climbs the rungs until one decides. `rung` is null, and the verdict `unknown`, when none does. */
export function compareAnswers(
  gold: Answer,
  given: Answer,
  rungs: readonly Rung[] = answerRungs(),
): { readonly verdict: Verdict; readonly rung: string | null } {
  for (const { name, compare } of rungs) {
    const verdict = compare(gold, given);
    if (verdict !== "unknown") return { verdict, rung: name };
  }
  return { verdict: "unknown", rung: null };
}

function equalWhen(same: boolean): Verdict {
  return same ? "equal" : "unknown";
}

function compact(text: string): string {
  const bare = text.replace(/\s+/g, "");
  return isWords(text) ? bare.toLowerCase() : bare;
}

function compareNumbers(gold: Answer, given: Answer, options: NumberComparison): Verdict {
  if (gold.equation && given.equation) return compareEquations(gold.equation, given.equation, options);
  // The reference's "x = 5" is the value of x; its "2x + z = 1" is a statement, and no number answers it.
  const goldEquation = gold.equation && isName(gold.equation.left) ? gold.equation : null;
  const goldNumber = gold.equation ? (goldEquation?.number ?? null) : gold.number;
  const givenNumber = given.equation ? given.equation.number : given.number;
  return numberVerdict(goldNumber, givenNumber, options);
}

type Equation = NonNullable<Answer["equation"]>;

function compareEquations(gold: Equation, given: Equation, options: NumberComparison): Verdict {
  if (compact(gold.left) === compact(given.left)) return numberVerdict(gold.number, given.number, options);
  return isName(gold.left) && isName(given.left) ? "different" : "unknown";
}

function numberVerdict(
  gold: WrittenNumber | null,
  given: WrittenNumber | null,
  options: NumberComparison,
): Verdict {
  if (gold === null || given === null) return "unknown";
  if (sameNumber(gold, given, options)) return "equal";
  const otherUnits = gold.unit !== "" && given.unit !== "" && gold.unit !== given.unit;
  return otherUnits ? "unknown" : "different";
}

function compareWords(gold: Answer, given: Answer): Verdict {
  if (isWords(gold.text) && isWords(given.text)) return "different";
  const words = gold.number ? given.text : given.number ? gold.text : "";
  return isWords(words) && !mentionsNumberWord(words) ? "different" : "unknown";
}

function compareOpenFormula(gold: Answer, given: Answer): Verdict {
  if (gold.number) return hasFreeName(given.equation?.right ?? given.text) ? "different" : "unknown";
  return given.number && hasFreeName(gold.text) ? "different" : "unknown";
}

/**
 * A formula with a name as operand: added or multiplied ("9 + John's age", "age * 2"), or a variable ("5x"). Letters
 * that are also units ("5m", "5h") do not count, nor does anything behind a hyphen ("18-year-old").
 */
function hasFreeName(text: string): boolean {
  const names = text.replace(/\\[a-zA-Z]+/g, "#").replace(FUNCTIONS, "#");
  return /[+*]\s?\p{L}|^[\p{L}'’\s]+[+*]|(?<!\p{L})[bnpqrvxyz](?!\p{L})/u.test(names);
}

const FUNCTIONS = /\b(?:sqrt|cbrt|root|log|ln|exp|sin|cos|tan|floor|ceil|min|max|abs|mod|gcd|lcm)\b/gi;

function isWords(text: string): boolean {
  return /^\p{L}[\p{L}\s'’-]*$/u.test(text);
}

/** "x", "x_1", "\theta", "speed", "f(x)". */
function isName(text: string): boolean {
  return /^\\?\p{L}[\p{L}\d]*(?:_\{?[\p{L}\d]+\}?)?(?:\([\p{L}\d]+\))?$/u.test(text);
}
