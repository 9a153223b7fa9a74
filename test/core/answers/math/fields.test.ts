import { describe, expect, it } from "vitest";
import { FIELDS } from "../../../../src/core/answers/math/fields.ts";

/** base^exponent modulo prime. */
function raise(base: bigint, exponent: bigint, prime: bigint): bigint {
  let [result, square] = [1n, base % prime];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

describe("the finite fields", () => {
  it("have the square roots they say, of −1 and of fifteen primes", () => {
    for (const { prime, rootOfMinusOne, roots } of FIELDS) {
      expect((rootOfMinusOne * rootOfMinusOne) % prime).toBe(prime - 1n);
      expect([...roots.keys()].map(Number)).toEqual([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]);
      for (const [square, root] of roots) expect((root * root) % prime).toBe(square);
    }
  });

  it("are of prime size, as Fermat's test with twelve bases finds", () => {
    for (const { prime } of FIELDS) {
      for (const base of [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n])
        expect(raise(base, prime - 1n, prime)).toBe(1n);
    }
  });
});
