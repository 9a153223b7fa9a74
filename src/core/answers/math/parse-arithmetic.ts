import { changesValue } from "../number.ts";
import { type Cursor, deeper, isCommand, isMark, peek, skipMark, UNREADABLE } from "./cursor.ts";
import { readAtom, readGroup, startsAtom } from "./parse-atom.ts";
import { call, type Node } from "./tree.ts";

/** Terms with signs between them: "+", "−", "±", "∓". */
export function readSum(cursor: Cursor): Node {
  const terms: Node[] = [];
  let isFirst = true;
  for (;;) {
    const { kind, text } = peek(cursor);
    const isSign = kind === "mark" && (text === "+" || text === "-" || text === "±" || text === "∓");
    if (!isSign && !isFirst) break;
    if (isSign) cursor.at += 1;
    isFirst = false;
    terms.push(signed(isSign ? text : "+", readProduct(cursor)));
  }
  const [only] = terms;
  return terms.length === 1 && only ? only : { kind: "sum", parts: terms };
}

function signed(sign: string, of: Node): Node {
  if (sign === "+") return of;
  if (sign === "-") return { kind: "negative", of };
  return { kind: "plus-minus", upper: sign === "±" ? 1 : -1, of };
}

/** Factors, written side by side or with an operator; division goes from left to right. */
export function readProduct(cursor: Cursor): Node {
  let left = readFactor(cursor);
  for (;;) {
    const { kind, text } = peek(cursor);
    if (kind === "mark" && text === "*") {
      cursor.at += 1;
      left = times(left, readFactor(cursor));
    } else if (kind === "mark" && text === "/") {
      cursor.at += 1;
      left = { kind: "quotient", above: left, below: readFactor(cursor) };
    } else if (kind === "unit" || kind === "words") {
      skipUnit(cursor);
      return left;
    } else if (startsAtom(cursor)) {
      left = besides(left, cursor);
    } else return left;
  }
}

function times(left: Node, right: Node): Node {
  return left.kind === "product"
    ? { kind: "product", parts: [...left.parts, right] }
    : { kind: "product", parts: [left, right] };
}

/** What stands right behind a factor, without an operator. "2 3" and "x2" have no agreed meaning. */
function besides(left: Node, cursor: Cursor): Node {
  if (peek(cursor).kind === "number") throw UNREADABLE;
  return times(left, readPower(cursor));
}

function isPlainFraction(node: Node): boolean {
  return node.kind === "quotient" && isWhole(node.above) && isWhole(node.below);
}

/** Words that say something of the value, which is then no longer the answer alone. */
const STATEMENT =
  /\b(?:is|are|was|be|if|when|where|whenever|but|except|unless|only|without|with|because|since|provided|wrong|incorrect|false|short|too|maybe|about|around|nearly|almost|approximately|either|neither|any|every|to|from|between|until|up|down)\b/i;

function isStatement(words: string): boolean {
  return STATEMENT.test(words);
}

/** A unit behind a value carries no value: "3\sqrt{2} cm", "5 \text{ m}^2", "7 km/h". Nothing may follow it. */
function skipUnit(cursor: Cursor): void {
  cursor.units += 1;
  // A short word such as "lakh" comes as four names.
  let word = "";
  for (;;) {
    const { kind, text, spaced } = peek(cursor);
    word = spaced || kind !== "name" ? text : word + text;
    if (kind === "unit" || kind === "words" || kind === "name") {
      if (changesValue(word) || isStatement(text)) throw UNREADABLE; // "2 dozen", "n is even", "12 (or 13)"
      cursor.at += 1;
    } else if (skipMark(cursor, "^")) {
      if (isMark(cursor, "{")) readGroup(cursor);
      else cursor.at += 1;
    } else if (!skipMark(cursor, "/")) break;
  }
  const { kind, text } = peek(cursor);
  const isEnd = kind === "end" || kind === "command" || (kind === "mark" && !"+-*(±[{".includes(text));
  if (!isEnd) throw UNREADABLE;
}

function readFactor(cursor: Cursor): Node {
  if (skipMark(cursor, "-")) return { kind: "negative", of: deeper(cursor, readFactor, cursor.bars) };
  if (skipMark(cursor, "+")) return deeper(cursor, readFactor, cursor.bars);
  const factor = readPower(cursor);
  return isWhole(factor) ? readMixed(cursor, factor) : factor;
}

function isWhole(node: Node): boolean {
  return node.kind === "number" && node.places === null;
}

/** "1 1/2" and "1\\frac{1}{2}" are one and a half; "2\\frac{x}{3}" is a product. */
function readMixed(cursor: Cursor, whole: Node): Node {
  if (isCommand(cursor, "frac")) {
    const right = readPower(cursor);
    return isPlainFraction(right) ? { kind: "sum", parts: [whole, right] } : times(whole, right);
  }
  const isSlashed =
    peek(cursor).kind === "number" && isMark(cursor, "/", 1) && peek(cursor, 2).kind === "number";
  if (!isSlashed) return whole;
  const above = readAtom(cursor);
  cursor.at += 1;
  const below = readAtom(cursor);
  if (!isWhole(above) || !isWhole(below)) throw UNREADABLE;
  return { kind: "sum", parts: [whole, { kind: "quotient", above, below }] };
}

/** An atom with what stands behind it: powers, factorials, percent and degree signs. */
export function readPower(cursor: Cursor): Node {
  let base = readAtom(cursor);
  for (;;) {
    if (isMark(cursor, "^")) {
      cursor.at += 1;
      base = withExponent(cursor, base);
    } else if (skipMark(cursor, "!"))
      base = call(skipMark(cursor, "!") ? "double-factorial" : "factorial", base);
    else if (skipMark(cursor, "%")) base = call("percent", base);
    else if (skipMark(cursor, "°")) base = call("degree", base);
    else return base;
  }
}

function withExponent(cursor: Cursor, base: Node): Node {
  if (skipMark(cursor, "°")) return call("degree", base);
  if (isMark(cursor, "{") && isMark(cursor, "°", 1) && isMark(cursor, "}", 2)) {
    cursor.at += 3;
    return call("degree", base);
  }
  const exponent = deeper(cursor, readExponent, cursor.bars);
  if (base.kind === "constant" && base.name === "e") return call("exp", exponent);
  return { kind: "power", base, exponent };
}

/** One group, number, name or function; "x^-1" and "x^y^z" (from the right) as well. */
export function readExponent(cursor: Cursor): Node {
  if (skipMark(cursor, "-")) return { kind: "negative", of: readExponent(cursor) };
  const exponent = readAtom(cursor);
  if (!skipMark(cursor, "^")) return exponent;
  return { kind: "power", base: exponent, exponent: deeper(cursor, readExponent, cursor.bars) };
}
