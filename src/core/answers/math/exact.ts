import { childrenOf, contains, type Node, type Rational } from "./tree.ts";

/** Larger integers are not expanded. It is 2,400 digits. */
const MAX_BITS = 8_192;

type Integers = ReadonlyMap<string, bigint>;
const NONE: Integers = new Map();

/**
 * The value of a formula when it is rational and of a size that can be written out; else null. `integers`: variables
 * that have a value.
 */
export function exactValue(node: Node, integers: Integers = NONE): Rational | null {
  switch (node.kind) {
    case "number":
      return bounded(node.value);
    case "symbol": {
      const numerator = integers.get(node.name);
      return numerator === undefined ? null : whole(numerator);
    }
    case "negative": {
      const of = exactValue(node.of, integers);
      return of && { numerator: -of.numerator, denominator: of.denominator };
    }
    case "sum":
      return fold(node.parts, integers, add);
    case "product":
      return fold(node.parts, integers, multiply);
    case "quotient": {
      const [above, below] = [exactValue(node.above, integers), exactValue(node.below, integers)];
      return above && below && multiply(above, inverse(below));
    }
    case "power": {
      const [base, exponent] = [exactValue(node.base, integers), exactValue(node.exponent, integers)];
      return base && exponent && power(base, exponent);
    }
    case "series":
      return exactSeries(node, integers);
    case "call":
      return exactCall(
        node.name,
        node.of.map((part) => exactValue(part, integers)),
      );
    default:
      return null;
  }
}

type Maybe = Rational | null;

function fold(
  parts: readonly Node[],
  integers: Integers,
  combine: (one: Maybe, other: Maybe) => Maybe,
): Maybe {
  let result: Maybe = null;
  for (const [index, part] of parts.entries()) {
    const value = exactValue(part, integers);
    result = index === 0 ? value : combine(result, value);
    if (result === null) return null;
  }
  return result;
}

function add(one: Maybe, other: Maybe): Maybe {
  if (!one || !other) return null;
  return bounded({
    numerator: one.numerator * other.denominator + other.numerator * one.denominator,
    denominator: one.denominator * other.denominator,
  });
}

function multiply(one: Maybe, other: Maybe): Maybe {
  if (!one || !other) return null;
  return bounded({
    numerator: one.numerator * other.numerator,
    denominator: one.denominator * other.denominator,
  });
}

function inverse(of: Maybe): Maybe {
  if (!of || of.numerator === 0n) return null;
  return of.numerator < 0n
    ? { numerator: -of.denominator, denominator: -of.numerator }
    : { numerator: of.denominator, denominator: of.numerator };
}

function power(base: Rational, exponent: Rational): Maybe {
  if (exponent.numerator % exponent.denominator !== 0n) return rootOf(base, exponent);
  const count = exponent.numerator / exponent.denominator;
  if (base.numerator === 0n) return count > 0n ? base : null;
  const size = count < 0n ? -count : count;
  if (size > BigInt(MAX_BITS)) {
    const isUnit = (base.numerator === 1n || base.numerator === -1n) && base.denominator === 1n;
    return isUnit ? { numerator: size % 2n === 0n ? 1n : base.numerator, denominator: 1n } : null;
  }
  if (bitsOf(base) * Number(size) > MAX_BITS) return null;
  const raised = { numerator: base.numerator ** size, denominator: base.denominator ** size };
  return count < 0n ? inverse(raised) : raised;
}

/** Roots that come out even: 4^(1/2) = 2, 8^(2/3) = 4. */
function rootOf(base: Rational, exponent: Rational): Maybe {
  const [above, below] = reduced(exponent);
  if (below > 64n) return null;
  const root = exactRoot(base, Number(below));
  return root && power(root, { numerator: above, denominator: 1n });
}

export function exactRoot(of: Rational, index: number): Maybe {
  if (!(Number.isInteger(index) && index >= 2 && index <= 64)) return null;
  if (of.numerator < 0n) {
    if (index % 2 === 0) return null;
    const positive = exactRoot({ numerator: -of.numerator, denominator: of.denominator }, index);
    return positive && { numerator: -positive.numerator, denominator: positive.denominator };
  }
  const [numerator, denominator] = reduced(of).map((part) => integerRoot(part, index));
  if (numerator === undefined || denominator === undefined || numerator === null || denominator === null)
    return null;
  return { numerator, denominator };
}

