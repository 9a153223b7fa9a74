import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alphaPoLoss,
  alphaReward,
  type CpoLossType,
  cpoLoss,
  orpoLoss,
  type PairLogprobs,
  type SimpoOptions,
  simpoGamma,
  simpoLoss,
} from "../../../src/trainers/losses/index.ts";

const tokens = fc.array(fc.double({ min: -20, max: -1e-9, noNaN: true }), { minLength: 1, maxLength: 6 });
const pairs = fc.array(fc.record({ chosen: tokens, rejected: tokens }), { minLength: 1, maxLength: 6 });
const beta = fc.double({ min: 0.1, max: 10, noNaN: true });

/** One token a side, so that its log-prob is the mean. */
const of = (chosen: number, rejected: number): PairLogprobs[] => [{ chosen: [chosen], rejected: [rejected] }];

describe("simpoLoss", () => {
  // methods-cdr table: β(a_c − a_r) − γ by hand, then −ln σ; e.g. 2.5 · 0.3 − 1.375 = −0.625.
  it.each([
    { chosen: -0.5, rejected: -0.8, beta: 2.5, ratio: 0.55, loss: 1.0537006783, hinge: 1.625 },
    { chosen: -0.5, rejected: -0.8, beta: 10, ratio: 0.3, loss: Math.LN2, hinge: 1 },
    { chosen: -0.5, rejected: -0.8, beta: 10, ratio: 0.5, loss: 2.126928011, hinge: 3 },
    { chosen: -0.9, rejected: -0.4, beta: 2, ratio: 0.25, loss: 1.701413278, hinge: 2.5 },
  ])("is $loss at means $chosen and $rejected, β $beta, γ/β $ratio; hinge $hinge", (row) => {
    const batch = of(row.chosen, row.rejected);
    const options = { beta: row.beta, gammaBetaRatio: row.ratio };
    expect(simpoLoss(batch, options).loss).toBeCloseTo(row.loss, 9);
    expect(simpoLoss(batch, { ...options, type: "hinge" }).loss).toBeCloseTo(row.hinge, 9);
    expect(simpoLoss(batch, { beta: row.beta, gamma: row.ratio * row.beta }).loss).toBeCloseTo(row.loss, 9);
  });

  it("averages tokens, and adds the chosen side's cross-entropy by sftWeight", () => {
    // Means −0.5 and −0.6: −ln σ(2 · 0.1 − 0.5); 0.05 · 0.5 more. Smoothing 0.1 of the table's first row: 0.991201.
    const batch = [{ chosen: [-0.1, -0.4, -1.0], rejected: [-0.3, -0.9] }];
    expect(simpoLoss(batch, { beta: 2, gammaBetaRatio: 0.25 }).loss).toBeCloseTo(0.8543552445, 9);
    expect(simpoLoss(batch, { beta: 2, gamma: 0.5, sftWeight: 0.05 }).loss).toBeCloseTo(0.8793552445, 9);
    const smoothed = simpoLoss(of(-0.5, -0.8), { beta: 2.5, gammaBetaRatio: 0.55, labelSmoothing: 0.1 });
    expect(smoothed.loss).toBeCloseTo(0.9912006783, 9);
  });

  it("turns the authors' ratio into TRL's γ", () => {
    expect(simpoGamma(0.55, 2.5)).toBeCloseTo(1.375, 12);
    expect(simpoGamma(0.3, 10)).toBeCloseTo(3, 12);
  });

  it("is CPO's simpo without cross-entropy, in both conventions, and depends on means alone", () => {
    fc.assert(
      fc.property(pairs, beta, fc.double({ min: 0, max: 3, noNaN: true }), (batch, b, gamma) => {
        const expected = cpoLoss(batch, { type: "simpo", beta: b, gamma, cpoAlpha: 0 });
        expect(simpoLoss(batch, { beta: b, gamma })).toEqual(expected);
        expect(simpoLoss(batch, { beta: b, gammaBetaRatio: gamma / b }).loss).toBeCloseTo(expected.loss, 8);
        const doubled = batch.map(({ chosen, rejected }) => ({ chosen: [...chosen, ...chosen], rejected }));
        expect(simpoLoss(doubled, { beta: b, gamma }).loss).toBeCloseTo(expected.loss, 8);
      }),
    );
  });

  it.each<[string, () => unknown, string]>([
    [
      "both conventions at once",
      () => simpoLoss(of(-1, -2), { beta: 2, gamma: 1, gammaBetaRatio: 0.5 } as unknown as SimpoOptions),
      "bad_option",
    ],
    ["neither", () => simpoLoss(of(-1, -2), { beta: 2 } as unknown as SimpoOptions), "bad_option"],
    ["γ that is NaN", () => simpoLoss(of(-1, -2), { beta: 2, gamma: Number.NaN }), "not_finite"],
    [
      "hinge with smoothing",
      () => simpoLoss(of(-1, -2), { beta: 2, gamma: 0, type: "hinge", labelSmoothing: 0.1 }),
      "bad_option",
    ],
    [
      "an empty response",
      () => simpoLoss([{ chosen: [], rejected: [-1] }], { beta: 2, gamma: 0 }),
      "bad_option",
    ],
    ["an infinite log-prob", () => simpoLoss(of(-Infinity, -1), { beta: 2, gamma: 0 }), "not_finite"],
    ["no pair", () => simpoLoss([], { beta: 2, gamma: 0 }), "bad_option"],
  ])("refuses %s", (_, run, code) => {
    expect(run).toThrow(`[${code}]`);
  });
});

