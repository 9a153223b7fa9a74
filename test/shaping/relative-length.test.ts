import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupAdvantages } from "../../src/shaping/advantages.ts";
import { combine, combinePlan } from "../../src/shaping/combine.ts";
import { hybrid } from "../../src/shaping/hybrid.ts";
import { relativeLength } from "../../src/shaping/relative-length.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { anyCaseWithTokens, applyIn, caseOf } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

transformContract(relativeLength());
transformContract(relativeLength({ side: "both" }), anyCaseWithTokens());
transformContract(relativeLength({ unit: "characters", target: "median", side: "long" }));

describe("relative-length", () => {
  const correct = [1, 1, 0, 1];
  const tokens = [40, 100, 160, 90];

  // The reference's vectors: L* = 230 / 3 = 76.6666667.
  it.each([
    { options: {}, expected: [-0.2101449275, 0, 0, 0] },
    { options: { side: "both" }, expected: [-0.2101449275, -0.11352657, -0.5, -0.0410628019] },
    // Long alone is what "both" adds to "short".
    { options: { side: "long" }, expected: [0, -0.11352657, -0.5, -0.0410628019] },
    // Target 40: only the longer ones differ, none is shorter.
    { options: { target: "min" }, expected: [0, 0, 0, 0] },
    // Median 90: (90 - 40) / 90 = 0.5555555556; -0.5 * 0.4555555556 / 0.9.
    { options: { target: "median" }, expected: [-0.2530864198, 0, 0, 0] },
    // P_max 1, tau 0: -(76.6667 - 40) / 76.6667.
    { options: { maxPenalty: 1, tolerance: 0 }, expected: [-0.4782608696, 0, 0, 0] },
  ] as const)("gives $expected with $options", ({ options, expected }) => {
    expectValues(applyIn(relativeLength(options), correct, { tokens }), expected);
  });

  it("takes the mean of the two in the middle as the median of an even number", () => {
    // Correct: 10, 20, 40, 90 -> median 30; long: (90 - 30) / 30 = 2, held to 1 -> -0.5; 40: (1/3 - 0.1) / 0.9 / -2.
    const transform = relativeLength({ target: "median", side: "long" });
    const got = applyIn(transform, [1, 1, 1, 1], { tokens: [90, 10, 40, 20] });
    expectValues(got, [-0.5, 0, -0.1296296296, 0]);
  });

  it("gives 0 to all when no candidate is correct, or the correct ones are empty", () => {
    expect(applyIn(relativeLength(), [0, 0, null], { tokens: [1, 100, 5] })).toEqual([0, 0, null]);
    expect(applyIn(relativeLength(), [1, 0], { tokens: [0, 100] })).toEqual([0, 0]);
    const roles = ["candidate", "baseline"] as const;
    expect(applyIn(relativeLength(), [0, 1], { tokens: [1, 100], roles })).toEqual([0, 0]);
  });

  it("gives nothing where the length is not known, and leaves it out of the target", () => {
    expect(applyIn(relativeLength(), [1, 1], { tokens: [null, 100] })).toEqual([null, 0]);
  });

  it("counts characters when it is told to", () => {
    const transform = relativeLength({ unit: "characters", tolerance: 0 });
    // (4 - 2) / 4 = 0.5, times 0.5.
    expect(applyIn(transform, [0, 1], { texts: ["𝒳𝒳", "four"] })).toEqual([-0.25, 0]);
  });

  it("stays within [-maxPenalty, 0]", () => {
    const row = fc.tuple(fc.constantFrom(0, 1), fc.nat({ max: 500 }));
    fc.assert(
      fc.property(fc.array(row), fc.constantFrom("short", "long", "both"), (rows, side) => {
        const got = applyIn(
          relativeLength({ side }),
          rows.map(([value]) => value),
          { tokens: rows.map(([, length]) => length) },
        );
        expect(got.every((value) => value !== null && value <= 0 && value >= -0.5)).toBe(true);
      }),
      { seed: 1 },
    );
  });

  it.each([
    { tolerance: 1 },
    { tolerance: -0.1 },
    { maxPenalty: -1 },
    { side: "left" },
    { target: "max" },
    { p: 1 },
  ])("refuses the options %j", (options) => {
    // @ts-expect-error: some of these are not even options
    expect(() => relativeLength(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});

describe("HARMO's reward", () => {
  it("is the sum of a hybrid, a length and a format term, and its advantage is above the group's mean", () => {
    // The reference's vectors: format present in samples 1, 2 and 4, and worth 0.5.
    const plan = combinePlan({
      terms: [
        { score: "judge", transforms: [hybrid({ rule: "correct" })] },
        { score: "correct", transforms: [relativeLength()] },
        { score: "format", weight: 0.5 },
      ],
    });
    const { group, scores } = caseOf([1, 1, 0, 1], {
      tokens: [40, 100, 160, 90],
      columns: { correct: [1, 1, 0, 1], judge: [0.2, 0.3, 0.9, 0.4], format: [1, 1, 0, 1] },
    });
    const { rewards } = combine(plan, { group, columns: scores });
    expectValues(rewards, [1.2898550725, 1.5, 0, 1.5]);
    expectValues(
      groupAdvantages(rewards, { method: "mean-only" }),
      [0.2173913043, 0.4275362319, -1.0724637681, 0.4275362319],
    );
    expectValues(
      groupAdvantages(rewards, { epsilon: 0, deviation: "population" }),
      [0.3477691162, 0.6839459286, -1.7156609733, 0.6839459286],
    );
  });
});
