import type { ChatReply } from "../../models/ports.ts";
import type { Reading } from "../ask.ts";
import { finalMark, unread } from "../final-mark.ts";
import { fieldsOf, jsonOf } from "../structured.ts";

/** What a judge says of two responses, for the one it was shown first: 1 better, 0 neither, −1 worse. */
export type Choice = -1 | 0 | 1;

const CHOICES: Readonly<Record<string, Choice>> = { a: 1, b: -1, c: 0, tie: 0 };

/**
 * The verdict of a reply: [[A]], [[B]] or, where ties are allowed, [[C]] or [[tie]], in any case, as its last line (see
 * `finalMark`). Earlier marks are reasoning; when one of them is another verdict, the reading is `ambiguous`.
 *
 * Unread: no mark as the last line, a mark inside a sentence, a mark that is no verdict.
 *
 * Worked: "[[A]] knows more, [[B]] is right.\n**[[B]]**" -> −1, ambiguous.
 */
export function readChoice({ text }: Pick<ChatReply, "text">, allowTie: boolean): Reading<Choice> {
  const final = finalMark(text);
  if (final.kind === "unread") return final;
  const answer = choiceOf(final.mark, allowTie);
  if (answer === null) return unread("the mark it ends with is none of those asked for");
  const differs = final.before.some((mark) => {
    const other = choiceOf(mark, true);
    return other !== null && other !== answer;
  });
  return { kind: "read", answer, ...(differs && { ambiguous: true }) };
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

/** The verdict of structured output, `{"reasons": …, "verdict": "A"}`. */
export function readChoiceJson({ text }: Pick<ChatReply, "text">, allowTie: boolean): Reading<Choice> {
  const { reasons, verdict } = fieldsOf(jsonOf(text), ["reasons", "verdict"]) ?? {};
  if (typeof reasons !== "string" || typeof verdict !== "string")
    return unread("it is no JSON object of reasons and verdict");
  const answer = choiceOf(verdict, allowTie);
  return answer === null ? unread("its verdict is none of those asked for") : { kind: "read", answer };
}

function choiceOf(word: string, allowTie: boolean): Choice | null {
  const key = word.toLowerCase();
  const choice = Object.hasOwn(CHOICES, key) ? CHOICES[key] : undefined;
  return choice === undefined || (choice === 0 && !allowTie) ? null : choice;
}
