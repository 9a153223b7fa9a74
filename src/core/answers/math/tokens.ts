import { LIMITS } from "./tree.ts";
import {
  ACCENTS,
  BIG_OPERATORS,
  CHARACTERS,
  COMMAND_MARKS,
  FUNCTIONS,
  GREEK,
  GREEK_LETTER_NAMES,
  IGNORED_COMMANDS,
  SUBSCRIPT_MEANING,
  SUBSCRIPTS,
  SUPERSCRIPT_MEANING,
  SUPERSCRIPTS,
  TEXT_COMMANDS,
  UNIT_NAMES,
  VULGAR_FRACTIONS,
} from "./vocabulary.ts";

export interface Token {
  /**
   * `number`: digits, one "." at most, perhaps an exponent; `repeat` holds the digits under a bar. `name`: a variable
   * or constant. `command`: frac, sqrt, binom, begin, end. `beyond`: only a symbolic engine can read it.
   */
  readonly kind: "number" | "name" | "function" | "command" | "mark" | "words" | "unit" | "beyond" | "end";
  readonly text: string;
  /** A blank stands before it. */
  readonly spaced: boolean;
  readonly repeat?: string;
}

export const END: Token = { kind: "end", text: "", spaced: true };

/** Cuts a formula in LaTeX, ASCII or Unicode into tokens; null when it holds what is neither. Linear in its length. */
export function tokenise(text: string): Token[] | null {
  const tokens: Token[] = [];
  const brackets: string[] = [];
  let spaced = false;
  let at = 0;
  const push = (kind: Token["kind"], value: string, more: { readonly repeat?: string } = {}): void => {
    tokens.push({ kind, text: value, spaced, ...more });
    spaced = false;
  };
  const mark = (value: string): void => {
    const last = tokens.at(-1);
    if (value === "(" || value === "[") brackets.push(value);
    else if (value === "{") {
      const isArgument =
        last !== undefined &&
        (last.kind === "command" || last.kind === "function" || "^_}]".includes(last.text || " "));
      brackets.push(isArgument ? "argument" : "{");
    } else if (value === ")" || value === "]" || value === "}") brackets.pop();
    push("mark", value);
  };
  const nested = (inner: string): boolean => {
    const more = tokenise(inner);
    if (more === null) return false;
    for (const token of more) if (token.kind !== "end") tokens.push(token);
    return true;
  };

  while (at < text.length) {
    if (tokens.length > LIMITS.tokens) return null;
    const character = text[at] ?? "";
    if (/\s/.test(character) || character === "~") {
      spaced = true;
      at += 1;
    } else if (isDigit(character) || (character === "." && isDigit(text[at + 1]))) {
      const top = brackets.at(-1);
      const number = readDigits(text, at, top === undefined || top === "argument");
      push("number", number.digits, number.repeat === undefined ? {} : { repeat: number.repeat });
      at = number.end;
    } else if (character === "\\") {
      const read = readCommand(text, at);
      if (read === null) return null;
      at = read.end;
      switch (read.kind) {
        case "blank":
          spaced = true;
          break;
        case "mark":
          mark(read.text);
          break;
        case "text": {
          if (isText(read.text)) {
            pushText(read.text, tokens.at(-1), push);
          } else if (!nested(read.text)) return null;
          break;
        }
        default: {
          const isOhm = read.text === "Omega" && spaced && tokens.at(-1)?.kind === "number";
          push(isOhm ? "unit" : read.kind, read.text);
        }
      }
    } else if (SUPERSCRIPTS.includes(character) || SUBSCRIPTS.includes(character)) {
      const isSuper = SUPERSCRIPTS.includes(character);
      const [from, to] = isSuper ? [SUPERSCRIPTS, SUPERSCRIPT_MEANING] : [SUBSCRIPTS, SUBSCRIPT_MEANING];
      let inner = "";
      while (at < text.length && from.includes(text[at] as string)) {
        inner += to[from.indexOf(text[at] as string)];
        at += 1;
      }
      mark(isSuper ? "^" : "_");
      mark("{");
      if (!nested(inner)) return null;
      mark("}");
    } else if (VULGAR_FRACTIONS[character]) {
      const [above, below] = VULGAR_FRACTIONS[character];
      push("command", "frac");
      for (const part of [above, below]) {
        push("mark", "{");
        push("number", String(part));
        push("mark", "}");
      }
      at += 1;
    } else if (/\p{L}/u.test(character)) {
      const end = letterEnd(text, at);
      if (!pushLetters(text.slice(at, end), { spaced, previous: tokens.at(-1) }, push)) return null;
      at = end;
    } else if (/[$€£¥₹]/.test(character)) {
      at += 1; // math delimiters and currencies carry no value
    } else {
      const two = text.slice(at, at + 2);
      const three = text.slice(at, at + 3);
      if (three === "...") {
        mark("…");
        at += 3;
      } else if (PAIRS[two] !== undefined) {
        mark(PAIRS[two]);
        at += 2;
      } else if (character === "∞") {
        push("name", "infinity");
        at += 1;
      } else if (character === "∅") {
        push("name", "emptyset");
        at += 1;
      } else if (character === "√" || character === "∛") {
        push("command", character === "√" ? "sqrt" : "cbrt");
        at += 1;
        // "√10" is the root of ten; only in LaTeX does a root take one digit.
        BARE_DIGITS.lastIndex = at;
        const digits = BARE_DIGITS.exec(text)?.[0];
        if (digits !== undefined) {
          push("mark", "{");
          push("number", digits.trim());
          push("mark", "}");
          at += digits.length;
        }
      } else if ("∑∏∫".includes(character)) {
        if (character === "∫") push("beyond", character);
        else push("command", character === "∑" ? "sum" : "prod");
        at += 1;
      } else {
        const meaning = CHARACTERS.get(character) ?? character;
        if (!MARKS.has(meaning)) return null;
        mark(meaning);
        at += 1;
      }
    }
  }
  tokens.push(END);
  return tokens;
}

