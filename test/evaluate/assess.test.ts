import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assess } from "../../src/evaluate/assess.ts";
import { type GoldItem, topShare } from "../../src/evaluate/gold.ts";
import { PRESETS } from "../../src/evaluate/report.ts";

const pair = (id: string, lengths: [number, number] = [2, 1], subset: string | null = null): GoldItem => ({
  id,
  subset,
  correct: [true, false],
  lengths,
});

describe("topShare", () => {
  it("is 1/t for one right response among t at the top, and 0 below", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 6 }), (scores) => {
        const highest = Math.max(...scores);
        const top = scores.filter((score) => score === highest).length;
        const { credit } = topShare(
          scores.map((_, index) => index === 0),
          scores,
        );
        expect(credit).toBe(scores[0] === highest ? 1 / top : 0);
      }),
    );
  });

  it("takes scores that differ by rounding alone for equal, whichever is a hair higher", () => {
    // 2.7 / 4.4 from two orders of adding.
    const [low, high] = [0.6136363636363635, 0.6136363636363636];
    for (const scores of [
      [low, high],
      [high, low],
    ]) {
      expect(topShare([true, false], scores)).toEqual({ outcome: "tie", credit: 0.5 });
      expect(topShare([true, false, false], [...scores, 0])).toEqual({ outcome: "tie", credit: 0.5 });
    }
    expect(topShare([true, false], [0.1 + 1e-9, 0.1])).toEqual({ outcome: "correct", credit: 1 });
    expect(topShare([true, false], [1, null])).toEqual({ outcome: "unscored", credit: null });
  });
});

describe("scores that differ by rounding alone", () => {
  // 0.1 + 0.2 is 0.30000000000000004: a hair above 0.3 in the first item, and in the second one.
  const noisy = [
    [0.1 + 0.2, 0.3],
    [0.3, 0.1 + 0.2],
  ];
  const items = (["first", "second"] as const).map(
    (id): GoldItem => ({ id, subset: null, correct: [true, false], lengths: [2, 1], models: ["x", "y"] }),
  );
  const of = (preset: (typeof PRESETS)[number], own: readonly GoldItem[] = items, scores = noisy) => {
    const [scorer] = assess({ preset, items: own, scorers: [{ name: "s", scores }], samples: 50 }).scorers;
    return {
      overall: scorer?.overall,
      longerWins: scorer?.longerWins,
      margins: scorer?.margins,
      metric: (key: string) => scorer?.metrics.find((one) => one.key === key)?.value,
      curve: scorer?.curves[0]?.points.map(([, y]) => y),
    };
  };

  it.each(PRESETS)("are ties in every table of %s", (preset) => {
    const found = of(preset);
    expect(found.overall).toMatchObject({ items: 2, tie: 2, correct: 0, wrong: 0 });
    expect(found.longerWins).toBeNull();
    expect(found.margins).toMatchObject({ low: 0, high: 0, counts: [2] });
  });

  it("are ties in the numbers of a preset too", () => {
    const correctness = of("ppe-correctness");
    expect(correctness.metric("pair-accuracy")).toBe(0);
    expect(correctness.metric("pair-ties")).toBe(1);
    // All four scores are one: the area is that of chance.
    expect(correctness.metric("auc")).toBe(0.5);
    // The first of equal scores is picked, which is the right one.
    expect(correctness.curve).toEqual([1, 1]);
    expect(of("groups").metric("ordered")).toBe(0.5);
    // Both models win half of their ties: the scorer tells nothing of them.
    expect(of("ppe-human").metric("spearman")).toBeNull();
  });

  it("are no gap between right and wrong answers in RewardBench 2's Ties", () => {
    const ties = items.map((item, at) => ({ ...item, id: at === 0 ? "ref:0" : "ref:1", subset: "Ties" }));
    const found = of("rewardbench2", ties);
    expect(found.overall).toMatchObject({ tie: 2 });
    expect(found.metric("ties-ref")).toBe(0);
  });

  it("count as one rank and one verdict between scorers", () => {
    const report = assess({
      preset: "pairs",
      items,
      scorers: [
        { name: "hair", scores: noisy },
        {
          name: "flat",
          scores: [
            [0.3, 0.3],
            [0.3, 1],
          ],
        },
      ],
      samples: 50,
    });
    // Verdicts, each pair in both orders: tie ×4 against tie, second, tie, first. Two of four agree, and chance makes 1 · 2/4
    // of that: kappa 0. With a hair for a verdict the first had first, second, second, first: (2/4 − 1/4) / (3/4) = 1/3.
    expect(report.comparisons[0]?.kappa).toBe(0);
  });

  it("stay apart where they differ by more", () => {
    expect(
      of("pairs", items, [
        [0.3 + 1e-9, 0.3],
        [0.3, 0.2],
      ]).overall,
    ).toMatchObject({ correct: 2 });
  });
});

