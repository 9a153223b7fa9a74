import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashUnit, randomFor } from "../../src/core/random.ts";

describe("randomFor", () => {
  it("draws what an implementation of xoroshiro128+ in Python draws", () => {
    // sha256('[7,"tie","p1"]') starts with 6a8224ff = 1786914047, which seeds the generator as pure-rand does
    // (s0 = -1:~seed, s1 = seed:0). Its first 32-bit outputs, signed: -1786914048, -29522671, 617620346, 618403012;
    // plus 2^31 and modulo 10: 0, 7, 4, 0.
    const random = randomFor(7, "tie", "p1");
    expect([1, 2, 3, 4].map(() => random.below(10))).toEqual([0, 7, 4, 0]);
  });

  it("keeps its further draws from version to version", () => {
    // Recorded once; datasets made with a seed depend on them.
    const random = randomFor(7, "tie", "p1");
    for (let draw = 0; draw < 4; draw++) random.below(10);
    expect(random.uniform()).toBe(0.21734899806384012);
    expect(random.shuffle([1, 2, 3, 4, 5])).toEqual([2, 3, 1, 5, 4]);
    expect(random.pick(["a", "b", "c"])).toBe("b");
  });

  it("gives each seed and each key a generator of its own, whatever was drawn elsewhere", () => {
    const draws = (seed: number, ...keys: (string | number)[]): number[] => {
      const random = randomFor(seed, ...keys);
      return Array.from({ length: 8 }, () => random.below(1_000_000));
    };
    const first = draws(0, "pairs", "p1");
    expect(draws(0, "pairs", "p2")).not.toEqual(first);
    expect(draws(1, "pairs", "p1")).not.toEqual(first);
    expect(draws(0, "pairsp1")).not.toEqual(first);
    expect(draws(0, "pairs", "p1")).toEqual(first);
  });

  it("takes a key that holds half of a surrogate pair", () => {
    expect(randomFor(1, "a\ud800").below(1000)).toBe(randomFor(1, "a\ufffd").below(1000));
  });

  it("stays within its bound", () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.integer({ min: 1, max: 2 ** 31 }), (seed, key, bound) => {
        const random = randomFor(seed, key);
        const drawn = random.below(bound);
        const unit = random.uniform();
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
        expect(unit >= 0 && unit < 1).toBe(true);
      }),
    );
  });

  it("is about uniform", () => {
    // 20,000 draws into 10 cells: mean 2000, standard deviation √(20000 · 0.1 · 0.9) ≈ 42. Five deviations are 212.
    const random = randomFor(1, "uniformity");
    const cells = new Array<number>(10).fill(0);
    let sum = 0;
    for (let draw = 0; draw < 20_000; draw++) {
      const cell = random.below(10);
      cells[cell] = (cells[cell] ?? 0) + 1;
      sum += random.uniform();
    }
    for (const count of cells) expect(Math.abs(count - 2000)).toBeLessThan(212);
    // The mean of 20,000 uniform numbers deviates from 1/2 by √(1/12/20000) ≈ 0.002.
    expect(Math.abs(sum / 20_000 - 0.5)).toBeLessThan(0.01);
  });

  it("shuffles into every order about equally often", () => {
    // 6000 shuffles of three: each of the 6 orders 1000 times, deviation √(6000 · 1/6 · 5/6) ≈ 29; five are 145.
    const random = randomFor(2, "shuffles");
    const orders = new Map<string, number>();
    for (let count = 0; count < 6000; count++) {
      const order = random.shuffle(["a", "b", "c"]).join("");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect([...orders.keys()].sort()).toEqual(["abc", "acb", "bac", "bca", "cab", "cba"]);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(145);
  });

  it("shuffles a copy that holds the same items", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
        const before = [...items];
        const shuffled = randomFor(seed, "copy").shuffle(items);
        expect(items).toEqual(before);
        expect(shuffled.toSorted((a, b) => a - b)).toEqual(before.toSorted((a, b) => a - b));
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])("refuses the bound %d", (bound) => {
    expect(() => randomFor(0, "x").below(bound)).toThrow(RangeError);
  });

  it("picks nothing from an empty list", () => {
    expect(() => randomFor(0, "x").pick([])).toThrow("pick() got an empty list.");
  });
});

describe("hashUnit", () => {
  it("is the first 52 bits of the hash, over 2^52", () => {
    // Python: int(sha256('["split",0,"a"]').hexdigest()[:13], 16) / 2**52
    expect(hashUnit("split", 0, "a")).toBe(0.40649386986552605);
    expect(hashUnit("split", 0, "b")).toBe(0.415054086490815);
  });

  it("cuts ids into shares of about the wanted size", () => {
    // 10,000 ids below 0.1: mean 1000, deviation 30; five are 150.
    const below = Array.from({ length: 10_000 }, (_, index) => hashUnit("split", 0, `id-${index}`)).filter(
      (unit) => unit < 0.1,
    );
    expect(Math.abs(below.length - 1000)).toBeLessThan(150);
  });
});
