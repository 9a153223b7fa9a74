import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AlphaScale, cohenKappa, krippendorffAlpha } from "../../src/evaluate/agreement.ts";

describe("cohenKappa", () => {
  it.each([
    { first: "AABB", second: "ABBB", kappa: 0.5, note: "p_o 3/4, p_e 1/2 · 1/4 + 1/2 · 3/4 = 1/2" },
    { first: "ABAB", second: "ABAB", kappa: 1, note: "always alike" },
    { first: "AABB", second: "BBAA", kappa: -1, note: "never alike: (0 − 1/2) / (1 − 1/2)" },
    { first: "AABB", second: "ABAB", kappa: 0, note: "as chance: p_o = p_e = 1/2" },
  ])("$first against $second is $kappa ($note)", ({ first, second, kappa }) => {
    expect(cohenKappa([...first], [...second])).toBeCloseTo(kappa, 12);
  });

  it("is 0.4 on the table of 20, 5, 10 and 15 grant proposals", () => {
    // p_o = 35/50; p_e = 25/50 · 30/50 + 25/50 · 20/50 = 1/2; (0.7 − 0.5) / 0.5 = 0.4.
    const first = [..."Y".repeat(25), ..."N".repeat(25)];
    const second = [..."Y".repeat(20), ..."N".repeat(5), ..."Y".repeat(10), ..."N".repeat(15)];
    expect(cohenKappa(first, second)).toBeCloseTo(0.4, 12);
  });

  it("leaves out what one of them left out, and is null when nothing is left or nothing varies", () => {
    expect(cohenKappa(["A", null, "A", "B", "B", "A"], ["A", "B", "B", "B", "B", null])).toBeCloseTo(0.5, 12);
    expect(cohenKappa([null], ["A"])).toBeNull();
    expect(cohenKappa(["A", "A"], ["A", "A"])).toBeNull();
    expect(cohenKappa([], [])).toBeNull();
  });

  it("refuses lists of unlike lengths", () => {
    expect(() => cohenKappa(["A"], [])).toThrow(/bad_option/);
  });
});

/** Krippendorff 2011, section C: four observers, twelve units. */
const OBSERVERS = [
  [1, 2, 3, 3, 2, 1, 4, 1, 2, null, null, null],
  [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, null, 3],
  [null, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, null],
  [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, null],
];

describe("krippendorffAlpha", () => {
  it.each([
    ["nominal", 0.743],
    ["ordinal", 0.815],
    ["interval", 0.849],
  ] as const)("%s is %d on Krippendorff's own table", (scale, alpha) => {
    expect(krippendorffAlpha(OBSERVERS, scale)).toBeCloseTo(alpha, 3);
  });

  it("is 0.691 nominal and 0.811 interval on the table of three coders and fifteen units", () => {
    // Three coders with missing values, as worked in the encyclopedia article on the coefficient.
    const n = null;
    const coders = [
      [n, n, n, n, n, 3, 4, 1, 2, 1, 1, 3, 3, n, 3],
      [1, n, 2, 1, 3, 3, 4, 3, n, n, n, n, n, n, n],
      [n, n, 2, 1, 3, 4, 4, n, 2, 1, 1, 3, 3, n, 4],
    ];
    expect(krippendorffAlpha(coders, "nominal")).toBeCloseTo(0.691, 3);
    expect(krippendorffAlpha(coders, "interval")).toBeCloseTo(0.811, 3);
  });

  it("is worked by hand on two raters and two units", () => {
    // Units (0, 0) and (0, 1): n = 4, values 0 0 0 1. Unequal ordered pairs: observed 2, expected 3 · 1 · 2 = 6.
    // α = 1 − (4 − 1) · 2 / 6 = 0.
    expect(
      krippendorffAlpha(
        [
          [0, 0],
          [0, 1],
        ],
        "nominal",
      ),
    ).toBeCloseTo(0, 12);
  });

  const scales: AlphaScale[] = ["nominal", "ordinal", "interval"];
  it.each(scales)("%s is at most 1, and does not depend on who rates or which item comes first", (scale) => {
    const table = fc.array(
      fc.tuple(...[0, 1, 2].map(() => fc.option(fc.integer({ min: 1, max: 5 }), { nil: null }))),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(table, (units) => {
        const raters = [0, 1, 2].map((rater) => units.map((unit) => unit[rater] ?? null));
        const alpha = krippendorffAlpha(raters, scale);
        const turned = krippendorffAlpha(
          raters.toReversed().map((own) => own.toReversed()),
          scale,
        );
        if (alpha === null) expect(turned).toBeNull();
        else {
          expect(alpha).toBeLessThanOrEqual(1 + 1e-12);
          expect(turned).toBeCloseTo(alpha, 9);
        }
      }),
    );
  });

  it("is null where nothing can be compared, or nothing varies", () => {
    expect(
      krippendorffAlpha(
        [
          [1, null],
          [null, 2],
        ],
        "interval",
      ),
    ).toBeNull();
    expect(
      krippendorffAlpha(
        [
          [2, 2],
          [2, 2],
        ],
        "ordinal",
      ),
    ).toBeNull();
    expect(krippendorffAlpha([], "nominal")).toBeNull();
  });

  it("refuses raters of unlike lengths, and what is no number", () => {
    expect(() => krippendorffAlpha([[1], [1, 2]], "nominal")).toThrow(/bad_option/);
    expect(() => krippendorffAlpha([[1], [Number.NaN]], "nominal")).toThrow(/not_finite/);
  });
});
