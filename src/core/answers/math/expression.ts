import type { Verdict } from "../compare.ts";
import { type Complex, complexNumbers, type Environment, type Reals } from "./complex.ts";
import { evaluate, mixed } from "./evaluate.ts";
import { exactValue } from "./exact.ts";
import { compareModular } from "./modular.ts";
import { decimals, doubles } from "./reals.ts";
import { childrenOf, contains, type Node, symbolsOf } from "./tree.ts";

/**
 * Whether two formulas are the same function where both are defined, variables being positive. Tried in this order:
 *
 * 1. Rational numbers that can be written out: exactly.
 * 2. Rational functions: at random points of finite fields; see `compareModular`.
 * 3. Anything else: with doubles at several points. Values that differ by more than rounding explains are different.
 * 4. What agrees there: with 60 digits. Equal when it agrees to the last digit that rounding leaves. No proof; but two
 *    formulas of at most a thousand characters that agree in over forty digits and differ have to be made on purpose,
 *    and the known ways to make them are seen: a term that vanishes beside a larger one leaves the verdict open.
 */
export function compareExpressions(gold: Node, given: Node): Verdict {
  const [exactGold, exactGiven] = [exactValue(gold), exactValue(given)];
  if (exactGold && exactGiven) {
    const isEqual =
      exactGold.numerator * exactGiven.denominator === exactGiven.numerator * exactGold.denominator;
    return isEqual ? "equal" : "different";
  }
  const integers = integerPoints([gold, given]);
  const modular = compareModular(gold, given, integers);
  if (modular !== "unknown") return modular;
  if (!contains(gold, isBaselessLog) && !contains(given, isBaselessLog))
    return compareNumerically(gold, given, integers, null);
  // Some write log for the natural logarithm, others for the decimal one: an answer has to be right for both.
  const natural = compareNumerically(gold, given, integers, null);
  return natural === compareNumerically(gold, given, integers, 10) ? natural : "unknown";
}

function isBaselessLog(node: Node): boolean {
  return node.kind === "call" && node.name === "log" && node.of.length === 1;
}

const NO_INTEGERS: readonly ReadonlyMap<string, bigint>[] = [new Map()];

/** Several choices of values for the variables that must be integers: those in exponents, factorials, binomials. */
function integerPoints(nodes: readonly Node[]): readonly ReadonlyMap<string, bigint>[] {
  const inExponents = new Set<string>();
  const inFactorials = new Set<string>();
  const visit = (node: Node): void => {
    if (node.kind === "power") symbolsOf(node.exponent, inExponents);
    if (
      node.kind === "call" &&
      (node.name === "factorial" || node.name === "binom" || node.name === "double-factorial")
    )
      symbolsOf(node, inFactorials);
    if (node.kind === "series") symbolsOf(node.to, symbolsOf(node.from, inFactorials));
    for (const part of childrenOf(node)) visit(part);
  };
  for (const node of nodes) visit(node);
  if (inExponents.size === 0 && inFactorials.size === 0) return NO_INTEGERS;
  return [0, 1, 2, 3, 4].map((point) => {
    const values = new Map<string, bigint>();
    for (const name of inExponents) values.set(name, BigInt(5 + (mixed(name, 900 + point) % 5_000)));
    // Different sizes, so that n! / (n − k)! is defined at some of them.
    for (const name of inFactorials)
      values.set(name, BigInt(4 + 3 * point + (mixed(name, 950 + point) % (20 + 6 * point))));
    return values;
  });
}

function compareNumerically(
  gold: Node,
  given: Node,
  integers: readonly ReadonlyMap<string, bigint>[],
  logBase: number | null,
): Verdict {
  const isConstant = symbolsOf(gold).size === 0 && symbolsOf(given).size === 0;
  const needsIntegers = contains(gold, isIntegerOnly) || contains(given, isIntegerOnly);
  // |x| is x where x is positive: a formula that tells signs apart is also tried with negative values.
  const isSigned =
    (contains(gold, tellsSigns) || contains(given, tellsSigns)) &&
    !contains(gold, isRoot) &&
    !contains(given, isRoot);
  const environment = (point: number): Omit<Environment<never>, "symbol"> => ({
    integers: needsIntegers ? (integers[point % integers.length] ?? new Map()) : new Map(),
    logBase,
  });
  const value = (name: string, point: number): number => {
    const positive = (SCALES[point] ?? 1) * (0.25 + (3 * mixed(name, 40 + point)) / 2 ** 32);
    return isSigned && point % 4 >= 2 ? -positive : positive;
  };
  const points = isConstant ? 1 : 6;
  let agreeing = 0;
  for (let point = 0; point < points; point++) {
    const symbol = (name: string): number => value(name, point);
    const verdict = compareAt(gold, given, doubles, { ...environment(point), symbol });
    if (verdict === "different") return "different";
    if (verdict === "equal") agreeing += 1;
  }
  if (!isConstant && agreeing < 2) return "unknown";
  let confirmed = 0;
  for (let point = 0; point < points && confirmed === 0; point++) {
    const symbol = (name: string) => decimals.of(value(name, point));
    const verdict = compareAt(gold, given, decimals, { ...environment(point), symbol });
    if (verdict === "different") return "different";
    if (verdict === "equal") confirmed += 1;
  }
  // Steps are as flat as a constant between their edges; points prove nothing of them.
  const hasSteps = !isConstant && (contains(gold, isStep) || contains(given, isStep));
  return confirmed > 0 && !hasSteps ? "equal" : "unknown";
}

