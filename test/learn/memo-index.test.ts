import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoIndex } from "../../src/learn/memo-index.ts";

describe("memoIndex", () => {
  it("tells where each key was put, however many there are, beyond 4 GiB too", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 3_000 }), (keys) => {
        const index = memoIndex();
        for (const [place, key] of keys.entries()) index.add(key, { at: 2 ** 33 + place, length: place + 1 });
        for (const [place, key] of keys.entries())
          expect(index.places(key)).toEqual([{ at: 2 ** 33 + place, length: place + 1 }]);
      }),
      { seed: 1, numRuns: 20 },
    );
  });

  it("knows nothing of a key that was not put, and all places of one that was put twice", () => {
    const index = memoIndex();
    expect(index.places("a")).toEqual([]);
    for (const at of [1, 2]) index.add("a", { at, length: 5 });
    expect(index.places("a").map(({ at }) => at)).toEqual([1, 2]);
    expect(index.places("b")).toEqual([]);
  });

  it("grows past its first slots", () => {
    const index = memoIndex();
    for (let key = 0; key < 20_000; key++) index.add(`k${key}`, { at: key, length: 1 });
    for (let key = 0; key < 20_000; key++) expect(index.places(`k${key}`)[0]?.at).toBe(key);
  });
});
