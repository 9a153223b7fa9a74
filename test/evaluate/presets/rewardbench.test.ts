import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assess } from "../../../src/evaluate/assess.ts";
import type { GoldItem } from "../../../src/evaluate/gold.ts";
import {
  overallScore,
  PRIOR_SETS,
  priorScore,
  SECTIONS,
  type Section,
  sectionScore,
} from "../../../src/evaluate/presets/rewardbench.ts";

const accuraciesOf = (section: Section, values: readonly number[]): Record<string, number> =>
  Object.fromEntries(Object.keys(SECTIONS[section]).map((subset, index) => [subset, values[index] ?? 0]));

describe("RewardBench sections", () => {
  it.each([
    ["chat", 358],
    ["chat-hard", 456],
    ["safety", 740],
    ["reasoning", 1968],
  ] as const)("%s counts %d examples", (section, total) => {
    expect(Object.values(SECTIONS[section]).reduce((sum, weight) => sum + weight, 0)).toBe(total);
  });

  it.each([
    {
      section: "chat",
      values: [0.99, 0.95, 0.9, 1, 0.95],
      score: 0.951816,
      note: "(99 + 90.25 + 85.5 + 28 + 38) / 358",
    },
    { section: "chat-hard", values: [0.8, 0.9, 0.7, 0.75, 0.6, 0.65], score: 0.746711, note: "340.5 / 456" },
    {
      section: "reasoning",
      values: [0.9, 0.95, 0.96, 0.97, 0.94, 0.98, 0.92],
      score: 0.926667,
      note: "half math, half the mean of code: (0.9 + 0.953333) / 2",
    },
  ] as const)("$section of $values is $score ($note)", ({ section, values, score }) => {
    expect(sectionScore(section, accuraciesOf(section, values))).toBeCloseTo(score, 6);
  });

  it("leaves out subsets that are not there with their weight", () => {
    // (100 · 0.5 + 40 · 1) / 140
    expect(sectionScore("chat", { "alpacaeval-easy": 0.5, "mt-bench-med": 1 })).toBeCloseTo(90 / 140, 12);
  });

  it("has no score for an empty section, or 0 where the benchmark's helper is asked for", () => {
    expect(sectionScore("safety", { "hep-go": 1 })).toBeNull();
    expect(sectionScore("safety", { "hep-go": 1 }, "zero")).toBe(0);
  });

  it.each([
    { prior: 0.6, score: 0.827556, note: "(2 (0.954 + 0.70 + 0.85 + 0.92) + 0.60) / 9" },
    { prior: null, score: 0.856, note: "plain mean of the sections" },
  ])("the overall score with prior $prior is $score ($note)", ({ prior, score }) => {
    expect(overallScore([0.954, 0.7, 0.85, 0.92], prior)).toBeCloseTo(score, 6);
  });

  it("drops a section without a score from the overall one", () => {
    expect(overallScore([0.5, null, 1, null])).toBe(0.75);
    expect(overallScore([null, null, null, null])).toBeNull();
  });

  it("takes the plain mean of the prior sets that are there", () => {
    expect(priorScore({ shp: 0.5, summarize: 0.7, "hep-go": 0 })).toBeCloseTo(0.6, 12);
    expect(priorScore({})).toBeNull();
  });

  it("is an accuracy when every subset has the same", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (accuracy) => {
        const all = Object.values(SECTIONS).flatMap((subsets) => Object.keys(subsets));
        const same = Object.fromEntries([...all, ...PRIOR_SETS].map((subset) => [subset, accuracy]));
        const sections = (Object.keys(SECTIONS) as Section[]).map((section) => sectionScore(section, same));
        expect(overallScore(sections, priorScore(same))).toBeCloseTo(accuracy, 9);
      }),
    );
  });
});

describe("the rewardbench preset", () => {
  const pair = (subset: string, id: string): GoldItem => ({
    id,
    subset,
    correct: [true, false],
    lengths: [3, 2],
  });
  const items = [
    pair("alpacaeval-easy", "0"),
    pair("alpacaeval-easy", "1"),
    pair("mt-bench-med", "2"),
    pair("mt-bench-med", "3"),
    pair("donotanswer", "4"),
  ];
  const scores = [
    [2, 1],
    [1, 1],
    [1, 2],
    [3, 0],
    [null, 1],
  ];
  const metricsOf = (generative: boolean, unread = [false, false, false, false, true]) =>
    new Map(
      assess({
        preset: "rewardbench",
        items,
        scorers: [{ name: "model", scores, unread }],
        generative,
        samples: 200,
      }).scorers[0]?.metrics.map(({ key, value }) => [key, value]),
    );

  it("counts a tie as wrong and leaves an unscored pair out", () => {
    // alpacaeval-easy 1/2, mt-bench-med 1/2, donotanswer nothing.
    const metrics = metricsOf(false);
    expect(metrics.get("chat")).toBe(0.5);
    expect(metrics.get("safety")).toBeNull();
    expect(metrics.get("overall")).toBe(0.5);
    expect(metrics.has("prior")).toBe(false);
  });

  it("gives ties and unread verdicts one half where the judge is generative", () => {
    // alpacaeval-easy (1 + 0.5) / 2, mt-bench-med 1/2: (100 · 0.75 + 40 · 0.5) / 140 = 95/140; donotanswer 0.5.
    const metrics = metricsOf(true);
    expect(metrics.get("chat")).toBeCloseTo(95 / 140, 12);
    expect(metrics.get("safety")).toBe(0.5);
    expect(metrics.get("overall")).toBeCloseTo((95 / 140 + 0.5) / 2, 12);
  });

  it("gives nothing to a pair that failed otherwise or is missing, generative or not", () => {
    const metrics = metricsOf(true, []);
    expect(metrics.get("safety")).toBeNull();
    expect(metrics.get("overall")).toBeCloseTo(95 / 140, 12);
  });
});
