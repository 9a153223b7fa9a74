import { describe, expect, it } from "vitest";
import { lengthPenalty } from "../../src/shaping/length-penalty.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { anyCaseWithTokens, applyIn } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

transformContract(lengthPenalty());
transformContract(lengthPenalty(), anyCaseWithTokens());
transformContract(lengthPenalty({ unit: "characters", free: 3 }));

describe("length-penalty", () => {
  it("takes off 0.01 for each token above 300", () => {
    // The reference's vectors: 2 - 0.01 * 50 = 1.5 at 350 tokens; 2 at 300.
    const tokens = [350, 300, 0, 301];
    expectValues(applyIn(lengthPenalty(), [2, 2, 2, 2], { tokens }), [1.5, 2, 2, 1.99]);
  });

  it("gives nothing where the token count is not known, rather than guess from characters", () => {
    expect(applyIn(lengthPenalty(), [2, null, 2], { tokens: [null, 10, 10] })).toEqual([null, null, 2]);
  });

  it("counts Unicode characters when it is told to", () => {
    const transform = lengthPenalty({ unit: "characters", free: 2, rate: 1 });
    expect(applyIn(transform, [0, 0], { texts: ["𝒳𝒳𝒳", "ab"] })).toEqual([-1, 0]);
  });

  it("takes it off baselines too, so that references are compared on the same terms", () => {
    expect(applyIn(lengthPenalty(), [2], { tokens: [400], roles: ["baseline"] })).toEqual([1]);
  });

  it.each([{ free: -1 }, { rate: -0.1 }, { unit: "words" }, { max: 1 }])(
    "refuses the options %j",
    (options) => {
      // @ts-expect-error: some of these are not even options
      expect(() => lengthPenalty(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
