import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DPO_LOSS_TYPES,
  type DpoLossType,
  type DpoOptions,
  type DpoPair,
  divergenceScore,
  dpoLoss,
  wpoWeight,
} from "../../../src/trainers/losses/index.ts";

/** Policy −10 and −12, reference −11 and −11, in 2 and 4 tokens: Δ = 1 and −1. */
const worked: DpoPair = {
  policy: { chosen: [-4, -6], rejected: [-3, -3, -3, -3] },
  reference: { chosen: [-5, -6], rejected: [-2, -3, -3, -3] },
};

const logprobs = fc.array(fc.double({ min: -20, max: 0, noNaN: true }), { minLength: 1, maxLength: 6 });
const pair = fc
  .tuple(
    logprobs,
    logprobs,
    fc.double({ min: -40, max: 0, noNaN: true }),
    fc.double({ min: -40, max: 0, noNaN: true }),
  )
  .map(
    ([chosen, rejected, a, b]): DpoPair => ({
      policy: { chosen, rejected },
      reference: { chosen: a, rejected: b },
    }),
  );
const batch = fc.array(pair, { minLength: 1, maxLength: 8 });

describe("dpoLoss", () => {
  // Each from its formula with σ(0.1) = 0.524979, σ(0.2) = 0.549834, σ(4) = 0.982014; see the docstrings.
  it.each<[DpoLossType, number, DpoOptions]>([
    ["sigmoid", 0.5981388694, {}],
    ["hinge", 0.8, {}],
    ["ipo", 18.0625, {}],
    ["sigmoid_norm", 0.6563501408, {}],
    ["exo_pair", 0.4063042507, { labelSmoothing: 0.1 }],
    ["nca_pair", 1.3387933201, {}],
    ["robust", 0.5731388694, { labelSmoothing: 0.1 }],
    ["bco_pair", 1.2887933201, {}],
    ["sppo_hard", 32, {}],
    ["aot", 0.5981388694, {}],
    ["aot_unpaired", 0.5981388694, {}],
    ["apo_zero", 0.950041625, {}],
    ["apo_down", 0.9751451902, {}],
    ["discopop", 0.8147631412, {}],
    ["sft", 5, {}],
  ])("of the worked pair is, by %s, %f", (type, expected, options) => {
    expect(dpoLoss([worked], { ...options, type }).loss).toBeCloseTo(expected, 9);
  });

  it("reports rewards βΔ, the margin and the accuracy", () => {
    const { chosenRewards, rejectedRewards, margin, accuracy } = dpoLoss([worked]);
    expect(chosenRewards[0]).toBeCloseTo(0.1, 12);
    expect(rejectedRewards[0]).toBeCloseTo(-0.1, 12);
    expect(margin).toBeCloseTo(0.2, 12);
    expect(accuracy).toBe(1);
  });

  it("starts at ln 2 when the reference is the policy, and a tie is not accurate", () => {
    const start = { policy: worked.policy, reference: worked.policy };
    const { loss, accuracy } = dpoLoss([start, start]);
    expect(loss).toBeCloseTo(Math.LN2, 12);
    expect(accuracy).toBe(0);
  });

  it("takes summed references for token lists", () => {
    const summed = { policy: worked.policy, reference: { chosen: -11, rejected: -11 } };
    for (const type of DPO_LOSS_TYPES) {
      const options = { type, labelSmoothing: 0.1 };
      expect(dpoLoss([summed], options).loss).toBeCloseTo(dpoLoss([worked], options).loss, 12);
    }
  });

  it("adds several types by their weights", () => {
    const options = {
      type: [{ type: "sigmoid", weight: 0.8 }, { type: "hinge", weight: 0.5 }, { type: "sft" }],
    } as const;
    // 0.8 · 0.598139 + 0.5 · 0.8 + 5
    expect(dpoLoss([worked], options).loss).toBeCloseTo(5.8785110955, 9);
  });

  it("sorts within the batch for aot, so pairing does not matter", () => {
    // Δ chosen 3 and 1, Δ rejected −1 and 2: sorted 1, 3 beside −1, 2: differences 2 and 1.
    const of = (chosen: number, rejected: number): DpoPair => ({
      policy: { chosen: [-1], rejected: [-1] },
      reference: { chosen: -1 - chosen, rejected: -1 - rejected },
    });
    const { perPair } = dpoLoss([of(3, -1), of(1, 2)], { type: "aot_unpaired", beta: 1 });
    expect(perPair[0]).toBeCloseTo(Math.log1p(Math.exp(-2)), 12);
    expect(perPair[1]).toBeCloseTo(Math.log1p(Math.exp(-1)), 12);
    const swapped = dpoLoss([of(3, 2), of(1, -1)], { type: "aot_unpaired", beta: 1 });
    expect(swapped.perPair).toEqual(perPair);
  });

  it("weighs tokens past the shorter side by ldAlpha", () => {
    // Shared two tokens: chosen −10, rejected −6 − 6α; reference −11, −5 − 6α: Δ = 1 and −1 whatever α, so x = 0.2 still.
    expect(dpoLoss([worked], { ldAlpha: 0 }).loss).toBeCloseTo(0.5981388694, 9);
    const uneven = { policy: worked.policy, reference: { chosen: [-5, -6], rejected: [-3, -3, -3, -2] } };
    // Δ rejected: −1 is in the last token: 0 with α 0, −0.5 with α ½.
    expect(dpoLoss([uneven], { ldAlpha: 0, beta: 1 }).loss).toBeCloseTo(Math.log1p(Math.exp(-1)), 12);
    expect(dpoLoss([uneven], { ldAlpha: 0.5, beta: 1 }).loss).toBeCloseTo(Math.log1p(Math.exp(-1.5)), 12);
    expect(dpoLoss([uneven], { ldAlpha: 1 }).loss).toBe(dpoLoss([uneven]).loss);
  });

  it("multiplies each pair's loss by its weight", () => {
    const { perPair, loss } = dpoLoss([worked, { ...worked, weight: 0.5 }]);
    expect(perPair[1]).toBeCloseTo((perPair[0] ?? 0) / 2, 12);
    expect(loss).toBeCloseTo(0.75 * 0.5981388694, 9);
  });

  it("falls as the margin grows: sigmoid, sigmoid_norm, bco_pair, apo_zero, nca_pair of the rejected side", () => {
    fc.assert(
      fc.property(pair, fc.double({ min: 0.1, max: 5, noNaN: true }), (given, step) => {
        const reference = {
          chosen: given.reference.chosen,
          rejected: Number(given.reference.rejected) + step,
        };
        for (const type of ["sigmoid", "sigmoid_norm", "bco_pair", "apo_zero", "nca_pair"] as const) {
          const before = dpoLoss([given], { type }).loss;
          expect(dpoLoss([{ ...given, reference }], { type }).loss).toBeLessThanOrEqual(before);
        }
      }),
    );
  });

  it("is the mean of perPair and finite for every type, however far apart the sums", () => {
    fc.assert(
      fc.property(batch, fc.constantFrom(...DPO_LOSS_TYPES), (pairs, type) => {
        const { loss, perPair } = dpoLoss(pairs, { type, labelSmoothing: 0.1, beta: 2 });
        expect(perPair).toHaveLength(pairs.length);
        expect(Number.isFinite(loss)).toBe(true);
        expect(loss).toBeCloseTo(
          perPair.reduce((sum, value) => sum + value / pairs.length, 0),
          6,
        );
      }),
    );
  });

  it("stays finite where exp would overflow, and says so where the formula itself does", () => {
    const far: DpoPair = {
      policy: { chosen: [-5000], rejected: [-1] },
      reference: { chosen: [-1], rejected: [-5000] },
    };
    expect(dpoLoss([far], { beta: 1 }).loss).toBeCloseTo(9998, 6);
    expect(dpoLoss([far], { beta: 1, type: "discopop" }).loss).toBeCloseTo(9998, 6);
    expect(() => dpoLoss([far], { divergence: "forward_kl" })).toThrow("[not_finite]");
    expect(dpoLoss([far], { divergence: "alpha_divergence" }).loss).toBeGreaterThan(1e30);
  });

  it.each<[string, () => unknown, string]>([
    ["an empty batch", () => dpoLoss([]), "bad_option"],
    ["an empty side", () => dpoLoss([{ ...worked, policy: { chosen: [], rejected: [-1] } }]), "bad_option"],
    ["NaN", () => dpoLoss([{ ...worked, policy: { chosen: [Number.NaN], rejected: [-1] } }]), "not_finite"],
    ["−∞", () => dpoLoss([{ ...worked, policy: { chosen: [-Infinity], rejected: [-1] } }]), "not_finite"],
    [
      "a probability above 1",
      () => dpoLoss([{ ...worked, policy: { chosen: [0.5], rejected: [-1] } }]),
      "bad_option",
    ],
    [
      "a reference of other length",
      () => dpoLoss([{ ...worked, reference: { chosen: [-1], rejected: -3 } }]),
      "bad_option",
    ],
    [
      "an infinite reference sum",
      () => dpoLoss([{ ...worked, reference: { chosen: -Infinity, rejected: 0 } }]),
      "not_finite",
    ],
    [
      "ldAlpha beside sums",
      () => dpoLoss([{ ...worked, reference: { chosen: -1, rejected: -1 } }], { ldAlpha: 0.5 }),
      "bad_option",
    ],
    ["ldAlpha above 1", () => dpoLoss([worked], { ldAlpha: 1.1 }), "bad_option"],
    ["beta 0", () => dpoLoss([worked], { beta: 0 }), "bad_option"],
    ["smoothing of one half", () => dpoLoss([worked], { labelSmoothing: 0.5 }), "bad_option"],
    ["exo_pair without smoothing", () => dpoLoss([worked], { type: "exo_pair" }), "bad_option"],
    ["no type", () => dpoLoss([worked], { type: [] }), "bad_option"],
    ["an unknown type", () => dpoLoss([worked], { type: "toString" as DpoLossType }), "bad_option"],
    ["an unknown divergence", () => dpoLoss([worked], { divergence: "kl" as "forward_kl" }), "bad_option"],
    ["a weight that is NaN", () => dpoLoss([{ ...worked, weight: Number.NaN }]), "not_finite"],
  ])("refuses %s", (_, run, code) => {
    expect(run).toThrow(`[${code}]`);
  });
});

