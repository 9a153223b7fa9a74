import type { Reading } from "./ask.ts";

type Unread = Extract<Reading<never>, { readonly kind: "unread" }>;

/** The mark that a reply ends with. */
export interface FinalMark {
  readonly kind: "mark";
  /** What stands in its brackets. */
  readonly mark: string;
  /** What stands in the brackets of marks on earlier lines, which are reasoning. */
  readonly before: readonly string[];
}

/**
 * The mark `[[…]]` that is the last line of a reply. The line holds nothing else but Markdown, quotation marks, a stop, and
 * perhaps a short label: `Final verdict: **[[Yes]]**`, `最終評価：[[4]]。` In a sentence a mark may be denied, doubted or only mentioned, and on a
 * line quoted by `>` it is somebody else's. Blank lines, rules and fences of code blocks do not count as lines.
 *
 * What is asked for in plain letters is read in plain letters: `[[４]]` or other brackets are no mark that was asked for.
 *
 * Thinking that stands in the reply does not count, neither what precedes a closing `</think>` nor what follows one that is open.
 *
 * Example: "I would not say [[Yes]].\n[[No]]" -> No, before it Yes; "So not [[Yes]]" -> unread.
 */
export function finalMark(text: string): FinalMark | Unread {
  const answer = afterThinking(text);
  if (answer === null) return unread("it does not come to the end of its thinking");
  const lines = linesOf(answer).filter((line) => !isDecoration(line));
  const last = lines.at(-1);
  if (last === undefined) return unread("it is empty");
  const mark = last.length <= LONGEST_LINE ? FINAL.exec(last)?.groups?.mark : undefined;
  if (mark === undefined) return unread("its last line is no mark by itself");
  return { kind: "mark", mark: mark.trim(), before: lines.slice(0, -1).flatMap(marksIn) };
}

/** A reply without what was thought before it; null while it still thinks. */
export function afterThinking(text: string): string | null {
  const end = [...text.matchAll(/<\/think(?:ing)?>/gi)].at(-1);
  const answer = end ? text.slice(end.index + end[0].length) : text;
  return /^[ \t]*<think(?:ing)?>/im.test(answer) ? null : answer;
}

export function linesOf(text: string): string[] {
  return text.split(/\r\n|[\n\r\u2028\u2029]/);
}

/** A blank line, a rule, or the fence of a code block. */
export function isDecoration(line: string): boolean {
  return /^[\s`*_~-]*$/.test(line);
}

export function unread(why: string): Unread {
  return { kind: "unread", why };
}

/** Longer lines are prose. */
export const LONGEST_LINE = 300;

/** Markdown and quotation marks before a name or a mark. */
const OPENING = "[\\s*_`\"'“”‘’„«(#+•–-]*";
const LABEL =
  "(?:(?:(?:my|the|final|overall)\\s+){0,3}(?:verdict|answer|ratings?|scores?|ranking|choice|decision|judge?ment)|(?:最[終终])?(?:評価|评价|判定|判断|評分|评分|得分|回答|答案|結論|结论))";
/** `[[…]]`, but not an envelope's mark, which holds a bar. */
const MARK = "\\[\\[(?<mark>[^[\\]|]*)\\]\\]";
const CLOSING = "[\\s*_`.。．!\"'”’»)]*";
const FINAL = new RegExp(`^${OPENING}(?:${LABEL}${OPENING}[:：=]${OPENING})?${MARK}${CLOSING}$`, "i");

function marksIn(line: string): string[] {
  return Array.from(line.matchAll(new RegExp(MARK, "g")), ({ groups }) => (groups?.mark ?? "").trim());
}
