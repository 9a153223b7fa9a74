import type { CriterionVerdict, Scale } from "../core/rubric/rubric.ts";
import type { Json } from "../core/types.ts";
import type { Reading } from "./ask.ts";
import { afterThinking, finalMark, isDecoration, LONGEST_LINE, linesOf, unread } from "./final-mark.ts";
import { fieldsOf, jsonOf } from "./structured.ts";

/** What a judge may say of a criterion: met or not met, or a whole number of a scale; perhaps that it does not apply. */
export type VerdictForm =
  | { readonly kind: "binary"; readonly notApplicable: boolean }
  | { readonly kind: "rating"; readonly scale: Pick<Scale, "max" | "min">; readonly notApplicable?: boolean };

/** A verdict that was read. */
export type ReadVerdict = Exclude<CriterionVerdict, null>;

/**
 * The verdict of a reply: a mark `[[Yes]]`, `[[No]]`, `[[NA]]` or `[[4]]` that is its last line (see `finalMark`).
 *
 * Marks on earlier lines are reasoning; when one of them is another verdict, the reading is `ambiguous`. Words are read in any
 * case; a rating must be a whole number of the scale, and may name its maximum: `[[4/5]]` on a scale to 5. Anything else is
 * unread: no mark as the last line, a mark inside a sentence, a mark that is no verdict. Never a default.
 *
 * Example: "[[No]] at first sight.\n**[[Yes]]**" -> 1, ambiguous; "[[7]]" on a scale from 1 to 5 -> unread.
 */
export function readVerdict(text: string, form: VerdictForm): Reading<ReadVerdict> {
  const final = finalMark(text);
  if (final.kind === "unread") return final;
  const answer = verdictOf(final.mark, form);
  if (answer === null) return unread(`the mark ${shown(final.mark)} is none of those asked for`);
  const differs = final.before.some((mark) => {
    const other = verdictOf(mark, form);
    return other !== null && other !== answer;
  });
  return { kind: "read", answer, ...(differs && { ambiguous: true }) };
}

/**
 * One verdict per name, in the order of `forms`, from the lines of the form `name: [[Yes]]` that end a reply. Nothing but blank
 * lines may stand between them: a line of this form further up, or one quoted by `>`, is reasoning; when it gives another
 * verdict, the reading is `ambiguous`. Names are matched exactly. A name without such a line, or with lines that differ, leaves
 * the whole reply unread: a verdict is never taken for a neighbour's.
 */
export function readVerdictLines(
  text: string,
  forms: ReadonlyMap<string, VerdictForm>,
): Reading<readonly ReadVerdict[]> {
  const answer = afterThinking(text);
  if (answer === null) return unread("it does not come to the end of its thinking");
  const lines = linesOf(answer);
  let at = lines.findLastIndex((line) => !isDecoration(line));
  const found = new Map<string, ReadVerdict>();
  for (; at >= 0; at--) {
    const line = lines[at] ?? "";
    const said = verdictLine(line, forms);
    if (said === null && /\S/.test(line)) break;
    if (said === null) continue;
    const { name, mark, verdict } = said;
    if (verdict === null) return unread(`the mark ${shown(mark)} of "${name}" is none of those asked for`);
    if (found.has(name) && found.get(name) !== verdict)
      return unread(`it gives "${name}" different verdicts`);
    found.set(name, verdict);
  }
  if (found.size === 0) return unread("its last line is not the verdict on a criterion");
  const differs = lines.slice(0, at + 1).some((line) => {
    const said = verdictLine(line, forms);
    return said !== null && said.verdict !== null && said.verdict !== found.get(said.name);
  });
  return inOrder(found, forms, differs);
}

/** The verdict of structured output: `{"reasons": …, "verdict": "Yes"}`, a rating as a whole number. */
export function readVerdictJson(text: string, form: VerdictForm): Reading<ReadVerdict> {
  const answer = judged(jsonOf(text), form);
  return typeof answer === "object" ? answer : { kind: "read", answer };
}

