import type { JsonObject } from "../../core/types.ts";
import type { ChatRequest } from "../../models/ports.ts";

/** A text that a judge is shown. */
export interface ShownText {
  /** Lower case: "response a", "response 2", "response", "turn 1 user". */
  readonly label: string;
  readonly text: string;
  /** It stands between marks whose nonce the prompt names. */
  readonly sealed: boolean;
}

/** A judge's prompt, taken apart. */
export interface JudgedPrompt {
  readonly shown: readonly ShownText[];
  /** All that stands outside the marks: the instructions, the criterion, the form. */
  readonly instructions: string;
}

/** What is asked for at the end of a reply. */
export type AskedForm =
  | { readonly kind: "json"; readonly schema: JsonObject }
  | { readonly kind: "lines"; readonly forms: readonly (readonly [name: string, form: MarkForm])[] }
  | { readonly kind: "mark"; readonly form: MarkForm };

/** What may stand in double brackets. */
export type MarkForm =
  | { readonly kind: "ranking" }
  | { readonly kind: "rating"; readonly min: number; readonly max: number }
  | { readonly kind: "ratings"; readonly min: number; readonly max: number }
  | { readonly kind: "slot"; readonly tie: string | null }
  | { readonly kind: "yes-no" };

/** Takes a prompt apart by the marks of its notice; a prompt without them shows nothing apart. */
export function readJudgedPrompt({ messages }: ChatRequest): JudgedPrompt {
  // What the judge answered before is no part of the question.
  const asked = messages.filter(({ role }) => role !== "assistant");
  const prompt = asked.map(({ content }) => content).join("\n\n");
  const nonce = /\[\[…\|([0-9a-f]{24})\]\]/.exec(prompt)?.[1];
  if (nonce === undefined) return { shown: [], instructions: prompt };
  const section = new RegExp(
    `\\[\\[([A-Za-z0-9 -]+)\\|${nonce}\\]\\]\\n(.*?)\\n\\[\\[end of \\1\\|${nonce}\\]\\]`,
    "gs",
  );
  const shown = Array.from(prompt.matchAll(section), ([, label = "", text = ""]) => ({
    label: label.toLowerCase(),
    text,
    sealed: true,
  }));
  return { shown, instructions: prompt.replace(section, "") };
}

export function askedForm({ schema }: ChatRequest, { instructions }: JudgedPrompt): AskedForm {
  if (schema) return { kind: "json", schema: schema.schema };
  // A reminder repeats the lines.
  const lines = new Map(
    Array.from(instructions.matchAll(LINE_FORM), ([, name = "", form = ""]) => [name, markForm(form)]),
  );
  if (lines.size > 0) return { kind: "lines", forms: [...lines] };
  return { kind: "mark", form: markForm(instructions) };
}

const LINE_FORM = /^([A-Za-z0-9][\w-]*): \[\[([^\]\n]+)\]\]$/gm;

/** Whether a criterion, by its name where several are asked about, is met by what is bad. */
export function asksForFault(instructions: string, name: string | null): boolean {
  const blocks = instructions.split("\n\n");
  const about = name === null ? blocks : blocks.filter((block) => block.startsWith(`${name}: `));
  return about.some((block) => block.includes("names a fault"));
}

function markForm(asked: string): MarkForm {
  const [, worst, best] = /whole number from (-?\d+) \(worst\) to (-?\d+) \(best\)/.exec(asked) ?? [];
  if (worst !== undefined && best !== undefined)
    return { kind: "ratings", min: Number(worst), max: Number(best) };
  if (/the best first, separated by >/.test(asked)) return { kind: "ranking" };
  const [, min, max] = /whole numbers? from (-?\d+) to (-?\d+)/.exec(asked) ?? [];
  if (min !== undefined && max !== undefined) return { kind: "rating", min: Number(min), max: Number(max) };
  if (!asked.includes("[[A]]")) return { kind: "yes-no" };
  const tie = ["C", "Tie", "tie"].find((word) => asked.includes(`[[${word}]]`));
  return { kind: "slot", tie: tie ?? null };
}
