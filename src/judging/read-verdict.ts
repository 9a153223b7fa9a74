import type { CriterionVerdict, Scale } from "../core/rubric/rubric.ts";
import type { Json } from "../core/types.ts";
import type { Reading } from "./ask.ts";

/** What a judge may say of a criterion: met or not met, or a whole number of a scale; perhaps that it does not apply. */
export type VerdictForm =
  | { readonly kind: "binary"; readonly notApplicable: boolean }
  | { readonly kind: "rating"; readonly scale: Pick<Scale, "max" | "min"> };

/** A verdict that was read. */
export type ReadVerdict = Exclude<CriterionVerdict, null>;

/**
 * The verdict at the end of a reply: a mark `[[Yes]]`, `[[No]]`, `[[NA]]` or `[[4]]` that ends its last line. What stands
 * before it on that line, and closing quotes, stops or Markdown after it, do not matter.
 *
 * Marks on earlier lines are reasoning; when one of them is another verdict, the reading is `ambiguous`. Words are read in any
 * case; a rating must be a whole number of the scale, and may name its maximum: `[[4/5]]` on a scale to 5. Anything else is
 * unread: no mark at the end, a mark that is no verdict, different verdicts on the last line. Never a default.
 *
 * Example: "[[No]] at first sight.\n**[[Yes]]**" -> 1, ambiguous; "[[7]]" on a scale from 1 to 5 -> unread.
 */
export function readVerdict(text: string, form: VerdictForm): Reading<ReadVerdict> {
  const lines = linesOf(text);
  const last = lines.at(-1);
  if (last === undefined) return unread("the reply is empty");
  const marks = marksIn(last);
  const final = marks.at(-1);
  if (final === undefined || !endsWith(last, final)) return unread("its last line does not end with a mark");
  const answer = verdictOf(final, form);
  if (answer === null) return unread(`the mark ${shown(final)} is none of those asked for`);
  // "[[Yes]] or [[No]]" names what might be said.
  const beside = marks.map((mark) => verdictOf(mark, form));
  if (beside.some((other) => other !== null && other !== answer))
    return unread("its last line holds different verdicts");
  const before = lines.slice(0, -1).flatMap(marksIn);
  const differs = before.some((mark) => {
    const other = verdictOf(mark, form);
    return other !== null && other !== answer;
  });
  return differs ? { kind: "read", answer, ambiguous: true } : { kind: "read", answer };
}

/**
 * One verdict per name from lines of the form `name: [[Yes]]`, in the order of `forms`, the last line of the reply being one
 * of them. Names are matched exactly. A name without such a line, or with lines that differ, leaves the whole reply unread: a
 * verdict is never taken for a neighbour's.
 */
export function readVerdictLines(
  text: string,
  forms: ReadonlyMap<string, VerdictForm>,
): Reading<readonly ReadVerdict[]> {
  const lines = linesOf(text);
  const found = new Map<string, ReadVerdict>();
  for (const [index, line] of lines.entries()) {
    const short = line.length <= LONGEST_VERDICT_LINE;
    const { name, mark } = (short && VERDICT_LINE.exec(line)?.groups) || {};
    const form = name === undefined ? undefined : forms.get(name);
    if (name === undefined || mark === undefined || form === undefined) {
      if (index === lines.length - 1) return unread("its last line is not the verdict on a criterion");
      continue;
    }
    const answer = verdictOf(mark, form);
    if (answer === null) return unread(`the mark ${shown(mark)} of "${name}" is none of those asked for`);
    if (found.has(name) && found.get(name) !== answer) return unread(`it gives "${name}" different verdicts`);
    found.set(name, answer);
  }
  return inOrder(found, forms);
}

/** The verdict of structured output: `{"reasons": …, "verdict": "Yes"}`, a rating as a whole number. */
export function readVerdictJson(text: string, form: VerdictForm): Reading<ReadVerdict> {
  const value = fieldsOf(parsed(text));
  if (value === null) return unread("it is no JSON object");
  const answer = jsonVerdict(value.verdict, form);
  return answer === null ? unread('its "verdict" is none of those asked for') : { kind: "read", answer };
}

