import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  GRPO_LOSS_TYPES,
  type GrpoOptions,
  type GrpoSequence,
  grpoAdvantages,
  grpoLoss,
} from "../../../src/trainers/losses/index.ts";

/** ρ = e^½ = 1.648721 and 1; then one token with ρ = e^−1 = 0.367879. */
const worked: GrpoSequence[] = [
  { policy: [-1, -2], old: [-1.5, -2], advantage: 1 },
  { policy: [-3], old: [-2], advantage: -2 },
];

const options: GrpoOptions = { maxCompletionLength: 4 };

describe("grpoLoss", () => {
  // ε 0.2. Text 1: −1.2 and −1. Text 2: A < 0, so −min(0.367879 · −2, 0.8 · −2) = 1.6 (clipped from below).
  it.each<[string, GrpoOptions, number]>([
    ["grpo: mean of −1.1 and 1.6", { type: "grpo" }, 0.25],
    ["bnpo: (−2.2 + 1.6) / 3", { type: "bnpo" }, -0.2],
    ["dr_grpo: −0.6 / (2 · 4)", { type: "dr_grpo" }, -0.075],
    ["dapo: −0.6 / 3 tokens of this batch", { type: "dapo" }, -0.2],
    ["dapo: −0.6 / 6 tokens of the generation batch", { type: "dapo", normalizer: 6 }, -0.1],
    ["luspo: −0.6 / 2", { type: "luspo" }, -0.3],
    // min(ρ, 1.5): 1.5 · −1 and 1 · −2 (−A logp = 1.5 + 2); 0.367879 · −2 · −3 → −2.207277; over 3.
    ["cispo", { type: "cispo", epsilonHigh: 1.5 }, (1.5 + 2 - 6 * Math.exp(-1)) / 3],
    // −4σ(0.648721) and −4σ(0) = −2; A < 0, τ 1.05: 2 · 4/1.05 · σ(1.05 (0.367879 − 1)).
    ["sapo", { type: "sapo" }, ((-4 * 0.656722246 - 2) / 2 + (8 / 1.05) * 0.339902983) / 2],
    // One ρ for text 1: e^¼ = 1.284025 → 1.2 for both tokens.
    ["GSPO: mean of −1.2 and 1.6", { type: "grpo", level: "sequence" }, 0.2],
    ["GSPO-token has GSPO's value", { type: "grpo", level: "sequence_token" }, 0.2],
    ["a higher upper bound: −(1.28 + 1) / 2", { type: "grpo", epsilonHigh: 0.28 }, (-1.14 + 1.6) / 2],
  ])("%s", (_, given, expected) => {
    expect(grpoLoss(worked, { ...options, ...given }).loss).toBeCloseTo(expected, 5);
  });

  it("bounds the unclipped ratio by delta, which acts where A < 0", () => {
    // ρ = e^3 = 20.1, A −1: without delta 20.1, with delta 4 only 4.
    const runaway = [{ policy: [-1], old: [-4], advantage: -1 }];
    expect(grpoLoss(runaway, { type: "grpo" }).loss).toBeCloseTo(Math.exp(3), 9);
    expect(grpoLoss(runaway, { type: "grpo", delta: 4 }).loss).toBe(4);
  });

  it("says which share of tokens was clipped", () => {
    const { clippedLow, clippedHigh } = grpoLoss(worked, { type: "grpo" });
    expect(clippedLow).toBeCloseTo(1 / 3, 12);
    expect(clippedHigh).toBeCloseTo(1 / 3, 12);
  });

  it("adds k3 of the reference, times the ratio when bias-corrected", () => {
    // ref − logp = 1: k3 = e − 2 = 0.718282. ρ = e^½.
    const sequence = { policy: [-2], old: [-2.5], reference: [-1], advantage: 0 };
    const plain = grpoLoss([sequence], { type: "grpo", beta: 0.1, biasCorrectedKl: false });
    expect(plain.loss).toBeCloseTo(0.0718281828, 9);
    expect(plain.kl).toBeCloseTo(0.7182818285, 9);
    const corrected = grpoLoss([sequence], { type: "grpo", beta: 0.1 });
    expect(corrected.loss).toBeCloseTo(0.0718281828 * Math.exp(0.5), 9);
    const tokenwise = grpoLoss([sequence], { type: "grpo", beta: 0.1, level: "sequence_token" });
    expect(tokenwise.loss).toBe(plain.loss);
  });

  it("is minus the mean advantage in grpo, and weighted by length in dapo, while the policy is the one that sampled", () => {
    // −(1 · 3 − 1 · 1) / 4 = −0.5.
    const fresh = [
      { policy: [-1, -2, -3], advantage: 1 },
      { policy: [-1], advantage: -1 },
    ];
    expect(grpoLoss(fresh, { type: "grpo" }).loss).toBeCloseTo(0, 12);
    expect(grpoLoss(fresh).loss).toBeCloseTo(-0.5, 12);
  });

  it("leaves masked tokens out of sums, counts and the sequence ratio, and an emptied text adds 0", () => {
    const tool = { policy: [-1, -9, -2], old: [-1.5, -1, -2], advantage: 1, mask: [true, false, true] };
    const [without] = worked;
    for (const level of ["token", "sequence"] as const) {
      const expected = grpoLoss([without as GrpoSequence], { type: "bnpo", level }).loss;
      expect(grpoLoss([tool], { type: "bnpo", level }).loss).toBeCloseTo(expected, 12);
    }
    const cut = { policy: [-1, -2], advantage: 3, mask: [false, false] };
    expect(grpoLoss([cut], { type: "bnpo" }).loss).toBe(0);
    expect(grpoLoss([...worked, cut], { type: "grpo" }).loss).toBeCloseTo(0.5 / 3, 12);
  });

  it("teaches nothing through an unscored completion, which still counts in the denominators", () => {
    const unscored = { policy: [-1, -1, -1], old: [-2, -1, -3], advantage: 0 };
    for (const type of GRPO_LOSS_TYPES) {
      const { perToken } = grpoLoss([unscored], { type, maxCompletionLength: 3 });
      expect(perToken.flat().map(Math.abs)).toEqual([0, 0, 0]);
    }
    expect(grpoLoss([...worked, unscored], { type: "bnpo" }).loss).toBeCloseTo(-0.6 / 6, 12);
  });

  it("never lets the loss of a clipped token fall below −(1 + ε) A for A > 0", () => {
    const logprob = fc.double({ min: -30, max: 0, noNaN: true });
    fc.assert(
      fc.property(logprob, logprob, fc.double({ min: 0, max: 5, noNaN: true }), (policy, old, advantage) => {
        const { loss } = grpoLoss([{ policy: [policy], old: [old], advantage }], { type: "grpo" });
        expect(loss).toBeGreaterThanOrEqual(-1.2 * advantage - 1e-12);
      }),
    );
  });

  it("has a KL that is never below 0", () => {
    const logprob = fc.double({ min: -30, max: 0, noNaN: true });
    fc.assert(
      fc.property(logprob, logprob, (policy, reference) => {
        const { kl } = grpoLoss([{ policy: [policy], reference: [reference], advantage: 0 }], { beta: 1 });
        expect(kl).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it.each<[string, () => unknown, string]>([
    ["no sequence", () => grpoLoss([]), "bad_option"],
    ["NaN", () => grpoLoss([{ policy: [Number.NaN], advantage: 0 }]), "not_finite"],
    ["an advantage that is NaN", () => grpoLoss([{ policy: [-1], advantage: Number.NaN }]), "not_finite"],
    ["an overflowing ratio", () => grpoLoss([{ policy: [-1], old: [-900], advantage: -1 }]), "not_finite"],
    ["old of another length", () => grpoLoss([{ policy: [-1], old: [-1, -2], advantage: 0 }]), "bad_option"],
    ["a mask of another length", () => grpoLoss([{ policy: [-1], mask: [], advantage: 0 }]), "bad_option"],
    ["a KL term without a reference", () => grpoLoss(worked, { beta: 0.1 }), "bad_option"],
    ["dr_grpo without its length", () => grpoLoss(worked, { type: "dr_grpo" }), "bad_option"],
    ["a normalizer of 0", () => grpoLoss(worked, { normalizer: 0 }), "bad_option"],
    ["an unknown type", () => grpoLoss(worked, { type: "ppo" as "grpo" }), "bad_option"],
    ["an unknown level", () => grpoLoss(worked, { level: "text" as "token" }), "bad_option"],
    ["a negative epsilon", () => grpoLoss(worked, { epsilonLow: -0.1 }), "bad_option"],
    ["delta 0", () => grpoLoss(worked, { delta: 0 }), "bad_option"],
  ])("refuses %s", (_, run, code) => {
    expect(run).toThrow(`[${code}]`);
  });
});

describe("grpoAdvantages", () => {
  const rows = [[1], [0], [null], [0]];

  it("leaves an unscored completion out of mean and deviation, and gives it 0", () => {
    // Mean 1/3, deviation 0.577350 (n − 1 = 2): (2/3) / 0.577450 and (−1/3) / 0.577450.
    const advantages = grpoAdvantages(rows, { groupSize: 4 });
    expect(advantages[2]).toBe(0);
    expect(advantages[0]).toBeCloseTo(1.154500573, 9);
    expect(advantages[1]).toBeCloseTo(-0.5772502865, 9);
    expect(grpoAdvantages(rows, { groupSize: 4, scale: "none" })[0]).toBeCloseTo(2 / 3, 12);
  });

  it("divides by the deviation of the whole batch when asked", () => {
    // Totals 1, 0, 3, 3: mean 1.75, squares 0.5625 + 3.0625 + 1.5625 + 1.5625 = 6.75, deviation 1.5.
    const advantages = grpoAdvantages([[1], [0], [3], [3]], { groupSize: 2, scale: "batch" });
    expect(advantages[0]).toBeCloseTo(0.5 / 1.5001, 12);
    expect(advantages[1]).toBeCloseTo(-0.5 / 1.5001, 12);
    expect(advantages.slice(2)).toEqual([0, 0]);
  });

  it("normalizes each function by itself first, in GDPO, and then the whole batch", () => {
    // Function 1: [1, 0] → ±0.707007; function 2 says nothing of the group. Sums ±0.707007, deviation 0.999859.
    const first = 0.5 / (Math.SQRT1_2 + 1e-4);
    const options = { groupSize: 2, aggregation: "normalize_then_sum" } as const;
    const advantages = grpoAdvantages(
      [
        [1, 5],
        [0, 5],
      ],
      options,
    );
    expect(advantages[0]).toBeCloseTo(first / (first * Math.SQRT2 + 1e-4), 9);
    // Two functions of unlike scales: z is ±0.866 in both, sums ±1.732, 0, 0, deviation 1.414. Summed first, the larger rules.
    const mixed = [
      [1, 100],
      [0, 0],
      [0, 100],
      [1, 0],
    ];
    const equally = grpoAdvantages(mixed, { ...options, groupSize: 4 });
    expect(equally[0]).toBeCloseTo(1.2247, 3);
    expect(equally[2]).toBeCloseTo(0, 3);
    expect(grpoAdvantages(mixed, { groupSize: 4 })[2]).toBeCloseTo(49.5 / 57.7379, 3);
  });

  it("takes a missing function for no opinion, weighted sums for rewards", () => {
    // Totals 1 + 2 · 1 = 3 and 1: mean 2.
    const advantages = grpoAdvantages(
      [
        [1, 1],
        [1, null],
      ],
      { groupSize: 2, weights: [1, 2], scale: "none" },
    );
    expect(advantages).toEqual([1, -1]);
  });

  it("gives 0 for each unscored row, whatever the scale, and sums to 0 within a group unless whitened", () => {
    const cell = fc.option(fc.double({ min: -10, max: 10, noNaN: true }), { nil: null });
    const table = fc.array(fc.tuple(cell, cell), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(table, fc.constantFrom("group", "batch", "none"), fc.boolean(), (rewards, scale, gdpo) => {
        const aggregation = gdpo ? "normalize_then_sum" : "sum_then_normalize";
        const advantages = grpoAdvantages(rewards, { groupSize: 4, scale, aggregation });
        rewards.forEach((row, index) => {
          if (row.every((value) => value === null)) expect(advantages[index]).toBe(0);
          expect(Number.isFinite(advantages[index])).toBe(true);
        });
        if (!gdpo) {
          for (const start of [0, 4]) {
            const sum = advantages.slice(start, start + 4).reduce((a, b) => a + b, 0);
            expect(sum).toBeCloseTo(0, 6);
          }
        }
      }),
    );
  });

  it.each<[string, () => unknown, string]>([
    ["no row", () => grpoAdvantages([], { groupSize: 2 }), "bad_option"],
    ["part of a group", () => grpoAdvantages([[1], [2], [3]], { groupSize: 2 }), "bad_option"],
    ["groups of one", () => grpoAdvantages([[1]], { groupSize: 1 }), "bad_option"],
    ["rows of different widths", () => grpoAdvantages([[1], [1, 2]], { groupSize: 2 }), "bad_option"],
    ["rows without entries", () => grpoAdvantages([[], []], { groupSize: 2 }), "bad_option"],
    ["other weights", () => grpoAdvantages([[1], [2]], { groupSize: 2, weights: [1, 1] }), "bad_option"],
    ["NaN", () => grpoAdvantages([[Number.NaN], [2]], { groupSize: 2 }), "not_finite"],
    [
      "an infinite weight",
      () => grpoAdvantages([[1], [2]], { groupSize: 2, weights: [Infinity] }),
      "not_finite",
    ],
    [
      "an unknown scale",
      () => grpoAdvantages([[1], [2]], { groupSize: 2, scale: "all" as "group" }),
      "bad_option",
    ],
    [
      "an unknown aggregation",
      () => grpoAdvantages([[1], [2]], { groupSize: 2, aggregation: "sum" as "sum_then_normalize" }),
      "bad_option",
    ],
  ])("refuses %s", (_, run, code) => {
    expect(run).toThrow(`[${code}]`);
  });
});
