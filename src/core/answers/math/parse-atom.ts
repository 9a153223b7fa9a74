import { BEYOND, type Cursor, deeper, expectMark, isMark, peek, skipMark, UNREADABLE } from "./cursor.ts";
import { readList, readMatrix, sequence } from "./parse.ts";
import { readExponent, readPower, readProduct, readSum } from "./parse-arithmetic.ts";
import type { Token } from "./tokens.ts";
import { type Closing, call, contains, integer, mapChildren, type Node, type Opening } from "./tree.ts";
import { ANGLE_FUNCTIONS, UNKNOWN_FUNCTION } from "./vocabulary.ts";

/** Whether what comes next can be a factor beside the one before. */
export function startsAtom(cursor: Cursor): boolean {
  const { kind, text } = peek(cursor);
  if (kind === "number" || kind === "name" || kind === "function") return true;
  if (kind === "command") return /^(?:frac|sqrt|cbrt|binom|sum$|prod$|begin )/.test(text);
  if (kind !== "mark") return false;
  return "({[⌊⌈".includes(text) || (text === "|" && cursor.bars === 0);
}

export function readAtom(cursor: Cursor): Node {
  const token = peek(cursor);
  switch (token.kind) {
    case "number":
      cursor.at += 1;
      return readBase(cursor, token);
    case "name":
      cursor.at += 1;
      return readName(cursor, token.text);
    case "unit":
    case "words":
      return readWords(cursor);
    case "function":
      cursor.at += 1;
      return deeper(cursor, () => readFunction(cursor, token.text), cursor.bars);
    case "command":
      cursor.at += 1;
      return deeper(cursor, () => readCommand(cursor, token.text), cursor.bars);
    case "mark":
      if (isBracketedNumeral(cursor)) {
        cursor.at += 3;
        return readBase(cursor, peek(cursor, -2));
      }
      return deeper(cursor, () => readBracket(cursor, token.text));
    default:
      throw UNREADABLE;
  }
}

function readWords(cursor: Cursor): Node {
  const texts: string[] = [];
  while (peek(cursor).kind === "words" || peek(cursor).kind === "unit") {
    texts.push(peek(cursor).text);
    cursor.at += 1;
  }
  return { kind: "words", text: texts.join(" ").toLowerCase() };
}

/** The number of a token; with digits under a bar, the exact fraction they stand for: 0.1(6) = 1/6. */
function numberOf({ text, repeat }: Token): Node {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", decimals = ""] = mantissa.split(".");
  const shift = decimals.length - Number(exponent);
  if (Math.abs(shift) > 1_000 || exponent.length > 5) throw UNREADABLE;
  const digits = BigInt(`${whole}${decimals}` || "0");
  if (repeat !== undefined) {
    if (exponent !== "0") throw UNREADABLE;
    const nines = 10n ** BigInt(repeat.length) - 1n;
    const numerator = digits * nines + BigInt(repeat);
    return { kind: "number", value: { numerator, denominator: nines * 10n ** BigInt(shift) }, places: null };
  }
  const value =
    shift > 0
      ? { numerator: digits, denominator: 10n ** BigInt(shift) }
      : { numerator: digits * 10n ** BigInt(-shift), denominator: 1n };
  return { kind: "number", value, places: decimals === "" && shift <= 0 ? null : Math.max(0, shift) };
}

const BASE_NAMES: ReadonlyMap<string, number> = new Map([
  ["two", 2],
  ["three", 3],
  ["four", 4],
  ["five", 5],
  ["six", 6],
  ["seven", 7],
  ["eight", 8],
  ["nine", 9],
  ["ten", 10],
  ["twelve", 12],
  ["sixteen", 16],
]);

/** "(101)_2" */
function isBracketedNumeral(cursor: Cursor): boolean {
  return (
    isMark(cursor, "(") &&
    peek(cursor, 1).kind === "number" &&
    isMark(cursor, ")", 2) &&
    isMark(cursor, "_", 3)
  );
}

