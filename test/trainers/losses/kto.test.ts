import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KtoExample, ktoKl, ktoLoss } from "../../../src/trainers/losses/index.ts";

const worked: KtoExample[] = [
  { policy: [-4, -6], reference: [-5, -6], label: true },
  { policy: [-12], reference: -11, label: false },
];

describe("ktoKl", () => {
  it("is the mean log-ratio, and never below 0", () => {
    // (1 − 0.5) / 2, and −1 cut at 0.
    const rows = [
      { policy: [-3], reference: [-4] },
      { policy: [-2, -3], reference: -4.5 },
    ];
    expect(ktoKl(rows)).toBeCloseTo(0.25, 12);
    expect(ktoKl([{ policy: [-3], reference: [-2] }])).toBe(0);
  });

  it("refuses no row", () => {
    expect(() => ktoKl([])).toThrow("[bad_option]");
  });
});

describe("ktoLoss", () => {
  it("is 1 − σ(β(Δ − kl)) for desirable and 1 − σ(β(kl − Δ)) for undesirable completions", () => {
    // Δ = 1 and −1, kl 0.25, β 0.1: 1 − σ(0.075), 1 − σ(0.125).
    const { perExample, loss, rewards } = ktoLoss(worked, { kl: 0.25 });
    expect(perExample[0]).toBeCloseTo(0.4812587841, 9);
    expect(perExample[1]).toBeCloseTo(0.4687906266, 9);
    expect(loss).toBeCloseTo(0.4750247054, 9);
    expect(rewards[0]).toBeCloseTo(0.1, 12);
  });

  it("weighs both kinds, and reads no kl in the APO form", () => {
    // 1 − σ(0.1) = 0.475021 and σ(−0.1) = 0.475021; weights 2 and 0.5: 1.25 · 0.475021.
    const { loss } = ktoLoss(worked, {
      type: "apo_zero_unpaired",
      desirableWeight: 2,
      undesirableWeight: 0.5,
    });
    expect(loss).toBeCloseTo(0.5937760157, 9);
  });

  it("is one half at the start, and always within 0 and 1", () => {
    expect(ktoLoss([{ policy: [-7], reference: [-7], label: true }], { kl: 0 }).loss).toBe(0.5);
    const sum = fc.double({ min: -5000, max: 0, noNaN: true });
    fc.assert(
      fc.property(
        sum,
        sum,
        fc.boolean(),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (policy, reference, label, kl) => {
          const { loss } = ktoLoss([{ policy: [policy], reference, label }], { kl });
          expect(loss).toBeGreaterThanOrEqual(0);
          expect(loss).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it.each<[string, () => unknown, string]>([
    ["a missing kl", () => ktoLoss(worked), "bad_option"],
    ["a negative kl", () => ktoLoss(worked, { kl: -1 }), "bad_option"],
    ["a kl nobody reads", () => ktoLoss(worked, { type: "apo_zero_unpaired", kl: 1 }), "bad_option"],
    ["an infinite kl", () => ktoLoss(worked, { kl: Infinity }), "not_finite"],
    [
      "other token counts",
      () => ktoLoss([{ policy: [-1], reference: [-1, -1], label: true }], { kl: 0 }),
      "bad_option",
    ],
    ["NaN", () => ktoLoss([{ policy: [-1], reference: Number.NaN, label: true }], { kl: 0 }), "not_finite"],
    ["no example", () => ktoLoss([], { kl: 0 }), "bad_option"],
    ["an unknown type", () => ktoLoss(worked, { type: "bco" as "kto", kl: 0 }), "bad_option"],
  ])("refuses %s", (_, run, code) => {
    expect(run).toThrow(`[${code}]`);
  });
});
