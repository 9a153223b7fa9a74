import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Criterion, CriterionVerdict, Rubric } from "../../../src/core/rubric/rubric.ts";
import { rubricRange, scoreRubric } from "../../../src/core/rubric/score-rubric.ts";
import type { Score } from "../../../src/core/types.ts";
import { anyRubric, rubricOf } from "./any-rubric.ts";

const NA = "not_applicable" as const;
const CATEGORIES = { essential: 1, important: 0.7, optional: 0.3, pitfall: 0.8 };
const fromOneToFive = { min: 1, max: 5 };

function numberOf(score: Score): number | null {
  return score.kind === "scored" ? score.value : null;
}

describe("a rubric with points", () => {
  it.each([
    { verdicts: [1, 0, 1], value: 0.375, note: "HealthBench: (5 - 2) / (5 + 3)" },
    { verdicts: [0, 0, 1], value: -0.25, note: "HealthBench: -2 / 8, not clipped" },
    { verdicts: [1, 1, 0], value: 1, note: "8 / 8" },
    { verdicts: [0, 0, 0], value: 0, note: "0 / 8" },
  ])("divides the points met by the positive points: $verdicts -> $value ($note)", ({ verdicts, value }) => {
    expect(numberOf(scoreRubric(rubricOf([5, 3, -2], { weighting: "points" }), verdicts))).toBe(value);
  });

  it("abstains when no points are positive", () => {
    expect(scoreRubric(rubricOf([-2, -3], { weighting: "points" }), [1, 0])).toEqual({
      kind: "abstained",
      why: "no criterion has positive points",
    });
  });

  it("keeps all positive points in the denominator when a criterion is left out", () => {
    // (5 - 2) / (5 + 3): the criterion of 3 points is skipped, and still divides.
    const rubric = rubricOf([5, 3, -2], { weighting: "points", notApplicable: "skip" });
    expect(numberOf(scoreRubric(rubric, [1, NA, 1]))).toBe(0.375);
  });

  it("adds the points as they are, or divides by all points counted without their signs", () => {
    const sum = rubricOf([5, 3, -2], { weighting: "points", denominator: "none" });
    expect(numberOf(scoreRubric(sum, [1, 1, 1]))).toBe(6);
    // (5 + 3 - 2) / (5 + 3 + 2)
    const share = rubricOf([5, 3, -2], { weighting: "points", denominator: "weights" });
    expect(numberOf(scoreRubric(share, [1, 1, 1]))).toBe(0.6);
  });
});

describe("a rubric with weights by category", () => {
  const criteria = [{ category: "essential" }, { category: "important" }, { category: "pitfall" }];

  it.each([
    { pitfall: 0.8, value: 1.8 / 2.5, decimals: 0.72, note: "first version of the paper: 1.8 / 2.5" },
    { pitfall: 0.9, value: 1.9 / 2.6, decimals: 0.730769, note: "second version: 1.9 / 2.6" },
  ])("takes the weighted share that is satisfied, pitfall $pitfall ($note)", (given) => {
    const categories = { ...CATEGORIES, pitfall: given.pitfall };
    const rubric = rubricOf(criteria, { weighting: "category", categories });
    expect(numberOf(scoreRubric(rubric, [1, 0, 1]))).toBeCloseTo(given.value, 15);
    expect(numberOf(scoreRubric(rubric, [1, 0, 1]))).toBeCloseTo(given.decimals, 6);
  });

  it("counts a negative criterion as satisfied when it is not met", () => {
    const negative = [...criteria.slice(0, 2), { category: "pitfall", polarity: "negative" as const }];
    const rubric = rubricOf(negative, { weighting: "category", categories: CATEGORIES });
    expect(numberOf(scoreRubric(rubric, [1, 0, 0]))).toBeCloseTo(0.72, 15);
    // What the judge said is kept: the pitfall was not met.
    expect(scoreRubric(rubric, [1, 0, 0])).toMatchObject({ parts: { c1: 1, c2: 0, c3: 0 } });
  });

  it("divides by the weights that are counted alone", () => {
    const rubric = rubricOf(criteria, { weighting: "category", categories: CATEGORIES });
    // 1 / (1 + 0.8)
    expect(numberOf(scoreRubric(rubric, [1, NA, 0]))).toBeCloseTo(1 / 1.8, 15);
  });
});

