/** `*`, `+` and `{n,}` find at most so many in a row; what is beyond is found by the next match. */
const MAX_REPEATS = 32;
/** More quantifiers than this multiply the time that one place of a text can take. */
const MAX_QUANTIFIERS = 3;
const MAX_LENGTH = 200;

const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})/;
const GROUP_HEAD = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/;
const CLASS = /^\[(?:\\.|[^\]\\])*\]/s;

/**
 * Compiles a step separator so that finding it takes time linear in the text, whatever the text: a plain regular
 * expression can backtrack for hours, and a model writes the text.
 *
 * Allowed: JavaScript's syntax with the flags g, m and u, at most 200 characters and three quantifiers. `*`, `+` and `{n,}`
 * stand for at most 32 repeats. Refused: back references, more than 32 repeats, and a repeated group that holds a
 * quantifier or alternatives, as in `(a+)+`.
 *
 * Returns the expression, or what is wrong with the pattern, in words.
 */
export function boundedPattern(pattern: string): RegExp | string {
  if (pattern === "") return "is empty";
  if (pattern.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  try {
    new RegExp(pattern, "gmu");
  } catch (error) {
    return `does not compile: ${error instanceof Error ? error.message : String(error)}`;
  }
  // It compiles, so that brackets are balanced and every quantifier follows what it repeats.
  let bounded = "";
  let quantifiers = 0;
  let groupStays = false;
  const groups: { varies: boolean }[] = [{ varies: false }];
  for (let rest = pattern; rest !== ""; ) {
    const current = groups.at(-1) ?? { varies: false };
    const token = nextToken(rest);
    rest = rest.slice(token.length);
    const repeats = QUANTIFIER.test(token);
    if (/^\\[1-9k]/.test(token)) return "holds a back reference";
    if (repeats && token !== "?") {
      if (groupStays) return "repeats a group that holds a quantifier or alternatives";
      const most = mostRepeats(token);
      if (most > MAX_REPEATS) return `asks for more than ${MAX_REPEATS} repeats`;
    }
    if (repeats) {
      quantifiers += 1;
      if (quantifiers > MAX_QUANTIFIERS) return `holds more than ${MAX_QUANTIFIERS} quantifiers`;
      current.varies = true;
      bounded += withBound(token);
      // A second `?` makes the quantifier lazy.
      if (rest.startsWith("?")) {
        bounded += "?";
        rest = rest.slice(1);
      }
    } else {
      bounded += token;
    }
    groupStays = false;
    if (token === "|") current.varies = true;
    if (token.startsWith("(")) groups.push({ varies: false });
    if (token === ")") {
      const inner = groups.pop();
      groupStays = inner?.varies ?? false;
      const outer = groups.at(-1);
      if (outer && groupStays) outer.varies = true;
    }
  }
  return new RegExp(bounded, "gmu");
}

function nextToken(rest: string): string {
  if (rest.startsWith("\\")) return rest.slice(0, 2);
  return (CLASS.exec(rest) ?? GROUP_HEAD.exec(rest) ?? QUANTIFIER.exec(rest))?.[0] ?? rest.slice(0, 1);
}

function mostRepeats(token: string): number {
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}$/.exec(token) ?? [];
  if (least === undefined) return MAX_REPEATS;
  return Number(comma === "" ? least : most === "" ? Math.max(MAX_REPEATS, Number(least)) : most);
}

function withBound(token: string): string {
  if (token === "*") return `{0,${MAX_REPEATS}}`;
  if (token === "+") return `{1,${MAX_REPEATS}}`;
  return token.endsWith(",}") ? `${token.slice(0, -1)}${MAX_REPEATS}}` : token;
}
