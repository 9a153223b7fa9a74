import type { TextRange } from "./steps-offsets.ts";

/**
 * What opens or closes a block. An escaped backslash or dollar comes first, so that the `\\[2pt]` of a LaTeX table is no
 * display formula.
 */
const MARK =
  /\\[\\$]|\$\$|\\[[\]]|\\(?<edge>begin|end)\{(?<name>[A-Za-z]{1,40}\*?)\}|^[ \t]*(?:(?:[-*+>]|\d{1,9}[.)])[ \t]+){0,4}(?<fence>`{3,}|~{3,})(?<rest>[^\n]*)/gm;

interface Open {
  readonly name: string;
  readonly start: number;
}

/**
 * Blocks that a step is never cut inside: fenced code (``` and ~~~), $$…$$, \[…\], and LaTeX environments.
 *
 * Shape:  text -> disjoint ranges in text order, in UTF-16 code units; of nested blocks the outermost.
 * Edges:  an unclosed fence reaches to the end of the text, as in CommonMark. A formula or environment that is opened and
 *         not closed is no block. Marks inside fenced code count for nothing. Time is linear in the text.
 */
export function blocksKeptWhole(text: string): readonly TextRange[] {
  const found: TextRange[] = [];
  const environments: Open[] = [];
  const openCount = new Map<string, number>();
  let dollars: number | null = null;
  let bracket: number | null = null;
  let fence: { readonly start: number; readonly mark: string } | null = null;

  const marks = new RegExp(MARK);
  for (let match = marks.exec(text); match; match = marks.exec(text)) {
    const { index: start, groups } = match;
    const end = start + match[0].length;
    const mark = groups?.fence;
    if (mark !== undefined) {
      const rest = groups?.rest ?? "";
      if (fence) {
        const closes = mark[0] === fence.mark[0] && mark.length >= fence.mark.length && rest.trim() === "";
        if (closes) {
          found.push({ start: fence.start, end: end - rest.length });
          fence = null;
        }
      } else if (mark[0] === "~" || !rest.includes("`")) {
        fence = { start, mark };
      } else {
        // Code within a line; what follows on the line may still open a formula.
        marks.lastIndex = end - rest.length;
      }
    } else if (fence) {
      // Code is not LaTeX.
    } else if (match[0] === "$$") {
      if (dollars !== null) found.push({ start: dollars, end });
      dollars = dollars === null ? start : null;
    } else if (match[0] === "\\[") {
      bracket = start;
    } else if (match[0] === "\\]") {
      if (bracket !== null) found.push({ start: bracket, end });
      bracket = null;
    } else if (groups?.name !== undefined) {
      const name = groups.name;
      const count = openCount.get(name) ?? 0;
      if (groups.edge === "begin") {
        environments.push({ name, start });
        openCount.set(name, count + 1);
      } else if (count > 0) {
        found.push({ start: closed(environments, openCount, name), end });
      }
    }
  }
  if (fence) found.push({ start: fence.start, end: text.length });
  return outermost(found);
}

/** Takes the innermost environment of this name, and those left open inside it, off the stack; gives its start. */
function closed(environments: Open[], openCount: Map<string, number>, name: string): number {
  for (let open = environments.pop(); open; open = environments.pop()) {
    openCount.set(open.name, (openCount.get(open.name) ?? 1) - 1);
    if (open.name === name) return open.start;
  }
  return 0;
}

function outermost(ranges: readonly TextRange[]): readonly TextRange[] {
  const union: TextRange[] = [];
  for (const range of [...ranges].sort((one, other) => one.start - other.start)) {
    const last = union.at(-1);
    if (last === undefined || range.start >= last.end) union.push(range);
    else if (range.end > last.end) union[union.length - 1] = { start: last.start, end: range.end };
  }
  return union;
}