/** The index-th root when it is an integer. Newton's iteration from above. */
function integerRoot(of: bigint, index: number): bigint | null {
  if (of < 2n) return of;
  const n = BigInt(index);
  let guess = 1n << BigInt(Math.ceil(of.toString(2).length / index));
  for (;;) {
    const next = ((n - 1n) * guess + of / guess ** (n - 1n)) / n;
    if (next >= guess) break;
    guess = next;
  }
  return guess ** n === of ? guess : null;
}

function exactCall(name: string, of: readonly Maybe[]): Maybe {
  const [first = null, second = null] = of;
  if (!first || (of.length > 1 && !second)) return null;
  switch (name) {
    case "sqrt":
      return exactRoot(first, 2);
    case "root":
      return second && second.denominator === 1n ? exactRoot(first, Number(second.numerator)) : null;
    case "abs":
      return first.numerator < 0n ? { ...first, numerator: -first.numerator } : first;
    case "floor":
      return whole(floorOf(first));
    case "ceil":
      return whole(-floorOf({ ...first, numerator: -first.numerator }));
    case "sign":
      return whole(first.numerator > 0n ? 1n : first.numerator < 0n ? -1n : 0n);
    case "factorial":
      return stepProduct(first, 1n);
    case "double-factorial":
      return stepProduct(first, 2n);
    case "binom":
      return second && binomial(first, second);
    case "max":
    case "min":
      return of.reduce((best, value) => {
        if (!best || !value) return null;
        const isLess = value.numerator * best.denominator < best.numerator * value.denominator;
        return isLess === (name === "min") ? value : best;
      });
    case "gcd":
    case "lcm":
      return of.reduce((one, other) => {
        const [a, b] = [integerOf(one), integerOf(other)];
        if (a === null || b === null) return null;
        const divisor = gcd(a, b);
        if (name === "gcd") return whole(divisor);
        return divisor === 0n
          ? whole(0n)
          : bounded({ numerator: absolute((a / divisor) * b), denominator: 1n });
      });
    default:
      return null;
  }
}

/** Terms times size of the body; more is not added up one by one. */
const MAX_SERIES_WORK = 40_000;

type Series = Extract<Node, { kind: "series" }>;

function exactSeries(series: Series, integers: Integers): Maybe {
  const [from, to] = [
    integerOf(exactValue(series.from, integers)),
    integerOf(exactValue(series.to, integers)),
  ];
  if (from === null || to === null) return null;
  const term = (index: bigint): Maybe =>
    exactValue(series.body, new Map([...integers, [series.index, index]]));
  if (to < from) return whole(series.operation === "sum" ? 0n : 1n);
  const count = to - from + 1n;
  const degree = series.operation === "sum" ? degreeIn(series.body, series.index) : null;
  if (degree !== null && count > BigInt(degree + 2)) return polynomialSum(term, from, count, degree);
  if (count * BigInt(sizeOf(series.body)) > MAX_SERIES_WORK) return null;
  let result: Maybe = null;
  for (let index = from; index <= to; index++) {
    const value = term(index);
    result =
      index === from ? value : series.operation === "sum" ? add(result, value) : multiply(result, value);
    if (result === null) return null;
  }
  return result;
}

/**
 * The sum of `count` values of a polynomial, by Newton's forward differences: with S(m) the sum of the first m terms,
 * S(m) = Σ_i C(m, i) Δ^i S(0), and Δ^i vanishes for i > degree + 1. Σ k from 1 to 10^9 takes three terms.
 */
function polynomialSum(term: (index: bigint) => Maybe, from: bigint, count: bigint, degree: number): Maybe {
  const sums: Maybe[] = [whole(0n)];
  for (let index = 0n; index <= BigInt(degree); index++)
    sums.push(add(sums.at(-1) ?? null, term(from + index)));
  let total: Maybe = whole(0n);
  let choose = 1n;
  let differences = sums;
  for (let order = 0n; differences.length > 0; order++) {
    total = add(total, multiply(whole(choose), differences[0] ?? null));
    choose = (choose * (count - order)) / (order + 1n);
    differences = differences.slice(1).map((value, index) => add(value, negated(differences[index] ?? null)));
  }
  return total;
}