describe("divergenceScore", () => {
  // By hand at Δ = 1: 1 − 1/e; ln 2 + ln σ(1); (e^−½ − 1) / −½.
  it.each([
    ["reverse_kl", 1],
    ["forward_kl", 0.6321205588],
    ["js_divergence", 0.379885493],
    ["alpha_divergence", 0.7869386806],
  ] as const)("of %s at 1 is %f", (name, expected) => {
    expect(divergenceScore(1, name, 0.5)).toBeCloseTo(expected, 9);
  });

  it("is 0 at 0 and grows with the log-ratio", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"),
        fc.double({ min: -30, max: 30, noNaN: true }),
        fc.double({ min: -30, max: 30, noNaN: true }),
        (name, a, b) => {
          expect(divergenceScore(0, name, 0.5)).toBeCloseTo(0, 12);
          if (a < b) expect(divergenceScore(a, name, 0.5)).toBeLessThanOrEqual(divergenceScore(b, name, 0.5));
        },
      ),
    );
  });

  it("keeps the exponent of the alpha divergence at 80, and is the log-ratio at α = 1", () => {
    expect(divergenceScore(1000, "alpha_divergence", 2)).toBe(Math.expm1(80));
    expect(divergenceScore(3, "alpha_divergence", 1)).toBe(3);
  });
});

describe("wpoWeight", () => {
  it("is 1 where the policy is uniform, and less for a text it would not write", () => {
    // Two equal tokens: Σp² = ½, so ln ½ − ln ½ = 0. Probabilities 0.9 and 0.1: Σp² = 0.82, 0.1 / 0.82.
    expect(wpoWeight([Math.log(0.5)], [Math.log(0.5)])).toBeCloseTo(1, 12);
    expect(wpoWeight([Math.log(0.1)], [Math.log(0.82)])).toBeCloseTo(0.1219512195, 9);
  });

  it("refuses lists of different lengths", () => {
    expect(() => wpoWeight([-1, -2], [-1])).toThrow("[bad_option]");
    expect(() => wpoWeight([-1], [Number.NaN])).toThrow("[not_finite]");
  });
});
