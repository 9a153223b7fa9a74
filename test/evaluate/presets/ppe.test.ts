import { describe, expect, it } from "vitest";
import { assess } from "../../../src/evaluate/assess.ts";
import type { GoldItem } from "../../../src/evaluate/gold.ts";
import { type Battle, modelAgreement } from "../../../src/evaluate/model-agreement.ts";
import { bestOf, bestOfLoss } from "../../../src/evaluate/presets/ppe-correctness.ts";

describe("best of K", () => {
  it("picks the highest score among the first K", () => {
    const found = bestOf([0.2, 0.9, 0.5, 0.95], [true, false, true, false]);
    expect(found).toEqual({ picked: [1, 0, 0, 0], possible: [1, 1, 1, 1] });
    expect(bestOfLoss(found)).toBe(0.75);
    expect(found.picked.at(-1)).toBe(0);
  });

  it("takes the first of equal scores", () => {
    expect(bestOf([1, 1, 2], [false, true, true]).picked).toEqual([0, 0, 1]);
  });
});

describe("the ppe-correctness preset", () => {
  const item = (id: string, correct: boolean[]): GoldItem => ({
    id,
    subset: "math",
    correct,
    lengths: correct.map(() => 1),
  });
  const items = [
    item("a", [true, false, true, false]),
    item("b", [false, true, false, false]),
    item("c", [false, false, false, false]),
    item("d", [true, false, false, false]),
  ];
  const scores = [
    [0.2, 0.9, 0.5, 0.95],
    [0.1, 0.8, 0.1, 0.8],
    [1, 2, 3, 4],
    [null, 1, 1, 1],
  ];
  const [scorer] = assess({
    preset: "ppe-correctness",
    items,
    scorers: [{ name: "model", scores }],
    samples: 200,
  }).scorers;
  const metric = (key: string) => scorer?.metrics.find((one) => one.key === key);

  it("counts pairs of right and wrong responses, ties apart", () => {
    // a: four pairs, all wrong. b: above two, tied with one. c: none. d: left out.
    expect(metric("pair-accuracy")).toMatchObject({ value: 2 / 7, items: 7 });
    expect(metric("pair-ties")).toMatchObject({ value: 1 / 7 });
  });

  it("averages the curves over the prompts that are wholly scored", () => {
    // picked: a 1000, b 0111 (the first of equal ones), c 0000; possible: a 1111, b 0111, c 0000.
    expect(scorer?.curves.map(({ points }) => points.map(([, y]) => y))).toEqual([
      [1 / 3, 1 / 3, 1 / 3, 1 / 3],
      [1 / 3, 2 / 3, 2 / 3, 2 / 3],
    ]);
    expect(metric("end-score")).toMatchObject({ value: 1 / 3, items: 3 });
    expect(metric("max-score")?.value).toBeCloseTo(1 / 3, 12);
    // Losses 0.75, 0, 0.
    expect(metric("loss")?.value).toBeCloseTo(0.25, 12);
  });

  it("shows the prompt that is not wholly scored, and the one without a right response, apart", () => {
    expect(scorer?.overall).toMatchObject({
      items: 4,
      wrong: 1,
      tie: 1,
      correct: 0,
      unscored: 1,
      noPreference: 1,
    });
  });
});

