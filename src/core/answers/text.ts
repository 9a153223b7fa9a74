import { lastBoxed } from "./boxed.ts";

/** Takes calculator annotations ("<<9*2=18>>") and bold marks out of a whole response. Linear in its length. */
export function cleanResponse(text: string): string {
  return text
    .replace(/<<[^<>\n]*>>/g, "")
    .replace(/\u2212/g, "-")
    .replace(/(?<![\w)])\*\*|\*\*(?![\w(])/g, ""); // "2**3" keeps its operator
}

/**
 * Writes an answer in one way: without math delimiters, currency signs, LaTeX spacing and sizing, text wrappers, outer
 * box, outer parentheses, Markdown marks, closing punctuation; blanks collapsed. Meant for short texts.
 *
 *   "**\(\dfrac{1}{2}\text{ cups}\)**." -> "\frac{1}{2} cups"
 */
export function normaliseAnswer(answer: string): string {
  const boxed = /^\W*\\(?:boxed|fbox)/.test(answer) ? lastBoxed(answer) : null;
  const bare = (boxed ?? answer)
    .replace(/<<[^<>\n]*>>/g, "")
    .replace(/\u2212/g, "-")
    .replace(/\\(?:text(?:bf|rm|it)?|math(?:rm|bf|it)|mbox|operatorname) *\{([^{}]*)\}/g, " $1 ")
    .replace(/\\[()[\]]|\\?\$|[€£¥₹]/g, "")
    .replace(/\\(?:left|right|displaystyle)(?![a-zA-Z])|\\!/g, "")
    .replace(/\\[,;: ]|\\q?quad(?![a-zA-Z])|~/g, " ")
    .replace(/\\[dtc]frac(?![a-zA-Z])/g, "\\frac")
    .replace(/\^ *(?:\{ *)?\\circ(?: *\})?|\\degree(?![a-zA-Z])|°/g, " degrees")
    .replace(/\\sqrt *([0-9a-zA-Z])/g, "\\sqrt{$1}")
    .replace(/\{,\}/g, ",")
    .replace(/\\%/g, "%");
  return withoutMarks(bare)
    .replace(/^\(([^(),]*)\)$/, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

/**
 * Without Markdown marks and quotes on both sides and punctuation at the end. An ellipsis stays: 0.333... is not 0.333.
 * Loops, because the matching pattern would take quadratic time on a long run of marks.
 */
function withoutMarks(text: string): string {
  const isMark = (at: number): boolean => /[*_`\s"“”]/.test(text[at] ?? "x");
  let start = 0;
  while (isMark(start)) start += 1;
  let end = text.length;
  while (end > start) {
    const last = text[end - 1] ?? "";
    const isPeriod = last === "." && text[end - 2] !== ".";
    if (!isPeriod && !isMark(end - 1) && !",;:".includes(last)) break;
    end -= 1;
  }
  return text.slice(start, end);
}
