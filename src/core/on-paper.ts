/** A number as a fraction; the divisor is above 0. */
type Fraction = readonly [above: bigint, below: bigint];

/** A double of some fraction may miss it by this share, after a subtraction or two. */
const ROUNDING = 2 * Number.EPSILON;

/**
 * sum_k w_k v_k / sum_k d_k, as it comes out on paper: each number is taken for the simplest fraction that it can stand for (0.7 for
 * 7/10, 0.6666666666666666 for 2/3), and rounded is the result alone. Sums that are equal on paper are therefore equal doubles, in
 * whatever order and from whatever terms they were added up; sums of doubles differ by some 1e-16, which is enough to
 * make a preference of a tie.
 *
 * Null:    the divisors sum to 0.
 * Example: [[0.1, 1], [0.2, 1]], [1] -> 0.3, where doubles sum to 0.30000000000000004.
 * Numbers must be finite.
 */
export function ratioOnPaper(
  terms: readonly (readonly [weight: number, value: number])[],
  divisors: readonly number[],
): number | null {
  const above = terms
    .map(([weight, value]) => product(fractionOf(weight), fractionOf(value)))
    .reduce(sum, ZERO);
  const below = divisors.map(fractionOf).reduce(sum, ZERO);
  if (below[0] === 0n) return null;
  const [top, bottom] = product(above, below[0] < 0n ? [-below[1], -below[0]] : [below[1], below[0]]);
  return toDouble(top, bottom);
}

const ZERO: Fraction = [0n, 1n];

/** The simplest fraction within a rounding error of a double: the first convergent of its continued fraction that is so near. */
export function fractionOf(value: number): Fraction {
  const size = Math.abs(value);
  let [rest, divisor] = [size, 1];
  let [above, below] = [1, 0];
  let [aboveBefore, belowBefore] = [0, 1];
  while (divisor !== 0) {
    // Remainders of doubles are exact, and so is the whole part while it is a safe integer.
    const left = rest % divisor;
    const whole = Math.round((rest - left) / divisor);
    [aboveBefore, above] = [above, whole * above + aboveBefore];
    [belowBefore, below] = [below, whole * below + belowBefore];
    [rest, divisor] = [divisor, left];
    if (!(Math.max(above, below) <= Number.MAX_SAFE_INTEGER)) break;
    if (Math.abs(above / below - size) <= ROUNDING * size)
      return [BigInt(value < 0 ? -above : above), BigInt(below)];
  }
  return dyadic(value);
}

/** A double as the fraction that it is, for those that are too large or too small to be told simply. */
function dyadic(value: number): Fraction {
  let whole = value;
  let below = 1n;
  for (; !Number.isInteger(whole); whole *= 2) below *= 2n;
  return [BigInt(whole), below];
}

function product([a, b]: Fraction, [c, d]: Fraction): Fraction {
  return [a * c, b * d];
}

function sum([a, b]: Fraction, [c, d]: Fraction): Fraction {
  return b === d ? [a + c, b] : [a * d + c * b, b * d];
}

/** Bits of a quotient, more than a double holds. */
const BITS = 64;

/** The quotient as a double. Large numbers are cut first: each might be beyond the doubles, and rounding both would err twice. */
function toDouble(above: bigint, below: bigint): number {
  const [a, b] = [Number(above), Number(below)];
  if (Math.abs(a) <= Number.MAX_SAFE_INTEGER && b <= Number.MAX_SAFE_INTEGER) return a / b;
  const size = above < 0n ? -above : above;
  const shift = BITS - (bitsOf(size) - bitsOf(below));
  const scaled = shift > 0 ? (size << BigInt(shift)) / below : size / (below << BigInt(-shift));
  // In two steps, each of them exact, where one power of 2 would be beyond the doubles.
  const quotient = Number(scaled) * 2 ** -Math.min(shift, BITS) * 2 ** Math.min(BITS - shift, 0);
  return above < 0n ? -quotient : quotient;
}

function bitsOf(whole: bigint): number {
  return whole.toString(16).length * 4;
}
