import { type Candidate, joinedBoxes } from "./boxed.ts";
import {
  boldAnswer,
  formulaAnswer,
  isFormula,
  latexAnswer,
  numberAnswer,
  sentenceNumber,
} from "./extract-bare.ts";
import { cleanResponse, withoutBold } from "./extract-clean.ts";
import { isBoxDenied } from "./extract-context.ts";
import { answerIs, answerLines, hashLines, isAnswerMissing, taggedAnswers } from "./extract-marked.ts";
import { normaliseAnswer } from "./text.ts";

/** Ways to find the final answer in a response, in the order in which they are tried. */
export const EXTRACTION_RULES = [
  "answer-tag",
  "boxed",
  "hashes",
  "answer-line",
  "answer-is",
  "bold",
  "latex",
  "formula",
  "last-number",
] as const;
export type ExtractionRule = (typeof EXTRACTION_RULES)[number];

/** The rules that go by a marker and do not guess. */
const MARKED_RULES: readonly ExtractionRule[] = ["boxed", "hashes", "answer-line", "answer-is"];

/** The rules that read the end of a text. */
const END_RULES: ReadonlySet<ExtractionRule> = new Set(["bold", "latex", "formula", "last-number"]);

export interface FoundAnswer {
  /** `whole`: the text is itself the answer (references only). */
  readonly rule: ExtractionRule | "whole";
  /** As it was written. */
  readonly text: string;
}

export interface Extraction extends FoundAnswer {
  /** How many different answers the rule found; at least 1, of more than a hundred only the last hundred are told apart. */
  readonly candidates: number;
  /** Whether more is said after the answer than the rest of its sentence. */
  readonly hasTextAfter: boolean;
}

export interface ExtractionOptions {
  /** Tried in this order. Default: all. */
  readonly rules?: readonly ExtractionRule[];
  /** Which one counts when a marker comes several times. Default: the last. The rules without a marker read the end. */
  readonly which?: "last" | "first";
}

/** A longer answer is not an answer. */
export const MAX_ANSWER_LENGTH = 1_000;

/** Finds candidates in order of appearance. `text` has blanks for bold marks; `marked` is as long and has the marks. */
type Finder = (text: string, marked: string) => readonly Candidate[];

const FINDERS: Readonly<Record<ExtractionRule, Finder>> = {
  "answer-tag": (text) => taggedAnswers(text, insideTag),
  boxed: (text) => joinedBoxes(text).filter(({ start, end }) => !isBoxDenied(text, start, end)),
  hashes: hashLines,
  "answer-line": answerLines,
  "answer-is": answerIs,
  bold: (_, marked) => boldAnswer(marked),
  latex: latexAnswer,
  formula: formulaAnswer,
  "last-number": numberAnswer,
};

/**
 * Finds the final answer of a response by the first rule that finds one. Linear in the length of the text. Null: no rule
 * finds anything, or the one that does finds more than `MAX_ANSWER_LENGTH` characters.
 *
 * By a marker:
 * - `answer-tag`: what a closed `<answer>…</answer>` holds, by the other rules or as a whole.
 * - `boxed`: a closed `\boxed{x}` or `\fbox{x}` that is not denied ("not \boxed{5}"); neighbouring ones are one answer of
 *   several parts ("1, 2").
 * - `hashes`: `#### x`. Markdown has headings of that form: x is a number or a formula, or stands on the last line.
 * - `answer-line`: a line `A: x` or `(Final) answer: x`, x on the same or the next line; `A: x` under the same condition
 *   as `hashes`, and not when the text has a line `B: …`, which makes it a multiple choice.
 * - `answer-is`: "the (final) answer (to …) is x" or "answer: x" within a line, x up to the end of the sentence; "Option
 *   C is correct", "I choose C".
 *
 * By the end of the text, unless that is a marker without an answer, such as a box that is never closed, or "the answer is
 * not 5". No piece of what is said is taken: half of "4 or 5", a value that is denied or scaled behind it ("5 dozen").
 * - `bold`: the last `**x**` on the last line with a digit, where x is a number, a formula or a choice from A to J.
 * - `latex`: the last of `$$…$$`, `\[…\]`, `$…$`, `\(…\)`; neighbouring ones are one answer; no digit may follow.
 * - `formula`: the last formula without math marks on the last line with a digit ("y = 2x + 3", "(1, 2)").
 * - `last-number`: the last word with a digit in it, when that word is a number ("16*4=64" is 64; "2x" is none).
 *
 * What is thought before `</think>`, turn tokens, calculator annotations and bold marks are taken out first.
 */
export function extractAnswer(response: string, options: ExtractionOptions = {}): Extraction | null {
  return extractFrom(cleanResponse(response), options);
}