describe("agreement on models", () => {
  const battles = (rows: readonly [string, string, number, number][]): Battle[] =>
    rows.map(([first, second, gold, scorer]) => ({ first, second, gold, scorer }));

  it("compares win rates, a tie counting one half", () => {
    const found = modelAgreement(
      battles([
        ["x", "y", 1, 1],
        ["y", "z", 1, 0.5],
        ["z", "x", 0, 0],
        ["x", "y", 0.5, 0],
      ]),
      0,
      200,
    );
    expect(found.models).toEqual(["x", "y", "z"]);
    // People: x 2.5/3, y 1.5/3, z 0/2. The scorer: x 2/3, y 1.5/3, z 0.5/2.
    expect(found.gold).toEqual([2.5 / 3, 0.5, 0]);
    expect(found.scorer).toEqual([2 / 3, 0.5, 0.25]);
    expect(found.spearman).toBeCloseTo(1, 12);
    expect(found.kendall).toBeCloseTo(1, 12);
  });

  it("is sure of models that are far apart, and agrees with people who are too", () => {
    const rows = Array.from({ length: 200 }, (_, at): [string, string, number, number] =>
      at % 2 === 0 ? ["good", "bad", 1, 1] : ["bad", "good", 0, 0],
    );
    expect(modelAgreement(battles(rows), 0, 200)).toMatchObject({
      separability: 1,
      confidenceAgreement: 1,
      brier: 0,
    });
    const inverted = rows.map(([a, b, gold, scorer]): [string, string, number, number] => [
      a,
      b,
      gold,
      1 - scorer,
    ]);
    expect(modelAgreement(battles(inverted), 0, 200)).toMatchObject({
      separability: 1,
      confidenceAgreement: -1,
      brier: 1,
      kendall: -1,
    });
  });

  it("separates models whose intervals do not overlap, not those that are only likely in one order", () => {
    // Rates and their standard errors: x 0.66, y 0.5, z 0.34, w 0.5, each 0.05. Intervals: x [0.57, 0.75], y and w
    // [0.40, 0.60], z [0.25, 0.43]. Only x and z are apart, of six pairs; x is above y in 99 % of the samples.
    const against = (first: string, second: string, wins: number): [string, string, number, number][] =>
      Array.from({ length: 100 }, (_, at) => [first, second, at < wins ? 1 : 0, at < wins ? 1 : 0]);
    const found = modelAgreement(battles([...against("x", "z", 66), ...against("y", "w", 50)]), 0, 2000);
    expect(found.gold).toEqual([0.5, 0.66, 0.5, 0.34]);
    expect(found.separability).toBe(1 / 6);
    expect(found.confidenceAgreement).toBe(1 / 6);
  });

  it("tells two points apart, but not at one place", () => {
    // Every sample is the same: x wins against z, y and w always tie.
    const found = modelAgreement(
      battles([
        ["x", "z", 1, 1],
        ["x", "z", 1, 1],
        ["y", "w", 0.5, 0.5],
        ["y", "w", 0.5, 0.5],
      ]).map((battle) => ({ ...battle, prompt: 0 })),
      0,
      100,
    );
    // w 0.5, x 1, y 0.5, z 0: all pairs but (w, y).
    expect(found.separability).toBe(5 / 6);
  });

  it("knows nothing of models without battles", () => {
    expect(modelAgreement([], 0, 50)).toMatchObject({
      models: [],
      spearman: null,
      separability: null,
      brier: null,
    });
  });
});

describe("the ppe-human preset", () => {
  it("leaves people's ties out of the accuracy, and takes them into the win rates", () => {
    const item = (id: string, correct: [boolean, boolean], models: [string, string]): GoldItem => ({
      id,
      subset: "English",
      correct,
      lengths: [5, 4],
      models,
    });
    const items = [
      item("0", [true, false], ["x", "y"]),
      item("1", [false, false], ["x", "y"]),
      item("2", [false, true], ["y", "z"]),
      item("3", [true, false], ["x", "z"]),
    ];
    const scores = [
      [2, 1],
      [1, 2],
      [2, 1],
      [1, 1],
    ];
    const [scorer] = assess({
      preset: "ppe-human",
      items,
      scorers: [{ name: "model", scores }],
      samples: 100,
    }).scorers;
    expect(scorer?.overall).toMatchObject({
      items: 4,
      correct: 1,
      wrong: 1,
      tie: 1,
      noPreference: 1,
      accuracy: 1 / 3,
    });
    expect(scorer?.metrics.find(({ key }) => key === "accuracy")).toMatchObject({ value: 1 / 3, items: 3 });
    // People: x 2.5/3, y 0.5/3, z 1/2. The scorer: x 1.5/3, y 2/3, z 0.5/2. Ranks 3 1 2 and 2 3 1: 1 − 6 · 6 / 24 = −0.5.
    expect(scorer?.metrics.find(({ key }) => key === "spearman")?.value).toBeCloseTo(-0.5, 12);
  });
});

describe("battles of equal prompts", () => {
  it("are drawn together, so that ten battles on one prompt make a scorer no surer than one", () => {
    // The first model wins all ten battles of seven prompts, and none of three: 70 of 100, or 7 of 10.
    const battles = Array.from({ length: 100 }, (_, at) => {
      const won = at < 70 ? 1 : 0;
      return { first: "x", second: "y", gold: won, scorer: won, prompt: Math.floor(at / 10) };
    });
    const rows = battles.map((battle, prompt) => ({ ...battle, prompt }));
    // 0.7 ± 0.09 and 0.3 ± 0.09; or 0.7 ± 0.28 and 0.3 ± 0.28, which overlap.
    expect(modelAgreement(rows, 0, 2000).separability).toBe(1);
    expect(modelAgreement(battles, 0, 2000).separability).toBe(0);
    // P(Binomial(10, 0.7) > 5) + P(= 5) / 2 = 0.8497 + 0.0515 = 0.901; (1 − 0.901)² = 0.0098.
    expect(modelAgreement(battles, 0, 2000).brier).toBeCloseTo(0.0098, 2);
    expect(modelAgreement(battles, 0, 2000).gold).toEqual(modelAgreement(rows, 0, 2000).gold);
  });
});
