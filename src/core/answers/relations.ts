import type { Verdict } from "./compare.ts";
import { mixed } from "./math/evaluate.ts";
import { compareExpressions, decimalValue } from "./math/expression.ts";
import { integer, mapChildren, type Node, type RelationOperator, symbolsOf } from "./math/tree.ts";

export interface Relation {
  readonly operator: RelationOperator;
  readonly left: Node;
  readonly right: Node;
}

/**
 * Whether two equations or inequalities say the same: one is a constant multiple of the other, or its sides are swapped.
 * With d = left − right and a point a where neither d vanishes, they do when d₁(x) · d₂(a) = d₂(x) · d₁(a) for all x;
 * for an inequality d₁(a) and d₂(a) must have the same sign.
 */
export function compareRelations(gold: Relation, given: Relation): Verdict {
  const [one, other] = [oriented(gold), oriented(given)];
  if (one.operator !== other.operator) return "different";
  if (one.operator === "∈" || one.operator === "≈") return "unknown";
  const [first, second] = [difference(one), difference(other)];
  for (let attempt = 0; attempt < 4; attempt++) {
    const at = (name: string): Node => integer(2 + (mixed(name, 70 + attempt) % 97));
    const [a, b] = [substituted(first, at), substituted(second, at)];
    const [signA, signB] = [signOf(a), signOf(b)];
    if (signA === null || signB === null) continue;
    if (signA === 0 || signB === 0) {
      // One vanishes here and the other does not: no multiple.
      if (signA !== signB) return "different";
      continue;
    }
    const isOrdered = one.operator !== "=" && one.operator !== "≠";
    if (isOrdered && signA !== signB) return "different";
    return compareExpressions(product(first, b), product(second, a));
  }
  return "unknown";
}

/** "a > b" is read as "b < a". */
function oriented({ operator, left, right }: Relation): Relation {
  if (operator === ">") return { operator: "<", left: right, right: left };
  return operator === "≥" ? { operator: "≤", left: right, right: left } : { operator, left, right };
}

function difference({ left, right }: Relation): Node {
  return { kind: "sum", parts: [left, { kind: "negative", of: right }] };
}

function product(...parts: readonly Node[]): Node {
  return { kind: "product", parts };
}

function substituted(node: Node, at: (name: string) => Node): Node {
  return node.kind === "symbol" ? at(node.name) : mapChildren(node, (child) => substituted(child, at));
}

function signOf(node: Node): number | null {
  const value = symbolsOf(node).size > 0 ? null : decimalValue(node);
  if (value === null) return null;
  // Exactly 0 has no rounding error to be compared with.
  if (value.size === Number.NEGATIVE_INFINITY || value.size < value.reach - 45) return 0;
  return value.re.isNegative() ? -1 : 1;
}
