import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFor } from "../../src/core/random.ts";
import { componentsOf } from "../../src/judging/bradley-terry.ts";
import {
  type Match,
  matchCount,
  type Plan,
  type Player,
  swissRounds,
  tournament,
} from "../../src/judging/tournament.ts";

const crowd = (count: number): Player[] =>
  Array.from({ length: count }, () => ({ candidate: true, baseline: false }));

/** Plays a tournament in which the lower number always wins, unless told otherwise. */
function play(
  plan: Plan,
  players: readonly Player[],
  seed = 0,
  pointsOf = ({ i, j }: Match): readonly [number, number] => (i < j ? [1, 0] : [0, 1]),
): Match[][] {
  const games = tournament(plan, players, randomFor(seed, "test"));
  const points = players.map(() => 0);
  const rounds: Match[][] = [];
  for (;;) {
    const round = games.nextRound(points);
    if (round.length === 0) return rounds;
    rounds.push([...round]);
    for (const match of round) {
      const [a, b] = pointsOf(match);
      points[match.i] = (points[match.i] ?? 0) + a;
      points[match.j] = (points[match.j] ?? 0) + b;
    }
  }
}

const keys = (matches: readonly Match[]): string[] => matches.map(({ i, j }) => `${i}-${j}`);
const degrees = (count: number, matches: readonly Match[]): number[] =>
  Array.from(
    { length: count },
    (_, player) => matches.filter(({ i, j }) => i === player || j === player).length,
  );

const anyPlan: fc.Arbitrary<Plan> = fc.oneof(
  fc.constant<Plan>({ use: "all-pairs" }),
  fc.integer({ min: 2, max: 12 }).map((opponents): Plan => ({ use: "round-robin", opponents })),
  fc.constant<Plan>({ use: "baseline" }),
  fc
    .option(fc.integer({ min: 1, max: 12 }), { nil: undefined })
    .map((rounds): Plan => ({ use: "swiss", rounds })),
);
const anyPlayers = fc.array(
  fc.constantFrom<Player>(
    { candidate: true, baseline: false },
    { candidate: false, baseline: true },
    { candidate: true, baseline: true },
  ),
  { minLength: 0, maxLength: 13 },
);

