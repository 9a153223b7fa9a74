import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wilsonInterval } from "../../src/core/stats.ts";
import { mcNemar, pairAccuracy, pairOutcome } from "../../src/evaluate/pair-accuracy.ts";

describe("pairOutcome", () => {
  it.each([
    { chosen: 1, rejected: 0.5, outcome: "correct" },
    { chosen: 0.5, rejected: 1, outcome: "wrong" },
    { chosen: 1, rejected: 1, outcome: "tie" },
    { chosen: 0, rejected: -0, outcome: "tie" },
    { chosen: 0.1 + 0.2, rejected: 0.3, outcome: "tie" },
    { chosen: 0.6136363636363635, rejected: 0.6136363636363636, outcome: "tie" },
    { chosen: 1 + 1e-9, rejected: 1, outcome: "correct" },
    { chosen: null, rejected: 1, outcome: "unscored" },
    { chosen: 1, rejected: null, outcome: "unscored" },
    { chosen: null, rejected: null, outcome: "unscored" },
  ])("of $chosen over $rejected is $outcome", ({ chosen, rejected, outcome }) => {
    expect(pairOutcome(chosen, rejected)).toBe(outcome);
  });
});

describe("pairAccuracy", () => {
  it("counts ties as not correct and leaves unscored pairs out", () => {
    const found = pairAccuracy({ correct: 8, wrong: 1, tie: 1, unscored: 2 });
    expect(found).toMatchObject({ pairs: 12, accuracy: 0.8 });
    expect(found.interval).toEqual(wilsonInterval(8, 10));
  });

  it("has no accuracy where nothing was scored", () => {
    expect(pairAccuracy({ correct: 0, wrong: 0, tie: 0, unscored: 5 })).toMatchObject({
      pairs: 5,
      accuracy: null,
      interval: null,
    });
  });
});

describe("mcNemar", () => {
  it.each([
    { first: 1, second: 5, p: 0.21875 }, // 2 (1 + 6) / 64
    { first: 0, second: 5, p: 0.0625 }, // 2 / 32
    { first: 10, second: 2, p: 0.03857421875 }, // 2 (1 + 12 + 66) / 4096
    { first: 3, second: 3, p: 1 }, // 2 (1 + 6 + 15 + 20) / 64 is more than 1
    { first: 0, second: 0, p: 1 },
    { first: 1, second: 0, p: 1 }, // 2 / 2
  ])("of $first and $second is $p", ({ first, second, p }) => {
    expect(mcNemar(first, second)).toBeCloseTo(p, 12);
  });

  it("does not care which is which, is in (0, 1], and stays finite where 2^-n is 0", () =>
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), (first, second) => {
        const p = mcNemar(first, second);
        expect(p).toBe(mcNemar(second, first));
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        if (first === second) expect(p).toBe(1);
      }),
      { seed: 1 },
    ));

  it("agrees with the normal approximation for many pairs", () => {
    // 1050 of 2000: z = (50 − 0.5) / sqrt(500) = 2.21371, two-sided p = 0.02685 (with continuity correction).
    expect(mcNemar(1050, 950)).toBeCloseTo(0.02685, 4);
  });
});
