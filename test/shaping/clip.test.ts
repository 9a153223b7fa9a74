import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clip } from "../../src/shaping/clip.ts";
import { anyValue } from "../../src/testing/rewarded-group.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo } from "./apply.ts";

transformContract(clip({ min: -1, max: 1 }));

describe("clip", () => {
  it.each([
    { options: { min: -1, max: 1 }, values: [-3, 0.5, 2, null], expected: [-1, 0.5, 1, null] },
    { options: { min: 0 }, values: [-3, 1e300], expected: [0, 1e300] },
    { options: { max: 5 }, values: [-3, 9], expected: [-3, 5] },
    { options: { min: 2, max: 2 }, values: [1, 3], expected: [2, 2] },
  ])("holds $values within $options", ({ options, values, expected }) => {
    expect(applyTo(clip(options), values)).toEqual(expected);
  });

  it("changes nothing when it is applied again", () => {
    const transform = clip({ min: -0.5, max: 300 });
    fc.assert(
      fc.property(fc.array(fc.option(anyValue())), (values) => {
        const once = applyTo(transform, values);
        expect(applyTo(transform, once)).toEqual(once);
      }),
      { seed: 1 },
    );
  });

  it.each([{}, { min: 1, max: 0 }, { min: Number.NaN }, { max: Infinity }, { low: 0, max: 1 }])(
    "refuses the options %j",
    (options) => {
      expect(() => clip(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
