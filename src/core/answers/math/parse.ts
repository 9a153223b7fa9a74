import { BEYOND, type Cursor, isCommand, isMark, peek, skipMark, UNREADABLE } from "./cursor.ts";
import { readSum } from "./parse-arithmetic.ts";
import { readArgument } from "./parse-atom.ts";
import { tokenise } from "./tokens.ts";
import type { Closing, Join, Node, Opening, RelationOperator } from "./tree.ts";

export type Reading =
  | { readonly kind: "formula"; readonly node: Node }
  /** A formula that only a symbolic engine may be able to read: a sum, an integral, a limit. */
  | { readonly kind: "beyond" }
  | { readonly kind: "unreadable" };

const UNREAD: Reading = { kind: "unreadable" };

/**
 * Reads a formula in LaTeX, ASCII or Unicode as a whole, or not at all. Bounded by `LIMITS`: hostile text is refused in
 * the time it takes to look at it.
 */
export function parseMath(text: string): Reading {
  const tokens = tokenise(text);
  if (tokens === null || tokens.length === 1) return UNREAD;
  if (tokens.some(({ kind }) => kind === "beyond")) return { kind: "beyond" };
  const cursor: Cursor = { tokens, at: 0, depth: 0, bars: 0, units: 0, series: 0 };
  try {
    const node = readList(cursor);
    return peek(cursor).kind === "end" ? { kind: "formula", node } : UNREAD;
  } catch (error) {
    if (error === UNREADABLE) return UNREAD;
    if (error === BEYOND) return { kind: "beyond" };
    throw error;
  }
}

/** One item, or items between commas, semicolons, "and", "or". */
export function readList(cursor: Cursor): Node {
  const parts = [readItem(cursor)];
  const separators = new Set<string>();
  for (;;) {
    if (isMark(cursor, "…")) {
      // "1, 2, 3..." goes on; "0.333..." is a number that was not written out.
      const last = parts.at(-1);
      if (last?.kind === "number" && last.places !== null) throw UNREADABLE;
      parts.push(ellipsis(cursor));
      if (isListEnd(cursor)) break;
    }
    const separator = takeSeparator(cursor);
    if (separator === null) break;
    if (separator === "and" && cursor.units > 0) throw UNREADABLE; // "18 dollars and 50 cents" is one amount
    separators.add(separator);
    if (isListEnd(cursor)) break; // a closing comma
    parts.push(isMark(cursor, "…") ? ellipsis(cursor) : readItem(cursor));
  }
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const how = joinOf(separators, parts);
  return how === null ? sequence("", "", parts) : { kind: "join", how, parts };
}

function ellipsis(cursor: Cursor): Node {
  cursor.at += 1;
  return { kind: "ellipsis" };
}

function isListEnd(cursor: Cursor): boolean {
  const { kind, text } = peek(cursor);
  return kind === "end" || (kind === "mark" && ")]}⟩|".includes(text));
}

/** Several separators in a row ("1, 2, and 3") are one. */
function takeSeparator(cursor: Cursor): string | null {
  let found: string | null = null;
  for (;;) {
    const { kind, text } = peek(cursor);
    const isSeparator = kind === "mark" && (text === "," || text === ";" || text === "and" || text === "or");
    if (!isSeparator) return found;
    if (found === "and" || found === "or") throw UNREADABLE;
    found = text === ";" ? "," : text;
    cursor.at += 1;
  }
}

/** Conditions are joined by logic; values that are listed with "and" or "or" are a list. */
function joinOf(separators: ReadonlySet<string>, parts: readonly Node[]): Join | null {
  const areConditions = parts.every(isCondition);
  if (!areConditions) return null;
  if (separators.has("and") && separators.has("or")) throw UNREADABLE;
  if (separators.has("or")) return "or";
  return separators.has("and") ? "and" : null;
}

function isCondition(node: Node): boolean {
  if (node.kind === "relation")
    return node.operators.some((operator) => operator !== "=" && operator !== "≈");
  return node.kind === "sequence" && node.open !== "" && node.open !== "{";
}

export function sequence(open: Opening, close: Closing, parts: readonly Node[]): Node {
  return { kind: "sequence", open, close, parts };
}

const RELATIONS: ReadonlySet<string> = new Set(["=", "≠", "<", ">", "≤", "≥", "≈", "∈"]);

function readItem(cursor: Cursor): Node {
  const parts = [readUnion(cursor)];
  const operators: RelationOperator[] = [];
  while (RELATIONS.has(peek(cursor).text) && peek(cursor).kind === "mark") {
    operators.push(peek(cursor).text as RelationOperator);
    cursor.at += 1;
    parts.push(readUnion(cursor));
  }
  const [first] = parts;
  const item: Node =
    operators.length === 0 && first ? readRatio(cursor, first) : { kind: "relation", operators, parts };
  if (!isCommand(cursor, "pmod")) return item;
  // "x = 3 (mod 5)": equal where both parts are.
  cursor.at += 1;
  return { kind: "ratio", parts: [item, readArgument(cursor)] };
}

function readRatio(cursor: Cursor, first: Node): Node {
  const parts = [first];
  while (cursor.depth === 0 && skipMark(cursor, ":")) parts.push(readSum(cursor));
  return parts.length === 1 ? first : { kind: "ratio", parts };
}

const SET_OPERATORS: Readonly<Record<string, Join>> = { "∪": "union", "∩": "intersection", "∖": "minus" };

function readUnion(cursor: Cursor): Node {
  let left = readSum(cursor);
  for (;;) {
    const { kind, text } = peek(cursor);
    const how = kind === "mark" ? SET_OPERATORS[text] : undefined;
    if (how === undefined) return left;
    cursor.at += 1;
    const right = readSum(cursor);
    left =
      left.kind === "join" && left.how === how && how !== "minus"
        ? { ...left, parts: [...left.parts, right] }
        : { kind: "join", how, parts: [left, right] };
  }
}

/** The rows of a matrix, up to its \end. */
export function readMatrix(cursor: Cursor, environment: string): Node {
  const rows: Node[][] = [[]];
  for (;;) {
    if (isCommand(cursor, `end ${environment}`)) break;
    rows.at(-1)?.push(readSum(cursor));
    if (isCommand(cursor, "newline")) {
      cursor.at += 1;
      if (!isCommand(cursor, `end ${environment}`)) rows.push([]);
    } else if (!skipMark(cursor, "&") && !isCommand(cursor, `end ${environment}`)) throw UNREADABLE;
  }
  cursor.at += 1;
  const width = rows[0]?.length ?? 0;
  if (width === 0 || rows.some((row) => row.length !== width)) throw UNREADABLE;
  return environment === "vmatrix" ? determinantOf(rows) : { kind: "matrix", rows };
}

/** Expanded along the first row. Only small ones, since it grows like n!. */
function determinantOf(rows: readonly (readonly Node[])[]): Node {
  const [first, ...rest] = rows;
  if (first === undefined || rows.length !== first.length || rows.length > 4) throw UNREADABLE;
  if (first.length === 1) return first[0] as Node;
  const terms = first.map((cell, column): Node => {
    const minor = determinantOf(rest.map((row) => row.filter((_, index) => index !== column)));
    const term: Node = { kind: "product", parts: [cell, minor] };
    return column % 2 === 0 ? term : { kind: "negative", of: term };
  });
  return { kind: "sum", parts: terms };
}
