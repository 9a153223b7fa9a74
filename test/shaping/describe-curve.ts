import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Transform } from "../../src/shaping/transform.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo } from "./apply.ts";
import { applyIn, besideBaselines } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

interface RelativeOptions {
  readonly references?: number;
  readonly referenceField?: string;
}

/** What holds for every transform that is the mean of one formula over the distances to references. */
export function describeRelative(
  make: (options?: RelativeOptions) => Transform,
  formula: (distance: number) => number,
  /** Of the value 2 beside references 0.5, 1 and -0.5. */
  expected: number,
): void {
  transformContract(make());

  describe(`${make().name} beside references`, () => {
    it(`gives ${expected} for 2 beside baselines 0.5, 1 and -0.5`, () => {
      expectValues(besideBaselines(make(), [2], [0.5, 1, -0.5]), [expected]);
    });

    it("gives nothing without references", () => {
      expect(applyIn(make(), [2, null])).toEqual([null, null]);
    });

    it("reads references from metadata, from the front and no more than asked for", () => {
      const refs = { metadata: { refs: [0.5, 1, -0.5] } };
      const got = applyIn(make({ referenceField: "refs", references: 2 }), [2, null], refs);
      expectValues(got, [(formula(1.5) + formula(1)) / 2, null]);
    });

    it("does not change when the same amount is added to the value and to its references", () => {
      // Quarters, so that the differences are exact and no step of the formula is crossed.
      const quarter = fc.integer({ min: -40, max: 40 }).map((count) => count / 4);
      fc.assert(
        fc.property(quarter, quarter, quarter, (value, reference, amount) => {
          const moved = besideBaselines(make(), [value + amount], [reference + amount]);
          expectValues(moved, besideBaselines(make(), [value], [reference]));
        }),
        { seed: 1 },
      );
    });

    it.each([{ references: 0 }, { references: 2.5 }, { referenceField: "" }, { k: 2 }])(
      "refuses the options %j",
      (options) => {
        expect(() => make(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
      },
    );
  });
}

/** What holds for a curve that can also be taken of the value itself. */
export function describePure(pure: Transform, cases: readonly (readonly [x: number, y: number])[]): void {
  transformContract(pure);

  describe(`${pure.name} of the value itself`, () => {
    it.each(cases)("makes %d into %d, without references", (x, y) => {
      expectValues(applyTo(pure, [x, null]), [y, null]);
    });
  });
}