describe("a rubric with ratings", () => {
  const seven = ["empathy", "relevance", "clarity", "safety", "exploration", "autonomy", "staging"];
  const principles = rubricOf(seven.map((id) => ({ id, scale: fromOneToFive })));

  it.each([
    { ratings: [5, 5, 4, 5, 4, 4, 4], mean: 4.428571, note: "31 / 7" },
    { ratings: [4, 4, 4, 5, 3, 3, 3], mean: 3.714286, note: "26 / 7" },
    { ratings: [3, 3, 3, 5, 2, 2, 2], mean: 2.857143, note: "20 / 7" },
    { ratings: [4, 4, 4, 4, 3, 3, 2], mean: 3.428571, note: "24 / 7" },
  ])("means them in their own unit where all share one scale: $ratings -> $mean ($note)", (given) => {
    expect(numberOf(scoreRubric(principles, given.ratings))).toBeCloseTo(given.mean, 6);
  });

  it("keeps each rating as a part", () => {
    expect(scoreRubric(principles, [5, 5, 4, 5, 4, 4, 3])).toMatchObject({
      parts: { empathy: 5, relevance: 5, clarity: 4, safety: 5, exploration: 4, autonomy: 4, staging: 3 },
    });
  });

  it("gives one criterion's rating as it is, whole or expected", () => {
    const one = rubricOf([{ scale: fromOneToFive }]);
    expect(numberOf(scoreRubric(one, [4]))).toBe(4);
    expect(numberOf(scoreRubric(one, [3.25]))).toBe(3.25);
  });

  it("brings ratings of different scales to [0, 1] first", () => {
    // (4 - 1) / (5 - 1) = 0.75 and 9 / 10 = 0.9 and met = 1: mean 2.65 / 3
    const mixed = rubricOf([{ scale: fromOneToFive }, { scale: { min: 0, max: 10 } }, {}]);
    expect(numberOf(scoreRubric(mixed, [4, 9, 1]))).toBeCloseTo(2.65 / 3, 15);
  });

  it("brings ratings of one scale to [0, 1] when told to", () => {
    // A rating of 7 from 1 to 10: (7 - 1) / 9
    const unit = rubricOf([{ scale: { min: 1, max: 10 } }], { ratings: "normalised" });
    expect(numberOf(scoreRubric(unit, [7]))).toBeCloseTo(0.666667, 6);
  });

  it("turns the rating of a negative criterion over", () => {
    // 1 + 5 - 2 = 4, and (4 - 1) / 4 = 0.75
    const raw = rubricOf([{ scale: fromOneToFive, polarity: "negative" }]);
    expect(numberOf(scoreRubric(raw, [2]))).toBe(4);
    const unit = rubricOf([{ scale: fromOneToFive, polarity: "negative" }], { ratings: "normalised" });
    expect(numberOf(scoreRubric(unit, [2]))).toBe(0.75);
  });

  it("never rounds beyond the scale", () => {
    const criteria = [0.7, 0.3, 0.8, 0.1, 0.1].map((weight) => ({ weight, scale: fromOneToFive }));
    const rubric = rubricOf(criteria, { weighting: "weights" });
    expect(numberOf(scoreRubric(rubric, [5, 5, 5, 5, 5]))).toBe(5);
  });
});

describe("a criterion without a verdict", () => {
  it.each([
    { rule: "satisfied", value: 2 / 3, note: "as AutoRule counts rules that do not apply: (1 + 0 + 1) / 3" },
    { rule: "unsatisfied", value: 1 / 3, note: "(1 + 0 + 0) / 3" },
    { rule: "skip", value: 1 / 2, note: "(1 + 0) / 2" },
  ] as const)("counts by the rule: $rule -> $value ($note)", ({ rule, value }) => {
    for (const [verdict, key, why] of [
      [NA, "notApplicable", "not applicable: c3"],
      [null, "unread", "unread: c3"],
    ] as const) {
      const score = scoreRubric(rubricOf([{}, {}, {}], { [key]: rule }), [1, 0, verdict]);
      expect(score).toEqual({ kind: "scored", value, why, parts: { c1: 1, c2: 0 } });
    }
  });

  it("counts as satisfied by not being met where meeting it is bad", () => {
    const uniform = rubricOf([{ polarity: "negative" }], { unread: "satisfied" });
    expect(numberOf(scoreRubric(uniform, [null]))).toBe(1);
    const points = rubricOf([4, -4], { weighting: "points", unread: "satisfied" });
    expect(numberOf(scoreRubric(points, [0, null]))).toBe(0);
    expect(numberOf(scoreRubric({ ...points, unread: "unsatisfied" }, [0, null]))).toBe(-1);
  });

  it("fails the score where the rule says so, and by default when it was not read", () => {
    expect(scoreRubric(rubricOf([{}, {}]), [1, null])).toEqual({
      kind: "failed",
      code: "unread_verdict",
      why: 'the verdict on "c2" could not be read',
    });
    expect(scoreRubric(rubricOf([{}, {}], { notApplicable: "fail" }), [NA, 1])).toEqual({
      kind: "failed",
      code: "not_applicable",
      why: '"c1" does not apply',
    });
  });

  it("makes the score abstain when nothing is left", () => {
    const why = "no criterion is left to count";
    expect(scoreRubric(rubricOf([{}, {}]), [NA, NA])).toEqual({ kind: "abstained", why });
    const sum = rubricOf([{}], { denominator: "none", unread: "skip" });
    expect(scoreRubric(sum, [null])).toEqual({ kind: "abstained", why });
  });

  it("makes the score abstain when what is left has weight 0", () => {
    const rubric = rubricOf([{ weight: 0 }, { weight: 1 }], { weighting: "weights" });
    expect(scoreRubric(rubric, [1, NA])).toMatchObject({ kind: "abstained" });
  });
});

