import { describe, expect, it } from "vitest";
import { assess } from "../../src/evaluate/assess.ts";
import { calibrationError, pairProbability } from "../../src/evaluate/calibration.ts";
import type { GoldItem, ScorerResults } from "../../src/evaluate/gold.ts";

describe("calibrationError", () => {
  it.each([
    { given: [0.9, 0.8, 0.6, 0.3], error: 0.35, note: "four bins: (0.1 + 0.2 + 0.4 + 0.7) / 4" },
    { given: [0.75, 0.25, 0.75, 0.75], error: 0, note: "one bin: three of four right at 0.75" },
    { given: [0.72, 0.22], error: 0.25, note: "one bin, 0.72 right and 0.78 wrong: |1/2 − 0.75|" },
    { given: [0.8, 0.21], error: 0.295, note: "0.8 is the upper edge of the bin of 0.79: |1 − 1.59| / 2" },
    { given: [1, 1], error: 0, note: "sure and right" },
    { given: [0, 0], error: 1, note: "sure and wrong" },
  ])("of $given is $error ($note)", ({ given, error }) => {
    expect(calibrationError(given)).toBeCloseTo(error, 12);
  });

  it("is null of nothing", () => {
    expect(calibrationError([])).toBeNull();
  });
});

describe("the calibration of the pairs preset", () => {
  const odds = (probability: number): number => Math.log(probability / (1 - probability));
  const metricsOf = (
    margins: readonly (number | null)[],
    more: Partial<ScorerResults> = {},
    labels: readonly boolean[][] = [],
  ) => {
    const items = margins.map(
      (_, index): GoldItem => ({
        id: String(index),
        subset: null,
        correct: labels[index] ?? [true, false],
        lengths: [1, 1],
      }),
    );
    const scores = margins.map((margin) => [margin === null ? null : margin + 2, 2]);
    const [scorer] = assess({
      preset: "pairs",
      items,
      scorers: [{ name: "s", scores, ...more }],
      samples: 50,
    }).scorers;
    const find = (key: string) => scorer?.metrics.find((one) => one.key === key);
    return { brier: find("brier"), ece: find("ece") };
  };

  it("gives the numbers of the vector: probabilities 0.9, 0.8, 0.6, 0.3", () => {
    const { brier, ece } = metricsOf([0.9, 0.8, 0.6, 0.3].map(odds));
    expect(brier).toMatchObject({ items: 4, unit: "number" });
    expect(brier?.value).toBeCloseTo(0.175, 12);
    expect(brier?.interval?.[0]).toBeLessThan(0.175);
    expect(ece).toMatchObject({ items: 4, interval: null });
    expect(ece?.value).toBeCloseTo(0.35, 12);
  });

  it("reads the margin as that of the better response, whichever stands first", () => {
    const { brier } = metricsOf([odds(0.9), odds(0.2)], {}, [
      [true, false],
      [false, true],
    ]);
    // 0.9 and 1 − 0.2: (0.01 + 0.04) / 2.
    expect(brier?.value).toBeCloseTo(0.025, 12);
  });

  it("leaves out ties, unscored pairs and those on which gold has no preference", () => {
    const { brier, ece } = metricsOf([odds(0.9), 0, null, odds(0.9)], {}, [
      [true, false],
      [true, false],
      [true, false],
      [true, true],
    ]);
    expect(brier).toMatchObject({ items: 1 });
    expect(brier?.value).toBeCloseTo(0.01, 12);
    expect(ece?.value).toBeCloseTo(0.1, 12);
    expect(metricsOf([0, null]).brier).toMatchObject({ items: 0, value: null, interval: null });
  });

  it("is sure of margins beyond what exp can hold", () => {
    expect(pairProbability(-1000)).toBe(0);
    expect(metricsOf([1000, -1000]).brier?.value).toBe(0.5);
  });

  it("says nothing of scores that only write down verdicts", () => {
    expect(metricsOf([1, 1], { verdictOnly: true })).toEqual({ brier: undefined, ece: undefined });
  });
});
