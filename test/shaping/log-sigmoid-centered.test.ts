import { describe, expect, it } from "vitest";
import { logSigmoidCentered } from "../../src/shaping/log-sigmoid-centered.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyIn, besideBaselines } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

transformContract(logSigmoidCentered());

describe("log-sigmoid-centered", () => {
  const lsc = logSigmoidCentered();

  it.each([
    {
      references: [0.5, 1, -0.5],
      expected: -0.3484248027,
      note: "mean 1/3, s 0.7637626158, q85 1.1249327744",
    },
    { references: [0.5], expected: -0.2014151687, note: "one reference: s 0, q85 0.5 + 1.0364e-5" },
    { references: [0.5, 0.5], expected: -0.2014151687, note: "no spread: the same" },
    { references: [0.5, null], expected: -0.2014151687, note: "an unscored baseline is no reference" },
  ])("gives $expected for 2 beside $references ($note)", ({ references, expected }) => {
    expectValues(besideBaselines(lsc, [2], references), [expected]);
  });

  it("stays finite far away from its references, where the logistic curve is 0", () => {
    // q85 = 1.0364e-5, and log σ(-1000) = -1000.
    expectValues(besideBaselines(lsc, [-1000, 1000], [0]), [-1000.0000103643, 0]);
  });

  it("counts more references than ten, as the paper's code does", () => {
    // 11 zeros and one 12: mean 1, squares 11 + 121 = 132, s = sqrt(132 / 11) = 3.4641016151, 1.0364333895 * (s + 1e-5) = 3.5903209429.
    const many = [...Array.from({ length: 11 }, () => 0), 12];
    expectValues(besideBaselines(lsc, [4.5903209429], many), [Math.log(0.5)], 8);
  });

  it("gives nothing without references", () => {
    expect(applyIn(lsc, [1, null])).toEqual([null, null]);
    expect(applyIn(logSigmoidCentered({ referenceField: "refs" }), [1], { metadata: { refs: [] } })).toEqual([
      null,
    ]);
  });

  it("refuses options that it does not have", () => {
    // @ts-expect-error: it takes all references
    expect(() => logSigmoidCentered({ references: 3 })).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });
});