describe("alphaPoLoss", () => {
  it("puts (1 − p^(−α)) / α in the place of the mean log-prob", () => {
    // (1 − e^0.125) / 0.25 and (1 − e^0.15) / 0.25; twice their difference is 0.229486, less 0.5, then −ln σ.
    expect(alphaReward(-0.5, 0.25)).toBeCloseTo(-0.5325938123, 9);
    expect(alphaPoLoss(of(-0.5, -0.6), { alpha: 0.25, beta: 2, gamma: 0.5 }).loss).toBeCloseTo(
      0.8375234733,
      9,
    );
  });

  it("comes to SimPO as α goes to 0", () => {
    fc.assert(
      fc.property(pairs, beta, (batch, b) => {
        const simpo = simpoLoss(batch, { beta: b, gamma: 0.5 }).loss;
        expect(alphaPoLoss(batch, { alpha: 1e-9, beta: b, gamma: 0.5 }).loss).toBeCloseTo(simpo, 4);
      }),
    );
  });

  it("refuses α 0, and rewards that are infinite", () => {
    expect(() => alphaPoLoss(of(-1, -2), { alpha: 0, beta: 2, gamma: 0.5 })).toThrow("[bad_option]");
    expect(() => alphaPoLoss(of(-900, -800), { alpha: 1, beta: 2, gamma: 0.5 })).toThrow("[not_finite]");
  });
});

describe("cpoLoss", () => {
  // Sums −10 and −12 in 2 and 4 tokens (means −5 and −3), β 0.1: −ln σ(0.2); 1 − 0.2; (−2 − 5)²; −ln σ(−0.2 − 0.5).
  it.each([
    ["sigmoid", 0.5981388694],
    ["hinge", 0.8],
    ["ipo", 49],
    ["simpo", 1.1031860489],
  ] as const)("is, by %s, %f", (type, expected) => {
    const batch = [{ chosen: [-4, -6], rejected: [-3, -3, -3, -3] }];
    expect(cpoLoss(batch, { type, cpoAlpha: 0 }).loss).toBeCloseTo(expected, 9);
    // The token-mean cross-entropy of the chosen side is 5.
    expect(cpoLoss(batch, { type }).loss).toBeCloseTo(expected + 5, 9);
  });

  it("weighs every chosen token of the batch the same in the cross-entropy", () => {
    const batch = [of(-1, -1)[0], { chosen: [-2, -3], rejected: [-1] }] as PairLogprobs[];
    const without = cpoLoss(batch, { cpoAlpha: 0 }).loss;
    expect(cpoLoss(batch, { cpoAlpha: 1 }).loss - without).toBeCloseTo(2, 12);
  });

  it("refuses an unknown type", () => {
    expect(() => cpoLoss(of(-1, -2), { type: "alphapo" as CpoLossType })).toThrow("[bad_option]");
  });
});

describe("orpoLoss", () => {
  it("is the cross-entropy less β ln σ of the log odds ratio", () => {
    // Means −0.5 and −0.8: 0.3 − (ln(1 − e^−0.5) − ln(1 − e^−0.8)) = 0.636134; −ln σ = 0.424833; 0.5 + 0.0424833.
    const { loss, perPair } = orpoLoss(of(-0.5, -0.8));
    expect(perPair[0]).toBeCloseTo(0.04248327674, 9);
    expect(loss).toBeCloseTo(0.5424832767, 9);
  });

  it("takes the prompt's tokens into the cross-entropy when they are given", () => {
    const { loss } = orpoLoss([{ chosen: [-0.5], rejected: [-0.8], prompt: [-2, -3.5] }]);
    expect(loss).toBeCloseTo(2 + 0.04248327674, 9);
  });

  it("is finite for probabilities next to 1 and next to 0", () => {
    expect(orpoLoss(of(-1e-12, -700)).loss).toBeCloseTo(1e-12, 9);
    expect(orpoLoss(of(-700, -1e-12)).loss).toBeCloseTo(700 + 0.1 * (700 + Math.log(1e12)), 6);
  });

  it("refuses a side of probability 1", () => {
    expect(() => orpoLoss(of(0, -1))).toThrow("[bad_option]");
    expect(() => orpoLoss(of(-1, Number.NaN))).toThrow("[not_finite]");
    expect(() => orpoLoss([{ chosen: [-1], rejected: [-1], prompt: [-Infinity] }])).toThrow("[not_finite]");
  });
});