/** "101_2" is 5. */
function readBase(cursor: Cursor, token: Token): Node {
  if (!skipMark(cursor, "_")) return numberOf(token);
  const subscript = readSubscript(cursor).replace(/^\((.*)\)$/, "$1");
  const base = BASE_NAMES.get(subscript) ?? Number(subscript);
  if (!(Number.isInteger(base) && base >= 2 && base <= 36) || !/^\d+$/.test(token.text)) throw UNREADABLE;
  let value = 0n;
  for (const digit of token.text) {
    if (Number(digit) >= base) throw UNREADABLE;
    value = value * BigInt(base) + BigInt(digit);
  }
  return integer(value);
}

/** The text of a subscript, blanks left out. */
function readSubscript(cursor: Cursor): string {
  if (!skipMark(cursor, "{")) {
    const token = peek(cursor);
    if (token.kind !== "number" && token.kind !== "name" && token.kind !== "words") throw UNREADABLE;
    cursor.at += 1;
    return token.text.toLowerCase();
  }
  let text = "";
  for (let open = 1; ; ) {
    const token = peek(cursor);
    if (token.kind === "end") throw UNREADABLE;
    cursor.at += 1;
    if (token.kind === "mark" && token.text === "{") open += 1;
    if (token.kind === "mark" && token.text === "}") open -= 1;
    if (open === 0) return text;
    text += token.text;
  }
}

const APPLIED = /^[fgh]$/i;
/** "P(A)", "p(x)"; "P(1 + r)" is a principal with interest, a product. */
const PROBABILITY_OR_POLYNOMIAL = /^[PQpq]$/;

function readName(cursor: Cursor, written: string): Node {
  let name = written;
  const isBehindName = peek(cursor, -2).kind === "name" && !peek(cursor, -1).spaced;
  if (skipMark(cursor, "_")) name += `_${readSubscript(cursor)}`;
  while (skipMark(cursor, "'")) name += "'";
  if (name === "pi" || name === "e" || name === "i") return { kind: "constant", name };
  if (name === "infinity") return { kind: "constant", name };
  if (name === "emptyset") return sequence("{", "}", []);
  if (name === "C" && isMark(cursor, "(")) return readCombinations(cursor);
  if (APPLIED.test(name[0] ?? "") && isMark(cursor, "(")) {
    const applied = appliedName(cursor, name);
    if (applied !== null) return { kind: "symbol", name: applied };
    // "f(x + 1)" is no product; "mg(h + R)" is one, and so is "h(a + b)", a height.
    const isFunction = /^[fg]/.test(name) && !peek(cursor).spaced && !isBehindName;
    if (isFunction) return { kind: "call", name: `${UNKNOWN_FUNCTION}${name}`, of: readArguments(cursor) };
  }
  if (PROBABILITY_OR_POLYNOMIAL.test(name) && isMark(cursor, "(") && !isBehindName) {
    const { text } = peek(cursor, 1);
    const isSimple = /^(?:[A-Zxyzt]|\d+)$/.test(text);
    const applied = (isSimple ? appliedName(cursor, name) : null) ?? probabilityName(cursor, name);
    if (applied !== null) return { kind: "symbol", name: applied };
  }
  return { kind: "symbol", name };
}

/** "C(5, 2)" is a binomial coefficient; "C(x + 1)" is a product. */
function readCombinations(cursor: Cursor): Node {
  const of = readBracketed(cursor);
  const isPair = of.kind === "sequence" && of.open === "(" && of.close === ")" && of.parts.length === 2;
  return isPair
    ? call("binom", ...of.parts)
    : { kind: "product", parts: [{ kind: "symbol", name: "C" }, of] };
}

/** "P(X = 1)", "P(A | B)", "P(\text{red})" before a "=": a name as a whole, with a capital letter or a word in it. */
function probabilityName(cursor: Cursor, name: string): string | null {
  if (name !== "P") return null;
  let inside = "";
  let hasEvent = false;
  for (let ahead = 1; ahead < 16; ahead++) {
    const { kind, text } = peek(cursor, ahead);
    if (kind === "end" || text === "(") return null;
    if (kind === "mark" && text === ")") {
      if (!hasEvent || !isMark(cursor, "=", ahead + 1)) return null;
      cursor.at += ahead + 1;
      return `P(${inside})`;
    }
    hasEvent ||= kind === "words" || (kind === "name" && /^[A-Z]$/.test(text));
    inside += text;
  }
  return null;
}

