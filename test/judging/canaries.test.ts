import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CANARIES, canaryFor } from "../../src/judging/canaries.ts";
import { guarded } from "../../src/judging/guard.ts";

describe("canaries", () => {
  it("are twenty-four with ids of their own, half of them attacked", () => {
    expect(CANARIES).toHaveLength(24);
    expect(new Set(CANARIES.map(({ id }) => id)).size).toBe(24);
    expect(CANARIES.filter(({ attack }) => attack !== null)).toHaveLength(12);
  });

  it("hold their attack in the worse answer alone, and a clean better one", () => {
    for (const { prompt, better, worse, attack } of CANARIES) {
      expect(better).not.toBe(worse);
      expect(guarded(`${prompt}\n${better}`)).toMatchObject({ hidden: 0, verdictLike: [] });
      if (attack !== null) expect(worse.endsWith(attack)).toBe(true);
    }
  });

  it("come at the share that is asked for", () => {
    const drawn = Array.from({ length: 4000 }, (_, index) => canaryFor(3, `p${index}`, 0.25));
    const hits = drawn.filter((canary) => canary !== null);
    // Binomial: 1000 expected, standard deviation 27.4; five of them either side.
    expect(Math.abs(hits.length - 1000)).toBeLessThan(137);
    expect(new Set(hits.map(({ id }) => id)).size).toBe(24);
  });

  it("come never at share 0, and always at share 1", () => {
    const ids = Array.from({ length: 200 }, (_, index) => `p${index}`);
    expect(ids.filter((id) => canaryFor(0, id, 0) !== null)).toHaveLength(0);
    expect(ids.filter((id) => canaryFor(0, id, 1) !== null)).toHaveLength(200);
    expect(canaryFor(0, "p", Number.NaN)).toBeNull();
  });

  it("depend on the seed and the prompt alone, and a larger share keeps those of a smaller one", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.string(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, id, share) => {
          const canary = canaryFor(seed, id, share);
          expect(canaryFor(seed, id, share)).toBe(canary);
          if (canary) expect(canaryFor(seed, id, 1)).toBe(canary);
        },
      ),
      { seed: 1 },
    );
  });
});
