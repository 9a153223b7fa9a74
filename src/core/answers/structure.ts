import type { Verdict } from "./compare.ts";
import { contains, type Node } from "./math/tree.ts";
import type { NumberComparison } from "./number.ts";
import { compareRealSets, readRealSet } from "./real-sets.ts";
import { compareRelations } from "./relations.ts";
import { isSigned, type RelationNode, type Shape, shapeOf } from "./shape.ts";
import { compareValues } from "./values.ts";

/** Compares two formulas, whatever they are. */
export function compareFormulas(gold: Node, given: Node, options: NumberComparison): Verdict {
  return compareShapes(shapeOf(gold), shapeOf(given), options);
}

type Compare = (gold: Shape, given: Shape) => Verdict;

function compareShapes(gold: Shape, given: Shape, options: NumberComparison): Verdict {
  const compare: Compare = (one, other) => compareShapes(one, other, options);
  if (gold.kind === "assignment" && given.kind === "assignment")
    return compareAssignments(gold, given, compare);
  if (gold.kind === "list" || given.kind === "list") return compareLists(gold, given, compare);
  // A name before the answer says nothing where the other side has none: x = 5 against 5.
  if (given.kind === "assignment")
    return gold.kind === "condition" ? compareConditions(gold, given, options) : compare(gold, given.value);
  if (gold.kind === "assignment") {
    if (given.kind !== "condition") return compare(gold.value, given);
    // "2x = 10" is no answer where "x = 5" is wanted.
    return contains(gold.node, ({ kind }) => kind === "symbol") && hasVariables(gold.value)
      ? compareConditions(gold, given, options)
      : "different";
  }
  if (gold.kind === "set" || given.kind === "set") return compareSets(gold, given, compare, options);
  if (gold.kind === "condition" || given.kind === "condition") return compareConditions(gold, given, options);
  if (gold.kind === "value" && given.kind === "value") return compareValues(gold.node, given.node, options);
  if (gold.kind === "tuple" && given.kind === "tuple")
    return gold.brackets === given.brackets ? inOrder(gold.parts, given.parts, compare) : "different";
  if (gold.kind === "grid" && given.kind === "grid") return compareGrids(gold, given, options);
  if (gold.kind === "ratio" && given.kind === "ratio")
    return inOrder(gold.parts.map(shapeOf), given.parts.map(shapeOf), compare);
  if (gold.kind === "words" && given.kind === "words")
    return gold.text === given.text ? "equal" : "different";
  return gold.kind === "ellipsis" && given.kind === "ellipsis" ? "equal" : "different";
}

function hasVariables(shape: Shape): boolean {
  return shape.kind === "value" && contains(shape.node, ({ kind }) => kind === "symbol");
}

type Assignment = Extract<Shape, { kind: "assignment" }>;

function compareAssignments(gold: Assignment, given: Assignment, compare: Compare): Verdict {
  if (gold.name === given.name) {
    const verdict = compare(gold.value, given.value);
    if (verdict !== "different" || !hasVariables(gold.value)) return verdict;
  } else if (!hasVariables(gold.value) || !hasVariables(given.value)) return "different";
  return relationVerdict(gold.node, given.node);
}

function relationVerdict(gold: Node, given: Node): Verdict {
  if (contains(gold, isSigned) || contains(given, isSigned)) return "different"; // two equations, and not one
  const [one, other] = [relationOf(gold), relationOf(given)];
  return one && other ? compareRelations(one, other) : "different";
}

function relationOf(node: Node) {
  if (node.kind !== "relation" || node.parts.length !== 2) return null;
  const [left, right] = node.parts;
  const [operator] = node.operators;
  return left && right && operator ? { operator, left, right } : null;
}

/** An answer of several parts without brackets, in any order; in order where an ellipsis or a tuple says so. */
function compareLists(gold: Shape, given: Shape, compare: Compare): Verdict {
  if (given.kind === "assignment" && gold.kind === "list") return compareLists(gold, given.value, compare);
  if (gold.kind === "assignment" && given.kind === "list") return compareLists(gold.value, given, compare);
  const [one, other] = [partsOf(gold), partsOf(given)];
  const [left, right] = [valuesByName(one), valuesByName(other)];
  if (left !== null && right !== null) {
    return left.names === right.names ? inOrder(left.values, right.values, compare) : "different";
  }
  const isOrdered =
    [gold, given].some(({ kind }) => kind === "tuple") ||
    [...one, ...other].some(({ kind }) => kind === "ellipsis");
  if (gold.kind === "tuple" && gold.brackets !== "()") return "different";
  if (given.kind === "tuple" && given.brackets !== "()") return "different";
  if (left !== null || right !== null) return inOrder(left?.values ?? one, right?.values ?? other, compare);
  if (gold.kind === "set") return bothWays(one, other, compare);
  return isOrdered ? inOrder(one, other, compare) : inAnyOrder(one, other, compare);
}

