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
  const isSigned = nodes.some((node) => contains(node, tellsSigns));
  return [0, 1, 2, 3, 4].map((point) => {
    const values = new Map<string, bigint>();
    // Where signs matter, both parities and both signs, and powers that the numbers can hold.
    const sign = isSigned && point % 2 === 1 ? -1 : 1;
    const range = isSigned ? 40 : 5_000;
    for (const name of inExponents) values.set(name, BigInt(sign * (5 + (mixed(name, 900 + point) % range))));
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
  const isSigned = contains(gold, tellsSigns) || contains(given, tellsSigns);
  const needsIntegers = [gold, given].some(
    (node) => contains(node, isIntegerOnly) || (isSigned && contains(node, isSymbolicPower)),
  );
  const { value, points } = isConstant ? ONE_POINT : pointsFor([gold, given]);
  const environment = (point: number): Omit<Environment<never>, "symbol"> => ({
    integers: needsIntegers ? (integers[point % integers.length] ?? new Map()) : new Map(),
    logBase,
  });
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
const SCALES = [1, 9, 1, 80, 0.1, 700, 1e-6, 1e5];

interface Points {
  readonly points: number;
  readonly value: (name: string, point: number) => number;
}

const ONE_POINT: Points = { points: 1, value: () => 1 };

/**
 * Values of the variables at several points. |x| is x where x is positive, and |x − 1000| is 1000 − x where x is small: formulas
 * that tell signs apart are also tried with negative values, and all of them with values beyond their largest constant.
 * A variable under a root or in a logarithm is positive.
 */
function pointsFor(nodes: readonly Node[]): Points {
  const scales = [...SCALES, 100 * Math.min(1e12, Math.max(...nodes.map(largestConstant)))];
  const positive = new Set<string>();
  for (const node of nodes) positiveSymbols(node, positive);
  const names = [...nodes.reduce((all, node) => symbolsOf(node, all), new Set<string>())]
    .filter((name) => !positive.has(name))
    .sort();
  const isSigned = names.length > 0 && nodes.some((node) => contains(node, tellsSigns));
  const value = (name: string, point: number): number => {
    const scale = scales[point % scales.length] ?? 1;
    const size = scale * (0.25 + (3 * mixed(name, 40 + point)) / 2 ** 32);
    const at = names.indexOf(name);
    return isSigned && at >= 0 && isNegativeAt(name, at, point) ? -size : size;
  };
  // The number of sizes is odd, so that another round has other signs for each.
  const rounds = isSigned ? (names.length > 1 ? 4 : 2) : 1;
  return { points: rounds * scales.length, value };
}

/** All combinations of signs for the first four variables; chance for the others, which few formulas have. */
function isNegativeAt(name: string, variable: number, point: number): boolean {
  const bits = variable < 4 ? point >> variable : mixed(name, 200 + point);
  return (bits & 1) === 1;
}

function largestConstant(node: Node): number {
  const value = symbolsOf(node).size > 0 ? null : exactValue(node);
  if (value !== null) {
    const magnitude = Math.abs(Number(value.numerator) / Number(value.denominator));
    return Number.isFinite(magnitude) ? Math.max(1, magnitude) : 1;
  }
  return Math.max(1, ...childrenOf(node).map(largestConstant));
}

function positiveSymbols(node: Node, into: Set<string>): void {
  if (node.kind === "power") {
    if (!isWholeExponent(node.exponent)) symbolsOf(node.base, into);
  } else if (node.kind === "call" && ["sqrt", "root", "ln", "log"].includes(node.name)) symbolsOf(node, into);
  for (const part of childrenOf(node)) positiveSymbols(part, into);
}

/** "x^n", which is real for negative x only where n is whole. */
function isSymbolicPower(node: Node): boolean {
  return (
    node.kind === "power" &&
    symbolsOf(node.base).size > 0 &&
    symbolsOf(node.exponent).size > 0 &&
    isWholeExponent(node.exponent)
  );
}

/** "2", "6/2", and "2n", which is taken for whole. */
function isWholeExponent(exponent: Node): boolean {
  const value = exactValue(exponent);
  if (value !== null) return value.numerator % value.denominator === 0n;
  return !contains(exponent, ({ kind }) => kind === "quotient" || kind === "constant" || kind === "call");
}

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
  const size = Math.max(left.size, right.size);
  // Two values that are no more than their own rounding are both 0, as far as so small an error tells. The error of one
  // never excuses the other: 10^100 sin π is not 5.
  const isOwnNoise = (of: Complex<R>): boolean => of.size <= of.reach - digits + SLACK + 1;
  const isNothing = noise + 1 <= -MIN_RESOLUTION && isOwnNoise(left) && isOwnNoise(right);
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