/** The same for several: `{"verdicts": {"clear": {"reasons": …, "verdict": "Yes"}, …}}`, exactly the names asked for. */
export function readVerdictsJson(
  text: string,
  forms: ReadonlyMap<string, VerdictForm>,
): Reading<readonly ReadVerdict[]> {
  const verdicts = fieldsOf(fieldsOf(parsed(text))?.verdicts);
  if (verdicts === null) return unread('it holds no "verdicts"');
  const found = new Map<string, ReadVerdict>();
  for (const [name, entry] of Object.entries(verdicts)) {
    const form = forms.get(name);
    if (form === undefined) return unread(`it judges "${name.slice(0, 40)}", which was not asked for`);
    const answer = jsonVerdict(fieldsOf(entry)?.verdict, form);
    if (answer === null) return unread(`its verdict on "${name}" is none of those asked for`);
    found.set(name, answer);
  }
  return inOrder(found, forms);
}

/** The words of a form as they are asked for, the verdict they stand for beside them. */
export function verdictWords(form: VerdictForm): readonly (readonly [word: string, verdict: ReadVerdict])[] {
  if (form.kind === "rating") {
    const { min, max } = form.scale;
    return Array.from({ length: max - min + 1 }, (_, index) => [String(min + index), min + index]);
  }
  return [["Yes", 1], ["No", 0], ...(form.notApplicable ? ([["NA", "not_applicable"]] as const) : [])];
}

/** `[[…]]`, but not an envelope's mark, which holds a bar. */
const MARK = /\[\[([^[\]|]*)\]\]/g;
/** After the mark: closing Markdown, quotes and stops. */
const CLOSING = /^[\s*_`.!"'”’)]*$/;
/** Longer lines are prose; the pattern is quadratic in the worst case. */
const LONGEST_VERDICT_LINE = 300;
const VERDICT_LINE =
  /^[\s>*_`\-–•\d.)]*?(?<name>[A-Za-z0-9][A-Za-z0-9_-]*)[*_`"'\s]*:[*_`"'\s]*\[\[(?<mark>[^[\]|]*)\]\][\s*_`.,;"']*$/;

/** Without blank lines, rules and the fences of code blocks. */
function linesOf(text: string): string[] {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).filter((line) => !/^[\s`*_~-]*$/.test(line));
}

function marksIn(line: string): string[] {
  return [...line.matchAll(MARK)].map((match) => match[1] ?? "");
}

function endsWith(line: string, mark: string): boolean {
  const whole = `[[${mark}]]`;
  return CLOSING.test(line.slice(line.lastIndexOf(whole) + whole.length));
}

function verdictOf(mark: string, form: VerdictForm): ReadVerdict | null {
  const said = mark.trim();
  if (form.kind === "binary") {
    const word = said.toLowerCase();
    if (word === "yes") return 1;
    if (word === "no") return 0;
    return word === "na" && form.notApplicable ? "not_applicable" : null;
  }
  const { rating, of } = /^(?<rating>-?\d{1,15})(?:\s*\/\s*(?<of>-?\d{1,15}))?$/.exec(said)?.groups ?? {};
  if (rating === undefined) return null;
  const { min, max } = form.scale;
  if (of !== undefined && Number(of) !== max) return null;
  const value = Number(rating) + 0;
  return value >= min && value <= max ? value : null;
}

function jsonVerdict(given: Json | undefined, form: VerdictForm): ReadVerdict | null {
  if (typeof given === "string") return verdictOf(given, form);
  if (typeof given !== "number" || form.kind !== "rating" || !Number.isInteger(given)) return null;
  return given >= form.scale.min && given <= form.scale.max ? given + 0 : null;
}

function inOrder(
  found: ReadonlyMap<string, ReadVerdict>,
  forms: ReadonlyMap<string, VerdictForm>,
): Reading<readonly ReadVerdict[]> {
  const answer: ReadVerdict[] = [];
  for (const name of forms.keys()) {
    const verdict = found.get(name);
    if (verdict === undefined) return unread(`it gives no verdict on "${name}"`);
    answer.push(verdict);
  }
  return { kind: "read", answer };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // Not JSON, which the caller says.
    return undefined;
  }
}

function fieldsOf(value: Json | undefined): { readonly [key: string]: Json | undefined } | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return value as { readonly [key: string]: Json };
}

function shown(mark: string): string {
  return JSON.stringify(`[[${mark.trim().slice(0, 20)}]]`);
}

function unread(why: string): { readonly kind: "unread"; readonly why: string } {
  return { kind: "unread", why };
}
