import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readyRubric, readyRubrics } from "../../../rewards/rubrics/index.ts";
import { rubricRange, scoreRubric } from "../../../src/core/rubric/score-rubric.ts";

const names = Object.keys(readyRubrics);

describe("the ready rubrics", () => {
  it("are the files of their folder, each under its own name", async () => {
    const files = await readdir(new URL("../../../rewards/rubrics/", import.meta.url));
    expect(files.filter((file) => file.endsWith(".yaml")).sort()).toEqual(
      names.map((name) => `${name}.yaml`),
    );
  });

  it("are refused by a name that is none, with the nearest that is", async () => {
    await expect(readyRubric("helpfullness")).rejects.toMatchObject({
      code: "unknown_name",
      fix: expect.stringContaining('"helpfulness"'),
    });
  });

  it("tell equal sums apart by no rounding: 110010 and 101101 of instruction-following are 2.7 / 4.4 both", async () => {
    const rubric = await readyRubric("instruction-following");
    const valueBy = (verdicts: string): number | null => {
      const score = scoreRubric(rubric, [...verdicts].map(Number));
      return score.kind === "scored" ? score.value : null;
    };
    expect([valueBy("110010"), valueBy("101101")]).toEqual([27 / 44, 27 / 44]);
  });

  it.each(names)("%s loads, says its source, and gives the best verdicts the best value", async (name) => {
    const rubric = await readyRubric(name);
    expect(rubric.name).toBe(name);
    expect(rubric.source).toMatch(/\S/);
    expect(rubric.about).toMatch(/\S/);
    const ends = rubric.criteria.map(({ polarity, scale = { min: 0, max: 1 } }) =>
      polarity === "negative" ? [scale.max, scale.min] : [scale.min, scale.max],
    );
    const [worst, best] = [0, 1].map((end) =>
      scoreRubric(
        rubric,
        ends.map((pair) => pair[end] as number),
      ),
    );
    const [min, max] = rubricRange(rubric);
    expect(worst).toMatchObject({ kind: "scored", value: min });
    expect(best).toMatchObject({ kind: "scored", value: max });
  });

  it.each([
    { na: ["aspirin", "cold-bath"], value: 1, note: "a harm that does not apply was not done: 33 / 33" },
    { na: ["fluids"], value: 27 / 33, note: "its points stay in the divisor: (33 - 6) / 33" },
  ])("health-points adds points for what is there alone: $na do not apply -> $value ($note)", async (row) => {
    const rubric = await readyRubric("health-points");
    const verdicts = rubric.criteria.map(({ id, points = 0 }) =>
      row.na.includes(id) ? ("not_applicable" as const) : points > 0 ? 1 : 0,
    );
    expect(scoreRubric(rubric, verdicts)).toMatchObject({ kind: "scored", value: row.value });
    expect(rubric.version).toBe(2);
  });

  it.each(names)("%s takes no fault that does not apply for one that is there", async (name) => {
    const rubric = await readyRubric(name);
    if (rubric.notApplicable === "fail") return;
    const best = rubric.criteria.map(({ polarity, scale = { min: 0, max: 1 } }) =>
      polarity === "negative" ? ("not_applicable" as const) : scale.max,
    );
    expect(scoreRubric(rubric, best)).toMatchObject({ kind: "scored", value: rubricRange(rubric)[1] });
  });

  it.each([
    { name: "helpfulness", range: [1, 5], criteria: 1 },
    { name: "honesty", range: [1, 5], criteria: 1 },
    { name: "factuality", range: [1, 5], criteria: 1 },
    { name: "psychocounsel", range: [1, 5], criteria: 7 },
    { name: "ultrafeedback", range: [1, 5], criteria: 4 },
    { name: "writing-quality", range: [1, 5], criteria: 5 },
    { name: "rubrics-as-rewards", range: [0, 1], criteria: 7 },
    { name: "instruction-following", range: [0, 1], criteria: 6 },
    { name: "code-review", range: [0, 1], criteria: 10 },
    // Points: 9 + 6 + 6 + 4 + 5 + 3 = 33 against -22; 5 + 3 + 3 + 2 = 13 against -23.
    { name: "health-points", range: [-22 / 33, 1], criteria: 9 },
    { name: "harmlessness", range: [-23 / 13, 1], criteria: 8 },
  ])("$name has $criteria criteria and the range $range", async ({ name, range, criteria }) => {
    const rubric = await readyRubric(name);
    expect(rubric.criteria).toHaveLength(criteria);
    expect(rubricRange(rubric)).toEqual(range);
  });

  it("explain every end of every scale by an anchor", async () => {
    for (const name of names) {
      for (const { id, scale } of (await readyRubric(name)).criteria) {
        if (!scale) continue;
        expect(Object.keys(scale.anchors ?? {}), `${name} ${id}`).toEqual(
          expect.arrayContaining([String(scale.min), String(scale.max)]),
        );
      }
    }
  });
});
