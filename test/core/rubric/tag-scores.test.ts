import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readyRubric } from "../../../rewards/rubrics/index.ts";
import type { CriterionVerdict } from "../../../src/core/rubric/rubric.ts";
import { scoreRubric } from "../../../src/core/rubric/score-rubric.ts";
import { tagScores } from "../../../src/core/rubric/tag-scores.ts";
import { anyRubric, rubricOf } from "./any-rubric.ts";

describe("tagScores", () => {
  it("scores the criteria of each tag alone; a tag without positive points has no score", () => {
    const rubric = rubricOf(
      [
        { points: 5, tags: ["a", "all"] },
        { points: 3, tags: ["b", "all"] },
        { points: -2, tags: ["a", "all"] },
        { points: -4, tags: ["c"] },
        { points: 8 },
      ],
      { weighting: "points" },
    );
    // a: (5 - 2) / 5. all: (5 - 2) / (5 + 3). b: 0 / 3. c: nothing to divide by.
    const scores = tagScores(rubric, [1, 0, 1, 0, 1]);
    expect(scores).toEqual({ a: 0.6, all: 0.375, b: 0 });
    expect(Object.keys(scores)).toEqual(["a", "all", "b"]);
  });

  it("scores the example of health-points by tag", async () => {
    // In order: signs 9, fluids 6, dose 6, asks 4, call 5, tone 3; aspirin -10, bath -7, diagnosis -5.
    const verdicts = [1, 0, 1, 0, 1, 1, 0, 1, 1] as const;
    expect(tagScores(await readyRubric("health-points"), verdicts)).toEqual({
      safety: (9 + 6 - 7) / 15,
      completeness: (9 + 5) / 20,
      accuracy: (6 - 5) / 6,
      context: 0,
      communication: 1,
    });
  });

  it("follows the rubric's rules for criteria without a verdict", () => {
    const tagged = [{ tags: ["a"] }, { tags: ["a", "b"] }];
    expect(tagScores(rubricOf(tagged), [1, "not_applicable"])).toEqual({ a: 1 });
    expect(tagScores(rubricOf(tagged, { unread: "unsatisfied" }), [1, null])).toEqual({ a: 0.5, b: 0 });
  });

  it("keeps the unit of the whole rubric, where the criteria of a tag share a scale and all do not", () => {
    const rubric = rubricOf([{ scale: { min: 1, max: 5 }, tags: ["a"] }, {}]);
    // (4 - 1) / 4, not 4.
    expect(tagScores(rubric, [4, 1])).toEqual({ a: 0.75 });
  });

  it("of a tag on all criteria is the rubric's score", () => {
    fc.assert(
      fc.property(anyRubric(), (rubric) => {
        const verdicts: CriterionVerdict[] = rubric.criteria.map(({ scale }) => scale?.max ?? 1);
        const all = { ...rubric, criteria: rubric.criteria.map((one) => ({ ...one, tags: ["all"] })) };
        const score = scoreRubric(rubric, verdicts);
        expect(tagScores(all, verdicts)).toEqual(score.kind === "scored" ? { all: score.value } : {});
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("has nothing for a rubric without tags, and refuses a wrong number of verdicts", () => {
    expect(tagScores(rubricOf([{}]), [1])).toEqual({});
    expect(() => tagScores(rubricOf([{}]), [1, 1])).toThrow(
      expect.objectContaining({ code: "contract_broken" }),
    );
  });
});