describe("tournament", () => {
  it("holds as many matches as it says, of two different players each, lower number first", () => {
    fc.assert(
      fc.property(anyPlan, anyPlayers, fc.nat(1000), (plan, players, seed) => {
        const matches = play(plan, players, seed).flat();
        expect(matches).toHaveLength(matchCount(plan, players));
        for (const { i, j } of matches) {
          expect(i).toBeGreaterThanOrEqual(0);
          expect(i).toBeLessThan(j);
          expect(j).toBeLessThan(players.length);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("is the same again with the same seed", () => {
    fc.assert(
      fc.property(anyPlan, anyPlayers, fc.nat(1000), (plan, players, seed) => {
        expect(play(plan, players, seed)).toEqual(play(plan, players, seed));
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("lets everybody meet everybody once in all-pairs", () => {
    expect(keys(play({ use: "all-pairs" }, crowd(4)).flat())).toEqual([
      "0-1",
      "0-2",
      "0-3",
      "1-2",
      "1-3",
      "2-3",
    ]);
  });

  it("gives everybody as many opponents in a round robin, links all, and repeats nothing", () => {
    for (let count = 2; count <= 17; count++) {
      for (let opponents = 2; opponents < count; opponents++) {
        const matches = play({ use: "round-robin", opponents }, crowd(count), count * opponents).flat();
        expect(new Set(keys(matches)).size).toBe(matches.length);
        expect(new Set(componentsOf(count, matches)).size).toBe(1);
        const odd = (count * opponents) % 2;
        const sorted = degrees(count, matches).sort((a, b) => a - b);
        expect(sorted).toEqual([
          ...new Array<number>(count - odd).fill(opponents),
          ...(odd ? [opponents + 1] : []),
        ]);
      }
    }
  });

  it("draws other rounds with another seed", () => {
    const plan: Plan = { use: "round-robin", opponents: 4 };
    expect(play(plan, crowd(12), 1)).not.toEqual(play(plan, crowd(12), 2));
  });

  it("lets candidates meet baselines only, where there are any", () => {
    const players: Player[] = [
      { candidate: true, baseline: false },
      { candidate: false, baseline: true },
      { candidate: true, baseline: false },
      { candidate: false, baseline: true },
    ];
    expect(keys(play({ use: "baseline" }, players).flat())).toEqual(["0-1", "0-3", "1-2", "2-3"]);
  });

  it("lets everybody meet the first where there is no baseline", () => {
    expect(keys(play({ use: "baseline" }, crowd(4)).flat())).toEqual(["0-1", "0-2", "0-3"]);
  });

  it("pairs winners with winners in the second round of a Swiss tournament", () => {
    const [first = [], second = []] = play({ use: "swiss" }, crowd(4));
    const winners = first.map(({ i }) => i).sort((a, b) => a - b);
    expect(keys(second)).toContain(winners.join("-"));
  });

  it("finds the best of 16 in four Swiss rounds: who has won them all", () => {
    const wins = degrees(
      16,
      play({ use: "swiss" }, crowd(16))
        .flat()
        .map(({ i }) => ({ i, j: -1 })),
    );
    expect(wins[0]).toBe(4);
    expect(wins.filter((count) => count === 4)).toHaveLength(1);
  });

  it("repeats no Swiss match in as many rounds as half the players, and lets nobody play twice in a round", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 14 }),
        fc.nat(1000),
        fc.array(fc.constantFrom([1, 0] as const, [0, 1] as const, [0.5, 0.5] as const), { minLength: 1 }),
        (count, seed, outcomes) => {
          let game = 0;
          const rounds = play(
            { use: "swiss", rounds: Math.max(1, Math.floor(count / 2)) },
            crowd(count),
            seed,
            () => outcomes[game++ % outcomes.length] ?? [1, 0],
          );
          expect(new Set(keys(rounds.flat())).size).toBe(rounds.flat().length);
          for (const round of rounds) {
            const present = round.flatMap(({ i, j }) => [i, j]);
            expect(new Set(present).size).toBe(present.length);
          }
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  it("pairs everybody in every Swiss round, even where a match must be repeated", () => {
    for (let seed = 0; seed < 50; seed++) {
      const rounds = play({ use: "swiss", rounds: 9 }, crowd(6), seed, ({ i, j }) =>
        (i * j + seed) % 3 === 0 ? [1, 0] : [0, 1],
      );
      expect(rounds).toHaveLength(5);
      for (const round of rounds) {
        expect(round.flatMap(({ i, j }) => [i, j]).sort()).toEqual([0, 1, 2, 3, 4, 5]);
      }
    }
  });

  it.each([
    [64, 20],
    [64, 32],
    [64, 63],
    [65, 32],
    [65, 65],
    [200, 60],
    [200, 100],
    [200, 199],
  ])("repeats no Swiss match of %i players in %i rounds, and pairs everybody in each", (count, asked) => {
    const rounds = play({ use: "swiss", rounds: asked }, crowd(count));
    expect(rounds).toHaveLength(asked);
    expect(new Set(keys(rounds.flat())).size).toBe(rounds.flat().length);
    for (const round of rounds) {
      expect(new Set(round.flatMap(({ i, j }) => [i, j])).size).toBe(count - (count % 2));
    }
  });

  it("repeats no Swiss match in any number of rounds", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 1, max: 24 }),
        fc.nat(1000),
        fc.array(fc.constantFrom([1, 0] as const, [0, 1] as const, [0.5, 0.5] as const), { minLength: 1 }),
        (count, asked, seed, outcomes) => {
          let game = 0;
          const outcome = (): readonly [number, number] => outcomes[game++ % outcomes.length] ?? [1, 0];
          const matches = play({ use: "swiss", rounds: asked }, crowd(count), seed, outcome).flat();
          expect(new Set(keys(matches)).size).toBe(matches.length);
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });

  it("links all players by the rounds a Swiss tournament has by default, whatever the results", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 33 }),
        fc.nat(1000),
        fc.array(fc.constantFrom([1, 0] as const, [0, 1] as const, [0.5, 0.5] as const), { minLength: 1 }),
        (count, seed, outcomes) => {
          let game = 0;
          const matches = play(
            { use: "swiss" },
            crowd(count),
            seed,
            () => outcomes[game++ % outcomes.length] ?? [1, 0],
          );
          expect(new Set(componentsOf(count, matches.flat())).size).toBe(1);
        },
      ),
      { seed: 4, numRuns: 300 },
    );
  });

  it("lets each player of an odd number sit out once before anybody does twice", () => {
    const rounds = play({ use: "swiss", rounds: 5 }, crowd(5));
    const out = rounds.map((round) =>
      [0, 1, 2, 3, 4].find((player) => round.every(({ i, j }) => i !== player && j !== player)),
    );
    expect([...out].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    { count: 0, rounds: undefined, expected: 0 },
    { count: 1, rounds: 5, expected: 0 },
    { count: 2, rounds: undefined, expected: 1 },
    { count: 3, rounds: undefined, expected: 2 },
    { count: 8, rounds: undefined, expected: 3 },
    { count: 9, rounds: undefined, expected: 4 },
    { count: 4, rounds: 9, expected: 3 },
    { count: 5, rounds: 9, expected: 5 },
  ])("holds $expected rounds for $count players asked for $rounds", ({ count, rounds, expected }) => {
    expect(swissRounds({ rounds }, count)).toBe(expected);
  });
});