const BARE_DIGITS = / ?\d+(?:\.\d+)?/y;

const PAIRS: Readonly<Record<string, string>> = {
  "<=": "≤",
  ">=": "≥",
  "!=": "≠",
  "==": "=",
  "**": "^",
  "+-": "±",
  "-+": "∓",
  "=>": "⇒",
  "->": "⇒",
  "=<": "≤",
};
const MARKS: ReadonlySet<string> = new Set([..."+-*/^_=<>≤≥≠≈()[]{}|,;:!%°'±∓∪∩∖∈…⌊⌋⌈⌉⟨⟩&‖", "and", "or"]);

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

const GROUPED = /\d{1,3}(?:(?:,|\{,\}|,\\!|\\,|\\ )\d{3})+(?!,?\d)(?:\.\d+)?/y;
const BRACED_GROUPS = /\d{1,3}(?:(?:\{,\}|,\\!|\\,|\\!)\d{3})+(?!\d)(?:\.\d+)?/y;
const BLANK_GROUPS = /\d{1,3}(?: \d{3})+(?![\d/])(?:\.\d+)?/y;
const EUROPEAN = /\d{1,3}(?:\.\d{3})+,\d+(?!\d)|\d{1,3}(?:\.\d{3}){2,}(?!\d)/y;
const DECIMAL_COMMA = /\d+\{,\}\d+/y;
const PLAIN = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![\d.]))?/y;
const REPEATING = /\\(?:overline|bar) ?\{(\d+)\}/y;

/** Reads a number. `mayGroup`: a comma may separate thousands here, and not the parts of a tuple. */
function readDigits(
  text: string,
  at: number,
  mayGroup: boolean,
): { readonly digits: string; readonly end: number; readonly repeat?: string } {
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? null;
  };
  const grouped = match(BRACED_GROUPS) ?? (mayGroup ? (match(GROUPED) ?? match(BLANK_GROUPS)) : null);
  if (grouped !== null) return { digits: grouped.replace(/[^\d.]/g, ""), end: at + grouped.length };
  const european = mayGroup ? match(EUROPEAN) : null;
  if (european !== null)
    return { digits: european.replaceAll(".", "").replace(",", "."), end: at + european.length };
  const comma = match(DECIMAL_COMMA);
  if (comma !== null) return { digits: comma.replace("{,}", "."), end: at + comma.length };
  const plain = match(PLAIN) ?? text[at] ?? "";
  let end = at + plain.length;
  if (text[end] === "." && text.slice(end, end + 3) !== "...") {
    REPEATING.lastIndex = end + 1;
    if (REPEATING.test(text) || !isDigit(text[end + 1])) end += 1; // "18." and "0.\overline{3}"
  }
  REPEATING.lastIndex = end;
  const repeat = REPEATING.exec(text);
  if (repeat === null) return dottedRepeat(text, plain, end) ?? { digits: plain, end };
  return { digits: plain, end: end + repeat[0].length, repeat: repeat[1] ?? "" };
}

const DOTS = /(?:\.\.\.|…| ?\\(?:l|c)?dots(?![a-zA-Z]))/y;
/** The first digits, and the shortest block of digits that fills the rest: one digit three times, more digits twice. */
const REPEATS = /^(\d*\.\d*?)(?:([1-9])\2{2,}|(\d{2,}?)\3+)$/;