/** Points of several sizes: the root of (x − 5)² is 5 − x only where x is small. */
const SCALES = [1, 9, 1, 80, 0.1, 700];

/** Digits that rounding may take beyond the reach of a value: some for each operation. */
const SLACK = 3.5;
/** Agreement says little when fewer digits than this are left. */
const MIN_RESOLUTION = 8;

function compareAt<R>(gold: Node, given: Node, reals: Reals<R>, environment: Environment<R>): Verdict {
  const arithmetic = complexNumbers(reals, environment);
  const left = evaluate(gold, arithmetic);
  const right = left === null ? null : evaluate(given, arithmetic);
  if (left === null || right === null) return "unknown";
  const difference = arithmetic.add(left, arithmetic.negate(right));
  if (difference === null) return "unknown";
  return verdictOf(left, right, difference, { digits: reals.digits, integers: environment.integers });
}

function verdictOf<R>(
  left: Complex<R>,
  right: Complex<R>,
  difference: Complex<R>,
  { digits, integers }: { readonly digits: number; readonly integers: ReadonlyMap<string, bigint> },
): Verdict {
  const noise = Math.max(left.reach, right.reach) - digits + SLACK;
  if (difference.size > noise + 1) return "different";
  if (left.isAbsorbing || right.isAbsorbing) return "unknown";
  if (integers.size > 0 && left.size === Number.NEGATIVE_INFINITY) return "unknown"; // as in `compareModular`
  // Beside a value that is itself no more than rounding, agreement is measured by what was added up.
  const size = Math.max(left.size, right.size);
  const isNothing = size <= noise + 1;
  return isNothing || size - noise >= MIN_RESOLUTION ? "equal" : "unknown";
}

function isIntegerOnly(node: Node): boolean {
  if (node.kind === "power") return isNegativeNumber(node.base) && symbolsOf(node.exponent).size > 0;
  return (
    node.kind === "call" &&
    (node.name === "factorial" || node.name === "binom" || node.name === "double-factorial")
  );
}

function isNegativeNumber(node: Node): boolean {
  return (exactValue(node)?.numerator ?? 0n) < 0n;
}

function isStep(node: Node): boolean {
  const isCall = node.kind === "call" && ["sign", "floor", "ceil"].includes(node.name);
  return isCall && symbolsOf(node).size > 0;
}

function tellsSigns(node: Node): boolean {
  return (
    node.kind === "call" &&
    (node.name === "abs" || node.name === "sign" || node.name === "floor" || node.name === "ceil")
  );
}

function isRoot(node: Node): boolean {
  if (node.kind === "call") return ["sqrt", "root", "ln", "log"].includes(node.name);
  return node.kind === "power" && (exactValue(node.exponent)?.denominator ?? 2n) !== 1n;
}

/** Whether our arithmetic can say anything of a formula; not of towers of powers, or of what has no one value. */
export function canEvaluate(node: Node): boolean {
  return [0, 1, 2].some((point) => {
    const integers = integerPoints([node]);
    const symbol = (name: string) => decimals.of(0.25 + (3 * mixed(name, 40 + point)) / 2 ** 32);
    const environment = { symbol, integers: integers[point % integers.length] ?? new Map(), logBase: null };
    return evaluate(node, complexNumbers(decimals, environment)) !== null;
  });
}

/** Value of a formula without variables, to sixty digits; null when it has none or is not real. */
export function decimalValue(node: Node): Complex<ReturnType<typeof decimals.of>> | null {
  const environment = { symbol: () => decimals.zero, integers: new Map<string, bigint>(), logBase: null };
  if (symbolsOf(node).size > 0 || contains(node, isBaselessLog)) return null;
  const value = evaluate(node, complexNumbers(decimals, environment));
  return value !== null && decimals.sign(value.im) === 0 && !value.isAbsorbing ? value : null;
}
