import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rewardLoss } from "../../../src/trainers/losses/index.ts";

const reward = fc.double({ min: -50, max: 50, noNaN: true });

describe("rewardLoss", () => {
  // r_c 1.3, r_r 0.4: −ln σ(0.9), −ln σ(0.9 − m), −m ln σ(0.9); the last row is the wrong order.
  it.each([
    { chosen: 1.3, margin: 1, plain: 0.3411538747, shift: 0.7443966601, scale: 0.3411538747 },
    { chosen: 1.3, margin: 2, plain: 0.3411538747, shift: 1.3873353251, scale: 0.6823077495 },
    { chosen: 1.3, margin: 3, plain: 0.3411538747, shift: 2.2155195232, scale: 1.0234616242 },
    { chosen: -0.5, margin: 2, plain: 1.2411538747, shift: 2.9535627762, scale: 2.4823077495 },
  ])("of Δ = $chosen − 0.4 and margin $margin is $plain, $shift shifted, $scale scaled", (row) => {
    const batch = [{ chosen: row.chosen, rejected: 0.4, margin: row.margin }];
    expect(rewardLoss(batch, { use: "ignore" }).loss).toBeCloseTo(row.plain, 9);
    expect(rewardLoss(batch).loss).toBeCloseTo(row.shift, 9);
    expect(rewardLoss(batch, { use: "scale" }).loss).toBeCloseTo(row.scale, 9);
  });

  it("adds the mean squared sum of rewards, times the centering", () => {
    // (1.3 + 0.4)² = 2.89; 0.01 of it.
    expect(rewardLoss([{ chosen: 1.3, rejected: 0.4 }], { centering: 0.01 }).loss).toBeCloseTo(
      0.3700538747,
      9,
    );
  });

  it("counts a tie as wrong", () => {
    expect(
      rewardLoss([
        { chosen: 1, rejected: 1 },
        { chosen: 2, rejected: 1 },
      ]).accuracy,
    ).toBe(0.5);
  });

  it("scaled by m is the plain loss m times, and all agree without a margin", () => {
    fc.assert(
      fc.property(reward, reward, fc.integer({ min: 1, max: 3 }), (chosen, rejected, margin) => {
        const plain = rewardLoss([{ chosen, rejected }], { use: "ignore" }).loss;
        expect(rewardLoss([{ chosen, rejected, margin }], { use: "scale" }).loss).toBeCloseTo(
          margin * plain,
          9,
        );
        expect(rewardLoss([{ chosen, rejected }], { use: "shift" }).loss).toBe(plain);
        expect(rewardLoss([{ chosen, rejected }], { use: "scale" }).loss).toBe(plain);
      }),
    );
  });

  it.each<[string, () => unknown, string]>([
    ["no pair", () => rewardLoss([]), "bad_option"],
    ["NaN", () => rewardLoss([{ chosen: Number.NaN, rejected: 0 }]), "not_finite"],
    ["∞", () => rewardLoss([{ chosen: 1, rejected: Infinity }]), "not_finite"],
    [
      "a margin that is NaN",
      () => rewardLoss([{ chosen: 1, rejected: 0, margin: Number.NaN }]),
      "not_finite",
    ],
    [
      "a negative strength",
      () => rewardLoss([{ chosen: 1, rejected: 0, margin: -2 }], { use: "scale" }),
      "bad_option",
    ],
    ["a negative centering", () => rewardLoss([{ chosen: 1, rejected: 0 }], { centering: -1 }), "bad_option"],
    [
      "an unknown use",
      () => rewardLoss([{ chosen: 1, rejected: 0 }], { use: "margin" as "shift" }),
      "bad_option",
    ],
  ])("refuses %s", (_, run, code) => {
    expect(run).toThrow(`[${code}]`);
  });
});
