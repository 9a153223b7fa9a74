import { z } from "zod";
import type { ChatReply } from "../../models/ports.ts";
import type { Reading } from "../ask.ts";

/** What a judge says of two responses, for the one it was shown first: 1 better, 0 neither, −1 worse. */
export type Choice = -1 | 0 | 1;

/** `[[…]]` of letters; an envelope's mark holds a bar and is none. */
const MARK = /\[\[\s*([A-Za-z]+)\s*\]\]/g;
/** After the last mark: closing Markdown, quotes and stops. */
const CLOSING = /^[\s*_`.!"'”’)]*$/;
const CHOICES: Readonly<Record<string, Choice>> = { a: 1, b: -1, c: 0, tie: 0 };

/**
 * The verdict that ends a reply: [[A]], [[B]] or, where ties are allowed, [[C]] or [[tie]], in any case, as the end of the last
 * line. Earlier marks are reasoning; when one of them is another verdict, the reading is `ambiguous`.
 *
 * Unread: no mark at the end, a mark that is no verdict, several verdicts on the last line, and a reply that was cut at its limit,
 * since what it ends with was not its last word.
 *
 * Worked: "[[A]] knows more, [[B]] is right.\n**[[B]]**" -> −1, ambiguous.
 */
export function readChoice(
  { text, finishReason }: Pick<ChatReply, "finishReason" | "text">,
  allowTie: boolean,
): Reading<Choice> {
  if (finishReason === "length") return unread("it does not come to an end");
  const lines = text.split(/[\r\n\u2028\u2029]+/).filter((line) => /\S/.test(line));
  const last = lines.at(-1);
  if (last === undefined) return unread("it is empty");
  const marks = [...last.matchAll(MARK)];
  const final = marks.at(-1);
  if (!final || !CLOSING.test(last.slice(final.index + final[0].length))) {
    return unread("its last line does not end with a mark");
  }
  const answer = choiceOf(final[1], allowTie);
  if (answer === null) return unread("the mark it ends with is none of those asked for");
  if (marks.some(([, word]) => choiceOf(word, true) !== answer)) {
    return unread("its last line holds several marks");
  }
  const before = lines.slice(0, -1).flatMap((line) => [...line.matchAll(MARK)]);
  const differs = before.some(([, word]) => {
    const other = choiceOf(word, true);
    return other !== null && other !== answer;
  });
  return differs ? { kind: "read", answer, ambiguous: true } : { kind: "read", answer };
}

/** What structured output is asked for: reasons first. */
export function choiceSchema(allowTie: boolean) {
  return {
    name: "comparison",
    schema: {
      type: "object",
      properties: {
        reasons: { type: "string" },
        verdict: { type: "string", enum: allowTie ? ["A", "B", "C"] : ["A", "B"] },
      },
      required: ["reasons", "verdict"],
      additionalProperties: false,
    },
  };
}

const jsonChoice = z.strictObject({ reasons: z.string(), verdict: z.string() });

/** The verdict of structured output, `{"reasons": …, "verdict": "A"}`. */
export function readChoiceJson({ text }: Pick<ChatReply, "text">, allowTie: boolean): Reading<Choice> {
  const parsed = jsonChoice.safeParse(jsonOf(text));
  if (!parsed.success) return unread("it is no JSON object of reasons and verdict");
  const answer = choiceOf(parsed.data.verdict, allowTie);
  return answer === null ? unread("its verdict is none of those asked for") : { kind: "read", answer };
}

/** undefined for what is not JSON, which the caller says. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function choiceOf(word: string | undefined, allowTie: boolean): Choice | null {
  const key = (word ?? "").toLowerCase();
  const choice = Object.hasOwn(CHOICES, key) ? CHOICES[key] : undefined;
  return choice === undefined || (choice === 0 && !allowTie) ? null : choice;
}

function unread(why: string): { readonly kind: "unread"; readonly why: string } {
  return { kind: "unread", why };
}