function negated(value: Maybe): Maybe {
  return value && { ...value, numerator: -value.numerator };
}

const MAX_DEGREE = 12;

/** The degree of a polynomial in a variable; null for what is none, or of a high degree. */
function degreeIn(node: Node, name: string): number | null {
  const degrees = (parts: readonly Node[]): readonly number[] | null => {
    const all = parts.map((part) => degreeIn(part, name));
    return all.every((degree) => degree !== null) ? (all as readonly number[]) : null;
  };
  if (!contains(node, (part) => part.kind === "symbol" && part.name === name)) return 0;
  switch (node.kind) {
    case "symbol":
      return 1;
    case "negative":
      return degreeIn(node.of, name);
    case "sum":
      return then(degrees(node.parts), (all) => Math.max(...all));
    case "product":
      return then(degrees(node.parts), (all) => asDegree(all.reduce((one, other) => one + other, 0)));
    case "quotient":
      return degreeIn(node.below, name) === 0 ? degreeIn(node.above, name) : null;
    case "power": {
      const exponent = integerOf(exactValue(node.exponent));
      if (exponent === null || exponent < 0n || exponent > BigInt(MAX_DEGREE)) return null;
      return then(degreeIn(node.base, name), (degree) => asDegree(degree * Number(exponent)));
    }
    default:
      return null;
  }
}

function asDegree(degree: number): number | null {
  return degree <= MAX_DEGREE ? degree : null;
}

function then<T, U>(value: T | null, next: (value: T) => U | null): U | null {
  return value === null ? null : next(value);
}

function sizeOf(node: Node): number {
  return childrenOf(node).reduce((size, child) => size + sizeOf(child), 1);
}

function whole(numerator: bigint): Rational {
  return { numerator, denominator: 1n };
}

export function integerOf(value: Maybe): bigint | null {
  return value && value.numerator % value.denominator === 0n ? value.numerator / value.denominator : null;
}

function floorOf({ numerator, denominator }: Rational): bigint {
  const quotient = numerator / denominator;
  return numerator < 0n && quotient * denominator !== numerator ? quotient - 1n : quotient;
}

function stepProduct(of: Rational, step: bigint): Maybe {
  const count = integerOf(of);
  if (count === null || count < 0n || count > 300n) return null;
  let product = 1n;
  for (let factor = count; factor > 1n; factor -= step) product *= factor;
  return whole(product);
}

function binomial(above: Rational, below: Rational): Maybe {
  const [n, k] = [integerOf(above), integerOf(below)];
  if (n === null || k === null || n < 0n) return null;
  if (k < 0n || k > n) return whole(0n);
  const count = 2n * k > n ? n - k : k;
  // C(n, k) has at least k (log2 n − log2 k) bits: what would be too large is not begun.
  if (count > 5_000n || (bits(n) - bits(count)) * Number(count) > MAX_BITS) return null;
  let value = 1n;
  for (let index = 1n; index <= count; index++) value = (value * (n - count + index)) / index;
  return bounded(whole(value));
}

/** Numerator and denominator without common factors. */
export function reduced({ numerator, denominator }: Rational): readonly [bigint, bigint] {
  const divisor = gcd(numerator, denominator);
  return divisor === 0n ? [numerator, denominator] : [numerator / divisor, denominator / divisor];
}

function gcd(one: bigint, other: bigint): bigint {
  let [a, b] = [absolute(one), absolute(other)];
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function bounded(value: Rational): Maybe {
  if (bitsOf(value) <= MAX_BITS) return value;
  if (bitsOf(value) > 4 * MAX_BITS) return null;
  const [numerator, denominator] = reduced(value);
  return bitsOf({ numerator, denominator }) <= MAX_BITS ? { numerator, denominator } : null;
}

function bitsOf({ numerator, denominator }: Rational): number {
  return bits(numerator) + bits(denominator);
}

const SMALL = 2n ** 53n;

function bits(value: bigint): number {
  const size = absolute(value);
  return size < SMALL ? Math.ceil(Math.log2(Number(size) + 1)) : size.toString(16).length * 4;
}
