import { describe, expect, it } from "vitest";
import { pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { randomFor } from "../../src/core/random.ts";
import { abstained, type Figure, failed, scored } from "../../src/core/scorer.ts";
import type { Group, Score } from "../../src/core/types.ts";
import { kappaOf, orderBias } from "../../src/judging/order-bias.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { toyJudge } from "./toy-judge.ts";

const figure = (figures: readonly Figure[], name: string): Figure => {
  const found = figures.find((one) => one.name === name);
  if (!found) throw new Error(`no figure ${name}`);
  return found;
};

/** Scores of a pair as the judge's two verdicts leave them: on 0 with 0 first, on 1 with 1 first. */
function pairScores(ahead: number | null, behind: number | null): Score[] {
  return [ahead, behind].map((verdict, place) =>
    scored(0, {
      parts: {
        comparisons: 1,
        unread: 0,
        first_wins: verdict === 1 ? 1 : 0,
        first_ties: verdict === 0 ? 1 : 0,
        first_losses: verdict === -1 ? 1 : 0,
        ...(verdict === null ? {} : { [`as_first_vs_${1 - place}`]: verdict }),
      },
    }),
  );
}

const PAIR = groupOf(["long text", "short"]);

function reportOf(
  verdicts: readonly (readonly [number | null, number | null])[],
  orders: "both" | "one" | "random" = "both",
) {
  const diagnosis = orderBias({ orders });
  for (const [ahead, behind] of verdicts) diagnosis.add(PAIR, pairScores(ahead, behind));
  return diagnosis.report();
}

describe("orderBias", () => {
  it("gives the numbers of a run worked by hand", () => {
    // Four comparisons, verdicts (0 first, 1 first): 0 wins both; 1 wins both; the first slot twice; the first slot, then a tie.
    const figures = reportOf([
      [1, -1],
      [-1, 1],
      [1, 1],
      [1, 0],
    ]);
    // Flipped back: (1, 1), (−1, −1), (1, −1), (1, 0): 2 of 4 agree.
    expect(figure(figures, "position_consistency")).toMatchObject({ value: 0.5, count: 4 });
    // First slot: 1, −1, −1, 1, 1, 1, 1, tie: 5 of 7.
    expect(figure(figures, "first_slot_rate")).toMatchObject({ value: 5 / 7, count: 7 });
    // Per comparison (1 − 1)/2, (−1 + 1)/2, 1, 1/2: mean 3/8.
    expect(figure(figures, "position_bias")).toMatchObject({ value: 3 / 8, count: 4 });
    expect(figure(figures, "tie_rate")).toMatchObject({ value: 1 / 8, count: 8 });
    // po 2/4; order 1 says 0 three times of four, order 2 says 0 once, 1 twice, tie once: pe (3·1 + 1·2)/16 = 5/16.
    expect(figure(figures, "order_kappa").value).toBeCloseTo((1 / 2 - 5 / 16) / (11 / 16), 12);
    // Balances 1, −1, 0, 1/2: three decided, the longer response 0 won the first and the last.
    expect(figure(figures, "longer_wins_rate")).toMatchObject({ value: 2 / 3, count: 3 });
    expect(figure(figures, "unread_rate")).toMatchObject({ value: 0, count: 8 });
    expect(figure(figures, "canary_hit_rate")).toMatchObject({ value: null, interval: null, count: 0 });
    expect(figure(figures, "length_coefficient").value).toBeNull();
  });

  describe("against a baseline", () => {
    const LONG = "x".repeat(30);
    const SHORT = "x".repeat(10);
    const BASELINE = { text: "y".repeat(20), role: "baseline" } as const;
    /** The candidate's text, whether it won in both orders, and whether the baseline stands first in the group. */
    type Duel = readonly [text: string, won: boolean];
    const times = (count: number, text: string, won: boolean): Duel[] =>
      Array.from({ length: count }, () => [text, won] as const);
    // Longer by 10: 16 of 20 won; shorter by 10: 8 of 20.
    const DUELS = [
      ...times(16, LONG, true),
      ...times(4, LONG, false),
      ...times(8, SHORT, true),
      ...times(12, SHORT, false),
    ];
    const figuresOf = (duels: readonly Duel[], baselineRole: "baseline" | "candidate" = "baseline") => {
      const diagnosis = orderBias({ orders: "both", againstBaseline: true });
      for (const [index, [text, won]] of duels.entries()) {
        // Without a role the first response is the baseline; with it, it may stand anywhere.
        const isFirst = baselineRole === "candidate" || index % 2 === 0;
        const baseline = { ...BASELINE, role: baselineRole };
        const group = groupOf(isFirst ? [baseline, text] : [text, baseline]);
        const verdict = won !== isFirst ? 1 : -1;
        diagnosis.add(group, pairScores(verdict, -verdict));
      }
      return diagnosis.report();
    };

    it.each(["baseline", "candidate"] as const)(
      "gives the win rate at equal length beside the raw one, wherever the baseline stands (role %s)",
      (role) => {
        const figures = figuresOf(DUELS, role);
        expect(figure(figures, "win_rate")).toMatchObject({ value: 24 / 40, count: 40 });
        // a = (ln 4 + ln 2/3) / 2 = 0.490415, standard error 0.360844: see lengthEffect.
        const equal = figure(figures, "length_controlled_win_rate");
        expect(equal.count).toBe(40);
        expect(equal.value).toBeCloseTo(1 / (1 + Math.exp(-0.490415)), 6);
        expect(equal.value).toBeCloseTo(0.620204, 6);
        expect(equal.interval?.[0]).toBeCloseTo(0.446, 4);
        expect(equal.interval?.[1]).toBeCloseTo(0.7681, 4);
        // Longer texts won 16 of 20 as candidates and 12 of 20 as baselines.
        expect(figure(figures, "longer_wins_rate")).toMatchObject({ value: 28 / 40, count: 40 });
        // b / sd · 10 = (ln 4 − ln 2/3) / 2, sd = 10 √(40/39).
        expect(figure(figures, "length_coefficient").value).toBeCloseTo(
          (Math.log(6) / 2) * Math.sqrt(40 / 39),
          6,
        );
      },
    );

    it("counts a tie, and a contradiction, as half a win", () => {
      const diagnosis = orderBias({ orders: "both", againstBaseline: true });
      const group = groupOf(["candidate", BASELINE]);
      // Won; tied in both orders; the first slot twice; won with the baseline first, unread else.
      for (const [ahead, behind] of [
        [1, -1],
        [0, 0],
        [1, 1],
        [null, -1],
      ] as const)
        diagnosis.add(group, pairScores(ahead, behind));
      const figures = diagnosis.report();
      expect(figure(figures, "win_rate")).toMatchObject({ value: 3 / 4, count: 4 });
      expect(figure(figures, "length_controlled_win_rate")).toMatchObject({ value: null, interval: null });
    });

    it("leaves out texts of which each is both", () => {
      const diagnosis = orderBias({ orders: "both", againstBaseline: true });
      const both = (text: string) => [{ text, role: "baseline" as const }, { text }];
      const [one, two] = pairScores(1, -1) as [Score, Score];
      const group = groupOf([...both("a"), ...both("b")]);
      const moved = (score: Score, from: number, to: number): Score =>
        score.kind === "scored"
          ? scored(0, { parts: { [`as_first_vs_${to}`]: score.parts?.[`as_first_vs_${from}`] ?? 0 } })
          : score;
      const [a, b] = [moved(one, 1, 2), moved(two, 0, 0)];
      diagnosis.add(group, [a, a, b, b]);
      expect(figure(diagnosis.report(), "position_consistency").count).toBe(1);
      expect(figure(diagnosis.report(), "win_rate").count).toBe(0);
    });

    it("is no figure of other plans", () => {
      const names = reportOf([[1, -1]]).map(({ name }) => name);
      expect(names).not.toContain("win_rate");
      expect(names).not.toContain("length_controlled_win_rate");
    });
  });

  describe("with responses of the judge's own model", () => {
    const isOwn = ({ model }: { readonly model?: string }): boolean => model === "judge";
    const sketch = (text: string, model?: string) => (model === undefined ? { text } : { text, model });
    const ownFigure = (
      comparisons: readonly (readonly [one: string | undefined, two: string | undefined, won: -1 | 0 | 1])[],
    ) => {
      const diagnosis = orderBias({ orders: "both", isOwn });
      for (const [one, two, won] of comparisons)
        diagnosis.add(
          groupOf([sketch("a", one), sketch("b", two)]),
          pairScores(won, won === 0 ? 0 : won === 1 ? -1 : 1),
        );
      return diagnosis.report().find(({ name }) => name === "own_win_rate");
    };

    it("gives what these won against other models' ones, wherever they stand", () => {
      // Won first in the group, won second, a tie, lost: 2.5 of 4.
      const found = ownFigure([
        ["judge", "else", 1],
        ["else", "judge", -1],
        ["judge", "else", 0],
        ["else", "judge", 1],
        // Both are its own, none is, or nobody knows: no comparison of the two.
        ["judge", "judge", 1],
        ["else", "more", 1],
        ["judge", undefined, 1],
      ]);
      expect(found).toMatchObject({ value: 2.5 / 4, count: 4 });
    });

    it("is no figure where they met no other model's", () => {
      expect(ownFigure([["judge", "judge", 1]])).toBeUndefined();
      expect(ownFigure([["else", "more", 1]])).toBeUndefined();
    });
  });

  it("gives the kappa of the reference table", () => {
    // d1 = A A B B, d2 = A B B B: po 0.75, pe 0.5, kappa 0.5.
    const counts = new Map([
      ["A,A", 1],
      ["A,B", 1],
      ["B,B", 2],
    ]);
    expect(kappaOf(counts)).toBe(0.5);
    expect(kappaOf(new Map([["A,A", 5]]))).toBeNull();
    expect(kappaOf(new Map())).toBeNull();
  });

  it("has no position bias to tell where one order was asked that the data chose", () => {
    const none = { value: null, interval: null, count: 0 };
    expect(figure(reportOf([[1, null]], "one"), "position_bias")).toMatchObject(none);
    expect(figure(reportOf([[1, null]], "random"), "position_bias")).toMatchObject({ value: 1, count: 1 });
  });

  it("takes no single verdict for a bias where both orders were asked: it would mix quality in", () => {
    const verdicts = [
      [1, -1],
      [1, null],
      [null, 1],
    ] as const;
    expect(figure(reportOf(verdicts), "position_bias")).toMatchObject({ value: 0, count: 1 });
  });

  it("counts unread comparisons by response, a failed one as all of its own", () => {
    const diagnosis = orderBias({ orders: "both" });
    const parts = { comparisons: 1, unread: 1 };
    diagnosis.add(groupOf(["a", "b", "c"]), [
      scored(0, { parts }),
      scored(0, { parts }),
      failed("unread_verdict", "none"),
    ]);
    // (1/2 + 1/2 + 1) / 3.
    expect(figure(diagnosis.report(), "unread_rate")).toMatchObject({ value: 2 / 3, count: 3 });
  });

  it("counts responses of one text once", () => {
    const diagnosis = orderBias({ orders: "both" });
    const [good, bad] = pairScores(1, -1) as [Score, Score];
    const group = groupOf(["4", "4", "3"]);
    const third = scored(0, {
      parts: { comparisons: 1, unread: 0, first_wins: 0, first_ties: 0, first_losses: 1, as_first_vs_0: -1 },
    });
    const first = scored(0, {
      parts: { ...((good.kind === "scored" && good.parts) || {}), as_first_vs_2: 1 },
    });
    diagnosis.add(group, [first, first, third]);
    expect(bad.kind).toBe("scored");
    expect(figure(diagnosis.report(), "position_consistency").count).toBe(1);
    expect(figure(diagnosis.report(), "first_slot_rate").count).toBe(2);
  });

  it("passes over scores that say nothing, and other scorers' parts", () => {
    const diagnosis = orderBias({ orders: "both" });
    diagnosis.add(PAIR, [abstained("none"), failed("server_error", "gone")]);
    diagnosis.add(PAIR, [scored(1), scored(2, { parts: { wins: 3 } })]);
    diagnosis.add(groupOf([]), []);
    for (const { value, count } of diagnosis.report()) expect([value, count]).toEqual([null, 0]);
  });

  it.each([
    { bias: 0, noise: 0 },
    { bias: 0.1, noise: 0 },
    { bias: 0.1, noise: 0.2 },
    { bias: 0.3, noise: 0.2 },
    { bias: 0.3, noise: 0 },
  ])(
    "finds a planted bias of $bias inside its interval for at least 90 of 100 seeds (noise $noise)",
    ({ bias, noise }) => {
      let inside = 0;
      for (let seed = 0; seed < 100; seed++) {
        const chance = randomFor(seed, "planted", String(bias), String(noise));
        // Drawn: biased or not, and else the truth, which noise turns around. Response 0 is better in half of the pairs.
        const verdict = (isBetter: boolean): number => {
          if (chance.uniform() < bias) return 1;
          return isBetter !== chance.uniform() < noise ? 1 : -1;
        };
        const figures = reportOf(
          Array.from(
            { length: 300 },
            (_, index) => [verdict(index % 2 === 0), verdict(index % 2 === 1)] as const,
          ),
        );
        const [low = Number.NaN, high = Number.NaN] = figure(figures, "position_bias").interval ?? [];
        if (low <= bias && bias <= high) inside += 1;
      }
      expect(inside).toBeGreaterThanOrEqual(90);
    },
  );

  it("measures a judge by its scores, in any orders that are balanced", async () => {
    const groups: Group[] = Array.from({ length: 150 }, (_, index) =>
      groupOf([`${index % 7}`, `${(index * 3) % 5} and more`, `${(index * 5) % 11}.`], {
        prompt: `Question ${index}?`,
      }),
    );
    const judge = toyJudge({ positionBias: 0.3 });
    for (const orders of ["both", "random"] as const) {
      const diagnosis = orderBias({ orders });
      const scorer = pairwiseJudge({ orders }, { judge });
      for (const group of groups) {
        diagnosis.add(group, await scorer.score(group, { signal: new AbortController().signal, seed: 1 }));
      }
      const { value, interval, count } = figure(diagnosis.report(), "position_bias");
      expect(count).toBeGreaterThan(400);
      expect(value).toBeGreaterThan(0.2);
      expect(interval?.[0]).toBeLessThan(0.3);
      expect(interval?.[1]).toBeGreaterThan(0.3);
    }
  });
});
