/**
 * The content of the last `\boxed{…}` or `\fbox{…}` that is closed; of nested boxes, the innermost. `\boxed 5` without
 * braces reaches to the next `$` or the end of the line. Null when there is none. Escaped braces (`\{`) do not count.
 * One pass over the text, whatever it holds.
 *
 *   "\boxed{1} or rather \boxed{\frac{1}{2}}" -> "\frac{1}{2}"
 */
export function lastBoxed(text: string): string | null {
  const open: { readonly start: number; readonly isBox: boolean }[] = [];
  let last = { start: -1, end: -1 };
  const propose = (start: number, end: number): void => {
    if (start > last.start) last = { start, end };
  };
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === "\\") {
      const start = boxStart(text, index);
      if (start === null) {
        index += 1; // the escaped character
      } else if (text[start] === "{") {
        open.push({ start: start + 1, isBox: true });
        index = start;
      } else {
        propose(start, bareEnd(text, start));
        index = start - 1;
      }
    } else if (character === "{") {
      open.push({ start: index + 1, isBox: false });
    } else if (character === "}") {
      const closed = open.pop();
      if (closed?.isBox) propose(closed.start, index);
    }
  }
  return last.start < 0 ? null : text.slice(last.start, last.end);
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

function bareEnd(text: string, start: number): number {
  for (let end = start; end < text.length; end++) if (text[end] === "$" || text[end] === "\n") return end;
  return text.length;
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
