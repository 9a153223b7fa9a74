import type { Arithmetic } from "./evaluate.ts";
import type { Rational } from "./tree.ts";

/** Real numbers of some precision. */
export interface Reals<R> {
  readonly zero: R;
  readonly one: R;
  readonly pi: R;
  readonly e: R;
  /** Decimal digits that can be relied on. */
  readonly digits: number;
  /** null when it is too large or too small. */
  fraction(numerator: bigint, denominator: bigint): R | null;
  of(value: number): R;
  add(one: R, other: R): R;
  subtract(one: R, other: R): R;
  multiply(one: R, other: R): R;
  divide(one: R, other: R): R;
  negate(of: R): R;
  sqrt(of: R): R;
  exp(of: R): R;
  ln(of: R): R;
  sin(of: R): R;
  cos(of: R): R;
  atan2(y: R, x: R): R;
  floor(of: R): R;
  /** −1, 0, 1; NaN for what is no number. */
  sign(of: R): number;
  /** log10 of the magnitude, to about one unit; −Infinity for 0. NaN or Infinity for what is no finite number. */
  size(of: R): number;
}

/**
 * A complex number with two measures in log10: `size` of its magnitude, and `reach`, the largest magnitude that has a
 * part in its rounding error: the absolute error is about 10^(reach − digits).
 */
export interface Complex<R> {
  readonly re: R;
  readonly im: R;
  readonly size: number;
  readonly reach: number;
  /** Something was so small beside something else that nothing is left of it, or as good as nothing. */
  readonly isAbsorbing: boolean;
}

export interface Environment<R> {
  readonly symbol: (name: string) => R;
  readonly integers: ReadonlyMap<string, bigint>;
  /** What a logarithm without a base means: 10, or null for e. */
  readonly logBase: number | null;
}

/** Smaller arguments than 10^this leave little but the first terms of a function's series: e^z is 1 + z. */
const MIN_ARGUMENT_SIZE = -10;

/** Larger arguments of exp, sin and cos are refused: too much would be lost, or take too long. */
const MAX_ARGUMENT_SIZE = 7;

/** All smaller integers are exact in every precision. */
const LONG = 2n ** 53n;

