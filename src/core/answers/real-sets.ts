import type { Verdict } from "./compare.ts";
import { decimalValue } from "./math/expression.ts";
import { type Node, type RelationOperator, symbolsOf } from "./math/tree.ts";
import { infinitySign } from "./values.ts";

interface End {
  readonly node: Node;
  /** For sorting; equal ends are told by their formulas. */
  readonly value: number;
}

interface Piece {
  readonly from: End;
  readonly to: End;
  readonly hasFrom: boolean;
  readonly hasTo: boolean;
}

/** A set of real numbers as intervals in order, none touching another; points are intervals of length 0. */
export interface RealSet {
  /** The variable that was said to lie in it; null when none was named. */
  readonly name: string | null;
  readonly pieces: readonly Piece[];
}

const BELOW: End = {
  node: { kind: "negative", of: { kind: "constant", name: "infinity" } },
  value: -Infinity,
};
const ABOVE: End = { node: { kind: "constant", name: "infinity" }, value: Infinity };

/**
 * Reads what describes a set of real numbers: intervals and what is made of them, and conditions that are solved for
 * one variable ("x < 2", "1 < x ≤ 2", "x ≠ 3", "x ∈ (1, 2)"). Null for anything else, above all for conditions that
 * still have to be solved, "2x − 1 > 1": to repeat a question is not to answer it.
 */
export function readRealSet(node: Node): RealSet | null {
  switch (node.kind) {
    case "symbol":
      return node.name === "\\mathbb R"
        ? setOf(null, [{ from: BELOW, to: ABOVE, hasFrom: false, hasTo: false }])
        : null;
    case "sequence":
      return node.open === "{" ? pointsOf(node.parts) : intervalOf(node.open, node.close, node.parts);
    case "relation":
      return conditionOf(node.operators, node.parts);
    case "join": {
      const sets = node.parts.map((part) => readRealSet(part) ?? pointsOf([part]));
      return sets.reduce((one, other) => one && other && combine(node.how, one, other));
    }
    default:
      return null;
  }
}

function setOf(name: string | null, pieces: readonly Piece[]): RealSet {
  return { name, pieces };
}

function endOf(node: Node): End | null {
  const sign = infinitySign(node);
  if (sign !== 0) return sign > 0 ? ABOVE : BELOW;
  if (symbolsOf(node).size > 0) return null;
  const value = decimalValue(node)?.re.toNumber();
  return value === undefined ? null : { node, value };
}

function pointsOf(parts: readonly Node[]): RealSet | null {
  const ends = parts.map(endOf);
  if (!ends.every((end) => end !== null && Number.isFinite(end.value))) return null;
  const pieces = (ends as readonly End[]).map((end) => ({ from: end, to: end, hasFrom: true, hasTo: true }));
  return setOf(null, merged(pieces));
}

function intervalOf(open: string, close: string, parts: readonly Node[]): RealSet | null {
  const [left, right] = parts;
  if ((open !== "(" && open !== "[") || left === undefined || right === undefined || parts.length !== 2)
    return null;
  const [from, to] = [endOf(left), endOf(right)];
  if (from === null || to === null || !(from.value < to.value)) return null;
  const hasFrom = open === "[" && from !== BELOW;
  return setOf(null, [{ from, to, hasFrom, hasTo: close === "]" && to !== ABOVE }]);
}

/** "x < 2" and "1 < x < 2", from either side. */
function conditionOf(operators: readonly RelationOperator[], parts: readonly Node[]): RealSet | null {
  const [first, second, third] = parts;
  const [one, other] = operators;
  if (first === undefined || second === undefined || one === undefined) return null;
  if (parts.length === 2) {
    if (one === "∈") {
      const inner = readRealSet(second);
      return first.kind === "symbol" && inner?.name === null ? setOf(first.name, inner.pieces) : null;
    }
    if (first.kind === "symbol") return half(first.name, one, second);
    return second.kind === "symbol" ? half(second.name, flipped(one), first) : null;
  }
  if (parts.length !== 3 || third === undefined || other === undefined || second.kind !== "symbol")
    return null;
  const isUp = (operator: RelationOperator): boolean => operator === "<" || operator === "≤";
  const isDown = (operator: RelationOperator): boolean => operator === ">" || operator === "≥";
  if (!(isUp(one) && isUp(other)) && !(isDown(one) && isDown(other))) return null;
  const [left, right] = [half(second.name, flipped(one), first), half(second.name, other, third)];
  return left && right && combine("and", left, right);
}

export function flipped(operator: RelationOperator): RelationOperator {
  const flips: Partial<Record<RelationOperator, RelationOperator>> = {
    "<": ">",
    ">": "<",
    "≤": "≥",
    "≥": "≤",
  };
  return flips[operator] ?? operator;
}

