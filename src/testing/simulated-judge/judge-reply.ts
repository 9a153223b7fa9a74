import type { Random } from "../../core/random.ts";
import type { Json, JsonObject } from "../../core/types.ts";
import { type AskedForm, asksForFault, type MarkForm } from "./judged-prompt.ts";
import { malformedReplies } from "./malformed-replies.ts";

/** What the judge thinks, before it is put in the form that was asked for. */
export interface Decision {
  /** In the order shown; in [0, 1] where ratings are asked for. */
  readonly qualities: readonly number[];
  /** Below 0: the first is better; 0: neither. */
  readonly comparison: number;
  readonly instructions: string;
}

/** The reply; malformed where `random` is given to draw the kind by. */
export function writtenReply(
  form: AskedForm,
  decision: Decision,
  random: Random | null,
): { readonly text: string; readonly cut?: true } {
  const right =
    form.kind === "json" ? JSON.stringify(filled(form.schema, decision, null)) : marks(form, decision);
  if (random === null) return { text: form.kind === "json" ? right : `${REASONS}\n${right}` };
  const mark: MarkForm = form.kind === "mark" ? form.form : { kind: "yes-no" };
  return random.pick(malformedReplies({ reasons: REASONS, right, ...marksOf(mark, decision) }));
}

const REASONS = "I compared what was asked with what was given, point by point.";

function marks(form: Exclude<AskedForm, { kind: "json" }>, decision: Decision): string {
  if (form.kind === "mark") return `[[${markOf(form.form, decision, null)}]]`;
  return form.forms.map(([name, one]) => `${name}: [[${markOf(one, decision, name)}]]`).join("\n");
}

/** `name`: the criterion's, where several are asked about. */
function markOf(form: MarkForm, decision: Decision, name: string | null): string {
  switch (form.kind) {
    case "yes-no":
      return isMet(decision, name) ? "Yes" : "No";
    case "rating":
      return String(rating(decision, form.min, form.max));
    case "ratings":
      return ratings(decision, form.min, form.max).join(", ");
    case "ranking":
      return ranking(decision).join(" > ");
    case "slot":
      return decision.comparison < 0 ? "A" : decision.comparison > 0 ? "B" : (form.tie ?? "A");
  }
}

function isMet({ qualities, instructions }: Decision, name: string | null): boolean {
  return (qualities[0] ?? 0) >= 0.5 !== asksForFault(instructions, name);
}

function marksOf(form: MarkForm, decision: Decision) {
  const rightMark = markOf(form, decision, null);
  switch (form.kind) {
    case "yes-no":
      return { rightMark, wrongMark: rightMark === "Yes" ? "No" : "Yes", unknownMark: "Z" };
    case "slot":
      return { rightMark, wrongMark: rightMark === "A" ? "B" : "A", unknownMark: "Z" };
    case "rating":
      return {
        rightMark,
        wrongMark: String(Number(rightMark) === form.max ? form.min : form.max),
        unknownMark: String(form.max + 1),
      };
    case "ratings":
    case "ranking": {
      const one = rightMark.split(/ > |, /);
      const separator = form.kind === "ranking" ? " > " : ", ";
      // One entry too few is the malformed list that matters: a shift by one would go unseen.
      return {
        rightMark,
        wrongMark: one.toReversed().join(separator),
        unknownMark: one.slice(1).join(separator),
      };
    }
  }
}

function ratings({ qualities }: Decision, min: number, max: number): number[] {
  return qualities.map((quality) => share(quality, min, max));
}

/** Numbers from 1, the best first; equal ones as they stand. */
function ranking({ qualities }: Decision): number[] {
  const order = qualities.map((_, index) => index);
  return order.sort((a, b) => (qualities[b] ?? 0) - (qualities[a] ?? 0) || a - b).map((index) => index + 1);
}

function share(quality: number, min: number, max: number): number {
  return min + Math.round(Math.min(1, Math.max(0, quality)) * (max - min));
}

function rating({ qualities: [quality = 0] }: Decision, min: number, max: number): number {
  return share(quality, min, max);
}

/** A value that follows the schema: verdicts where words or numbers are to be chosen from, reasons in other texts. */
function filled(schema: JsonObject, decision: Decision, name: string | null): Json {
  // The first of several shapes is that of a verdict, the others of what it may be instead.
  if (Array.isArray(schema.anyOf))
    return filled((schema.anyOf as readonly JsonObject[])[0] ?? {}, decision, name);
  if (Array.isArray(schema.enum)) return chosen(schema.enum as readonly Json[], decision, name);
  if (schema.type === "object") {
    const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, JsonObject>>);
    return Object.fromEntries(
      properties.map(([key, inner]) => [key, filled(inner, decision, key === "verdict" ? name : key)]),
    );
  }
  if (schema.type === "array") {
    const { minimum, maximum } = (schema.items ?? {}) as {
      readonly minimum?: number;
      readonly maximum?: number;
    };
    return name === "ranking" ? ranking(decision) : ratings(decision, minimum ?? 0, maximum ?? 1);
  }
  if (schema.type === "boolean") return isMet(decision, name);
  return schema.type === "string" ? REASONS : rating(decision, 0, 100);
}

function chosen(choices: readonly Json[], decision: Decision, name: string | null): Json {
  const numbers = choices.filter((choice) => typeof choice === "number");
  if (numbers.length > 0) return rating(decision, Math.min(...numbers), Math.max(...numbers));
  const tie = choices.find((choice) => choice !== "A" && choice !== "B");
  const form: MarkForm = choices.includes("A")
    ? { kind: "slot", tie: typeof tie === "string" ? tie : null }
    : { kind: "yes-no" };
  return markOf(form, decision, name);
}
