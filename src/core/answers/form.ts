import { parseMath } from "./math/parse.ts";
import { contains, integer, mapChildren, type Node } from "./math/tree.ts";
import { ANGLE_FUNCTIONS } from "./math/vocabulary.ts";
import { bareFormula } from "./text.ts";
import { isWording, plainWords } from "./words.ts";

/** What an answer is. */
export type Form =
  | { readonly kind: "formula"; readonly node: Node }
  /** A formula with a sum, an integral or a limit in it, as it was written. */
  | { readonly kind: "beyond"; readonly latex: string }
  | { readonly kind: "words"; readonly text: string }
  | { readonly kind: "unreadable" };

export const UNREADABLE_FORM: Form = { kind: "unreadable" };

/** Reads an answer as a formula, else as words. `text` is `normaliseAnswer(raw)`. */
export function readForm(raw: string, text: string): Form {
  if (isWording(text)) return wordsForm(text);
  const source = bareFormula(raw);
  const numeral = readNumeral(source);
  if (numeral !== null) return { kind: "formula", node: integer(numeral) };
  const reading = parseMath(source);
  if (reading.kind === "beyond") return { kind: "beyond", latex: source };
  if (reading.kind === "unreadable") return UNREADABLE_FORM;
  const { node } = reading;
  if (contains(node, dividesByZero)) return UNREADABLE_FORM;
  return node.kind === "words" ? wordsForm(node.text) : { kind: "formula", node: withoutUnits(node) };
}

function dividesByZero(node: Node): boolean {
  return node.kind === "quotient" && node.below.kind === "number" && node.below.value.numerator === 0n;
}

/** "FF_{16}" and "(2A3)_{12}": a number in a base above ten, with a letter among at least two digits. */
function readNumeral(text: string): bigint | null {
  const match = /^\$?\(?(?=[0-9]*[A-Za-z])([0-9A-Za-z]{2,40})\)?_\{? ?([1-3][0-9]) ?\}?\$?$/.exec(text);
  const base = Number(match?.[2]);
  if (match?.[1] === undefined || !(base > 10 && base <= 36)) return null;
  let value = 0n;
  for (const letter of match[1]) {
    const digit = Number.parseInt(letter, 36);
    if (digit >= base) return null;
    value = value * BigInt(base) + BigInt(digit);
  }
  return value;
}

function wordsForm(text: string): Form {
  const words = plainWords(text);
  if (words === "emptyset")
    return { kind: "formula", node: { kind: "sequence", open: "{", close: "}", parts: [] } };
  if (words === "all real numbers") return { kind: "formula", node: { kind: "symbol", name: "\\mathbb R" } };
  return { kind: "words", text: words };
}

/** Percent signs become hundredths; degrees become radians in angle functions, and nothing elsewhere. */
function withoutUnits(node: Node): Node {
  if (!contains(node, isUnit)) return node;
  const inner = mapChildren(node, (child) => {
    const isAngle = node.kind === "call" && ANGLE_FUNCTIONS.has(node.name);
    return withoutUnits(isAngle ? inRadians(child) : child);
  });
  if (inner.kind !== "call" || inner.of.length !== 1) return inner;
  const [of] = inner.of as readonly [Node];
  if (inner.name === "percent") return { kind: "quotient", above: of, below: integer(100) };
  return inner.name === "degree" ? of : inner;
}

function isUnit(node: Node): boolean {
  return node.kind === "call" && (node.name === "percent" || node.name === "degree");
}

function inRadians(node: Node): Node {
  if (node.kind === "call" && node.name === "degree") {
    const parts: readonly Node[] = [...node.of, { kind: "constant", name: "pi" }];
    return { kind: "quotient", above: { kind: "product", parts }, below: integer(180) };
  }
  return mapChildren(node, inRadians);
}