/** Complex numbers over the given reals. Roots and logarithms are principal; odd roots of negative numbers are real. */
export function complexNumbers<R>(reals: Reals<R>, environment: Environment<R>): Arithmetic<Complex<R>> {
  type C = Complex<R>;
  const { zero, one } = reals;

  const make = (re: R, im: R, reach: number, isAbsorbing: boolean): C | null => {
    const size = Math.max(reals.size(re), reals.size(im));
    return size < Number.POSITIVE_INFINITY
      ? { re, im, size, reach: Math.max(reach, size), isAbsorbing }
      : null;
  };
  const plain = (re: R): C | null => make(re, zero, Number.NEGATIVE_INFINITY, false);
  const isReal = (of: C): boolean => reals.sign(of.im) === 0;
  const isZero = (of: C): boolean =>
    of.size === Number.NEGATIVE_INFINITY || of.size < of.reach - reals.digits + 3;

  /** Whether a function says next to nothing of its argument. Rounding beside 0 is no such argument, since its reach is larger. */
  const isTiny = (of: C): boolean => Number.isFinite(of.reach) && of.reach < MIN_ARGUMENT_SIZE;

  const add = (a: C, b: C): C | null => {
    const reach = Math.max(a.reach, b.reach);
    const isLost = (small: C): boolean =>
      Number.isFinite(small.reach) && small.reach < reach - reals.digits + 4;
    const isAbsorbing = a.isAbsorbing || b.isAbsorbing || isLost(a) || isLost(b);
    return make(reals.add(a.re, b.re), reals.add(a.im, b.im), reach, isAbsorbing);
  };
  const negate = (of: C): C => ({ ...of, re: reals.negate(of.re), im: reals.negate(of.im) });
  const subtract = (a: C, b: C): C | null => add(a, negate(b));
  const multiply = (a: C, b: C): C | null => {
    const reach = Math.max(a.reach + b.size, b.reach + a.size);
    const isAbsorbing = a.isAbsorbing || b.isAbsorbing;
    if (isReal(a) && isReal(b)) return make(reals.multiply(a.re, b.re), zero, reach, isAbsorbing);
    const re = reals.subtract(reals.multiply(a.re, b.re), reals.multiply(a.im, b.im));
    const im = reals.add(reals.multiply(a.re, b.im), reals.multiply(a.im, b.re));
    return make(re, im, reach, isAbsorbing);
  };
  const inverse = (of: C): C | null => {
    if (isZero(of)) return null;
    const reach = of.reach - 2 * of.size;
    if (isReal(of)) return make(reals.divide(one, of.re), zero, reach, of.isAbsorbing);
    const norm = reals.add(reals.multiply(of.re, of.re), reals.multiply(of.im, of.im));
    return make(reals.divide(of.re, norm), reals.negate(reals.divide(of.im, norm)), reach, of.isAbsorbing);
  };
  const divide = (a: C, b: C): C | null => then(inverse(b), (inverted) => multiply(a, inverted));
  const exp = (of: C): C | null => {
    if (of.size > MAX_ARGUMENT_SIZE) return null;
    const radius = reals.exp(of.re);
    const reach = reals.size(radius) + Math.max(0, of.reach);
    const isAbsorbing = of.isAbsorbing || isTiny(of);
    if (isReal(of)) return make(radius, zero, reach, isAbsorbing);
    const [re, im] = [reals.multiply(radius, reals.cos(of.im)), reals.multiply(radius, reals.sin(of.im))];
    return make(re, im, reach, isAbsorbing);
  };
  const ln = (of: C): C | null => {
    if (isZero(of)) return null;
    const reach = Math.max(0, of.reach - of.size);
    if (isReal(of) && reals.sign(of.re) > 0) return make(reals.ln(of.re), zero, reach, of.isAbsorbing);
    const norm = reals.add(reals.multiply(of.re, of.re), reals.multiply(of.im, of.im));
    return make(reals.divide(reals.ln(norm), reals.of(2)), reals.atan2(of.im, of.re), reach, of.isAbsorbing);
  };
  const sqrt = (of: C): C | null => {
    if (isZero(of)) return plain(zero);
    const reach = of.reach - of.size / 2;
    if (isReal(of)) {
      const isNegative = reals.sign(of.re) < 0;
      const root = reals.sqrt(isNegative ? reals.negate(of.re) : of.re);
      return isNegative ? make(zero, root, reach, of.isAbsorbing) : make(root, zero, reach, of.isAbsorbing);
    }
    return then(ln(of), (log) => then(multiply(log, number(0.5)), exp));
  };
  /** Only for the small numbers of the formulas below, which are exact in every precision. */
  const number = (value: number): C => ({
    re: reals.of(value),
    im: zero,
    size: Math.log10(Math.abs(value)),
    reach: Math.log10(Math.abs(value)),
    isAbsorbing: false,
  });
  const i: C = { re: zero, im: one, size: 0, reach: 0, isAbsorbing: false };
  const rational = ({ numerator, denominator }: Rational): C | null =>
    then(reals.fraction(numerator, denominator), (value) => {
      // 3.14159… with a hundred digits: what sets it apart from π is cut off.
      const isCut = isLong(numerator) || isLong(denominator);
      return make(value, zero, Number.NEGATIVE_INFINITY, isCut);
    });
  const isLong = (of: bigint): boolean => {
    if (of < LONG && of > -LONG) return false;
    return String(of).replace(/^-|0+$/g, "").length > reals.digits;
  };

  const power = (base: C, exponent: C | null, exact: Rational | null): C | null => {
    if (exact === null) return exponent && then(ln(base), (log) => then(multiply(log, exponent), exp));
    if (exact.numerator % exact.denominator === 0n) {
      const count = exact.numerator / exact.denominator;
      if (isZero(base)) return count > 0n ? plain(zero) : null;
      return count >= -1_000n && count <= 1_000n ? wholePower(base, Number(count)) : largePower(base, count);
    }
    if (isZero(base)) return exact.numerator > 0n ? plain(zero) : null;
    if (exact.denominator === 2n)
      return then(sqrt(base), (root) => power(root, null, { numerator: exact.numerator, denominator: 1n }));
    if (isReal(base) && reals.sign(base.re) < 0 && exact.denominator % 2n === 1n) {
      const positive = power(negate(base), null, exact);
      return exact.numerator % 2n === 0n ? positive : then(positive, negate);
    }
    return then(ln(base), (log) => then(rational(exact), (by) => then(multiply(log, by), exp)));
  };
  const wholePower = (base: C, count: number): C | null => {
    let result: C | null = number(1);
    let square: C | null = count < 0 ? inverse(base) : base;
    for (let left = Math.abs(count); left > 0 && result && square; left = Math.floor(left / 2)) {
      if (left % 2 === 1) result = multiply(result, square);
      if (left > 1) square = multiply(square, square);
    }
    return square && result;
  };
  /** |base|^count by logarithms, with the sign set by whether the count is even. */
  const largePower = (base: C, count: bigint): C | null => {
    if (!isReal(base) || count > 10n ** 15n || count < -(10n ** 15n)) return null;
    const isNegative = reals.sign(base.re) < 0;
    const by = plain(reals.of(Number(count)));
    const raised = then(ln(isNegative ? negate(base) : base), (log) =>
      then(by, (b) => then(multiply(log, b), exp)),
    );
    return isNegative && count % 2n !== 0n ? then(raised, negate) : raised;
  };
  const isReliable = (of: C): boolean => of.size <= MAX_ARGUMENT_SIZE && isReal(of);
  const sin = (of: C): C | null => {
    if (isReliable(of)) return make(reals.sin(of.re), zero, of.reach, of.isAbsorbing || isTiny(of));
    return then(multiply(of, i), (turned) =>
      then(exp(turned), (up) =>
        then(exp(negate(turned)), (down) =>
          then(subtract(up, down), (both) => divide(both, { ...i, im: reals.of(2) })),
        ),
      ),
    );
  };
  const cos = (of: C): C | null => {
    if (isReliable(of))
      return make(reals.cos(of.re), zero, Math.max(of.reach, 0), of.isAbsorbing || isTiny(of));
    return then(multiply(of, i), cosh);
  };
  const sinh = (of: C): C | null =>
    then(exp(of), (up) =>
      then(exp(negate(of)), (down) => then(subtract(up, down), (both) => divide(both, number(2)))),
    );
  const cosh = (of: C): C | null =>
    then(exp(of), (up) =>
      then(exp(negate(of)), (down) => then(add(up, down), (both) => divide(both, number(2)))),
    );
  /** (1/2i) ln((1 + iz)/(1 − iz)) */
  const arctan = (of: C): C | null => {
    if (isReal(of)) {
      const isFar = of.size > -MIN_ARGUMENT_SIZE; // all of them are nearly a right angle
      const reach = of.reach - Math.max(0, 2 * of.size);
      return make(reals.atan2(of.re, one), zero, reach, of.isAbsorbing || isTiny(of) || isFar);
    }
    return then(multiply(of, i), (turned) =>
      then(add(number(1), turned), (above) =>
        then(subtract(number(1), turned), (below) =>
          then(divide(above, below), (ratio) =>
            then(ln(ratio), (log) => divide(log, { ...i, im: reals.of(2) })),
          ),
        ),
      ),
    );
  };
  /** For a real x in [−1, 1]: atan2(x, sqrt(1 − x²)). */
  const arcsin = (of: C): C | null =>
    then(multiply(of, of), (square) =>
      then(subtract(number(1), square), (left) =>
        then(sqrt(left), (root) => {
          if (isReal(of) && isReal(root))
            return make(reals.atan2(of.re, root.re), zero, root.reach, root.isAbsorbing || isTiny(of));
          return then(multiply(of, i), (turned) =>
            then(add(turned, root), (sum) => then(ln(sum), (log) => divide(log, i))),
          );
        }),
      ),
    );
  const arccos = (of: C): C | null =>
    then(arcsin(of), (angle) =>
      then(plain(reals.divide(reals.pi, reals.of(2))), (right) => subtract(right, angle)),
    );
  const arcsinh = (of: C): C | null =>
    then(multiply(of, of), (square) =>
      then(add(square, number(1)), (sum) => then(sqrt(sum), (root) => then(add(of, root), ln))),
    );
  const arccosh = (of: C): C | null =>
    then(multiply(of, of), (square) =>
      then(subtract(square, number(1)), (left) => then(sqrt(left), (root) => then(add(of, root), ln))),
    );
  const arctanh = (of: C): C | null =>
    then(add(number(1), of), (above) =>
      then(subtract(number(1), of), (below) =>
        then(divide(above, below), (ratio) => then(ln(ratio), (log) => divide(log, number(2)))),
      ),
    );
  const abs = (of: C): C | null => {
    if (isReal(of)) return reals.sign(of.re) < 0 ? negate(of) : of;
    const norm = reals.add(reals.multiply(of.re, of.re), reals.multiply(of.im, of.im));
    return make(reals.sqrt(norm), zero, of.reach, of.isAbsorbing);
  };
  /** Nothing is said where rounding could have carried the number over the edge. */
  const floor = (of: C): C | null => {
    if (!isReal(of) || of.reach > reals.digits - 6) return null;
    const below = reals.floor(of.re);
    const above = reals.subtract(reals.add(below, one), of.re);
    const edge = of.reach - reals.digits + 4;
    if (reals.size(reals.subtract(of.re, below)) < edge || reals.size(above) < edge) return null;
    return plain(below);
  };
  const log = (of: C, base: C | undefined): C | null => {
    const bottom = base ?? (environment.logBase === null ? null : number(environment.logBase));
    if (bottom === null) return ln(of);
    return then(ln(of), (above) => then(ln(bottom), (below) => divide(above, below)));
  };
  const inverted = (function_: (of: C) => C | null) => (of: C) => then(function_(of), inverse);
  const ofInverse = (function_: (of: C) => C | null) => (of: C) => then(inverse(of), function_);
  const tan = (of: C): C | null => then(sin(of), (above) => then(cos(of), (below) => divide(above, below)));
  const tanh = (of: C): C | null =>
    then(sinh(of), (above) => then(cosh(of), (below) => divide(above, below)));
  const functions: Readonly<Record<string, (of: C, second: C | undefined) => C | null>> = {
    exp,
    ln,
    log,
    sin,
    cos,
    tan,
    sinh,
    cosh,
    tanh,
    arcsin,
    arccos,
    arctan,
    arcsinh,
    arccosh,
    arctanh,
    abs,
    floor,
    sec: inverted(cos),
    csc: inverted(sin),
    sech: inverted(cosh),
    csch: inverted(sinh),
    cot: (of) => then(cos(of), (above) => then(sin(of), (below) => divide(above, below))),
    coth: (of) => then(cosh(of), (above) => then(sinh(of), (below) => divide(above, below))),
    arccot: ofInverse(arctan),
    arcsec: ofInverse(arccos),
    arccsc: ofInverse(arcsin),
    ceil: (of) => then(floor(negate(of)), negate),
    sign: (of) => (isReal(of) && !isZero(of) ? number(reals.sign(of.re)) : null),
  };

  return {
    rational,
    constant: (name) => {
      if (name === "i") return i;
      if (name === "pi") return plain(reals.pi);
      return name === "e" ? plain(reals.e) : null;
    },
    symbol: (name) => {
      const whole = environment.integers.get(name);
      return whole === undefined
        ? plain(environment.symbol(name))
        : rational({ numerator: whole, denominator: 1n });
    },
    integers: environment.integers,
    add,
    multiply,
    negate,
    inverse,
    power,
    squareRoot: () => null,
    factorial: () => null,
    call: (name, of) => {
      const [first, second] = of;
      if (first === undefined || (second !== undefined && name !== "log")) return null;
      return functions[name]?.(first, second) ?? null;
    },
  };
}

function then<T, U>(value: T | null, next: (value: T) => U | null): U | null {
  return value === null ? null : next(value);
}
