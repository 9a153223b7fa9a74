import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bradleyTerry, type Comparison, componentsOf } from "../../src/judging/bradley-terry.ts";
import { errorCodeOf } from "./error-code.ts";

const result = (i: number, j: number, winsI: number, winsJ: number): Comparison => ({ i, j, winsI, winsJ });

/** Results of up to 7 players, not all linked, some perfect. */
const anyResults = fc.integer({ min: 2, max: 7 }).chain((players) =>
  fc.record({
    players: fc.constant(players),
    results: fc.array(
      fc
        .record({
          i: fc.nat(players - 1),
          j: fc.nat(players - 1),
          winsI: fc.integer({ min: 0, max: 8 }).map((n) => n / 2),
          winsJ: fc.integer({ min: 0, max: 8 }).map((n) => n / 2),
        })
        .filter(({ i, j }) => i !== j),
      { minLength: 1, maxLength: 20 },
    ),
  }),
);

/** The same fit by plain gradient steps, written apart from the code under test. */
function gradientFit(players: number, results: readonly Comparison[], prior: number): number[] {
  const wins = new Map<string, number>();
  for (const { i, j, winsI, winsJ } of results) {
    const isFirst = !wins.has(`${i},${j}`) && !wins.has(`${j},${i}`);
    wins.set(`${i},${j}`, (wins.get(`${i},${j}`) ?? 0) + winsI + (isFirst ? prior : 0));
    wins.set(`${j},${i}`, (wins.get(`${j},${i}`) ?? 0) + winsJ + (isFirst ? prior : 0));
  }
  const total = [...wins.values()].reduce((sum, count) => sum + count, 0);
  const strengths = new Array<number>(players).fill(0);
  for (let step = 0; step < 40_000; step++) {
    const slope = new Array<number>(players).fill(0);
    for (const [key, count] of wins) {
      const [a = 0, b = 0] = key.split(",").map(Number);
      const lost = 1 / (1 + Math.exp((strengths[a] ?? 0) - (strengths[b] ?? 0)));
      slope[a] = (slope[a] ?? 0) + count * lost;
      slope[b] = (slope[b] ?? 0) - count * lost;
    }
    for (let player = 0; player < players; player++) {
      strengths[player] = (strengths[player] ?? 0) + ((slope[player] ?? 0) * 2) / total;
    }
  }
  return strengths;
}

