/** A piece of a text: where it stands, and what it says. `end` is exclusive; offsets are UTF-16 code units. */
export interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Every closed `\boxed{…}` and `\fbox{…}` with its content, in order. Nested boxes are one: an inner box that is all its
 * outer box holds ("x =" may stand before it) counts alone, else the whole content does, without the inner boxes around its
 * parts. `\boxed 5` without braces reaches to the next `$` or the end of the line. Escaped braces (`\{`) do not count. One
 * pass, whatever the text holds.
 *
 *   "\boxed{1} or rather \boxed{\frac{1}{2}}" -> "1", "\frac{1}{2}"        "\boxed{\boxed{5} + 6}" -> "5 + 6"
 */
export function boxes(text: string): readonly Candidate[] {
  const found: Candidate[] = [];
  const open: { readonly box: number | null; readonly start: number }[] = [];
  const propose = (box: number, start: number, contentEnd: number, end: number): void => {
    const inner: Candidate[] = [];
    // A box closes after those inside it, which become one with it: each is taken off once.
    for (let last = found.at(-1); last !== undefined && last.start >= start; last = found.at(-1)) {
      inner.push(last);
      found.pop();
    }
    found.push({ start: box, end, text: unwrapped(text, start, contentEnd, inner.reverse()) });
  };
  const bareEnd = lineOrDollarFinder(text);
  const first = text.search(/\\(?:boxed|fbox)/);
  if (first < 0) return found;
  for (let index = first; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) {
      const start = boxStart(text, index);
      if (start === null) {
        index += 1; // the escaped character
      } else if (text[start] === "{") {
        open.push({ box: index, start: start + 1 });
        index = start;
      } else {
        const end = bareEnd(start);
        propose(index, start, end, end);
        index = start - 1;
      }
    } else if (code === OPENING) {
      open.push({ box: null, start: index + 1 });
    } else if (code === CLOSING) {
      const closed = open.pop();
      if (closed && closed.box !== null) propose(closed.box, closed.start, index, index + 1);
    }
  }
  return found;
}

/** Longer contents of nested boxes are left as they are: they are no answers. */
const MAX_NESTED = 2_000;

/** What an outer box holds, without the boxes around its parts. */
function unwrapped(text: string, start: number, end: number, inner: readonly Candidate[]): string {
  const [first] = inner;
  const last = inner.at(-1);
  if (first === undefined || last === undefined || last.end > end)
    return last?.text ?? text.slice(start, end);
  const isAll = inner.length === 1 && end - last.end <= MAX_SEPARATOR && first.start - start <= MAX_SEPARATOR;
  if (isAll && NAMED.test(text.slice(start, first.start)) && /^[\s$.]*$/.test(text.slice(last.end, end)))
    return first.text;
  if (end - start > MAX_NESTED) return text.slice(start, end);
  let content = "";
  let at = start;
  for (const { start, end, text: part } of inner) {
    content = besides(content + text.slice(at, start), part);
    at = end;
  }
  return besides(content, text.slice(at, end));
}

const NAMED = /^[\s$]*(?:\\?\p{L}\w{0,5} *= *)?[\s$]*$/u;

/** Two digits side by side would be another number: a "?" keeps them apart, and nothing reads that. */
function besides(left: string, right: string): string {
  return /\d\s*$/.test(left.slice(-20)) && /^\s*\d/.test(right) ? `${left} ? ${right}` : left + right;
}

const BACKSLASH = 0x5c;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** The content of the last of `boxes(text)`; null when there is none. */
export function lastBoxed(text: string): string | null {
  return boxes(text).at(-1)?.text ?? null;
}

/** Where the content of a box begins, blanks skipped, when a box command stands at `index`. */
function boxStart(text: string, index: number): number | null {
  for (const command of ["\\boxed", "\\fbox"]) {
    if (!text.startsWith(command, index)) continue;
    let start = index + command.length;
    while (text[start] === " ") start += 1;
    return start;
  }
  return null;
}

/** Where the next "$" or line break stands, for positions that only grow: each stretch of text is searched once. */
function lineOrDollarFinder(text: string): (from: number) => number {
  let known = -1;
  return (from) => {
    if (known < from) {
      const place = text.slice(from).search(/[$\n]/);
      known = place < 0 ? text.length : from + place;
    }
    return known;
  };
}

/** Longer texts between two boxes keep them apart, whatever they say. */
const MAX_SEPARATOR = 60;

/**
 * Takes neighbouring boxes for one answer of several parts, written as a list: those with only a comma, a semicolon, "and",
 * "or", math marks, blanks or "y =" between them. Equal parts are named once. Boxes with other words or a blank line between
 * them stay apart: those repeat or replace each other.
 *
 *   "$\boxed{1}$ and $\boxed{2}$" -> "1, 2"        "\boxed{1}. So again \boxed{1}" -> "1", "1"
 */
export function joinedBoxes(text: string): readonly Candidate[] {
  const answers: Candidate[][] = [];
  for (const box of boxes(text)) {
    if (box.text.trim() === "") continue;
    const before = answers.at(-1);
    const last = before?.at(-1);
    if (before && last && isSeparator(text, last.end, box.start)) before.push(box);
    else answers.push([box]);
  }
  return answers.map((parts) => joined(parts));
}

/** One candidate of several parts: their distinct texts as a list. */
export function joined(parts: readonly Candidate[]): Candidate {
  const [first] = parts;
  const last = parts.at(-1);
  if (!first || !last) throw new RangeError("no parts to join");
  if (first === last) return first;
  const distinct = new Map(parts.map(({ text }) => [text.replace(/[\s$]+/g, ""), text.trim()]));
  return { start: first.start, end: last.end, text: [...distinct.values()].join(", ") };
}

/** Whether what stands between two pieces of math only lists them. */
export function isSeparator(text: string, from: number, to: number): boolean {
  if (to < from || to - from > MAX_SEPARATOR) return false;
  const between = text.slice(from, to);
  if (/\n\s*\n/.test(between)) return false;
  const bare = between
    .replace(/\\(?:text|mathrm|mbox) *\{ *(and|or) *\}/g, "$1")
    .replace(/\\[()[\],;:! \\]|\\q?quad(?![a-zA-Z])|[$*&\s]/g, " ");
  return /^ *[,;]? *(?:and|or)? *(?:\\?\p{L}\w{0,5} *= *)?$/u.test(bare);
}

/**
 * The content of the last box exactly as the MATH code reads it, for parity with what is built on it: the last
 * `\boxed`, else the last `\fbox`; every brace counts; unclosed is null; with a `\boxed ` anywhere, what follows the
 * last of those, up to the next `$`.
 *
 * Source: Hendrycks et al. 2021, MATH, `last_boxed_only_string` and `remove_boxed`, as used by Co-Reward. (There
 * `remove_boxed` gives up on `\fbox`; here its content is read.)
 */
export function lastBoxedLiteral(text: string): string | null {
  const spaced = text.lastIndexOf("\\boxed ");
  if (spaced >= 0) return text.slice(spaced + "\\boxed ".length).split("$", 1)[0] ?? "";
  const boxed = text.lastIndexOf("\\boxed");
  const start = boxed >= 0 ? boxed + "\\boxed".length : text.lastIndexOf("\\fbox") + "\\fbox".length;
  if (text[start] !== "{" || (boxed < 0 && !text.includes("\\fbox"))) return null;
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    if (text[index] === "{") depth += 1;
    if (text[index] === "}") depth -= 1;
    if (depth === 0) return text.slice(start + 1, index);
  }
  return null;
}
