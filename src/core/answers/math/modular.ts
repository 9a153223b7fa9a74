import { type Arithmetic, evaluate, mixed } from "./evaluate.ts";
import { exactRoot } from "./exact.ts";
import { FIELDS, type Field } from "./fields.ts";
import type { Node, Rational } from "./tree.ts";
import { UNKNOWN_FUNCTION } from "./vocabulary.ts";

const MAX_FACTORIAL = 3_000n;

/**
 * Compares two formulas by their values at random points of two finite fields.
 *
 * A rational function with coefficients of rational and imaginary parts has one value in a field for one choice of its
 * variables. Two that are equal agree everywhere, so a disagreement proves that they differ. Two of total degree d that
 * differ agree at a random point of a field of p elements with a probability of at most d/p (Schwartz and Zippel): for
 * d = 1,000 below 10^-15 for one field and 10^-30 for both.
 *
 * Square roots of integers have values too: the field has a root for each small prime, and the root of a product is the
 * product of the roots, so that sums and products of such numbers keep theirs. A number that is not 0 becomes 0 only when
 * the prime of the field divides its norm; two fields make that as unlikely as the above.
 *
 * What is none of this (π, e, other roots, a logarithm) takes a random value of its own, the same for the same
 * arguments. Agreement still proves equality, whatever those functions are; disagreement then says nothing: `unknown`.
 */
export function compareModular(
  one: Node,
  other: Node,
  integers: readonly ReadonlyMap<string, bigint>[],
): "equal" | "different" | "unknown" {
  let points = 0;
  for (const [index, field] of FIELDS.entries()) {
    for (const known of integers) {
      const use = { opaque: false };
      const arithmetic = residues(field, index, known, use);
      const left = evaluate(one, arithmetic);
      const right = left === null ? null : evaluate(other, arithmetic);
      if (left === null || right === null) continue;
      if (left !== right) return use.opaque ? "unknown" : "different";
      // Binomials and their like vanish at many integers: that both are 0 there says nothing.
      if (known.size === 0 || left !== 0n) points += 1;
    }
  }
  return points >= FIELDS.length * Math.max(1, integers.length - 2) ? "equal" : "unknown";
}

function residues(
  { prime, rootOfMinusOne, roots }: Field,
  salt: number,
  integers: ReadonlyMap<string, bigint>,
  use: { opaque: boolean },
): Arithmetic<bigint> {
  const modulo = (value: bigint): bigint => {
    const rest = value % prime;
    return rest < 0n ? rest + prime : rest;
  };
  const raise = (base: bigint, exponent: bigint): bigint => {
    let [result, square] = [1n, base];
    for (let left = exponent; left > 0n; left >>= 1n) {
      if (left & 1n) result = (result * square) % prime;
      square = (square * square) % prime;
    }
    return result;
  };
  const inverse = (of: bigint): bigint | null => (of === 0n ? null : raise(of, prime - 2n));
  const random = (name: string): bigint =>
    modulo(
      (BigInt(mixed(name, 4 * salt)) << 40n) ^
        (BigInt(mixed(name, 4 * salt + 1)) << 20n) ^
        BigInt(mixed(name, 4 * salt + 2)),
    );
  const opaque = (name: string, of: readonly bigint[]): bigint => {
    use.opaque = true;
    return random(`${name}(${of.join(",")})`);
  };
  const rational = ({ numerator, denominator }: Rational): bigint | null => {
    if (denominator === 1n) return modulo(numerator);
    const below = inverse(modulo(denominator));
    return below === null ? null : modulo(numerator * below);
  };
  return {
    rational,
    constant: (name) => {
      if (name === "i") return rootOfMinusOne;
      return name === "infinity" ? null : opaque(name, []);
    },
    symbol: (name) => {
      const whole = integers.get(name);
      return whole === undefined ? random(name) : modulo(whole);
    },
    integers,
    add: (one, other) => (one + other) % prime,
    multiply: (one, other) => (one * other) % prime,
    negate: (of) => (of === 0n ? 0n : prime - of),
    inverse,
    power: (base, exponent, exact) => {
      if (exact === null) return exponent === null ? null : opaque("power", [base, exponent]);
      const [above, below] = [exact.numerator, exact.denominator];
      if (above % below !== 0n) {
        const value = rational(exact);
        return value === null ? null : opaque("power", [base, value]);
      }
      const count = above / below;
      if (count >= 0n) return base === 0n && count === 0n ? null : raise(base, count);
      const inverted = inverse(base);
      return inverted === null ? null : raise(inverted, -count);
    },
    squareRoot: ({ numerator, denominator }) => {
      // √(a/b) = √(ab) / b, and √(−n) = i√n.
      let rest = numerator * denominator;
      let root = 1n;
      if (rest < 0n) [rest, root] = [-rest, rootOfMinusOne];
      for (const [factor, value] of roots) {
        while (rest % factor === 0n && rest !== 0n) {
          rest /= factor;
          root = (root * value) % prime;
        }
      }
      const whole = exactRoot({ numerator: rest, denominator: 1n }, 2);
      root = (root * (whole === null ? opaque("root", [rest]) : modulo(whole.numerator))) % prime;
      const below = inverse(modulo(denominator));
      return below === null ? null : (root * below) % prime;
    },
    factorial: (of) => {
      if (of > MAX_FACTORIAL) return null;
      let product = 1n;
      for (let factor = 2n; factor <= of; factor++) product = (product * factor) % prime;
      return product;
    },
    // abs(x) and its like are opaque too; a disagreement between them is left to the numbers.
    // f(x + 1) for an f of which nothing is known: any function will do, so that other values are a proof.
    call: (name, of) =>
      name.startsWith(UNKNOWN_FUNCTION) ? random(`${name}(${of.join(",")})`) : opaque(name, of),
  };
}