/** "f(x)", "g(2)": a name as a whole, since nothing is known of the function. Null for "h(a+b)", which is a product. */
function appliedName(cursor: Cursor, name: string): string | null {
  const argument = peek(cursor, 1);
  const isSimple = argument.kind === "name" || argument.kind === "number";
  if (!isSimple || !isMark(cursor, ")", 2)) return null;
  cursor.at += 3;
  return `${name}(${argument.text})`;
}

/** A group in braces, or the one sign that LaTeX takes for one: "\frac12". */
export function readArgument(cursor: Cursor): Node {
  if (isMark(cursor, "{")) return readGroup(cursor);
  const token = peek(cursor);
  if (token.kind === "number" && token.text.length > 1 && /^\d+$/.test(token.text)) {
    cursor.tokens[cursor.at] = { ...token, text: token.text.slice(1), spaced: false };
    return integer(BigInt(token.text[0] ?? "0"));
  }
  return readAtom(cursor);
}

/** What stands in braces that only group. */
export function readGroup(cursor: Cursor): Node {
  expectMark(cursor, "{");
  return deeper(cursor, () => {
    const node = readSum(cursor);
    const name = peek(cursor);
    if (name.kind === "command" && (name.text === "choose" || name.text === "over")) {
      cursor.at += 1;
      const below = readSum(cursor);
      expectMark(cursor, "}");
      return name.text === "over" ? { kind: "quotient", above: node, below } : call("binom", node, below);
    }
    expectMark(cursor, "}");
    return node;
  });
}

function readCommand(cursor: Cursor, name: string): Node {
  if (name === "frac") {
    const above = readArgument(cursor);
    return { kind: "quotient", above, below: readArgument(cursor) };
  }
  if (name === "binom") {
    const above = readArgument(cursor);
    return call("binom", above, readArgument(cursor));
  }
  if (name === "sum" || name === "prod") return readSeries(cursor, name === "sum" ? "sum" : "product");
  if (name === "cbrt") return call("root", readArgument(cursor), integer(3));
  if (name === "sqrt") {
    let index: Node | null = null;
    if (skipMark(cursor, "[")) {
      index = readSum(cursor);
      expectMark(cursor, "]");
    }
    const of = isMark(cursor, "(") ? readAtom(cursor) : readArgument(cursor);
    return index === null ? call("sqrt", of) : call("root", of, index);
  }
  if (name.startsWith("begin ")) {
    const environment = name.slice("begin ".length);
    if (!/^(?:[pbBv]?matrix|smallmatrix|array)$/.test(environment)) throw UNREADABLE;
    return readMatrix(cursor, environment);
  }
  throw UNREADABLE;
}

/** How many sums and products one answer may have; they cannot be nested. What has more is left to the engine. */
const MAX_SERIES = 3;

/** "\sum_{k=1}^{n} k^2"; the body reaches to the next sign. */
function readSeries(cursor: Cursor, operation: "sum" | "product"): Node {
  cursor.series += 1;
  if (cursor.series > MAX_SERIES || !skipMark(cursor, "_") || !skipMark(cursor, "{")) throw BEYOND;
  const name = peek(cursor);
  if (name.kind !== "name" || !isMark(cursor, "=", 1)) throw BEYOND;
  cursor.at += 2;
  const from = readSum(cursor);
  expectMark(cursor, "}");
  if (!skipMark(cursor, "^")) throw BEYOND;
  const to = readArgument(cursor);
  const index = `#${name.text}`;
  const body = withIndex(readProduct(cursor), name.text, index);
  if (contains(body, ({ kind }) => kind === "series")) throw BEYOND;
  return { kind: "series", operation, index, from, to, body };
}

function withIndex(node: Node, name: string, index: string): Node {
  const isIndex = (node.kind === "symbol" || node.kind === "constant") && node.name === name;
  return isIndex
    ? { kind: "symbol", name: index }
    : mapChildren(node, (child) => withIndex(child, name, index));
}