describe("assess", () => {
  const any = fc.array(
    fc.tuple(
      fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }),
      fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }),
      fc.constantFrom("a", "b", null),
      fc.nat({ max: 9 }),
    ),
    { minLength: 1, maxLength: 30 },
  );
  const reportOf = (rows: readonly (readonly [number | null, number | null, string | null, number])[]) =>
    assess({
      preset: "pairs",
      items: rows.map(([, , subset, length], index) => pair(String(index), [length, 4], subset)),
      scorers: [{ name: "any", scores: rows.map(([chosen, rejected]) => [chosen, rejected]) }],
      samples: 100,
    });

  it("loses no item: outcomes, subsets and length buckets each add up to all", () => {
    fc.assert(
      fc.property(any, (rows) => {
        const [scorer] = reportOf(rows).scorers;
        if (!scorer) throw new Error("no scorer");
        for (const row of [scorer.overall, ...scorer.subsets, ...scorer.lengths]) {
          expect(row.correct + row.wrong + row.tie + row.unscored + row.noPreference).toBe(row.items);
          const [low, high] = row.interval ?? [0, 1];
          expect(0 <= low && low <= high && high <= 1).toBe(true);
          expect(row.accuracy === null).toBe(row.interval === null);
        }
        expect(scorer.overall.items).toBe(rows.length);
        expect(scorer.lengths.reduce((sum, { items }) => sum + items, 0)).toBe(rows.length);
        for (const [index, { from, to }] of scorer.lengths.entries()) {
          expect(from).toBeLessThanOrEqual(to);
          expect(from).toBeGreaterThan(scorer.lengths[index - 1]?.to ?? -Infinity);
        }
        if (scorer.subsets.length > 0) {
          expect(scorer.subsets.reduce((sum, { items }) => sum + items, 0)).toBe(rows.length);
        }
      }),
    );
  });

  it("gives the same report for pairs turned round", () => {
    fc.assert(
      fc.property(any, (rows) => {
        const items = rows.map(([, , subset, length], index) => pair(String(index), [length, 4], subset));
        const scores = rows.map(([chosen, rejected]) => [chosen, rejected]);
        const scorers = [
          { name: "one", scores },
          { name: "other", scores: scores.map(([a = null, b = null]) => [b, a]) },
        ];
        const turned = assess({
          preset: "pairs",
          items: items.map((item) => ({
            ...item,
            correct: item.correct.toReversed(),
            lengths: item.lengths.toReversed(),
          })),
          scorers: scorers.map(({ name, scores: own }) => ({
            name,
            scores: own.map((row) => row.toReversed()),
          })),
          samples: 100,
        });
        const { agreement, ...straight } = assess({ preset: "pairs", items, scorers, samples: 100 });
        expect(turned).toMatchObject(straight);
        // Sums in another order differ in the last bit.
        expect(turned.agreement?.scoresInterval ?? null).toSatisfy((alpha: number | null) => {
          const other = agreement?.scoresInterval ?? null;
          return alpha === other || Math.abs((alpha ?? Infinity) - (other ?? Infinity)) < 1e-9;
        });
      }),
    );
  });

  it.each(PRESETS)("is plain JSON without a NaN, also of nothing judged: %s", (preset) => {
    const items = [pair("ref:0"), pair("tied:1", [1, 1], "Ties")];
    const scorers = [
      {
        name: "silent",
        scores: [
          [null, null],
          [null, 1],
        ],
      },
    ];
    const report = assess({ preset, items, scorers, samples: 100 });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report.scorers[0]?.overall).toMatchObject({
      items: 2,
      unscored: 2,
      accuracy: null,
      interval: null,
    });
    expect(report.warnings).toContain("silent judged none of the 2 items.");
    expect(assess({ preset, items: [], scorers, samples: 100 }).scorers[0]?.overall.items).toBe(0);
  });

  it("compares two scorers on the items that both judged", () => {
    const items = ["a", "b", "c", "d", "e"].map((id) => pair(id));
    const scorers = [
      {
        name: "first",
        scores: [
          [1, 0],
          [1, 0],
          [1, 0],
          [0, 1],
          [null, 1],
        ],
      },
      {
        name: "second",
        scores: [
          [1, 0],
          [0, 1],
          [1, 1],
          [1, 0],
          [1, 0],
        ],
      },
    ];
    const { comparisons, agreement } = assess({ preset: "pairs", items, scorers });
    // Differences 0, 1, 1, −1. McNemar 1 of 3: 2 (1 + 3) / 8 = 1.
    // Verdicts + + + − and + − 0 +, both ways: p_o 1/4; p_e 2 · 1/2 · 3/8 + 0 = 3/8; (1/4 − 3/8) / (5/8) = −0.2.
    expect(comparisons).toMatchObject([
      {
        first: "first",
        second: "second",
        items: 4,
        onlyFirst: 2,
        onlySecond: 1,
        pValue: 1,
        difference: 0.25,
      },
    ]);
    expect(comparisons[0]?.kappa).toBeCloseTo(-0.2, 12);
    expect(agreement?.verdicts).not.toBeNull();
  });

  describe("with items of equal prompts", () => {
    // 20 prompts with 20 items each; a scorer is right on all items of a prompt, or on none.
    const items = Array.from({ length: 400 }, (_, at) => ({
      ...pair(String(at)),
      prompt: String(Math.floor(at / 20)),
    }));
    const scorerOf = (name: string, right: (prompt: number) => boolean) => ({
      name,
      scores: items.map((_, at) => (right(Math.floor(at / 20)) ? [1, 0] : [0, 1])),
    });
    const scorers = [
      scorerOf("half", (prompt) => prompt < 10),
      scorerOf("all but one", (prompt) => prompt > 0),
    ];
    const width = ([low = 0, high = 0]: readonly number[]): number => high - low;
    const own = assess({ preset: "pairs", items, scorers });
    const plain = assess({ preset: "pairs", items: items.map(({ prompt, ...item }) => item), scorers });

    it("has intervals of prompts, also for numbers of a preset and for differences", () => {
      // √20 = 4.5 times as wide as of rows.
      const half = (report: typeof own) => report.scorers[0];
      for (const [wide, narrow] of [
        [half(own)?.overall.interval, half(plain)?.overall.interval],
        [half(own)?.lengths[0]?.interval, half(plain)?.lengths[0]?.interval],
        [half(own)?.metrics[0]?.interval, half(plain)?.metrics[0]?.interval],
        [own.comparisons[0]?.interval, plain.comparisons[0]?.interval],
      ]) {
        const ratio = width(wide ?? []) / width(narrow ?? []);
        expect(ratio).toBeGreaterThan(3.6);
        expect(ratio).toBeLessThan(5.4);
      }
      // Normal approximation: 0.5 ± 1.96 √(0.25 / 20) = 0.28–0.72.
      expect(half(own)?.overall.interval?.[0]).toBeCloseTo(0.28, 1);
      expect(own.comparisons[0]).toMatchObject({ difference: plain.comparisons[0]?.difference });
    });

    it("counts prompts, and says what an exact test makes of repeated ones", () => {
      expect(own.gold).toMatchObject({ items: 400, prompts: 20 });
      expect(plain.gold).toMatchObject({ items: 400, prompts: 400 });
      expect(plain.warnings).toEqual([]);
      expect(own.warnings).toEqual([
        expect.stringMatching(/^the 400 items are of 20 prompts: McNemar's p takes items for independent/),
        "half judged 400 items of 20 prompts: bootstrap intervals of fewer than 50 prompts are too narrow.",
        "all but one judged 400 items of 20 prompts: bootstrap intervals of fewer than 50 prompts are too narrow.",
      ]);
      expect(assess({ preset: "pairs", items, scorers: scorers.slice(1) }).warnings).toHaveLength(1);
    });

    it("draws the orders of a judge by prompt too", () => {
      const [half] = scorers;
      const verdicts = items.map((_, at) => [at < 200 ? "first" : "second", "first"] as const);
      const consistency = (given: readonly GoldItem[]) =>
        assess({
          preset: "pairs",
          items: given,
          scorers: [{ name: "judge", scores: half?.scores ?? [], verdicts }],
        }).scorers[0]?.metrics.find(({ key }) => key === "consistency");
      const [repeated, single] = [consistency(items), consistency(items.map(({ prompt, ...item }) => item))];
      expect(repeated?.value).toBe(0.5);
      expect(width(repeated?.interval ?? [])).toBeGreaterThan(3 * width(single?.interval ?? []));
    });
  });

  it("says which items a coin was given for, apart from those left unscored", () => {
    const items = ["a", "b", "c"].map((id) => ({ ...pair(id), subset: "donotanswer" }));
    const scores = [
      [1, 0],
      [null, null],
      [null, 1],
    ];
    const report = (generative: boolean) =>
      assess({
        preset: "rewardbench",
        items,
        scorers: [{ name: "judge", scores, unread: [false, true, false] }],
        generative,
        samples: 100,
      });
    // 1 and a coin's 0.5; the third failed otherwise.
    expect(report(true).scorers[0]?.overall).toMatchObject({ correct: 1, unscored: 2, accuracy: 0.75 });
    expect(report(true).warnings.slice(1)).toEqual([
      "judge left 1 of 3 items unscored; its accuracy is over the others.",
      "judge could not be read on 1 of 3 items; they earn what a coin would.",
    ]);
    expect(report(false).scorers[0]?.overall).toMatchObject({ correct: 1, unscored: 2, accuracy: 1 });
    expect(report(false).warnings.slice(1)).toEqual([
      "judge left 2 of 3 items unscored; its accuracy is over the others.",
    ]);
  });

  it("tells how often the longer response wins, and how often it should", () => {
    const items = [pair("a", [9, 1]), pair("b", [1, 9]), pair("c", [5, 5]), pair("d", [9, 1])];
    const scores = [
      [1, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ];
    const [scorer] = assess({ preset: "pairs", items, scorers: [{ name: "long", scores }] }).scorers;
    expect(scorer?.longerWins).toEqual({ pairs: 2, scorer: 1, gold: 0.5 });
  });

  it("counts margins beyond the bins in the outermost ones", () => {
    const items = Array.from({ length: 1000 }, (_, at) => pair(String(at)));
    const scores = items.map((_, at) => [at === 0 ? 1e9 : (at % 100) / 100, 0]);
    const [scorer] = assess({
      preset: "pairs",
      items,
      scorers: [{ name: "far", scores }],
      samples: 100,
    }).scorers;
    expect(scorer?.margins?.high).toBeLessThan(1);
    expect(scorer?.margins?.counts.reduce((sum, count) => sum + count, 0)).toBe(1000);
  });
});