/** The same for several: `{"verdicts": {"clear": {"reasons": …, "verdict": "Yes"}, …}}`, exactly the names asked for. */
export function readVerdictsJson(
  text: string,
  forms: ReadonlyMap<string, VerdictForm>,
): Reading<readonly ReadVerdict[]> {
  const verdicts = fieldsOf(fieldsOf(jsonOf(text), ["verdicts"])?.verdicts, [...forms.keys()]);
  if (verdicts === null) return unread('it is no JSON object with "verdicts" on the criteria asked about');
  const found = new Map<string, ReadVerdict>();
  for (const [name, form] of forms) {
    const answer = judged(verdicts[name], form);
    if (typeof answer === "object") return unread(`on "${name}" ${answer.why}`);
    found.set(name, answer);
  }
  return inOrder(found, forms);
}

/** The words of a form as they are asked for, the verdict they stand for beside them. */
export function verdictWords(form: VerdictForm): readonly (readonly [word: string, verdict: ReadVerdict])[] {
  const notApplicable = form.notApplicable ? ([["NA", "not_applicable"]] as const) : [];
  if (form.kind === "rating") {
    const { min, max } = form.scale;
    const ratings = Array.from({ length: max - min + 1 }, (_, index) => min + index);
    return [...ratings.map((rating) => [String(rating), rating] as const), ...notApplicable];
  }
  return [["Yes", 1], ["No", 0], ...notApplicable];
}

/** No `>`, by which others are quoted. */
const VERDICT_LINE =
  /^[\s*_`#+•–-]*(?:\d{1,3}[.)]\s+)?[\s*_`"']*(?<name>[A-Za-z0-9][A-Za-z0-9_-]*)[*_`"'\s]*[:：][*_`"'\s]*\[\[(?<mark>[^[\]|]*)\]\][\s*_`.。．,;"']*$/;

/** What a line of the form `name: [[Yes]]` says; null for any other line. `verdict`: null where the mark is none. */
function verdictLine(line: string, forms: ReadonlyMap<string, VerdictForm>) {
  const { name, mark } = (line.length <= LONGEST_LINE && VERDICT_LINE.exec(line)?.groups) || {};
  const form = name === undefined ? undefined : forms.get(name);
  if (name === undefined || mark === undefined || form === undefined) return null;
  return { name, mark, verdict: verdictOf(mark, form) };
}

function verdictOf(mark: string, form: VerdictForm): ReadVerdict | null {
  const said = mark.trim();
  const word = said.toLowerCase();
  if (word === "na") return form.notApplicable ? "not_applicable" : null;
  if (form.kind === "binary") return word === "yes" ? 1 : word === "no" ? 0 : null;
  const { rating, of } = /^(?<rating>-?\d{1,15})(?:\s*\/\s*(?<of>-?\d{1,15}))?$/.exec(said)?.groups ?? {};
  if (rating === undefined) return null;
  const { min, max } = form.scale;
  if (of !== undefined && Number(of) !== max) return null;
  const value = Number(rating) + 0;
  return value >= min && value <= max ? value : null;
}

/** The verdict in an object of reasons and verdict, or why there is none. */
function judged(given: Json | undefined, form: VerdictForm): ReadVerdict | ReturnType<typeof unread> {
  const fields = fieldsOf(given, ["reasons", "verdict"]);
  if (typeof fields?.reasons !== "string") return unread("it is no JSON object of reasons and verdict");
  return jsonVerdict(fields.verdict, form) ?? unread("its verdict is none of those asked for");
}

function jsonVerdict(given: Json | undefined, form: VerdictForm): ReadVerdict | null {
  if (typeof given === "string") return verdictOf(given, form);
  if (typeof given !== "number" || form.kind !== "rating" || !Number.isInteger(given)) return null;
  return given >= form.scale.min && given <= form.scale.max ? given + 0 : null;
}

function inOrder(
  found: ReadonlyMap<string, ReadVerdict>,
  forms: ReadonlyMap<string, VerdictForm>,
  ambiguous = false,
): Reading<readonly ReadVerdict[]> {
  const answer: ReadVerdict[] = [];
  for (const name of forms.keys()) {
    const verdict = found.get(name);
    if (verdict === undefined) return unread(`it gives no verdict on "${name}"`);
    answer.push(verdict);
  }
  return { kind: "read", answer, ...(ambiguous && { ambiguous }) };
}

function shown(mark: string): string {
  return JSON.stringify(`[[${mark.trim().slice(0, 20)}]]`);
}
