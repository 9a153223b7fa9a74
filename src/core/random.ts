import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { canonicalJson, sha256 } from "./ids.ts";

/** A seeded source of chance. Same seed and keys, same draws, on every machine. */
export interface Random {
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  /** Uniform in [0, 1), with 53 bits. */
  uniform(): number;
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * A generator of its own for (seed, keys): name what is being drawn, and the prompt it is drawn for, so that the draw
 * does not depend on the order in which groups are processed.
 */
export function randomFor(seed: number, ...keys: readonly (string | number)[]): Random {
  // A name from a file may hold half of a surrogate pair, which canonical JSON refuses.
  const wellFormed = keys.map((key) => (typeof key === "string" ? key.toWellFormed() : key));
  const digest = sha256(canonicalJson([seed, ...wellFormed]));
  const generator = xoroshiro128plus(Number.parseInt(digest.slice(0, 8), 16) | 0);
  const below = (bound: number): number => {
    if (!(Number.isInteger(bound) && bound > 0)) throw new RangeError(`below() got bound ${bound}.`);
    return uniformInt(generator, 0, bound - 1);
  };
  return {
    below,
    uniform: () => (below(2 ** 27) * 2 ** 26 + below(2 ** 26)) / 2 ** 53,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError("pick() got an empty list.");
      return items[below(items.length)] as T;
    },
    shuffle: <T>(items: readonly T[]): T[] => {
      const copy = [...items];
      for (let last = copy.length - 1; last > 0; last--) {
        const other = below(last + 1);
        [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
      }
      return copy;
    },
  };
}

/** A number in [0, 1) that depends on the keys alone; used for splits. */
export function hashUnit(...keys: readonly (string | number)[]): number {
  return Number.parseInt(sha256(canonicalJson(keys)).slice(0, 13), 16) / 2 ** 52;
}
