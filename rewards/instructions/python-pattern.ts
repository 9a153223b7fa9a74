import { BOUNDARY, SPACE, WORD } from "./python-text.ts";

/**
 * A regular expression written for Python's `re`, as JavaScript. The reference takes keywords and markers as regular
 * expressions, unescaped; nearly all are plain words. What JavaScript cannot compile ("C++", "{name}") is taken
 * literally. `around` puts what else belongs to the expression before and after, and is told which of the two it is.
 */
export function pythonPattern(
  source: string,
  flags: string,
  around: (pattern: string, isLiteral: boolean) => string = (pattern) => pattern,
): RegExp {
  const pattern = translated(source);
  const isLiteral = !compiles(pattern);
  return new RegExp(around(isLiteral ? escaped(source) : pattern, isLiteral), `${flags}u`);
}

function compiles(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

const CLASSES: Readonly<Record<string, string>> = { w: WORD, s: SPACE, d: "\\p{Nd}" };
const ASSERTIONS: Readonly<Record<string, string>> = {
  b: BOUNDARY,
  B: `(?!${BOUNDARY})`,
  A: "^",
  Z: "$",
};

function translated(source: string): string {
  let inClass = false;
  return source.replace(/\\[\s\S]|[[\].$]/gu, (token) => {
    if (token.length > 1) return translatedEscape(token, inClass);
    if (token === "[" && !inClass) inClass = true;
    else if (token === "]") inClass = false;
    else if (!inClass && token === ".") return "[^\\n]";
    else if (!inClass && token === "$") return "(?=\\n?$)";
    return token;
  });
}

function translatedEscape(token: string, inClass: boolean): string {
  const name = token.slice(1);
  const members = CLASSES[name.toLowerCase()];
  if (members !== undefined && name === name.toLowerCase()) return inClass ? members : `[${members}]`;
  if (members !== undefined && !inClass) return `[^${members}]`;
  if (!inClass && ASSERTIONS[name] !== undefined) return ASSERTIONS[name];
  // An escaped character that needs no escape is an error in JavaScript's Unicode mode.
  return /[A-Za-z0-9\\^$.*+?()[\]{}|/]/.test(name) || (inClass && name === "-") ? token : name;
}
