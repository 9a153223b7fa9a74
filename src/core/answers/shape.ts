import { compareExpressions } from "./math/expression.ts";
import { contains, mapChildren, type Node, symbolsOf } from "./math/tree.ts";
import { UNKNOWN_FUNCTION } from "./math/vocabulary.ts";
import { isRounded } from "./values.ts";

/** The answer with names and signs written out: what is compared in the end. */
export type Shape =
  | { readonly kind: "value"; readonly node: Node }
  | { readonly kind: "words"; readonly text: string }
  | { readonly kind: "ellipsis" }
  /** "x = 5", and also "x = 2 + 3 = 5". */
  | { readonly kind: "assignment"; readonly name: string; readonly value: Shape; readonly node: Node }
  /** Without brackets, or what "±" stands for. */
  | { readonly kind: "list"; readonly parts: readonly Shape[] }
  | { readonly kind: "set"; readonly parts: readonly Shape[]; readonly node: Node }
  | {
      readonly kind: "tuple";
      readonly brackets: string;
      readonly parts: readonly Shape[];
      readonly node: Node;
    }
  | { readonly kind: "grid"; readonly rows: readonly (readonly Node[])[] }
  | { readonly kind: "ratio"; readonly parts: readonly Node[] }
  /** Inequalities, intervals and what is made of them; equations that assign nothing. */
  | { readonly kind: "condition"; readonly node: Node };

/** Whether a formula is one value or function, and not made of several. */
export function isPlainValue(node: Node): boolean {
  return shapeOf(node).kind === "value";
}

export function shapeOf(node: Node): Shape {
  switch (node.kind) {
    case "words":
      return { kind: "words", text: node.text };
    case "ellipsis":
      return { kind: "ellipsis" };
    case "sequence":
      return shapeOfSequence(node);
    case "matrix":
      return { kind: "grid", rows: node.rows };
    case "ratio":
      return { kind: "ratio", parts: node.parts };
    case "join":
      return { kind: "condition", node };
    case "relation":
      return shapeOfRelation(node);
    default:
      if (node.kind === "symbol" && node.name === "\\mathbb R") return { kind: "condition", node };
      if (!contains(node, isSigned)) return scaledGrid(node) ?? { kind: "value", node };
      return { kind: "list", parts: [withSign(node, 1), withSign(node, -1)].map(shapeOf) };
  }
}

/** "2 (1 0; 0 1)" and "−(1 0; 0 1)": a matrix with a factor, multiplied out. */
function scaledGrid(node: Node): Shape | null {
  if (node.kind === "negative" && node.of.kind === "matrix")
    return {
      kind: "grid",
      rows: node.of.rows.map((row) => row.map((of): Node => ({ kind: "negative", of }))),
    };
  if (node.kind !== "product") return null;
  const [matrix, ...more] = node.parts.filter(({ kind }) => kind === "matrix");
  if (matrix?.kind !== "matrix" || more.length > 0) return null;
  const factors = node.parts.filter((part) => part !== matrix);
  return {
    kind: "grid",
    rows: matrix.rows.map((row) => row.map((cell): Node => ({ kind: "product", parts: [...factors, cell] }))),
  };
}

/** Whether a node is "±" or "∓". */
export function isSigned(node: Node): boolean {
  return node.kind === "plus-minus";
}

function withSign(node: Node, upper: 1 | -1): Node {
  const inner = mapChildren(node, (child) => withSign(child, upper));
  if (inner.kind !== "plus-minus") return inner;
  return inner.upper === upper ? inner.of : { kind: "negative", of: inner.of };
}

type SequenceNode = Extract<Node, { kind: "sequence" }>;

function shapeOfSequence(node: SequenceNode): Shape {
  if (node.open === "") return listOf(withoutDomain(node.parts).map(shapeOf));
  const isGrid =
    node.open === "[" &&
    node.parts.length > 0 &&
    node.parts.every((part) => part.kind === "sequence" && part.open === "[");
  if (isGrid) {
    const rows = node.parts.map((part) => (part.kind === "sequence" ? part.parts : []));
    if (rows.every(({ length }) => length === rows[0]?.length)) return { kind: "grid", rows };
  }
  const parts = spread(node.parts.map(shapeOf));
  if (node.open === "{") return { kind: "set", parts, node };
  return { kind: "tuple", brackets: node.open + node.close, parts, node };
}

/** "2πn, n ∈ ℤ": what is said of the variable of the parts before it is no part of the answer. */
function withoutDomain(parts: readonly Node[]): readonly Node[] {
  const last = parts.at(-1);
  if (last?.kind !== "relation" || last.operators.join() !== "∈" || parts.length < 2) return parts;
  const [name, set] = last.parts;
  if (name?.kind !== "symbol" || set?.kind !== "symbol" || set.name !== "\\mathbb Z") return parts;
  const values = parts.slice(0, -1);
  const isAbout = values.every((part) => symbolsOf(part).has(name.name));
  return isAbout ? values : parts;
}

/** A "±" among other parts stands for two of them. */
function spread(parts: readonly Shape[]): readonly Shape[] {
  return parts.flatMap((part) => (part.kind === "list" ? part.parts : [part]));
}

