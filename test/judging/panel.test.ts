import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PANEL_RULES, panelVerdict } from "../../src/judging/panel.ts";
import type { ReadVerdict } from "../../src/judging/read-verdict.ts";

const NA = "not_applicable";

describe("panelVerdict", () => {
  // By hand. Medians of an even number are the mean of the two in the middle.
  it.each<{ verdicts: ReadVerdict[]; majority: unknown; median: unknown; mean: unknown }>([
    { verdicts: [1, 1, 0], majority: 1, median: 1, mean: 2 / 3 },
    { verdicts: [0], majority: 0, median: 0, mean: 0 },
    { verdicts: [1, 0], majority: null, median: 0.5, mean: 0.5 },
    { verdicts: [1, 0, NA], majority: null, median: 0.5, mean: 0.5 },
    { verdicts: [NA, NA, 1], majority: NA, median: NA, mean: NA },
    { verdicts: [NA, 1], majority: null, median: 1, mean: 1 },
    { verdicts: [1, 1, NA, 0], majority: null, median: 1, mean: 2 / 3 },
  ])("makes $verdicts one of majority $majority, median $median, mean $mean", (row) => {
    for (const rule of PANEL_RULES) {
      const { verdict } = panelVerdict(row.verdicts, rule, "binary");
      if (typeof row[rule] === "number") expect(verdict).toBeCloseTo(row[rule], 12);
      else expect(verdict).toBe(row[rule]);
    }
  });

  it.each([
    { ratings: [2, 5, 4], majority: 4, mean: 11 / 3 },
    { ratings: [2, 2, 5], majority: 2, mean: 3 },
    { ratings: [1, 4], majority: 2.5, mean: 2.5 },
    { ratings: [3.5], majority: 3.5, mean: 3.5 },
  ])("takes the median of the ratings $ratings by majority too: $majority", ({ ratings, majority, mean }) => {
    expect(panelVerdict(ratings, "majority", "rating").verdict).toBe(majority);
    expect(panelVerdict(ratings, "median", "rating").verdict).toBe(majority);
    expect(panelVerdict(ratings, "mean", "rating").verdict).toBeCloseTo(mean, 12);
  });

  it("tells whether judges differ, and by how much", () => {
    // 2, 5, 5: mean 4, squares 4 + 1 + 1, over 2 -> √3.
    expect(panelVerdict([2, 5, 5], "mean", "rating")).toMatchObject({
      differ: true,
      deviation: Math.sqrt(3),
    });
    expect(panelVerdict([4, 4], "mean", "rating")).toMatchObject({ differ: false, deviation: 0 });
    expect(panelVerdict([1, NA], "mean", "binary")).toMatchObject({ differ: true, deviation: null });
  });

  it("goes by what judges said, where that is not their verdicts", () => {
    // Expectations of two that both write 4; their deviation is that of the verdicts, 0.01 / √2.
    const agreed = panelVerdict([4.09, 4.08], "mean", "rating", [4, 4]);
    expect(agreed.differ).toBe(false);
    expect(agreed.verdict).toBeCloseTo(4.085, 12);
    expect(agreed.deviation).toBeCloseTo(0.01 / Math.SQRT2, 12);
    expect(panelVerdict([4.5, 4.5], "mean", "rating", [4, 5]).differ).toBe(true);
  });

  it("does not depend on the order of the judges", () => {
    const verdicts = fc.array(fc.constantFrom<ReadVerdict>(0, 1, 2, 3, NA), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(verdicts, fc.constantFrom(...PANEL_RULES), (given, rule) => {
        for (const kind of ["binary", "rating"] as const)
          expect(panelVerdict([...given].reverse(), rule, kind)).toEqual(panelVerdict(given, rule, kind));
      }),
      { seed: 1 },
    );
  });
});
