import { z } from "zod";
import { parseOptions } from "./scorer.ts";
import { blocksKeptWhole } from "./steps-kept-whole.ts";
import { codePointOffsets, codeUnitOffsets, type TextRange } from "./steps-offsets.ts";
import { boundedPattern } from "./steps-pattern.ts";

export interface StepOptions {
  /** What stands between two steps; a line end in it also finds CRLF. Default: a blank line, else a line end. */
  readonly separator?: string;
  /** A regular expression that finds what stands between two steps; see `boundedPattern` for what it may hold. */
  readonly pattern?: string;
  /** true: a line that begins with "Step 1:", "**Step 2.**", "## Step 3" … begins a step. */
  readonly heads?: boolean;
}

/** A step of a text, in Unicode code points; `end` is exclusive. */
export type StepRange = TextRange;

export const stepOptionFields = {
  separator: z
    .string()
    .min(1)
    .max(100)
    .exactOptional()
    .describe("What stands between steps; default: a blank line, else a line end."),
  pattern: z
    .string()
    .superRefine((pattern, context) => {
      const bounded = boundedPattern(pattern);
      if (typeof bounded === "string")
        context.addIssue({ code: "custom", message: `the pattern ${bounded}` });
    })
    .exactOptional()
    .describe("A regular expression for what stands between steps; repeats are bounded."),
  heads: z.boolean().default(false).describe('Lines such as "Step 1:" begin the steps.'),
};

/** Whether more than one way to split is named. */
export function namesOneRule({ separator, pattern, heads }: StepOptions): boolean {
  return [separator !== undefined, pattern !== undefined, heads === true].filter(Boolean).length <= 1;
}

export const ONE_RULE = "give separator, pattern or heads, not two of them";

const optionsSchema = z.strictObject(stepOptionFields).refine(namesOneRule, ONE_RULE);

const BLANK_LINE = /\r?\n(?:[ \t\r]*\n)+/g;
const LINE_END = /\r?\n/g;
const HEAD =
  /^(?=[ \t]{0,8}(?:(?:#{1,6}|[-*+])[ \t]{1,4})?[*_]{0,3}step[ \t]{1,4}\d{1,4}[*_]{0,3}[ \t]{0,4}(?:[:.)*_\-–—]|$))/gim;

/**
 * Splits a text into steps.
 *
 *   default    at blank lines; a text that these leave in one piece is split at its line ends
 *   separator  at this text
 *   pattern    wherever this regular expression matches
 *   heads      before each line that begins with "Step N"; a text without such lines is split by default
 *
 * Source: blank lines are what Qwen2.5-Math-PRM and reward_hub split at, line ends what Math-Shepherd's data has. Falling
 *         back from one to the other, and what is kept whole, is our choice.
 * Shape:  text -> steps in text order, disjoint, in Unicode code points. White space around a step belongs to no step,
 *         so that steps and the gaps between them make up the text.
 * Edges:  empty steps are dropped; a blank text has none. Nothing is cut inside fenced code, $$…$$, \[…\] or a LaTeX
 *         environment. CRLF counts as a line end. Time is linear in the text.
 * Worked: "a\n\n👍 b\n\n\nc" -> [0, 1), [3, 6), [9, 10).
 * Throws: `bad_option` for two rules at once, an empty separator, or a pattern that is refused.
 */
export function splitSteps(text: string, options: StepOptions = {}): readonly StepRange[] {
  return stepSplitter(options)(text);
}

/** Checks the options once and gives what `splitSteps` does with them. */
export function stepSplitter(options: StepOptions = {}): (text: string) => readonly StepRange[] {
  const { separator, pattern, heads } = parseOptions(
    "step splitting",
    optionsSchema,
    options,
    "see docs/process-scores.md.",
  );
  const named =
    pattern !== undefined ? compiled(pattern) : separator !== undefined ? literal(separator) : null;
  return (text) => {
    const blocks = blocksKeptWhole(text);
    if (named) return inCodePoints(text, cut(text, named, blocks).pieces);
    const byHead = heads ? cut(text, HEAD, blocks) : null;
    if (byHead && byHead.cuts > 0) return inCodePoints(text, byHead.pieces);
    const byBlankLine = cut(text, BLANK_LINE, blocks).pieces;
    return inCodePoints(text, byBlankLine.length > 1 ? byBlankLine : cut(text, LINE_END, blocks).pieces);
  };
}

/**
 * The texts of ranges that are given in code points.
 *
 * Shape:  ranges [n], disjoint and in text order -> texts [n].
 * Worked: "a\n\n👍 b" with [0, 1), [3, 6) -> "a", "👍 b".
 */
export function rangeTexts(text: string, ranges: readonly TextRange[]): string[] {
  const units = codeUnitOffsets(
    text,
    ranges.flatMap(({ start, end }) => [start, end]),
  );
  return ranges.map((_, index) => text.slice(units[2 * index], units[2 * index + 1]));
}

function compiled(pattern: string): RegExp {
  const bounded = boundedPattern(pattern);
  // `parseOptions` has refused every pattern that gives words instead.
  return typeof bounded === "string" ? /(?!)/g : bounded;
}

function literal(separator: string): RegExp {
  const escaped = separator.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return new RegExp(escaped.replace(/\r?\n/g, "\\r?\\n"), "gu");
}

interface Cut {
  /** Trimmed, not empty, in UTF-16 code units. */
  readonly pieces: readonly TextRange[];
  /** How many matches lay outside all blocks. */
  readonly cuts: number;
}

function cut(text: string, separator: RegExp, blocks: readonly TextRange[]): Cut {
  const pieces: TextRange[] = [];
  const finder = new RegExp(separator);
  let from = 0;
  let place = 0;
  let cuts = 0;
  for (let match = finder.exec(text); match; match = finder.exec(text)) {
    const start = match.index;
    const end = start + match[0].length;
    while ((blocks[place]?.end ?? Infinity) <= start) place += 1;
    const block = blocks[place];
    if (block && block.start < end && start < block.end) {
      finder.lastIndex = block.end;
      continue;
    }
    cuts += 1;
    pieces.push(...trimmed(text, from, start));
    from = end;
    if (start === end) finder.lastIndex = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }
  return { pieces: [...pieces, ...trimmed(text, from, text.length)], cuts };
}

function trimmed(text: string, from: number, to: number): TextRange[] {
  const piece = text.slice(from, to);
  const start = from + piece.length - piece.trimStart().length;
  const end = from + piece.trimEnd().length;
  return start < end ? [{ start, end }] : [];
}

function inCodePoints(text: string, pieces: readonly TextRange[]): readonly StepRange[] {
  const points = codePointOffsets(
    text,
    pieces.flatMap(({ start, end }) => [start, end]),
  );
  return pieces.map((_, index) => ({ start: points[2 * index] ?? 0, end: points[2 * index + 1] ?? 0 }));
}
