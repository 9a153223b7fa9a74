import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kendall, pearson, rocAuc, spearman } from "../../src/evaluate/correlation.ts";

describe("rank correlations", () => {
  it("are worked by hand on four points with one swap", () => {
    // Spearman 1 − 6 (1 + 1) / (4 · 15) = 0.8; Kendall (5 − 1) / 6.
    expect(spearman([1, 2, 3, 4], [10, 30, 20, 40])).toBeCloseTo(0.8, 12);
    expect(kendall([1, 2, 3, 4], [10, 30, 20, 40])).toBeCloseTo(4 / 6, 12);
  });

  it("allow for ties", () => {
    // Kendall: pairs (1,2) tied in the first list, the other two concordant: 2 / √(2 · 3). Ranks 1.5, 1.5, 3 and 1, 2, 3.
    expect(kendall([1, 1, 2], [1, 2, 3])).toBeCloseTo(2 / Math.sqrt(6), 12);
    expect(spearman([1, 1, 2], [1, 2, 3])).toBeCloseTo(pearson([1.5, 1.5, 3], [1, 2, 3]) ?? Number.NaN, 12);
  });

  it("are null where a side does not vary", () => {
    for (const correlate of [pearson, spearman, kendall]) {
      expect(correlate([1, 1, 1], [1, 2, 3])).toBeNull();
      expect(correlate([1], [2])).toBeNull();
    }
  });
});

describe("rocAuc", () => {
  it("is the share of ordered pairs with the positive one above, a tie one half", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean()), { maxLength: 20 }),
        (rows) => {
          const above = rows.flatMap(([good, isGood]) =>
            isGood ? rows.flatMap(([bad, is]) => (is ? [] : [good > bad ? 1 : good === bad ? 0.5 : 0])) : [],
          );
          const auc = rocAuc(
            rows.map(([score]) => score),
            rows.map(([, is]) => is),
          );
          if (above.length === 0) expect(auc).toBeNull();
          else expect(auc).toBeCloseTo(above.reduce((sum, one) => sum + one, 0) / above.length, 12);
        },
      ),
    );
  });
});