describe("what is no verdict", () => {
  it.each([2, -1, 1.5, Number.NaN, Infinity])("is never a number: %d", (verdict) => {
    expect(scoreRubric(rubricOf([{}, {}]), [1, verdict])).toMatchObject({
      kind: "failed",
      code: "out_of_range",
    });
  });

  it("is refused in the wrong number", () => {
    const broken = expect.objectContaining({ code: "contract_broken" });
    expect(() => scoreRubric(rubricOf([{}, {}]), [1])).toThrow(broken);
    expect(() => scoreRubric(rubricOf([{}, {}]), [1, 1, 1])).toThrow(broken);
  });
});

describe("the range of a rubric", () => {
  const scaled: Partial<Criterion> = { scale: fromOneToFive };

  it.each([
    { rubric: rubricOf([5, 3, -2], { weighting: "points" }), range: [-0.25, 1], note: "-2 / 8 and 8 / 8" },
    {
      rubric: rubricOf([5, 3, -2], { weighting: "points", denominator: "none" }),
      range: [-2, 8],
      note: "sums",
    },
    {
      rubric: rubricOf([5, 3, -2], { weighting: "points", denominator: "weights", notApplicable: "fail" }),
      range: [-0.2, 0.8],
      note: "nothing can be left out: -2 / 10 and 8 / 10",
    },
    {
      rubric: rubricOf([5, 3, -2], { weighting: "points", denominator: "weights" }),
      range: [-1, 1],
      note: "all but one criterion may be left out",
    },
    { rubric: rubricOf([scaled, scaled]), range: [1, 5], note: "a mean of ratings" },
    {
      rubric: rubricOf([scaled, scaled], { ratings: "normalised" }),
      range: [0, 1],
      note: "brought to [0, 1]",
    },
    { rubric: rubricOf([scaled, {}]), range: [0, 1], note: "two scales" },
    {
      rubric: rubricOf([scaled, scaled], { denominator: "none" }),
      range: [1, 10],
      note: "one left out, both 5",
    },
    {
      rubric: rubricOf([scaled, scaled], { denominator: "none", notApplicable: "satisfied" }),
      range: [2, 10],
      note: "none can be left out",
    },
    { rubric: rubricOf([-1, -2], { weighting: "points" }), range: [0, 0], note: "can only abstain" },
  ])("is $range ($note)", ({ rubric, range }) => {
    expect(rubricRange(rubric)).toEqual(range);
  });

  /** Every verdict at either end of its scale, and the two that are none. */
  function allVerdicts({ criteria }: Rubric): CriterionVerdict[][] {
    return criteria.reduce<CriterionVerdict[][]>(
      (before, { scale = { min: 0, max: 1 } }) =>
        before.flatMap((verdicts) =>
          [scale.min, scale.max, NA, null].map((verdict) => [...verdicts, verdict]),
        ),
      [[]],
    );
  }

  it("is exactly what verdicts can reach, whatever the rubric", () => {
    fc.assert(
      fc.property(anyRubric(4), (rubric) => {
        const [min, max] = rubricRange(rubric);
        const values = allVerdicts(rubric).flatMap(
          (verdicts) => numberOf(scoreRubric(rubric, verdicts)) ?? [],
        );
        if (values.length === 0) {
          expect([min, max]).toEqual([0, 0]);
          return;
        }
        const within = 1e-9 * Math.max(1, Math.abs(min), Math.abs(max));
        expect(Math.abs(Math.min(...values) - min)).toBeLessThanOrEqual(within);
        expect(Math.abs(Math.max(...values) - max)).toBeLessThanOrEqual(within);
        for (const value of values) {
          expect(value).toBeGreaterThanOrEqual(min);
          expect(value).toBeLessThanOrEqual(max);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe("every rubric", () => {
  const cases = anyRubric().chain((rubric) =>
    fc.record({
      rubric: fc.constant(rubric),
      verdicts: fc.tuple(
        ...rubric.criteria.map(({ scale = { min: 0, max: 1 } }) =>
          fc.oneof(
            { weight: 5, arbitrary: fc.integer(scale) as fc.Arbitrary<CriterionVerdict> },
            { weight: 1, arbitrary: fc.constantFrom<CriterionVerdict>(NA, null) },
          ),
        ),
      ),
      at: fc.nat(),
    }),
  );

  it("scores the same whatever the order of its criteria", () => {
    fc.assert(
      fc.property(cases, ({ rubric, verdicts }) => {
        const turned = { ...rubric, criteria: rubric.criteria.toReversed() };
        const [one, other] = [scoreRubric(rubric, verdicts), scoreRubric(turned, verdicts.toReversed())];
        expect(other.kind).toBe(one.kind);
        if (one.kind !== "scored" || other.kind !== "scored") return;
        expect(other.parts).toEqual(one.parts);
        expect(Math.abs(other.value - one.value)).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(one.value)),
        );
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("scores no worse for a better verdict on one criterion", () => {
    fc.assert(
      fc.property(cases, ({ rubric, verdicts, at }) => {
        const place = at % rubric.criteria.length;
        const { scale = { min: 0, max: 1 }, points = 0, polarity } = rubric.criteria[place] as Criterion;
        const bad = rubric.weighting === "points" ? points < 0 : polarity === "negative";
        const ends = bad ? [scale.max, scale.min] : [scale.min, scale.max];
        const [worse, better] = ends.map((end) =>
          numberOf(scoreRubric(rubric, verdicts.with(place, end as CriterionVerdict))),
        );
        expect(worse === null).toBe(better === null);
        if (typeof worse !== "number" || typeof better !== "number") return;
        expect(better).toBeGreaterThanOrEqual(worse - 1e-9 * Math.max(1, Math.abs(worse)));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("does not depend on the order of the criteria", () => {
    fc.assert(
      fc.property(cases, fc.integer(), ({ rubric, verdicts }, seed) => {
        const places = rubric.criteria
          .map((_, place) => ({ place, key: Math.sin(seed + place) }))
          .sort((a, b) => a.key - b.key)
          .map(({ place }) => place);
        const mixed = { ...rubric, criteria: places.map((place) => rubric.criteria[place] as Criterion) };
        const score = scoreRubric(
          mixed,
          places.map((place) => verdicts[place] ?? null),
        );
        expect(numberOf(score)).toBe(numberOf(scoreRubric(rubric, verdicts)));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("scores sums that are equal on paper alike, to the last bit, and ranks the others by their sums", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 2, maxLength: 7 });
    fc.assert(
      fc.property(weights, fc.constantFrom(10, 100), (whole, parts) => {
        const rubric = rubricOf(
          whole.map((one) => ({ weight: one / parts })),
          { weighting: "weights" },
        );
        const bySum = new Map<number, number | null>();
        for (let bits = 0; bits < 2 ** whole.length; bits++) {
          const verdicts = whole.map((_, index) => (bits >> index) & 1);
          const sum = whole.reduce((total, one, index) => total + one * (verdicts[index] ?? 0), 0);
          const value = numberOf(scoreRubric(rubric, verdicts));
          expect(bySum.get(sum) ?? value).toBe(value);
          bySum.set(sum, value);
        }
        const ranked = [...bySum].sort(([a], [b]) => a - b).map(([, value]) => value ?? Number.NaN);
        expect(ranked.every((value, index) => index === 0 || value > (ranked[index - 1] ?? Number.NaN))).toBe(
          true,
        );
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("has parts for exactly the criteria that were read", () => {
    fc.assert(
      fc.property(cases, ({ rubric, verdicts }) => {
        const score = scoreRubric(rubric, verdicts);
        if (score.kind !== "scored") return;
        const read = rubric.criteria.filter((_, index) => typeof verdicts[index] === "number");
        expect(Object.keys(score.parts ?? {}).sort()).toEqual(read.map(({ id }) => id).sort());
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