describe("bradleyTerry", () => {
  it("gives two players the log odds of their record", () => {
    // 3 to 1 without a prior: difference ln 3 = 1.098612. Information of the difference 4 · 0.75 · 0.25 = 0.75; the variance of
    // half the difference is 1 / 0.75 / 4 = 1/3.
    const fit = bradleyTerry(2, [result(0, 1, 3, 1)], { prior: 0 });
    expect(fit?.strengths[0]).toBeCloseTo(0.549306, 6);
    expect(fit?.strengths[1]).toBeCloseTo(-0.549306, 6);
    expect(fit?.standardErrors[0]).toBeCloseTo(Math.sqrt(1 / 3), 6);
    expect(fit?.intervals[0]?.[1]).toBeCloseTo(0.549306 + 1.959964 * 0.57735, 5);
    expect(fit?.converged).toBe(true);
  });

  it("keeps a perfect record finite by half a win for either side", () => {
    // 1 to 0 and the prior: 1.5 to 0.5, difference ln 3.
    const fit = bradleyTerry(2, [result(0, 1, 1, 0)]);
    expect(fit?.strengths[0]).toBeCloseTo(Math.log(3) / 2, 9);
  });

  it("adds the prior once for each pair, however often it met", () => {
    // 3 to 1 in two parts: 3.5 to 1.5.
    const fit = bradleyTerry(2, [result(0, 1, 2, 0), result(1, 0, 1, 1)]);
    expect(fit?.strengths[0]).toBeCloseTo(Math.log(3.5 / 1.5) / 2, 9);
  });

  it("gives equal strengths to a ring in which each beats the next", () => {
    const fit = bradleyTerry(3, [result(0, 1, 1, 0), result(1, 2, 1, 0), result(2, 0, 1, 0)]);
    expect(fit?.strengths.map((value) => Math.abs(value) < 1e-9)).toEqual([true, true, true]);
    // By symmetry: each pair has 2 games at 1/2, information 0.5 per pair; the Laplacian 0.5 (3I − J) has pseudo-inverse
    // (2/3)(I − J/3), diagonal 4/9.
    expect(fit?.standardErrors[1]).toBeCloseTo(2 / 3, 9);
  });

  it("adds log odds along a chain, whose links are fitted apart", () => {
    // 0–1: 3 to 1; 1–2: 2 to 1. A tree has a free parameter per edge: ln 3 and ln 2.
    const fit = bradleyTerry(3, [result(0, 1, 3, 1), result(2, 1, 1, 2)], { prior: 0 });
    const [a = 0, b = 0, c = 0] = fit?.strengths ?? [];
    expect(a - b).toBeCloseTo(Math.log(3), 8);
    expect(b - c).toBeCloseTo(Math.log(2), 8);
  });

  it("names the players that comparisons do not link, and centres each part by itself", () => {
    const fit = bradleyTerry(5, [result(3, 1, 1, 0), result(2, 0, 0, 1)]);
    expect(fit?.components).toEqual([0, 1, 0, 1, 4]);
    const half = Math.log(3) / 2;
    [half, -half, -half, half, 0].forEach((value, player) => {
      expect(fit?.strengths[player]).toBeCloseTo(value, 9);
    });
  });

  it("gives players of equal records in a full round the very same strength", () => {
    // With every pair met alike, the wins alone tell the strength: equal sums satisfy equal equations.
    const outcome = fc.constantFrom(0, 0.25, 0.5, 0.75, 1);
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.array(outcome, { minLength: 28, maxLength: 28 }),
        (players, won) => {
          const results: Comparison[] = [];
          const records = new Array<number>(players).fill(0);
          for (let i = 0; i < players; i++) {
            for (let j = i + 1; j < players; j++) {
              const winsI = won[results.length] ?? 0;
              results.push(result(i, j, winsI, 1 - winsI));
              records[i] = (records[i] ?? 0) + winsI;
              records[j] = (records[j] ?? 0) + 1 - winsI;
            }
          }
          const strengths = bradleyTerry(players, results)?.strengths ?? [];
          for (const [one, record] of records.entries())
            for (const [other, another] of records.entries()) {
              if (record === another) expect(strengths[one]).toBe(strengths[other]);
              if (record > another) expect(strengths[one]).toBeGreaterThan(strengths[other] ?? Number.NaN);
            }
        },
      ),
      { seed: 6, numRuns: 500 },
    );
  });

  it("says so when no maximum exists", () => {
    expect(bradleyTerry(2, [result(0, 1, 1, 0)], { prior: 0 })?.converged).toBe(false);
  });

  it("gives nothing when nothing was compared", () => {
    expect(bradleyTerry(3, [])).toBeNull();
    expect(bradleyTerry(0, [])).toBeNull();
  });

  it.each([
    { results: [result(0, 2, 1, 0)], note: "a player that is not there" },
    { results: [result(-1, 0, 1, 0)], note: "a negative player" },
    { results: [result(0.5, 1, 1, 0)], note: "half a player" },
    { results: [result(1, 1, 1, 0)], note: "a player against itself" },
    { results: [result(0, 1, -1, 0)], note: "negative wins" },
    { results: [result(0, 1, Number.NaN, 0)], note: "wins that are no number" },
    { results: [result(0, 1, Infinity, 0)], note: "endless wins" },
  ])("refuses $note", ({ results }) => {
    expect(errorCodeOf(() => bradleyTerry(2, results))).toBe("bad_option");
  });

  it("refuses a negative prior", () => {
    expect(errorCodeOf(() => bradleyTerry(2, [], { prior: -1 }))).toBe("bad_option");
  });

  it("does not depend on the order of results, nor on which player is named first", () => {
    fc.assert(
      fc.property(anyResults, ({ players, results }) => {
        const turned = [...results].reverse().map(({ i, j, winsI, winsJ }) => result(j, i, winsJ, winsI));
        const [a, b] = [bradleyTerry(players, results), bradleyTerry(players, turned)];
        a?.strengths.forEach((value, player) => {
          expect(b?.strengths[player]).toBeCloseTo(value, 7);
        });
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it("turns every sign when wins and losses change places", () => {
    fc.assert(
      fc.property(anyResults, ({ players, results }) => {
        const a = bradleyTerry(players, results);
        const b = bradleyTerry(
          players,
          results.map(({ i, j, winsI, winsJ }) => result(i, j, winsJ, winsI)),
        );
        a?.strengths.forEach((value, player) => {
          expect(b?.strengths[player]).toBeCloseTo(-value, 7);
        });
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("follows the players when they are numbered otherwise", () => {
    fc.assert(
      fc.property(anyResults, ({ players, results }) => {
        const other = (player: number): number => players - 1 - player;
        const a = bradleyTerry(players, results);
        const b = bradleyTerry(
          players,
          results.map(({ i, j, winsI, winsJ }) => result(other(i), other(j), winsI, winsJ)),
        );
        a?.strengths.forEach((value, player) => {
          expect(b?.strengths[other(player)]).toBeCloseTo(value, 7);
        });
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  it("always converges with a prior, to finite strengths of mean 0 in each part", () => {
    fc.assert(
      fc.property(anyResults, ({ players, results }) => {
        const fit = bradleyTerry(players, results);
        expect(fit?.converged).toBe(true);
        for (const root of new Set(fit?.components)) {
          const own = fit?.strengths.filter((_, player) => fit.components[player] === root) ?? [];
          expect(own.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 9);
        }
        expect(fit?.strengths.every(Number.isFinite)).toBe(true);
        expect(fit?.standardErrors.every((error) => error >= 0 && Number.isFinite(error))).toBe(true);
      }),
      { seed: 4, numRuns: 200 },
    );
  });

  it("finds what plain gradient steps find", () => {
    fc.assert(
      fc.property(anyResults, ({ players, results }) => {
        const fit = bradleyTerry(players, results, { prior: 0.5 });
        const plain = gradientFit(players, results, 0.5);
        const components = fit?.components ?? [];
        plain.forEach((value, player) => {
          const own = plain.filter((_, other) => components[other] === components[player]);
          const mean = own.reduce((sum, part) => sum + part, 0) / own.length;
          expect(fit?.strengths[player]).toBeCloseTo(value - mean, 4);
        });
      }),
      { seed: 5, numRuns: 15 },
    );
  });

  it("stays calm with 60 players and lopsided records of thousands of games", () => {
    const results: Comparison[] = [];
    for (let i = 0; i < 60; i++) for (let j = i + 1; j < 60; j++) results.push(result(i, j, 1000, 0));
    const fit = bradleyTerry(60, results);
    expect(fit?.converged).toBe(true);
    const sorted = [...(fit?.strengths ?? [])].sort((a, b) => b - a);
    expect(fit?.strengths).toEqual(sorted);
  });
});

describe("componentsOf", () => {
  it("links players over others and names each part by its smallest", () => {
    const edges = [
      { i: 4, j: 2 },
      { i: 2, j: 5 },
      { i: 1, j: 3 },
    ];
    expect(componentsOf(6, edges)).toEqual([0, 1, 2, 1, 2, 2]);
  });
});