function partsOf(shape: Shape): readonly Shape[] {
  return shape.kind === "list" || shape.kind === "set" || shape.kind === "tuple" ? shape.parts : [shape];
}

/** The values of "y = 2, x = 1" in the order of their names; null when the parts are not all named, each by its own. */
function valuesByName(
  parts: readonly Shape[],
): { readonly names: string; readonly values: readonly Shape[] } | null {
  const named = parts.filter((part) => part.kind === "assignment");
  if (named.length < 2 || named.length !== parts.length) return null;
  const sorted = named.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  if (new Set(sorted.map(({ name }) => name)).size !== sorted.length) return null;
  return { names: sorted.map(({ name }) => name).join("\n"), values: sorted.map(({ value }) => value) };
}

function compareSets(gold: Shape, given: Shape, compare: Compare, options: NumberComparison): Verdict {
  if (gold.kind === "set" && given.kind === "set") return bothWays(gold.parts, given.parts, compare);
  if (gold.kind === "condition" || given.kind === "condition") return compareConditions(gold, given, options);
  if (gold.kind === "tuple" || given.kind === "tuple") return "different";
  const [parts, single] = gold.kind === "set" ? [gold.parts, given] : [partsOf(given), gold];
  const [only] = parts;
  if (parts.length !== 1 || only === undefined) return "different";
  return gold.kind === "set" ? compare(only, single) : compare(single, only);
}

/** Each part of one has its equal in the other. */
function bothWays(gold: readonly Shape[], given: readonly Shape[], compare: Compare): Verdict {
  const within = (parts: readonly Shape[], others: readonly Shape[], same: Compare): Verdict =>
    all(parts.map((part) => any(others.map((other) => same(part, other)))));
  return all([within(gold, given, compare), within(given, gold, (one, other) => compare(other, one))]);
}

function inOrder(gold: readonly Shape[], given: readonly Shape[], compare: Compare): Verdict {
  if (gold.length !== given.length) return "different";
  let verdict: Verdict = "equal";
  for (const [index, part] of gold.entries()) {
    const one = compare(part, given[index] as Shape);
    if (one === "different") return "different";
    if (one === "unknown") verdict = "unknown";
  }
  return verdict;
}

function inAnyOrder(gold: readonly Shape[], given: readonly Shape[], compare: Compare): Verdict {
  if (gold.length !== given.length) return "different";
  const left = [...given];
  let verdict: Verdict = "equal";
  for (const part of gold) {
    const verdicts = left.map((other) => compare(part, other));
    const match = verdicts.indexOf("equal");
    if (match >= 0) left.splice(match, 1);
    else if (verdicts.includes("unknown")) verdict = "unknown";
    else return "different";
  }
  return verdict;
}

function all(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("different")) return "different";
  return verdicts.includes("unknown") ? "unknown" : "equal";
}

function any(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("equal")) return "equal";
  return verdicts.includes("unknown") ? "unknown" : "different";
}

function compareGrids(
  gold: Extract<Shape, { kind: "grid" }>,
  given: Extract<Shape, { kind: "grid" }>,
  options: NumberComparison,
): Verdict {
  const isSameShape =
    gold.rows.length === given.rows.length && gold.rows[0]?.length === given.rows[0]?.length;
  if (!isSameShape) return "different";
  return all(
    gold.rows.flatMap((row, index) =>
      row.map((cell, column) => compareFormulas(cell, given.rows[index]?.[column] as Node, options)),
    ),
  );
}

/** At least one is a condition: compared as sets of reals where both are that, else as relations. */
function compareConditions(gold: Shape, given: Shape, options: NumberComparison): Verdict {
  const [one, other] = [nodeOf(gold), nodeOf(given)];
  if (one === null || other === null) return "different";
  const [goldSet, givenSet] = [readRealSet(one), readRealSet(other)];
  if (goldSet && givenSet) return compareRealSets(goldSet, givenSet, (a, b) => compareValues(a, b, options));
  // A reference that is solved wants an answer that is.
  if (goldSet) return "different";
  if (one.kind === "join" && other.kind === "join" && one.how === other.how)
    return inOrder(one.parts.map(shapeOf), other.parts.map(shapeOf), (a, b) => compareShapes(a, b, options));
  if (one.kind === "relation" && other.kind === "relation" && one.parts.length > 2)
    return compareChains(one, other, options);
  return relationVerdict(one, other);
}

function compareChains(gold: RelationNode, given: RelationNode, options: NumberComparison): Verdict {
  const isSame = gold.operators.join(" ") === given.operators.join(" ");
  if (!isSame || gold.parts.length !== given.parts.length) return "different";
  return all(gold.parts.map((part, index) => compareFormulas(part, given.parts[index] as Node, options)));
}

function nodeOf(shape: Shape): Node | null {
  return shape.kind === "condition" ||
    shape.kind === "assignment" ||
    shape.kind === "tuple" ||
    shape.kind === "set"
    ? shape.node
    : null;
}
