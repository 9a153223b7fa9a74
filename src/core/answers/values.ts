import type { Verdict } from "./compare.ts";
import { exactValue } from "./math/exact.ts";
import { compareExpressions, decimalValue } from "./math/expression.ts";
import { reachOf } from "./math/huge.ts";
import { decimals } from "./math/reals.ts";
import { contains, type Node, type Rational } from "./math/tree.ts";
import { isNear, type NumberComparison } from "./number.ts";

/** A decimal must have this many places, and significant digits, to stand for the number it rounds: 0.000001 is one of too many. */
const MIN_ROUNDED_PLACES = 6;
const MIN_ROUNDED_DIGITS = 4;

/** Compares two formulas that each have one value or are one function. */
export function compareValues(gold: Node, given: Node, options: NumberComparison): Verdict {
  const infinite = compareInfinities(gold, given);
  if (infinite !== null) return infinite;
  const verdict = compareExpressions(gold, given);
  if (verdict === "equal") return verdict;
  if (isFinelyRounded(gold, given) || isFinelyRounded(given, gold)) return "equal";
  if (isWithin(gold, given, options.tolerance)) return "equal";
  const isOutOfReach = verdict === "unknown" && (isBeyond(gold, given) || isBeyond(given, gold));
  return isOutOfReach ? "different" : verdict;
}

/** One is too large or too small to be written out, and the other is an ordinary number or 0. */
function isBeyond(huge: Node, ordinary: Node): boolean {
  const size = reachOf(huge) === 0 ? undefined : decimalValue(ordinary)?.size;
  return size !== undefined && (Math.abs(size) < 1e8 || size === Number.NEGATIVE_INFINITY);
}

function compareInfinities(gold: Node, given: Node): Verdict | null {
  const [one, other] = [infinitySign(gold), infinitySign(given)];
  if (one === 0 && other === 0) return null;
  if (one !== 0 && other !== 0) return one === other ? "equal" : "different";
  return contains(one === 0 ? gold : given, isInfinity) ? "unknown" : "different";
}

/** 1 and −1 for the infinities, 0 for anything else. */
export function infinitySign(node: Node): -1 | 0 | 1 {
  if (isInfinity(node)) return 1;
  return node.kind === "negative" && isInfinity(node.of) ? -1 : 0;
}

function isInfinity(node: Node): boolean {
  return node.kind === "constant" && node.name === "infinity";
}

/**
 * Whether `written` is a decimal of six places or more, and `exact`, which was not written as a decimal, rounds to it:
 * |exact − written| ≤ 10^−places / 2.
 */
function isFinelyRounded(written: Node, exact: Node): boolean {
  const decimal = decimalOf(written);
  if (decimal === null || decimal.places < MIN_ROUNDED_PLACES) return false;
  if (String(decimal.value.numerator).replace("-", "").length < MIN_ROUNDED_DIGITS) return false;
  if (contains(exact, (node) => node.kind === "number" && node.places !== null)) return false;
  return isRounded(written, exact);
}

/** Whether `written` is a decimal, of any number of places, and `exact` rounds to it. */
export function isRounded(written: Node, exact: Node): boolean {
  const decimal = decimalOf(written);
  return decimal !== null && isWithinHalf(decimal.value, exactValue(exact) ?? exact, decimal.places);
}

interface Decimal {
  readonly value: Rational;
  readonly places: number;
}

function decimalOf(node: Node): Decimal | null {
  if (node.kind === "number") return node.places === null ? null : { value: node.value, places: node.places };
  if (node.kind === "negative") {
    const of = decimalOf(node.of);
    return of && { ...of, value: { ...of.value, numerator: -of.value.numerator } };
  }
  // What the percent sign was made of.
  if (node.kind !== "quotient" || node.below.kind !== "number" || node.below.value.numerator !== 100n)
    return null;
  const of = decimalOf(node.above);
  return of && { value: { ...of.value, denominator: of.value.denominator * 100n }, places: of.places + 2 };
}

function isWithinHalf(decimal: Rational, exact: Rational | Node, places: number): boolean {
  if ("numerator" in exact) {
    const difference = exact.numerator * decimal.denominator - decimal.numerator * exact.denominator;
    const distance = difference < 0n ? -difference : difference;
    return 2n * distance * 10n ** BigInt(places) <= exact.denominator * decimal.denominator;
  }
  const value = places < decimals.digits - 4 ? decimalValue(exact) : null;
  if (value === null) return false;
  const written = decimals.fraction(decimal.numerator, decimal.denominator);
  const half = decimals.fraction(1n, 2n * 10n ** BigInt(places));
  return written !== null && half !== null && value.re.minus(written).abs().lte(half);
}

/** |given − gold| ≤ tolerance × |gold|, for numbers. */
function isWithin(gold: Node, given: Node, tolerance: number): boolean {
  if (tolerance === 0) return false;
  const [exactGold, exactGiven] = [exactValue(gold), exactValue(given)];
  if (exactGold && exactGiven) return isNear(exactGold, exactGiven, tolerance);
  const [one, other] = [decimalValue(gold), decimalValue(given)];
  if (one === null || other === null) return false;
  return other.re.minus(one.re).abs().lte(one.re.abs().times(tolerance));
}
