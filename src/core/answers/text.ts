import { lastBoxed } from "./boxed.ts";

/**
 * Writes an answer in one way: without math delimiters, currency signs, LaTeX spacing and sizing, text wrappers, outer
 * box, outer parentheses, Markdown marks, closing punctuation; blanks collapsed. Meant for short texts.
 *
 *   "**\(\dfrac{1}{2}\text{ cups}\)**." -> "\frac{1}{2} cups"
 */
export function normaliseAnswer(answer: string): string {
  const boxed = /^\W*\\(?:boxed|fbox)/.test(answer) ? lastBoxed(answer) : null;
  const bare = withSigns(withoutLabel(halfWidth(boxed ?? answer)))
    .replace(CURRENCY_CODE, "")
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
    .replace(/\{([+-])\}/g, "$1")
    .replace(/\\%/g, "%");
  return withoutMarks(bare)
    .replace(/^\(([^(),]*)\)$/, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

/** "\text{Answer: }18" -> "18" */
function withoutLabel(text: string): string {
  return text.replace(
    /^\s*\\text ?\{\s*(?:the )?(?:final )?answer\s*(?:(?::|is|=)\s*)?\}\s*[:=]?|^\s*(?:the )?(?:final )?answer\s*[:=]/i,
    "",
  );
}

const SIGN_WORD =
  /^\s*(?:(?:\\text ?\{\s*)?(?:negative|minus)\s*\}|(?:negative|minus)\s)\s*(?=\$?[\d\\]|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|infinity)\b)/i;

/** "\text{negative }5" -> "-5", "minus five" -> "-five", "5¢" -> "5 cents" */
function withSigns(text: string): string {
  return text.replace(SIGN_WORD, "-").replace(/¢|\\cent(?![a-zA-Z])/g, " cents");
}

const CURRENCY_CODE = /^(?:USD|EUR|GBP|CAD|AUD|INR|CNY|JPY|Rs\.?|US(?=\$)) *(?=[\d$])/;

/** "１２" -> "12": ASCII in the width of East Asian letters. */
function halfWidth(text: string): string {
  return text.replace(/[\uFF01-\uFF5E]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
}

/** An answer without its box, Markdown marks and closing punctuation; everything else as it was written. */
export function bareFormula(answer: string): string {
  const boxed = /^\W*\\(?:boxed|fbox)/.test(answer) ? lastBoxed(answer) : null;
  return withoutMarks(withSigns(withoutLabel(halfWidth(boxed ?? answer))).replace(/<<[^<>\n]*>>/g, ""))
    .replace(/^\*\*|\*\*$/g, "")
    .replace(CURRENCY_CODE, "")
    .replace(/\{([:+-])\}/g, "$1")
    .replace(/(?<=[\d\s])([ap])\. ?m\b\.?/gi, "$1m");
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
