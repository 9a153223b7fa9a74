import type { Reading } from "../../src/judging/ask.ts";
import { finalMark, unread } from "../../src/judging/final-mark.ts";
import { fieldsOf, jsonOf } from "../../src/judging/structured.ts";
import type { ChatReply } from "../../src/models/ports.ts";

/** A list as the judge gives it: whole numbers in brackets on its last line. */
export type ListForm =
  /** One rating per response, in the order shown. */
  | { readonly kind: "ratings"; readonly min: number; readonly max: number; readonly count: number }
  /** The numbers 1 to count, the best response first. */
  | { readonly kind: "ranking"; readonly count: number };

const MOST_DIGITS = 15;

/**
 * The list of a reply, `[[7, 3, 9]]` or `[[2 > 1 > 3]]`, as its last line (see `finalMark`); ratings are separated by commas, a
 * ranking by `>` or commas. Lists on earlier lines are reasoning.
 *
 * Unread: no list by itself there, a number of entries other than that of the responses (7 for 8), an entry that is no whole
 * number of the scale, a ranking that misses or repeats a response. What is missing is never filled in.
 */
export function readList({ text }: Pick<ChatReply, "text">, form: ListForm): Reading<readonly number[]> {
  const final = finalMark(text);
  if (final.kind === "unread") return final;
  const entries = final.mark.split(form.kind === "ranking" ? /\s*[>,]\s*/ : /\s*,\s*/);
  return checkList(
    entries.map((entry) => (isWhole(entry) ? Number(entry) : Number.NaN)),
    form,
  );
}

function isWhole(entry: string): boolean {
  return /^-?\d+$/.test(entry) && entry.length <= MOST_DIGITS;
}

/** What structured output is asked for: reasons first. */
export function listSchema(form: ListForm) {
  const { count } = form;
  const bounds =
    form.kind === "ratings" ? { minimum: form.min, maximum: form.max } : { minimum: 1, maximum: count };
  return {
    name: form.kind,
    schema: {
      type: "object",
      properties: {
        reasons: { type: "string" },
        [form.kind]: {
          type: "array",
          items: { type: "integer", ...bounds },
          minItems: count,
          maxItems: count,
        },
      },
      required: ["reasons", form.kind],
      additionalProperties: false,
    },
  };
}

/** The list of structured output, `{"reasons": …, "ratings": [7, 3, 9]}`, by the same rules. */
export function readListJson({ text }: Pick<ChatReply, "text">, form: ListForm): Reading<readonly number[]> {
  const fields = fieldsOf(jsonOf(text), ["reasons", form.kind]);
  const list = fields?.[form.kind];
  if (typeof fields?.reasons !== "string" || !Array.isArray(list)) {
    return unread(`it is no JSON object of reasons and ${form.kind}`);
  }
  return checkList(
    list.map((entry) => (typeof entry === "number" ? entry : Number.NaN)),
    form,
  );
}

function checkList(list: readonly number[], form: ListForm): Reading<readonly number[]> {
  const { count } = form;
  if (list.length !== count) return unread(`it gives ${list.length} entries for ${count} responses`);
  const [min, max] = form.kind === "ratings" ? [form.min, form.max] : [1, count];
  if (!list.every((entry) => Number.isInteger(entry) && entry >= min && entry <= max)) {
    return unread(`an entry is no whole number from ${min} to ${max}`);
  }
  if (form.kind === "ranking" && new Set(list).size !== count) return unread("it ranks a response twice");
  return { kind: "read", answer: list };
}
