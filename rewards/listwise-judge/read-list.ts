import { z } from "zod";
import type { Reading } from "../../src/judging/ask.ts";
import { jsonOf } from "../../src/judging/pairwise/read-choice.ts";
import type { ChatReply } from "../../src/models/ports.ts";

/** A list as the judge gives it: whole numbers in brackets that end its last line. */
export type ListForm =
  /** One rating per response, in the order shown. */
  | { readonly kind: "ratings"; readonly min: number; readonly max: number; readonly count: number }
  /** The numbers 1 to count, the best response first. */
  | { readonly kind: "ranking"; readonly count: number };

const LIST = /\[\[([^[\]|]*)\]\]/g;
const CLOSING = /^[\s*_`.!"'”’)]*$/;
const MOST_DIGITS = 15;

/**
 * The list that ends a reply, `[[7, 3, 9]]` or `[[2 > 1 > 3]]`, as the end of its last line; ratings are separated by commas, a
 * ranking by `>` or commas.
 *
 * Unread: no list there, two of them on that line, a number of entries other than that of the responses (7 for 8), an entry
 * that is no whole number of the scale, a ranking that misses or repeats a response, a reply cut at its limit. What is missing is
 * never filled in.
 */
export function readList(
  { text, finishReason }: Pick<ChatReply, "finishReason" | "text">,
  form: ListForm,
): Reading<readonly number[]> {
  if (finishReason === "length") return unread("it does not come to an end");
  const last = text
    .split(/[\r\n\u2028\u2029]+/)
    .filter((line) => /\S/.test(line))
    .at(-1);
  if (last === undefined) return unread("it is empty");
  const lists = [...last.matchAll(LIST)];
  const final = lists.at(-1);
  if (!final || !CLOSING.test(last.slice(final.index + final[0].length))) {
    return unread("its last line does not end with a list");
  }
  if (lists.length > 1) return unread("its last line holds several lists");
  const separator = form.kind === "ranking" ? /\s*[>,]\s*/ : /\s*,\s*/;
  const entries = (final[1] ?? "").trim().split(separator);
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
  const shape = z.strictObject({ reasons: z.string(), [form.kind]: z.array(z.number()) });
  const parsed = shape.safeParse(jsonOf(text));
  const list = parsed.success ? parsed.data[form.kind] : undefined;
  if (!Array.isArray(list)) return unread(`it is no JSON object of reasons and ${form.kind}`);
  return checkList(list, form);
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

function unread(why: string): { readonly kind: "unread"; readonly why: string } {
  return { kind: "unread", why };
}
