import { exactValue, integerOf } from "./exact.ts";
import type { Node, Rational } from "./tree.ts";

/** Numbers of some kind, and how formulas are evaluated with them. null: this kind cannot say. */
export interface Arithmetic<T> {
  rational(value: Rational): T | null;
  constant(name: "pi" | "e" | "i" | "infinity"): T | null;
  symbol(name: string): T | null;
  /** Values of the variables that stand for integers, so that exponents and factorials are exact. */
  readonly integers: ReadonlyMap<string, bigint>;
  add(one: T, other: T): T | null;
  multiply(one: T, other: T): T | null;
  negate(of: T): T;
  inverse(of: T): T | null;
  /** `exact`: the exponent's exact value, where it has one. */
  power(base: T, exponent: T | null, exact: Rational | null): T | null;
  /** The square root of a rational number; null when it is to be found as any other power. */
  squareRoot(of: Rational): T | null;
  /** n! for an n that `exactValue` does not write out; null when it is too dear. */
  factorial(of: bigint): T | null;
  call(name: string, of: readonly T[]): T | null;
}

/** The value of a formula; null where it has none, or none of this kind. Structure (tuples, relations) has no value. */
export function evaluate<T>(node: Node, arithmetic: Arithmetic<T>): T | null {
  switch (node.kind) {
    case "number":
      return arithmetic.rational(node.value);
    case "symbol":
      return arithmetic.symbol(node.name);
    case "constant":
      return arithmetic.constant(node.name);
    case "negative": {
      const of = evaluate(node.of, arithmetic);
      return of === null ? null : arithmetic.negate(of);
    }
    case "sum":
      return fold(node.parts, arithmetic, arithmetic.add);
    case "product":
      return fold(node.parts, arithmetic, arithmetic.multiply);
    case "quotient": {
      const above = evaluate(node.above, arithmetic);
      const below = above === null ? null : evaluate(node.below, arithmetic);
      const inverse = below === null ? null : arithmetic.inverse(below);
      return above === null || inverse === null ? null : arithmetic.multiply(above, inverse);
    }
    case "power": {
      const base = evaluate(node.base, arithmetic);
      if (base === null) return null;
      const exact = exactValue(node.exponent, arithmetic.integers);
      if (exact?.denominator === 2n) return halfPower(node.base, base, exact, arithmetic);
      return arithmetic.power(base, exact === null ? evaluate(node.exponent, arithmetic) : null, exact);
    }
    case "call":
      return evaluateCall(node.name, node.of, node, arithmetic);
    case "series": {
      const exact = exactValue(node, arithmetic.integers);
      return exact === null ? null : arithmetic.rational(exact);
    }
    default:
      return null;
  }
}

function evaluateCall<T>(name: string, of: readonly Node[], node: Node, arithmetic: Arithmetic<T>): T | null {
  const exact = exactValue(node, arithmetic.integers);
  if (exact !== null) return arithmetic.rational(exact);
  if (name === "factorial") {
    const count = integerOf(of[0] === undefined ? null : exactValue(of[0], arithmetic.integers));
    return count === null || count < 0n ? null : arithmetic.factorial(count);
  }
  const [only] = of;
  if (name === "exp" && only !== undefined) return exponential(only, arithmetic);
  const values: T[] = [];
  for (const argument of of) {
    const value = evaluate(argument, arithmetic);
    if (value === null) return null;
    values.push(value);
  }
  if (name === "sqrt" || name === "root") {
    const index = name === "sqrt" ? 2n : rootIndex(of[1], arithmetic.integers);
    const [base] = values;
    if (index === null || base === undefined || of[0] === undefined) return null;
    if (index === 2n) return halfPower(of[0], base, HALF, arithmetic);
    return arithmetic.power(base, null, { numerator: 1n, denominator: index });
  }
  return arithmetic.call(name, values);
}

const HALF: Rational = { numerator: 1n, denominator: 2n };

function halfPower<T>(node: Node, base: T, exact: Rational, arithmetic: Arithmetic<T>): T | null {
  const value = exactValue(node, arithmetic.integers);
  const root = value === null ? null : arithmetic.squareRoot(value);
  if (root === null) return arithmetic.power(base, null, exact);
  return arithmetic.power(root, null, { numerator: exact.numerator, denominator: 1n });
}

/** e^(a + b) = e^a · e^b, so that formulas that differ only in this are seen to be equal without numbers. */
function exponential<T>(exponent: Node, arithmetic: Arithmetic<T>): T | null {
  if (exponent.kind === "negative") {
    const positive = exponential(exponent.of, arithmetic);
    return positive === null ? null : arithmetic.inverse(positive);
  }
  if (exponent.kind === "sum") {
    let result: T | null = null;
    for (const part of exponent.parts) {
      const factor = exponential(part, arithmetic);
      result = factor === null ? null : result === null ? factor : arithmetic.multiply(result, factor);
      if (result === null) return null;
    }
    return result;
  }
  const whole = integerOf(exactValue(exponent, arithmetic.integers));
  const e = whole === null ? null : arithmetic.constant("e");
  if (whole !== null && e !== null) return arithmetic.power(e, null, { numerator: whole, denominator: 1n });
  const value = evaluate(exponent, arithmetic);
  return value === null ? null : arithmetic.call("exp", [value]);
}

function rootIndex(node: Node | undefined, integers: ReadonlyMap<string, bigint>): bigint | null {
  const value = node === undefined ? null : exactValue(node, integers);
  return value !== null && value.denominator === 1n && value.numerator >= 2n && value.numerator <= 1_000n
    ? value.numerator
    : null;
}

function fold<T>(
  parts: readonly Node[],
  arithmetic: Arithmetic<T>,
  combine: (one: T, other: T) => T | null,
): T | null {
  let result: T | null = null;
  for (const [index, part] of parts.entries()) {
    const value = evaluate(part, arithmetic);
    if (value === null) return null;
    result = index === 0 ? value : combine(result as T, value);
    if (result === null) return null;
  }
  return result;
}

/** Deterministic numbers for names, well mixed (FNV-1a, then the finaliser of MurmurHash3); in [0, 2^32). */
export function mixed(name: string, salt: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(salt + 1, 0x9e3779b1);
  for (let index = 0; index < name.length; index++)
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
