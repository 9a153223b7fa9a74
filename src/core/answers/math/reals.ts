import { Decimal as AnyDecimal } from "decimal.js";
import type { Reals } from "./complex.ts";

const MAX_EXACT = 2n ** 53n;

/** Double precision: fast, and good enough to tell most different values apart. */
export const doubles: Reals<number> = {
  zero: 0,
  one: 1,
  pi: Math.PI,
  e: Math.E,
  digits: 15.5,
  fraction: (numerator, denominator) => {
    if (numerator < MAX_EXACT && numerator > -MAX_EXACT && denominator < MAX_EXACT)
      return Number(numerator) / Number(denominator);
    const value = Number(numerator) / Number(denominator);
    return Number.isFinite(value) && (value !== 0 || numerator === 0n) ? value : null;
  },
  of: (value) => value,
  add: (one, other) => one + other,
  subtract: (one, other) => one - other,
  multiply: (one, other) => one * other,
  divide: (one, other) => one / other,
  negate: (of) => -of,
  sqrt: Math.sqrt,
  exp: Math.exp,
  ln: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  atan2: Math.atan2,
  floor: Math.floor,
  sign: Math.sign,
  // Products of what is not 0 that come out as 0 or Infinity are no numbers to compare.
  size: (of) => (Number.isNaN(of) ? Number.POSITIVE_INFINITY : Math.log10(Math.abs(of))),
};

const PRECISION = 60;
const Decimal = AnyDecimal.clone({ precision: PRECISION, maxE: 1e9, minE: -1e9 });

/** Sixty digits: what agrees here is equal, unless it was made to look so. Some microseconds for each operation. */
export const decimals: Reals<AnyDecimal> = {
  zero: new Decimal(0),
  one: new Decimal(1),
  pi: Decimal.acos(-1),
  e: Decimal.exp(1),
  digits: PRECISION - 2,
  fraction: (numerator, denominator) => new Decimal(String(numerator)).div(String(denominator)),
  of: (value) => new Decimal(value),
  add: (one, other) => one.plus(other),
  subtract: (one, other) => one.minus(other),
  multiply: (one, other) => one.times(other),
  divide: (one, other) => one.div(other),
  negate: (of) => of.negated(),
  sqrt: (of) => of.sqrt(),
  exp: (of) => of.exp(),
  ln: (of) => of.ln(),
  sin: (of) => of.sin(),
  cos: (of) => of.cos(),
  atan2: (y, x) => Decimal.atan2(y, x),
  floor: (of) => of.floor(),
  sign: (of) => (of.isZero() ? 0 : of.isNegative() ? -1 : 1),
  size: (of) => {
    if (!of.isFinite()) return Number.POSITIVE_INFINITY;
    return of.isZero() ? Number.NEGATIVE_INFINITY : of.e;
  },
};
