import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_DOMAINS, pickModels, type ScoredPair, startPicking } from "../../src/evaluate/pick-models.ts";

const pair = (
  chosen: readonly (number | null)[],
  rejected: readonly (number | null)[],
  domain: string | null = null,
): ScoredPair => ({ chosen, rejected, domain });

describe("pickModels", () => {
  // Scorer a: right, right, wrong, unscored. Scorer b: tie, right, right, right.
  const pairs = [
    pair([2, 1], [1, 1], "CHAT"),
    pair([2, 2], [1, 1], "CHAT"),
    pair([1, 5], [2, 4], "SAFETY"),
    pair([null, 1], [2, 0], "SAFETY"),
  ];
  const picking = pickModels({ scorers: ["a", "b"], pairs });

  it("counts for each scorer, and picks the one that is most often right", () => {
    expect(picking.pairs).toBe(4);
    expect(picking.best).toBe("b");
    expect(picking.scorers).toMatchObject([
      { scorer: "a", pairs: 4, correct: 2, wrong: 1, tie: 0, unscored: 1, accuracy: 2 / 3 },
      { scorer: "b", pairs: 4, correct: 3, wrong: 0, tie: 1, unscored: 0, accuracy: 0.75 },
    ]);
  });

  it("counts for each domain, in order of appearance", () => {
    expect(picking.scorers[0]?.domains).toMatchObject([
      { domain: "CHAT", pairs: 2, accuracy: 1 },
      { domain: "SAFETY", pairs: 2, accuracy: 0, unscored: 1 },
    ]);
  });

  it("compares the best with the others on pairs that both scored", () => {
    // Of the first three, only b is right on the third, and only a on the first, where b has a tie.
    expect(picking.comparisons).toEqual([{ scorer: "a", pairs: 3, onlyBest: 1, onlyThis: 1, pValue: 1 }]);
  });

  it("takes the first of equally good ones, and none when nothing was scored", () => {
    expect(pickModels({ scorers: ["a", "b"], pairs: [pair([1, 1], [0, 0])] }).best).toBe("a");
    const nothing = pickModels({ scorers: ["a", "b"], pairs: [pair([null, 1], [0, null])] });
    expect(nothing).toMatchObject({ best: null, comparisons: [] });
    expect(pickModels({ scorers: ["a"], pairs: [] })).toMatchObject({ pairs: 0, best: null });
  });

  it("takes a scorer without one right pair for the best when it is the only one that scored", () => {
    expect(pickModels({ scorers: ["a", "b"], pairs: [pair([null, 0], [0, 1])] }).best).toBe("b");
  });

  it("has no domains where no pair has one, and keeps pairs without one apart where some have", () => {
    expect(pickModels({ scorers: ["a"], pairs: [pair([1], [0])] }).scorers[0]?.domains).toEqual([]);
    const mixed = pickModels({ scorers: ["a"], pairs: [pair([1], [0]), pair([1], [0], "__proto__")] });
    expect(mixed.scorers[0]?.domains.map(({ domain }) => domain)).toEqual([null, "__proto__"]);
  });

  it("counts every pair once for each scorer, and as often in all as in the domains", () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            domain: fc.constantFrom("A", "B"),
            chosen: fc.tuple(fc.option(fc.nat(3)), fc.option(fc.nat(3))),
            rejected: fc.tuple(fc.option(fc.nat(3)), fc.option(fc.nat(3))),
          }),
          { minLength: 1 },
        ),
        (given) => {
          const found = pickModels({ scorers: ["a", "b"], pairs: given });
          for (const { domains, ...all } of found.scorers) {
            expect(all.correct + all.wrong + all.tie + all.unscored).toBe(given.length);
            for (const name of ["pairs", "correct", "wrong", "tie", "unscored"] as const)
              expect(domains.reduce((sum, counts) => sum + counts[name], 0)).toBe(all[name]);
          }
        },
      ),
      { seed: 1 },
    ));

  it("refuses another number of scores than scorers, and a column that is no domain", () => {
    const badOption = expect.objectContaining({ code: "bad_option" });
    expect(() => pickModels({ scorers: ["a", "b"], pairs: [pair([1], [0])] })).toThrow(badOption);
    expect(() => pickModels({ scorers: ["a"], pairs: [pair([1], [0, 1])] })).toThrow(badOption);
    const picker = startPicking(["a"]);
    for (let index = 0; index < MAX_DOMAINS; index++) picker.add(pair([1], [0], `domain ${index}`));
    expect(() => picker.add(pair([1], [0], "one more"))).toThrow(badOption);
  });
});
