import { describe, expect, it } from "vitest";
import { assess } from "../../../src/evaluate/assess.ts";
import type { GoldItem } from "../../../src/evaluate/gold.ts";
import { rewardbench2, tiesScore } from "../../../src/evaluate/presets/rewardbench2.ts";

const four = (scores: (number | null)[], generative = false, isUnread = false) =>
  rewardbench2.judge(
    { id: "0", subset: "Math", correct: [true, false, false, false], lengths: [1, 1, 1, 1] },
    { scores, verdicts: [], isUnread },
    generative,
  );

describe("RewardBench 2, best of four", () => {
  it.each([
    { scores: [3, 1, 2, 0], credit: 1, outcome: "correct" },
    { scores: [3, 3, 1, 0], credit: 0.5, outcome: "tie" },
    { scores: [1, 1, 1, 1], credit: 0.25, outcome: "tie" },
    { scores: [2, 3, 1, 0], credit: 0, outcome: "wrong" },
  ])("$scores with the first one right earns $credit", ({ scores, credit, outcome }) => {
    expect(four(scores)).toEqual({ credit, outcome });
  });

  it("earns nothing countable where a rating is missing, or 0.25 where a generative judge could not be read", () => {
    expect(four([3, null, 2, 1])).toEqual({ outcome: "unscored", credit: null });
    expect(four([3, null, 2, 1], true, true)).toEqual({ outcome: "unscored", credit: 0.25 });
  });

  it("gives no coin for what failed otherwise, nor for an unread rating that nobody asked to count", () => {
    expect(four([3, null, 2, 1], true, false)).toEqual({ outcome: "unscored", credit: null });
    expect(four([3, null, 2, 1], false, true)).toEqual({ outcome: "unscored", credit: null });
  });
});

const TIES = [
  { id: "ref:0", correct: [5], incorrect: [3, 1] },
  { id: "ref:1", correct: [2], incorrect: [4, 0] },
  { id: "tied:0", correct: [4, 3.5], incorrect: [1] },
  { id: "tied:1", correct: [3, 1], incorrect: [0.5] },
];

describe("RewardBench 2, ties", () => {
  it("scores the worked example", () => {
    const found = tiesScore(TIES);
    expect(found).toMatchObject({
      accuracyRef: 0.5,
      accuracyTied: 1,
      gapOverSpread: 0.5,
      smallerGapOverSpread: 0.5,
    });
    // tanh(2 / 0.5 − 1) = 0.995055 and tanh(−2 / 2 − 1) = −0.964028
    expect(found.margin).toBeCloseTo((0.995055 - 0.964028) / 2, 6);
    expect(found.score).toBeCloseTo(0.650155, 6);
  });

  it.each([
    { refCorrect: 2, margin: 1, note: "no spread and a gap: tanh ∞" },
    { refCorrect: 1, margin: 0, note: "no spread and no gap: 0/0 counts as 0" },
    { refCorrect: 0, margin: -1, note: "no spread and the wrong way round" },
  ])("takes the limit where right answers have one score ($note)", ({ refCorrect, margin }) => {
    const items = [
      { id: "ref:7", correct: [refCorrect], incorrect: [1] },
      { id: "tied:7", correct: [3, 3], incorrect: [1] },
    ];
    expect(tiesScore(items).margin).toBe(margin);
  });

  it("reaches 1.01 at best", () => {
    const items = [
      { id: "ref:7", correct: [9], incorrect: [1] },
      { id: "tied:7", correct: [9, 9], incorrect: [1] },
    ];
    expect(tiesScore(items).score).toBeCloseTo(1.01, 12);
  });

  it("has no score without an id that has both items", () => {
    expect(
      tiesScore([...TIES.slice(0, 2), { id: "tied:9", correct: [2, 1], incorrect: [0] }]).score,
    ).toBeNull();
    expect(tiesScore([]).score).toBeNull();
  });
});

describe("the rewardbench2 preset", () => {
  const item = (subset: string, index: number): GoldItem => ({
    id: `${subset} ${index}`,
    subset,
    correct: [true, false, false, false],
    lengths: [1, 1, 1, 1],
  });
  const best = ["Factuality", "Precise IF", "Math", "Safety", "Focus"].map((subset) => [
    item(subset, 0),
    item(subset, 1),
  ]);
  const ties = TIES.map(
    ({ id, correct, incorrect }): GoldItem => ({
      id,
      subset: "Ties",
      correct: [...correct.map(() => true), ...incorrect.map(() => false)],
      lengths: [...correct, ...incorrect],
    }),
  );
  const scores = [
    ...best.flatMap(() => [
      [3, 1, 2, 0],
      [3, 3, 1, 0],
    ]),
    ...TIES.map(({ correct, incorrect }) => [...correct, ...incorrect]),
  ];

  it("takes the plain mean of six subsets", () => {
    const [scorer] = assess({
      preset: "rewardbench2",
      items: [...best.flat(), ...ties],
      scorers: [{ name: "model", scores }],
      samples: 200,
    }).scorers;
    const value = (key: string) => scorer?.metrics.find((metric) => metric.key === key)?.value;
    expect(value("precise-if")).toBe(0.75);
    expect(value("ties")).toBeCloseTo(0.650155, 6);
    // Two ids, each with one item of both kinds.
    const items = (key: string) => scorer?.metrics.find((metric) => metric.key === key)?.items;
    expect([items("ties"), items("ties-ref"), items("ties-tied")]).toEqual([4, 2, 2]);
    // (5 · 0.75 + 0.650155) / 6
    expect(value("overall")).toBeCloseTo((5 * 0.75 + 0.65015513) / 6, 7);
    expect(scorer?.metrics.find(({ key }) => key === "overall")?.interval).not.toBeNull();
  });

  it("has no overall score without all six, and says which are missing", () => {
    const [scorer] = assess({
      preset: "rewardbench2",
      items: best.flat(),
      scorers: [{ name: "model", scores }],
      samples: 100,
    }).scorers;
    expect(scorer?.metrics.find(({ key }) => key === "overall")).toMatchObject({
      value: null,
      interval: null,
      note: "nothing was judged of Ties",
    });
  });
});