/** "0.333…" and "0.1212\ldots" are repeating decimals; of "3.14…" nobody can tell how it goes on. */
function dottedRepeat(
  text: string,
  plain: string,
  end: number,
): { readonly digits: string; readonly end: number; readonly repeat: string } | null {
  DOTS.lastIndex = end;
  const dots = DOTS.exec(text);
  if (dots === null || plain.length > MAX_REPEATING) return null;
  const [, head = "", one, more] = REPEATS.exec(plain) ?? [];
  const repeat = one ?? more;
  if (repeat === undefined || /^0+$/.test(repeat)) return null;
  return { digits: head.replace(/\.$/, ""), end: end + dots[0].length, repeat };
}

/** Digits of "0.333…" that are looked at. */
const MAX_REPEATING = 60;

type Command =
  | { readonly kind: "blank" | "mark" | "text"; readonly text: string; readonly end: number }
  | {
      readonly kind: "name" | "function" | "command" | "beyond" | "words";
      readonly text: string;
      readonly end: number;
    };

const COMMAND = /\\([a-zA-Z]+)\*?/y;

function readCommand(text: string, at: number): Command | null {
  const next = text[at + 1] ?? "";
  if (!/[a-zA-Z]/.test(next)) {
    if (next === "\\") {
      const skip = /^\\\\\s*(?:\[[^\]]{0,20}\])?/.exec(text.slice(at, at + 40))?.[0] ?? "\\\\";
      return { kind: "command", text: "newline", end: at + skip.length };
    }
    if ("{}|%&".includes(next) && next !== "") return { kind: "mark", text: next, end: at + 2 };
    if (",;:! $#_()[]".includes(next) && next !== "") return { kind: "blank", text: "", end: at + 2 };
    return null;
  }
  COMMAND.lastIndex = at;
  const name = COMMAND.exec(text)?.[1] ?? "";
  const end = at + 1 + name.length + (text[at + 1 + name.length] === "*" && name === "operatorname" ? 1 : 0);
  if (name === "left" || name === "right") {
    const delimiter = /^ *\./.exec(text.slice(end, end + 4)); // an invisible bracket
    return { kind: "blank", text: "", end: end + (delimiter?.[0].length ?? 0) };
  }
  if (IGNORED_COMMANDS.has(name)) return { kind: "blank", text: "", end };
  if (name === "pi" || GREEK.has(name)) return { kind: "name", text: name, end };
  if (name === "infty" || name === "infin") return { kind: "name", text: "infinity", end };
  if (name === "emptyset" || name === "varnothing") return { kind: "name", text: "emptyset", end };
  const markText = COMMAND_MARKS.get(name);
  if (markText !== undefined) return { kind: "mark", text: markText, end };
  const known = FUNCTIONS.get(name);
  if (name === "sqrt" || name === "binom" || name === "sum" || name === "prod")
    return { kind: "command", text: name, end };
  if (known !== undefined) return { kind: "function", text: known, end };
  if (/^[dtc]?frac$/.test(name)) return { kind: "command", text: "frac", end };
  if (/^[dt]binom$/.test(name)) return { kind: "command", text: "binom", end };
  if (name === "pmod") return { kind: "command", text: name, end };
  if (name === "choose" || name === "over") return { kind: "command", text: name, end };
  if (BIG_OPERATORS.has(name)) return { kind: "beyond", text: name, end };
  if (name === "to" || name === "rightarrow" || name === "Rightarrow" || name === "implies")
    return { kind: "mark", text: "⇒", end };
  if (name === "i" || name === "imath") return { kind: "name", text: "i", end };
  if (name === "begin" || name === "end") {
    const environment = /^ *\{([a-zA-Z*]+)\} *(?:\{[lcr| ]*\})?/.exec(text.slice(end, end + 60));
    if (environment === null) return null;
    return { kind: "command", text: `${name} ${environment[1]}`, end: end + environment[0].length };
  }
  if (TEXT_COMMANDS.has(name)) {
    const group = groupAt(text, end);
    return group === null ? null : { kind: "text", text: group.inner, end: group.end };
  }
  if (ACCENTS.has(name)) {
    const group = groupAt(text, end);
    const bare = group ?? letterAt(text, end);
    if (bare === null || bare.inner.length > 20) return null;
    return { kind: "name", text: `\\${name} ${bare.inner.trim()}`, end: bare.end };
  }
  return null;
}

function groupAt(text: string, from: number): { readonly inner: string; readonly end: number } | null {
  let start = from;
  while (text[start] === " ") start += 1;
  if (text[start] !== "{") return null;
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    if (text[index] === "\\") index += 1;
    else if (text[index] === "{") depth += 1;
    else if (text[index] === "}") {
      depth -= 1;
      if (depth === 0) return { inner: text.slice(start + 1, index), end: index + 1 };
    }
  }
  return null;
}

