import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advantage } from "../../src/shaping/advantage.ts";
import {
  ADVANTAGE_CONVENTIONS,
  ADVANTAGE_METHODS,
  type AdvantageConventionName,
  type AdvantageMethod,
  groupAdvantages,
} from "../../src/shaping/advantages.ts";
import { anyValue } from "../../src/testing/rewarded-group.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyIn } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

const methods = Object.keys(ADVANTAGE_METHODS) as AdvantageMethod[];
const conventions = Object.keys(ADVANTAGE_CONVENTIONS) as AdvantageConventionName[];

/** [1, 0] by verl: mean 0.5, std sqrt(0.5), epsilon 1e-6. */
const verlHalf = 0.5 / (Math.SQRT1_2 + 1e-6);

for (const method of methods) transformContract(advantage({ method }));
transformContract(advantage({ convention: "verl" }));

describe("group advantages", () => {
  it.each([
    {
      rewards: [1, 1, 1, 0, 0, 0, 0, 0],
      options: { convention: "verl" },
      // mean 3/8, std sqrt(15/8 / 7) = 0.5175491695, plus 1e-6.
      expected: [1.207612, 1.207612, 1.207612, -0.724567, -0.724567, -0.724567, -0.724567, -0.724567],
    },
    { rewards: [1, 0], options: { convention: "verl" }, expected: [verlHalf, -verlHalf] },
    // 0.5 / (sqrt(0.5) + 1e-4)
    { rewards: [1, 0], options: {}, expected: [0.7070067953, -0.7070067953] },
    // 0.5 / (sqrt(0.5) + 1e-9)
    {
      rewards: [1, 0],
      options: { convention: "openrlhf" },
      expected: [0.5 / (Math.SQRT1_2 + 1e-9), -0.5 / (Math.SQRT1_2 + 1e-9)],
    },
    // 0.5 / 0.5
    { rewards: [1, 0], options: { epsilon: 0, deviation: "population" }, expected: [1, -1] },
    { rewards: [1, 0], options: { method: "dr-grpo" }, expected: [0.5, -0.5] },
    { rewards: [1, 0, 0, 1], options: { method: "mean-only" }, expected: [0.5, -0.5, -0.5, 0.5] },
    // 4 - (1 + 1) / 2 = 3; 1 - (4 + 1) / 2 = -1.5.
    { rewards: [4, 1, 1], options: { method: "rloo" }, expected: [3, -1.5, -1.5] },
    // The unscored one is left out: 4 - 1 = 3.
    { rewards: [4, null, 1], options: { method: "rloo" }, expected: [3, null, -3] },
  ] as const)("of $rewards are $expected with $options", ({ rewards, options, expected }) => {
    expectValues(groupAdvantages(rewards, options), expected, 6);
  });

  it("give an unscored response null, or 0 as trainers do, and leave it out of the statistics", () => {
    const rewards = [1, null, 0];
    expectValues(groupAdvantages(rewards, { convention: "verl" }), [verlHalf, null, -verlHalf], 6);
    expectValues(
      groupAdvantages(rewards, { convention: "verl", unscored: "zero" }),
      [verlHalf, 0, -verlHalf],
      6,
    );
    expect(groupAdvantages([null, null])).toEqual([null, null]);
    expect(groupAdvantages([])).toEqual([]);
  });

  it("are zero where all rewards are equal, whatever the method and the epsilon", () => {
    for (const method of methods) {
      for (const convention of conventions) {
        expect(groupAdvantages([0.1, 0.1, null, 0.1], { method, convention })).toEqual([0, 0, null, 0]);
      }
    }
    expect(groupAdvantages([3, 3], { epsilon: 0 })).toEqual([0, 0]);
  });

  it("of a group of one are zero, or in verl the reward itself", () => {
    for (const method of methods) {
      expect(groupAdvantages([7, null], { method })).toEqual([0, null]);
      expect(groupAdvantages([7], { method, convention: "openrlhf" })).toEqual([0]);
    }
    expect(groupAdvantages([7], { convention: "verl" })).toEqual([7 / (1 + 1e-6)]);
    expect(groupAdvantages([7, null], { method: "dr-grpo", convention: "verl" })).toEqual([7, null]);
    expect(groupAdvantages([7], { method: "rloo", convention: "verl" })).toEqual([7]);
    expect(groupAdvantages([7], { convention: "verl", single: "zero" })).toEqual([0]);
  });

  it("sum to zero over the scored responses, by every method and convention", () => {
    const rewards = fc.array(fc.option(anyValue(), { freq: 5 }), { maxLength: 12 });
    fc.assert(
      fc.property(
        rewards,
        fc.constantFrom(...methods),
        fc.constantFrom(...conventions),
        (given, method, convention) => {
          fc.pre(given.filter((reward) => reward !== null).length !== 1);
          const got = groupAdvantages(given, { method, convention, unscored: "zero" });
          expect(Math.abs(got.reduce<number>((sum, value) => sum + (value ?? 0), 0))).toBeLessThan(1e-6);
        },
      ),
      { seed: 1 },
    );
  });

  it("do not change when the same amount is added to all rewards", () => {
    const rewards = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(
        rewards,
        fc.constantFrom(-5, 1, 100),
        fc.constantFrom(...methods),
        (given, amount, method) => {
          const moved = groupAdvantages(
            given.map((reward) => reward + amount),
            { method },
          );
          expectValues(moved, groupAdvantages(given, { method }), 6);
        },
      ),
      { seed: 1 },
    );
  });

  it.each([[[1, Number.NaN]], [[Infinity]], [[1e200, -1e200]]])("refuse the rewards %j", (rewards) => {
    expect(() => groupAdvantages(rewards)).toThrow(expect.objectContaining({ code: "not_finite" }));
  });
});

describe("advantage", () => {
  it("counts candidates alone: a baseline is no rollout, and gets nothing", () => {
    const roles = ["candidate", "baseline", "candidate"] as const;
    expectValues(
      applyIn(advantage({ convention: "verl" }), [1, 9, 0], { roles }),
      [verlHalf, null, -verlHalf],
      6,
    );
  });

  it("takes a method, a convention, and single rules of it by option", () => {
    expect(applyIn(advantage({ method: "rloo" }), [4, 1, 1, null])).toEqual([3, -1.5, -1.5, null]);
    expect(applyIn(advantage({ epsilon: 0, deviation: "population" }), [1, 0])).toEqual([1, -1]);
  });

  it.each([
    { method: "ppo" },
    { convention: "nemo" },
    { epsilon: -1 },
    { unscored: "zero" },
    { deviation: "n" },
  ])("refuses the options %j", (options) => {
    // @ts-expect-error: some of these are not even options
    expect(() => advantage(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});

describe("groupAdvantages without types", () => {
  it.each([
    { options: { convention: "Verl" }, names: 'convention "Verl"' },
    { options: { method: "GRPO" }, names: 'method "GRPO"' },
    { options: { method: "constructor" }, names: 'method "constructor"' },
  ])("refuses $options", ({ options, names }) => {
    expect(() => groupAdvantages([1, 0], options as object)).toThrow(names);
  });

  it("takes an option that is undefined for one that is not given", () => {
    const given = { epsilon: undefined } as object;
    expect(groupAdvantages([1, 0], given)).toEqual(groupAdvantages([1, 0]));
  });
});
