import { compareChoices, readChoice } from "./choice.ts";
import { MAX_ANSWER_LENGTH } from "./extract.ts";
import { type Form, readForm, UNREADABLE_FORM } from "./form.ts";
import {
  mentionsNumberWord,
  type NumberComparison,
  readNumber,
  sameNumber,
  type WrittenNumber,
} from "./number.ts";
import { isPlainValue } from "./shape.ts";
import { compareFormulas } from "./structure.ts";
import { normaliseAnswer } from "./text.ts";
import { currencyOf, unitOf } from "./units.ts";
import { plainWords } from "./words.ts";

/** A final answer, read once and compared many times. */
export interface Answer {
  /** As it was written, without blanks around it. */
  readonly raw: string;
  /** `normaliseAnswer(raw)`. */
  readonly text: string;
  /** Null when the text is not one number with at most a unit. */
  readonly number: WrittenNumber | null;
  /** As a formula or as words; read when it is asked for. */
  readonly form: Form;
}

export type Verdict = "equal" | "different" | "unknown";

/** One way to decide whether two answers are equal. `unknown` leaves it to the next one. */
export interface Rung {
  readonly name: string;
  readonly compare: (gold: Answer, given: Answer) => Verdict;
}

/** Reads an answer that was found. Longer texts than `MAX_ANSWER_LENGTH` are compared as strings only. */
export function readAnswer(raw: string): Answer {
  const trimmed = raw.trim();
  if (trimmed.length > MAX_ANSWER_LENGTH)
    return { raw: trimmed, text: trimmed, number: null, form: UNREADABLE_FORM };
  const simple = PLAIN_NUMBER.exec(trimmed);
  const text = simple === null ? normaliseAnswer(trimmed) : `${simple[1] ?? ""}${simple[2] ?? ""}`;
  let form: Form | null = null;
  return {
    raw: trimmed,
    text,
    number: simple === null ? readNumber(text) : plainNumber(text),
    get form() {
      form ??= readForm(trimmed, text);
      return form;
    },
  };
}

const PLAIN_INTEGER = /^-?\d{1,15}$/;

/** What most answers are: "18", "-3.50", "$18", "1,234". Read here without looking for anything else. */
const PLAIN_NUMBER = /^(-?)\$?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\$?\.?$/;

function plainNumber(text: string): WrittenNumber {
  const digits = text.replaceAll(",", "");
  const point = digits.indexOf(".");
  const places = point < 0 ? 0 : digits.length - point - 1;
  const numerator = BigInt(point < 0 ? digits : digits.slice(0, point) + digits.slice(point + 1));
  return { numerator, denominator: places === 0 ? 1n : 10n ** BigInt(places), percent: false, unit: "" };
}

/**
 * The rungs, cheapest first.
 *
 * 1. `string`: the answers are written the same.
 * 2. `normalised`: they are written the same once spacing, wrappers and currency are taken off.
 * 3. `number`: both are numbers; compared exactly, as fractions. Units are dropped where one side has none and never
 *    converted: other values in other units are left undecided, equal values in other units are different.
 * 4. `choice`: the reference is a letter from A to J, perhaps with what it stands for.
 * 5. `words`: both are words, or one is and the other is not.
 * 6. `expression`: both are formulas of one value; see `compareExpressions`.
 * 7. `structure`: assignments, lists, sets, tuples, intervals, conditions, matrices; part by part.
 */
