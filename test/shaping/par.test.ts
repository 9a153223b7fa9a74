import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { par } from "../../src/shaping/par.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyIn, besideBaselines } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

transformContract(par());
transformContract(par({ references: 1, k: 2 }));

/** The reference's vectors: reward 2, references 0.5, 1 and -0.5. */
const stored = { metadata: { sample_rewards: [0.5, 1, -0.5] } };

describe("par", () => {
  it.each([
    { options: {}, expected: 0.8242582916, note: "the mean of σ(1.5), σ(1), σ(2.5)" },
    { options: { k: 2 }, expected: 0.942226118, note: "k 2" },
    { options: { k: 3 }, expected: 0.9803448018, note: "k 3" },
    { options: { shift: 3 }, expected: 0.2263897049, note: "SGFC: σ(-1.5), σ(-2), σ(-0.5)" },
  ])("gives $expected for 2 beside baselines 0.5, 1, -0.5 ($note)", ({ options, expected }) => {
    expectValues(besideBaselines(par(options), [2], [0.5, 1, -0.5]), [expected]);
  });

  it("takes references from the prompt's metadata, in their order, and no more than asked for", () => {
    const referenceField = "sample_rewards";
    expectValues(applyIn(par({ referenceField }), [2], stored), [0.8242582916]);
    expectValues(applyIn(par({ referenceField, references: 1 }), [2], stored), [0.8175744762]);
    expectValues(applyIn(par({ referenceField, references: 99 }), [2], stored), [0.8242582916]);
  });

  it("prefers a list in the response's own metadata, and does not look at baselines then", () => {
    const transform = par({ referenceField: "sample_rewards" });
    const got = applyIn(transform, [2, 2, 2], {
      ...stored,
      responseMetadata: [{ sample_rewards: [2] }, {}, { sample_rewards: [null, 2] }],
      roles: ["candidate", "candidate", "baseline"],
    });
    expectValues(got, [0.5, 0.8242582916, 0.5]);
  });

  it("gives nothing where there is nothing to compare with, rather than guess", () => {
    expect(applyIn(par(), [2, null])).toEqual([null, null]);
    expect(besideBaselines(par(), [2], [null])).toEqual([null]);
    expect(applyIn(par({ referenceField: "absent" }), [2])).toEqual([null]);
    expect(applyIn(par({ referenceField: "none" }), [2], { metadata: { none: [null] } })).toEqual([null]);
  });

  it("gives a baseline the same formula, itself among its references", () => {
    // One baseline of 1: it is as good as itself. A candidate of 1 is too.
    expect(applyIn(par(), [1, 1], { roles: ["candidate", "baseline"] })).toEqual([0.5, 0.5]);
  });

  it.each(["0.5", 3, ["0.5"], { a: 1 }])("refuses metadata that are no list of numbers: %j", (list) => {
    expect(() => applyIn(par({ referenceField: "refs" }), [2], { metadata: { refs: list } })).toThrow(
      expect.objectContaining({ code: "bad_row", message: expect.stringContaining('"refs"') }),
    );
  });

  const near = fc.double({ min: -12, max: 12, noNaN: true });
  const references = fc.array(near, { minLength: 1, maxLength: 12 });

  it("rises with the value and stays within (0, 1)", () => {
    fc.assert(
      fc.property(near, near, references, (a, b, baselines) => {
        const [low = -1, high = -1] = besideBaselines(par(), [Math.min(a, b), Math.max(a, b)], baselines).map(
          Number,
        );
        expect(low).toBeGreaterThan(0);
        expect(high).toBeLessThan(1);
        expect(low).toBeLessThanOrEqual(high + 1e-15);
        if (Math.abs(a - b) > 1e-3) expect(low).toBeLessThan(high);
      }),
      { seed: 1 },
    );
  });

  it("does not change when the same amount is added to the value and to its references", () => {
    fc.assert(
      fc.property(near, references, near, (value, baselines, amount) => {
        const before = besideBaselines(par({ k: 2 }), [value], baselines);
        const after = besideBaselines(
          par({ k: 2 }),
          [value + amount],
          baselines.map((baseline) => baseline + amount),
        );
        expectValues(after, before);
      }),
      { seed: 1 },
    );
  });

  it.each([
    { references: 0 },
    { references: 1.5 },
    { k: 0 },
    { k: Infinity },
    { referenceField: "" },
    { m: 1 },
  ])("refuses the options %j", (options) => {
    expect(() => par(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
