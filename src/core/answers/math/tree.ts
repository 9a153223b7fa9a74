/** An exact rational number in any terms; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export type RelationOperator = "=" | "≠" | "<" | ">" | "≤" | "≥" | "≈" | "∈";

/** What a formula says, as a plain tree. Sequences, matrices, relations and joins stand only outside of arithmetic. */
export type Node =
  /** `places`: the decimals it was written with; null when it was written as an integer. */
  | { readonly kind: "number"; readonly value: Rational; readonly places: number | null }
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "constant"; readonly name: "pi" | "e" | "i" | "infinity" }
  | { readonly kind: "sum" | "product"; readonly parts: readonly Node[] }
  | { readonly kind: "negative"; readonly of: Node }
  | { readonly kind: "quotient"; readonly above: Node; readonly below: Node }
  | { readonly kind: "power"; readonly base: Node; readonly exponent: Node }
  | { readonly kind: "call"; readonly name: string; readonly of: readonly Node[] }
  /** `upper`: "±" is 1 and "∓" is −1. All of one answer take the same sign together. */
  | { readonly kind: "plus-minus"; readonly upper: 1 | -1; readonly of: Node }
  | { readonly kind: "words"; readonly text: string }
  /** `open` is "" for a bare list. */
  | {
      readonly kind: "sequence";
      readonly open: Opening;
      readonly close: Closing;
      readonly parts: readonly Node[];
    }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly Node[])[] }
  /** `operators` has one entry fewer than `parts`: "1 < x < 2" has three parts. */
  | {
      readonly kind: "relation";
      readonly operators: readonly RelationOperator[];
      readonly parts: readonly Node[];
    }
  | { readonly kind: "join"; readonly how: Join; readonly parts: readonly Node[] }
  /** "3:30" and "1:2:3": what it means is not told by the notation, so only equal parts are equal. */
  | { readonly kind: "ratio"; readonly parts: readonly Node[] }
  /** A finite sum or product. In `body` the index is a symbol whose name begins with "#", and belongs to it alone. */
  | {
      readonly kind: "series";
      readonly operation: "sum" | "product";
      readonly index: string;
      readonly from: Node;
      readonly to: Node;
      readonly body: Node;
    }
  | { readonly kind: "ellipsis" };

export type Opening = "" | "(" | "[" | "{" | "⟨";
export type Closing = "" | ")" | "]" | "}" | "⟩";
export type Join = "and" | "or" | "union" | "intersection" | "minus";

export const LIMITS = {
  /** Tokens of one answer. */
  tokens: 800,
  /** Nested brackets, fractions and powers. */
  depth: 60,
} as const;

export function integer(value: bigint | number): Node {
  return { kind: "number", value: { numerator: BigInt(value), denominator: 1n }, places: null };
}

export function call(name: string, ...of: readonly Node[]): Node {
  return { kind: "call", name, of };
}

/** The parts of a node, whatever it is. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "sum":
    case "product":
    case "sequence":
    case "relation":
    case "join":
    case "ratio":
      return node.parts;
    case "negative":
    case "plus-minus":
      return [node.of];
    case "quotient":
      return [node.above, node.below];
    case "power":
      return [node.base, node.exponent];
    case "call":
      return node.of;
    case "matrix":
      return node.rows.flat();
    case "series":
      return [node.from, node.to, node.body];
    default:
      return [];
  }
}

/** The same node with its parts replaced by what `change` makes of them. */
export function mapChildren(node: Node, change: (child: Node) => Node): Node {
  switch (node.kind) {
    case "sum":
    case "product":
    case "sequence":
    case "relation":
    case "join":
    case "ratio":
      return { ...node, parts: node.parts.map(change) };
    case "negative":
    case "plus-minus":
      return { ...node, of: change(node.of) };
    case "quotient":
      return { ...node, above: change(node.above), below: change(node.below) };
    case "power":
      return { ...node, base: change(node.base), exponent: change(node.exponent) };
    case "call":
      return { ...node, of: node.of.map(change) };
    case "matrix":
      return { ...node, rows: node.rows.map((row) => row.map(change)) };
    case "series":
      return { ...node, from: change(node.from), to: change(node.to), body: change(node.body) };
    default:
      return node;
  }
}

/** Whether the node or anything in it is what is looked for. */
export function contains(node: Node, isWanted: (part: Node) => boolean): boolean {
  return isWanted(node) || childrenOf(node).some((child) => contains(child, isWanted));
}

/** The names of the variables; the index of a sum is none. */
export function symbolsOf(node: Node, into: Set<string> = new Set()): Set<string> {
  if (node.kind === "symbol" && !node.name.startsWith("#")) into.add(node.name);
  for (const child of childrenOf(node)) symbolsOf(child, into);
  return into;
}