export function answerRungs(options: Partial<NumberComparison> = {}): readonly Rung[] {
  const { tolerance = 0, percent = "distinct" } = options;
  const comparison: NumberComparison = { tolerance, percent };
  return [
    { name: "string", compare: (gold, given) => equalWhen(gold.raw === given.raw) },
    { name: "normalised", compare: compareNormalised },
    { name: "number", compare: (gold, given) => compareNumbers(gold, given, comparison) },
    { name: "choice", compare: compareAsChoices },
    { name: "words", compare: compareWords },
    { name: "expression", compare: (gold, given) => compareForms(gold, given, comparison, true) },
    { name: "structure", compare: (gold, given) => compareForms(gold, given, comparison, false) },
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

function compareNormalised(gold: Answer, given: Answer): Verdict {
  if (gold.number !== null && given.number !== null) return "unknown"; // the next rung sees their units
  return equalWhen(gold.text !== "" && compact(gold.text) === compact(given.text));
}

/** Without blanks; those between digits stay: "1 234" is one number or two, and "1 1/2" is not "11/2". */
function compact(text: string): string {
  return text.replace(/(?<![\d.])\s+|\s+(?![\d.])/g, "");
}

function compareNumbers(gold: Answer, given: Answer, options: NumberComparison): Verdict {
  if (gold.number === null || given.number === null) return "unknown";
  const areOtherUnits =
    gold.number.unit !== given.number.unit && gold.number.unit !== "" && given.number.unit !== "";
  if (sameNumber(gold.number, given.number, options))
    return haveOtherKinds(gold, given) ? "different" : "equal";
  // A decimal may still be the other number, rounded to six places; that is for the expressions to say.
  if (isFine(gold) || isFine(given))
    return areOtherUnits ? "unknown" : compareForms(gold, given, options, true);
  return areOtherUnits ? "unknown" : "different";
}

/** Written with six decimals or more. */
function isFine({ text }: Answer): boolean {
  return /\.\d{6}|\.\d{4,}\s*(?:%|percent)|\d\.\d*[eE]-|10\s*\^\s*\{?\s*-/.test(text);
}

/** Both have a known unit of measurement, or a currency, and not the same: 10 cm and 10 m, 7 am and 7 pm. */
function haveOtherKinds(gold: Answer, given: Answer): boolean {
  if (PLAIN_INTEGER.test(gold.raw) || PLAIN_INTEGER.test(given.raw)) return false;
  const [one, other] = [gold, given].map(({ text, raw }) => unitOf(text) ?? currencyOf(raw));
  return one !== null && other !== null && one !== other;
}

function compareAsChoices(gold: Answer, given: Answer): Verdict {
  const chosen = readChoice(gold.text);
  if (chosen === null) return "unknown";
  // A bare "b" may be a variable; a reference that says "B" or "(b)" or "B) 12" is a choice.
  const isChosen = chosen.letter === gold.text[0] || chosen.content !== "" || gold.text !== gold.raw;
  const other = readChoice(given.text);
  // "not A" and "both A and B" are no choice of one.
  if (isChosen && other === null && given.form.kind === "words") return "different";
  return compareChoices(chosen, other, isChosen);
}

function compareWords(gold: Answer, given: Answer): Verdict {
  const [one, other] = [gold.form, given.form];
  if (one.kind === "words" && other.kind === "words") return one.text === other.text ? "equal" : "different";
  const [words, rest] = one.kind === "words" ? [one, other] : [other, one];
  if (words.kind !== "words" || rest.kind !== "formula") return "unknown";
  if (rest.node.kind === "symbol" && plainWords(rest.node.name) === words.text) return "equal";
  return mentionsNumberWord(words.text) ? "unknown" : "different";
}

/** `isPlain`: both have one value; else they may be anything. */
function compareForms(gold: Answer, given: Answer, options: NumberComparison, isPlain: boolean): Verdict {
  const [one, other] = [gold.form, given.form];
  if (one.kind !== "formula" || other.kind !== "formula") return "unknown";
  if (isPlain !== (isPlainValue(one.node) && isPlainValue(other.node))) return "unknown";
  const verdict = compareFormulas(one.node, other.node, options);
  if (verdict === "unknown" || !haveOtherKinds(gold, given)) return verdict;
  // 10 cm is not 10 m; whether 2 hours are 120 minutes is not said, since nothing is converted.
  return verdict === "equal" ? "different" : "unknown";
}
