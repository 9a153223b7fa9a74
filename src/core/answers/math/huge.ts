import { exactValue } from "./exact.ts";
import { decimalValue } from "./expression.ts";
import type { Node, Rational } from "./tree.ts";

/** Beyond 2^(10^9) no value is compared digit by digit. */
const LARGE = 10n ** 9n;

/**
 * The sign of the logarithm of a formula that is out of reach: 1 when it is certainly larger than 2^(10^9), as a tower
 * like 9^{9^{9^{9}}} or the factorial of a large number is; −1 when it is positive and smaller than 2^(−10^9). 0 says nothing.
 */
export function reachOf(node: Node): -1 | 0 | 1 {
  switch (node.kind) {
    case "power": {
      const isGrowing = isAtLeast(exactValue(node.base), 2n);
      return isGrowing ? exponentReach(node.exponent) : 0;
    }
    case "call": {
      const [of] = node.of;
      if (of === undefined) return 0;
      if (node.name === "exp") return exponentReach(of);
      return node.name === "factorial" && isLarge(of) ? 1 : 0;
    }
    case "quotient":
      return exactValue(node.above)?.numerator === 1n && reachOf(node.below) === 1 ? -1 : 0;
    case "sum":
      return reachOfAll(node.parts, 0n);
    case "product":
      return reachOfAll(node.parts, 1n);
    default:
      return 0;
  }
}

function exponentReach(exponent: Node): -1 | 0 | 1 {
  if (isLarge(exponent)) return 1;
  return exponent.kind === "negative" && isLarge(exponent.of) ? -1 : 0;
}

/** One part is out of reach, and the others make it no smaller. */
function reachOfAll(parts: readonly Node[], atLeast: bigint): 0 | 1 {
  const isGrowing = (part: Node): boolean => reachOf(part) === 1;
  return parts.some(isGrowing) &&
    parts.every((part) => isGrowing(part) || isAtLeast(exactValue(part), atLeast))
    ? 1
    : 0;
}

function isLarge(node: Node): boolean {
  const exact = exactValue(node);
  if (exact !== null) return isAtLeast(exact, LARGE);
  if (reachOf(node) === 1) return true;
  // 9^(9^9) is not written out, but it is 2^64 and more.
  if (
    node.kind === "power" &&
    isAtLeast(exactValue(node.base), 2n) &&
    isAtLeast(exactValue(node.exponent), 64n)
  )
    return true;
  const value = decimalValue(node);
  return value !== null && !value.re.isNegative() && value.size >= 9;
}

function isAtLeast(value: Rational | null, bound: bigint): boolean {
  return value !== null && value.numerator >= bound * value.denominator;
}