/** `extractAnswer` without the flags. */
export function findAnswer(
  response: string,
  rules: readonly ExtractionRule[] = EXTRACTION_RULES,
): FoundAnswer | null {
  const found = extractAnswer(response, { rules });
  return found && { rule: found.rule, text: found.text };
}

function extractFrom(
  marked: string,
  { rules = EXTRACTION_RULES, which = "last" }: ExtractionOptions,
): Extraction | null {
  const text = withoutBold(marked);
  for (const rule of rules) {
    if (END_RULES.has(rule) && isAnswerMissing(text)) continue;
    const candidates = FINDERS[rule](text, marked).filter(({ text }) => isAnswer(text));
    const chosen = which === "last" ? candidates.at(-1) : candidates[0];
    if (chosen === undefined) continue;
    // Reading on would lift a piece out of the answer that was marked.
    if (chosen.text.length > MAX_ANSWER_LENGTH) return null;
    return {
      rule,
      text: tidied(chosen.text),
      candidates: countDifferent(candidates),
      hasTextAfter: hasTextAfter(text, chosen.end),
    };
  }
  return null;
}

/** Without a label and closing pictures; "negative 5" and "minus 5" are -5. */
function tidied(text: string): string {
  const trimmed = text.trim();
  if (/^-?[\d.,]+$/.test(trimmed)) return trimmed;
  if (/^\\text ?\{\s*\p{Lu}/u.test(trimmed)) {
    const said = normaliseAnswer(trimmed);
    return sentenceNumber(said.endsWith(".") ? said : `${said}.`)?.replace(/\.$/, "") ?? trimmed;
  }
  const bare = trimmed
    .replace(/^(?:final )?answer *[:=] */i, "")
    .replace(/(?:\s|\p{Extended_Pictographic}|\uFE0F|✓|∎)+$/u, "")
    .replace(/^(?:negative|minus)\s+(?=\$?(?:\.?\d|\\(?:frac|sqrt|pi)))/i, "-");
  return bare === "" ? trimmed : bare;
}

function isAnswer(text: string): boolean {
  if (/^\s{0,9}[A-Za-z0-9]/.test(text)) return true;
  return text.trim() !== "" && (text.length > MAX_ANSWER_LENGTH || normaliseAnswer(text) !== "");
}

/** What stands inside a tag is the answer, unless it is a text that marks its answer. */
function insideTag(inside: string): string {
  const marked = extractFrom(inside, { rules: MARKED_RULES });
  if (marked !== null) return marked.text;
  if (!inside.trim().includes("\n") || isFormula(inside)) return sentenceNumber(inside) ?? inside;
  return extractFrom(inside, { rules: ["bold", "latex", "formula", "last-number"] })?.text ?? inside;
}

/**
 * Finds the answer in a reference, which may be a whole worked solution ("…\n#### 18") or the bare answer. A number is
 * never lifted out of running text: a reference without a marker is taken whole when it is a single line or a formula.
 * Null: unreadable.
 */
export function findReferenceAnswer(reference: string): FoundAnswer | null {
  const marked = findAnswer(reference, MARKED_RULES);
  if (marked !== null) return marked;
  const whole = reference.trim();
  if (whole.length > MAX_ANSWER_LENGTH || normaliseAnswer(whole) === "") return null;
  return whole.includes("\n") && !isFormula(whole) ? null : { rule: "whole", text: whole };
}

function countDifferent(candidates: readonly Candidate[]): number {
  if (candidates.length === 1) return 1;
  const texts = new Set(candidates.slice(-100).map(({ text }) => text.trim()));
  if (texts.size === 1) return 1;
  const keyOf = (text: string) => (text.length > MAX_ANSWER_LENGTH ? text : normaliseAnswer(text));
  return new Set([...texts].map((text) => keyOf(text).replace(/\s+/g, "").toLowerCase())).size;
}

/** Closing marks, and the sentence that the MATH prompts of Minerva end with, say nothing. */
const SAYING = /\\end *\{[a-zA-Z*]+\}|<\/[a-z]+>|I hope it is correct|[\p{L}\d]/gu;

function hasTextAfter(text: string, end: number): boolean {
  const sentenceEnd = /\n|[.!?](?=\s)/g;
  sentenceEnd.lastIndex = Math.max(0, end - 1); // the answer may hold the period
  const rest = sentenceEnd.exec(text);
  if (rest === null) return false;
  SAYING.lastIndex = rest.index;
  for (let match = SAYING.exec(text); match !== null; match = SAYING.exec(text)) {
    if (match[0].length <= 2) return true;
  }
  return false;
}