function half(name: string, operator: RelationOperator, bound: Node): RealSet | null {
  const end = endOf(bound);
  if (end === null) return null;
  const below = (hasTo: boolean): Piece => ({ from: BELOW, to: end, hasFrom: false, hasTo });
  const above = (hasFrom: boolean): Piece => ({ from: end, to: ABOVE, hasFrom, hasTo: false });
  switch (operator) {
    case "<":
    case "≤":
      return end === BELOW ? null : setOf(name, [below(operator === "≤" && end !== ABOVE)]);
    case ">":
    case "≥":
      return end === ABOVE ? null : setOf(name, [above(operator === "≥" && end !== BELOW)]);
    case "≠":
      return Number.isFinite(end.value) ? setOf(name, [below(false), above(false)]) : null;
    case "=":
      return Number.isFinite(end.value)
        ? setOf(name, [{ from: end, to: end, hasFrom: true, hasTo: true }])
        : null;
    default:
      return null;
  }
}

function combine(how: string, one: RealSet, other: RealSet): RealSet | null {
  if (one.name !== null && other.name !== null && one.name !== other.name) return null;
  const name = one.name ?? other.name;
  if (how === "union" || how === "or") return setOf(name, merged([...one.pieces, ...other.pieces]));
  const second = how === "minus" ? complement(other.pieces) : other.pieces;
  return setOf(name, intersection(one.pieces, second));
}

/** Sorted, with what overlaps or touches joined. */
function merged(pieces: readonly Piece[]): readonly Piece[] {
  const sorted = pieces.toSorted(
    (one, other) => one.from.value - other.from.value || Number(other.hasFrom) - Number(one.hasFrom),
  );
  const result: Piece[] = [];
  for (const piece of sorted) {
    const last = result.at(-1);
    const touches =
      last !== undefined &&
      (piece.from.value < last.to.value ||
        (piece.from.value === last.to.value && (piece.hasFrom || last.hasTo)));
    if (!touches) {
      result.push(piece);
      continue;
    }
    const isLonger = piece.to.value > last.to.value;
    const isSame = piece.to.value === last.to.value;
    result[result.length - 1] = {
      ...last,
      to: isLonger ? piece.to : last.to,
      hasTo: isLonger ? piece.hasTo : isSame ? last.hasTo || piece.hasTo : last.hasTo,
    };
  }
  return result;
}

function complement(pieces: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = [];
  let [from, hasFrom] = [BELOW, false];
  for (const piece of pieces) {
    if (isProper(from, piece.from, hasFrom, !piece.hasFrom && piece.from !== BELOW))
      result.push({ from, to: piece.from, hasFrom, hasTo: !piece.hasFrom && piece.from !== BELOW });
    [from, hasFrom] = [piece.to, !piece.hasTo && piece.to !== ABOVE];
  }
  if (isProper(from, ABOVE, hasFrom, false)) result.push({ from, to: ABOVE, hasFrom, hasTo: false });
  return result;
}

function intersection(one: readonly Piece[], other: readonly Piece[]): readonly Piece[] {
  return one.flatMap((a) =>
    other.flatMap((b) => {
      const [from, hasFrom] = higher(a, b);
      const [to, hasTo] = lower(a, b);
      return isProper(from, to, hasFrom, hasTo) ? [{ from, to, hasFrom, hasTo }] : [];
    }),
  );
}

function higher(a: Piece, b: Piece): readonly [End, boolean] {
  if (a.from.value === b.from.value) return [a.from, a.hasFrom && b.hasFrom];
  return a.from.value > b.from.value ? [a.from, a.hasFrom] : [b.from, b.hasFrom];
}

function lower(a: Piece, b: Piece): readonly [End, boolean] {
  if (a.to.value === b.to.value) return [a.to, a.hasTo && b.hasTo];
  return a.to.value < b.to.value ? [a.to, a.hasTo] : [b.to, b.hasTo];
}

function isProper(from: End, to: End, hasFrom: boolean, hasTo: boolean): boolean {
  return from.value < to.value || (from.value === to.value && hasFrom && hasTo);
}

/** Equal when the same ends are in and out; `same` compares two ends. */
export function compareRealSets(
  gold: RealSet,
  given: RealSet,
  same: (gold: Node, given: Node) => Verdict,
): Verdict {
  if (gold.name !== null && given.name !== null && gold.name !== given.name) return "different";
  if (gold.pieces.length !== given.pieces.length) return "different";
  let verdict: Verdict = "equal";
  for (const [index, piece] of gold.pieces.entries()) {
    const other = given.pieces[index] as Piece;
    if (piece.hasFrom !== other.hasFrom || piece.hasTo !== other.hasTo) return "different";
    for (const ends of [same(piece.from.node, other.from.node), same(piece.to.node, other.to.node)]) {
      if (ends === "different") return "different";
      if (ends === "unknown") verdict = "unknown";
    }
  }
  return verdict;
}
