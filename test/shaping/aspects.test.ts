import { describe, expect, it } from "vitest";
import { scored } from "../../src/core/scorer.ts";
import { aspects } from "../../src/shaping/aspects.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { anyCaseWithin, applyIn } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

const two = { quality: 1, safety: 3 };
transformContract(aspects({ aspects: two }), anyCaseWithin([1, 5]));
transformContract(aspects({ aspects: two, missing: "rest" }), anyCaseWithin([1, 5]));

const four = { instruction_following: 1, honesty: 1, truthfulness: 1, helpfulness: 1 };
const columns = {
  instruction_following: [5, 5, 1, null],
  honesty: [4, null, 1, null],
  truthfulness: [3, 3, 2, null],
  helpfulness: [4, 4, 2, null],
};

describe("aspects", () => {
  it("gives the mean of the aspects, and nothing for a response that lacks one", () => {
    // (5 + 4 + 3 + 4) / 4; (1 + 1 + 2 + 2) / 4.
    expect(applyIn(aspects({ aspects: four }), [1, 1, 1, 1], { columns })).toEqual([4, null, 1.5, null]);
  });

  it("gives the mean of the rest by option, and nothing for a response without any", () => {
    // (5 + 3 + 4) / 3.
    const transform = aspects({ aspects: four, missing: "rest" });
    expect(applyIn(transform, [1, 1, 1, 1], { columns })).toEqual([4, 4, 1.5, null]);
  });

  it("weighs the aspects, and scales the weights up where one is missing", () => {
    const weighted = { instruction_following: 3, honesty: 1 };
    // (3 * 5 + 4) / 4 = 4.75; 5 alone; (3 + 1) / 4.
    const transform = aspects({ aspects: weighted, missing: "rest" });
    expectValues(applyIn(transform, [1, 1, 1, null], { columns }), [4.75, 5, 1, null]);
  });

  it("reads the parts of one judge's score", () => {
    const judge = [
      scored(9, { parts: { honesty: 2, helpfulness: 5 } }),
      scored(8, { parts: { honesty: 2 } }),
    ];
    const transform = aspects({ parts: "judge", aspects: { honesty: 1, helpfulness: 1 } });
    expect(applyIn(transform, [9, 8], { columns: { judge } })).toEqual([3.5, null]);
    expect(transform.reads).toEqual([{ score: "judge", option: ["parts"] }]);
  });

  it("refuses an aspect that is not on the scale, and a column that is not there", () => {
    const transform = aspects({ aspects: { honesty: 1 } });
    expect(() => applyIn(transform, [1], { columns: { honesty: [0] } })).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining("outside [1, 5]") }),
    );
    expect(
      applyIn(aspects({ aspects: { honesty: 1 }, scale: [0, 10] }), [1], {
        columns: { honesty: [0] },
      }),
    ).toEqual([0]);
    expect(() => applyIn(transform, [1], { columns: { honest: [1] } })).toThrow(
      expect.objectContaining({ code: "unknown_name" }),
    );
  });

  it("takes UltraFeedback's four unless it is told others", () => {
    expect(applyIn(aspects(), [1, 1, 1, 1], { columns })).toEqual([4, null, 1.5, null]);
    expect(aspects().reads).toEqual(
      Object.keys(four).map((score) => ({ score, option: ["aspects", score] })),
    );
  });

  it.each([
    { aspects: {} },
    { aspects: { honesty: 0 } },
    { aspects: ["honesty"] },
    { parts: "" },
    { aspects: four, scale: [5, 1] },
    { aspects: four, missing: "zero" },
  ])("refuses the options %j", (options) => {
    // @ts-expect-error: some of these are not even options
    expect(() => aspects(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