function letterAt(text: string, from: number): { readonly inner: string; readonly end: number } | null {
  const match = /^ *([A-Za-z]+)/.exec(text.slice(from, from + 12));
  return match === null ? null : { inner: match[1] ?? "", end: from + match[0].length };
}

type Push = (kind: Token["kind"], text: string) => void;

/** Whether the content of \text{…}, \mathbf{…} and their like is words, and no formula: "\mathbf{\frac{3}{4}}". */
function isText(content: string): boolean {
  if (!/\p{L}/u.test(content) || /^\s*\d/.test(content)) return false;
  return !/^\s*-?\\[dtc]?(?:frac|sqrt)(?![a-z])/.test(content);
}

/** The content of \text{…} and its like. */
function pushText(content: string, previous: Token | undefined, push: Push): void {
  const text = content.replace(/\\[ ,;!]|~/g, " ").trim();
  const word = text.toLowerCase().replace(/^[\s,]+|[\s,]+$/g, "");
  if (word === "and" || word === "or") push("mark", word);
  else if (word === "union" || word === "intersection") push("mark", word === "union" ? "∪" : "∩");
  else if (/^[mgshlLNJWK]$/.test(text) && previous !== undefined && isValueEnd(previous)) push("unit", text);
  else if (/^[A-Za-z]$/.test(text)) push("name", text);
  else if (FUNCTIONS.has(text)) push("function", FUNCTIONS.get(text) ?? text);
  else if (word === "infinity") push("name", word);
  else push("words", text);
}

function letterEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && /\p{L}/u.test(text[end] as string)) end += 1;
  return end;
}

const FUNCTION_PIECES = new RegExp(
  `^([xyzabkn]?)(${[...FUNCTIONS.keys()].sort((one, other) => other.length - one.length).join("|")})([xyzn]|pi|theta)?$`,
);

/** English words of two to four letters that are no product of variables. */
const SHORT_WORDS = new Set(
  `no is it of to if yes odd even none true fals both east west north
   all not the for are any one two six ten four five nine zero half left same each only red blue day days week hour
   year male noon big cat dog min max per dne nan`.split(/\s+/),
);

/** Cuts a run of letters into functions, constants, variables, units or words. False when it is none of them. */
function pushLetters(
  run: string,
  { spaced, previous }: { readonly spaced: boolean; readonly previous: Token | undefined },
  push: Push,
): boolean {
  const greek = GREEK_LETTER_NAMES.get(run);
  if (greek !== undefined) push("name", greek);
  else if (run === "π" || run.toLowerCase() === "pi") push("name", "pi");
  else if (/^(?:infinity|infty|inf|oo)$/i.test(run)) push("name", "infinity");
  else if (run === "ℝ") push("name", "\\mathbb R");
  else if (
    run === "U" &&
    spaced &&
    previous !== undefined &&
    (previous.text === ")" || previous.text === "]")
  )
    push("mark", "∪");
  else if (run.length === 1) push("name", run);
  else if (GREEK.has(run)) push("name", run);
  else if (/^(?:and|or)$/i.test(run)) push("mark", run.toLowerCase());
  else if (run === "union") push("mark", "∪");
  else if (run === "sqrt" || run === "cbrt") push("command", run);
  else if (FUNCTIONS.has(run)) push("function", FUNCTIONS.get(run) ?? run);
  else if (previous !== undefined && isValueEnd(previous) && UNIT_NAMES.has(run)) push("unit", run);
  else return pushRun(run, push);
  return true;
}

function isValueEnd({ kind, text }: Token): boolean {
  return (
    kind === "number" || kind === "name" || kind === "unit" || kind === "words" || ")]}°/".includes(text)
  );
}

function pushRun(run: string, push: Push): boolean {
  const pieces = FUNCTION_PIECES.exec(run);
  if (pieces) {
    const [, before, name, after] = pieces;
    if (before) push("name", before);
    if (name === "sqrt" || name === "cbrt") push("command", name);
    else push("function", FUNCTIONS.get(name ?? "") ?? name ?? "");
    if (after) push("name", after);
  } else if (run.length <= 4 && !SHORT_WORDS.has(run.toLowerCase()) && /^[A-Za-zα-ωπ]+$/.test(run)) {
    for (const letter of run.replace(/^(.*)pi$/, "$1π"))
      push("name", letter === "π" ? "pi" : (GREEK_LETTER_NAMES.get(letter) ?? letter));
  } else if (/^[πα-ωA-Za-z]+$/.test(run) && /[πα-ω]/.test(run) && run.length <= 6) {
    for (const letter of run)
      push("name", letter === "π" ? "pi" : (GREEK_LETTER_NAMES.get(letter) ?? letter));
  } else push("words", run);
  return true;
}