/** "\sin x", "\sin^2 x", "\sin^{-1}(x)", "\log_2 8", "\sin 2x", "gcd(12, 18)". */
function readFunction(cursor: Cursor, name: string): Node {
  let base: Node | null = null;
  let exponent: Node | null = null;
  for (;;) {
    if (skipMark(cursor, "_")) base = isMark(cursor, "{") ? readGroup(cursor) : readArgument(cursor);
    else if (skipMark(cursor, "^")) exponent = isMark(cursor, "{") ? readGroup(cursor) : readExponent(cursor);
    else break;
  }
  const of = readArguments(cursor);
  let applied = name;
  if (exponent !== null && isMinusOne(exponent) && ANGLE_FUNCTIONS.has(name)) {
    applied = `arc${name}`;
    exponent = null;
  }
  if (base !== null && applied !== "log") throw UNREADABLE;
  const value = nodeOfCall(applied, base === null ? of : [...of, base]);
  return exponent === null ? value : { kind: "power", base: value, exponent };
}

function nodeOfCall(name: string, of: readonly Node[]): Node {
  if (name === "lg" || name === "lb") return call("log", ...of, integer(name === "lg" ? 10 : 2));
  if (name === "cbrt") return call("root", ...of, integer(3));
  return { kind: "call", name, of };
}

function isMinusOne(node: Node): boolean {
  return (
    node.kind === "negative" &&
    node.of.kind === "number" &&
    node.of.value.numerator === 1n &&
    node.of.places === null
  );
}

/** In brackets, those; else the factors that follow, up to the next sign or function. */
function readArguments(cursor: Cursor): readonly Node[] {
  if (isMark(cursor, "(") || isMark(cursor, "[") || isMark(cursor, "{")) {
    const node = readBracketed(cursor);
    const isList = node.kind === "sequence" && node.open !== "{";
    return isList ? node.parts : [node];
  }
  if (skipMark(cursor, "-")) return [{ kind: "negative", of: readArgumentRun(cursor) }];
  return [readArgumentRun(cursor)];
}

function readBracketed(cursor: Cursor): Node {
  const token = peek(cursor);
  return deeper(cursor, () => readBracket(cursor, token.text));
}

function readArgumentRun(cursor: Cursor): Node {
  const parts = [readPower(cursor)];
  while (
    peek(cursor).kind !== "function" &&
    peek(cursor).kind !== "number" &&
    startsAtom(cursor) &&
    !isMark(cursor, "(")
  )
    parts.push(readPower(cursor));
  const [only] = parts;
  return parts.length === 1 && only ? only : { kind: "product", parts };
}

const CLOSINGS: Readonly<Record<string, readonly Closing[]>> = {
  "(": [")", "]"],
  "[": ["]", ")"],
  "{": ["}"],
  "⟨": ["⟩"],
};

function readBracket(cursor: Cursor, open: string): Node {
  cursor.at += 1;
  if (open === "|") {
    cursor.bars = 1;
    const of = readSum(cursor);
    expectMark(cursor, "|");
    return call("abs", of);
  }
  if (open === "⌊" || open === "⌈") {
    const of = readSum(cursor);
    expectMark(cursor, open === "⌊" ? "⌋" : "⌉");
    return call(open === "⌊" ? "floor" : "ceil", of);
  }
  const closings = CLOSINGS[open];
  if (closings === undefined) throw UNREADABLE;
  if (open === "{" && skipMark(cursor, "}")) return sequence("{", "}", []);
  if (open === "{") cursor.bars = 1; // a bar behind a factor is that of a condition
  const inner = readList(cursor);
  const choose = peek(cursor);
  if (open === "{" && choose.kind === "command" && (choose.text === "choose" || choose.text === "over")) {
    cursor.at += 1;
    const below = readSum(cursor);
    expectMark(cursor, "}");
    return choose.text === "over" ? { kind: "quotient", above: inner, below } : call("binom", inner, below);
  }
  // "{x | x > 2}" and "{x : x > 2}" say the condition.
  if (open === "{" && (skipMark(cursor, "|") || skipMark(cursor, ":"))) {
    const condition = readList(cursor);
    expectMark(cursor, "}");
    return condition;
  }
  const { text } = peek(cursor);
  const close = closings.find((closing) => closing === text);
  if (close === undefined) throw UNREADABLE;
  cursor.at += 1;
  if (open === "{" && inner.kind === "sequence" && inner.open === "{") return sequence("{", "}", [inner]);
  const isBare = inner.kind === "sequence" && inner.open === "";
  if (isBare) return sequence(open as Opening, close, inner.parts);
  return inner;
}