/** "x = 1, 2" and "x = 1 or x = 2" are a list of two values of x. */
function listOf(parts: readonly Shape[]): Shape {
  const [first, ...rest] = parts;
  if (first?.kind === "assignment" && rest.length > 0) {
    const values = rest.map((part) =>
      part.kind === "assignment" && part.name === first.name ? part.value : part,
    );
    if (values.every(({ kind }) => kind === "value" || kind === "list")) {
      const all = { kind: "list", parts: spread([first.value, ...values]) } as const;
      return { kind: "assignment", name: first.name, value: all, node: first.node };
    }
  }
  return { kind: "list", parts: spread(parts) };
}

export type RelationNode = Extract<Node, { kind: "relation" }>;

function shapeOfRelation(node: RelationNode): Shape {
  const { operators, parts } = node;
  const [left] = parts;
  const right = parts.at(-1);
  if (left === undefined || right === undefined) return { kind: "condition", node };
  const named = shapeOfTupleEquation(node);
  if (named !== null) return named;
  const approximately = operators.indexOf("≈");
  if (approximately > 0 || (approximately === 0 && nameOf(left) === null)) {
    // "x = 1/3 ≈ 0.33": what is exact is the answer.
    const exact = {
      ...node,
      operators: operators.slice(0, approximately),
      parts: parts.slice(0, approximately + 1),
    };
    return exact.parts.length === 1 ? shapeOf(left) : shapeOfRelation(exact);
  }
  const isChain = operators.every((operator) => operator === "=" || operator === "≈");
  if (!isChain) {
    const inner =
      right.kind === "sequence" && right.open === "{" && operators.length === 1 && operators[0] === "∈";
    const name = inner ? nameOf(left) : null;
    return name === null
      ? { kind: "condition", node }
      : { kind: "assignment", name, value: shapeOf(right), node };
  }
  const name = nameOf(left);
  if (!isConsistent(name === null ? parts : parts.slice(1))) return { kind: "condition", node };
  if (name !== null) return { kind: "assignment", name, value: shapeOf(right), node };
  const last = parts.length === 2 ? nameOf(right) : null;
  if (last !== null) return { kind: "assignment", name: last, value: shapeOf(left), node };
  const isComputation = parts.every(
    (part) => !contains(part, ({ kind }) => kind === "symbol" || kind === "plus-minus"),
  );
  return isComputation ? shapeOf(right) : { kind: "condition", node };
}

/** Whether the numbers of a chain are one number, but for rounding: "4 + 5 = 9" and "2/3 = 0.67", and not "6 = 5". */
function isConsistent(parts: readonly Node[]): boolean {
  const numbers = parts.filter((part) => isNumber(part));
  return numbers.every((part, index) => {
    const before = numbers[index - 1];
    return before === undefined || compareExpressions(before, part) === "equal" || isRounded(part, before);
  });
}

function isNumber(node: Node): boolean {
  const isOther = ({ kind }: Node): boolean =>
    kind === "symbol" ||
    kind === "plus-minus" ||
    kind === "words" ||
    kind === "sequence" ||
    kind === "matrix";
  return !contains(node, isOther);
}

/** "(x, y) = (3, −2)" says x = 3 and y = −2. */
function shapeOfTupleEquation({ operators, parts }: RelationNode): Shape | null {
  const [left, right] = parts;
  if (
    operators.length !== 1 ||
    operators[0] !== "=" ||
    left?.kind !== "sequence" ||
    right?.kind !== "sequence"
  )
    return null;
  if (left.parts.length !== right.parts.length || left.open !== "(" || right.open !== "(") return null;
  const assignments = left.parts.map((part, index): Shape | null => {
    const [name, value] = [nameOf(part), right.parts[index]];
    if (name === null || value === undefined) return null;
    const node: Node = { kind: "relation", operators: ["="], parts: [part, value] };
    return { kind: "assignment", name, value: shapeOf(value), node };
  });
  return assignments.every((part) => part !== null)
    ? { kind: "list", parts: assignments as readonly Shape[] }
    : null;
}

/** "x", "x_1", "f(x)", "f^{-1}(x)", "dy/dx", "AB", "the total": what a value can be given to. */
function nameOf(node: Node): string | null {
  switch (node.kind) {
    case "symbol":
      return node.name;
    case "words":
      return node.text;
    case "product": {
      const [head] = node.parts;
      const isApplied = head !== undefined && node.parts.length === 2 && APPLIED.test(headName(head));
      const isPoints = node.parts.every((part) => part.kind === "symbol" && /^[A-Z]/.test(part.name));
      return isApplied || isPoints ? JSON.stringify(node, bigintText) : null;
    }
    case "quotient": {
      const isDerivative = [node.above, node.below].every(
        (part) => part.kind === "product" && headName(part.parts[0] as Node) === "d",
      );
      return isDerivative ? JSON.stringify(node, bigintText) : null;
    }
    case "call":
      // "|AB|" is a length; "|x|" is none, and |x| = 5 is not solved.
      if (node.name === "abs" && node.of[0]?.kind === "product") return nameOf(node.of[0]);
      return node.name.startsWith(UNKNOWN_FUNCTION) ? JSON.stringify(node, bigintText) : null;
    default:
      return null;
  }
}

const APPLIED = /^[fgh](?:'*)$/i;

function headName(node: Node): string {
  if (node.kind === "power") return headName(node.base);
  return node.kind === "symbol" ? node.name : "";
}

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
