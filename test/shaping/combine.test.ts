import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failed, scored } from "../../src/core/scorer.ts";
import type { ScoredGroup } from "../../src/core/types.ts";
import { clip } from "../../src/shaping/clip.ts";
import { combine, combinePlan } from "../../src/shaping/combine.ts";
import { minMax } from "../../src/shaping/min-max.ts";
import { standardize } from "../../src/shaping/standardize.ts";
import type { Transform } from "../../src/shaping/transform.ts";
import { anyRewardedGroup, rewardedGroupOf } from "../../src/testing/rewarded-group.ts";

/** A scored group of as many responses as each column has values. */
function scoredGroup(scores: Record<string, readonly (number | null)[]>): ScoredGroup {
  const count = Object.values(scores)[0]?.length ?? 0;
  return rewardedGroupOf(new Array<null>(count).fill(null), { scores });
}

describe("combine", () => {
  it("makes one scorer alone the reward, as it is", () => {
    const plan = combinePlan({ terms: [{ score: "correct" }] });
    const { rewards, terms } = combine(plan, scoredGroup({ correct: [1, 0, null, 0.25] }));
    expect(rewards).toEqual([1, 0, null, 0.25]);
    expect(terms).toEqual([{ score: "correct", values: [1, 0, null, 0.25] }]);
  });

  it("sums weighted values, after the transforms of each term", () => {
    const plan = combinePlan({
      terms: [
        { score: "correct", weight: 2 },
        { score: "style", weight: -0.5, transforms: [clip({ max: 20 }), minMax()] },
      ],
    });
    // style clipped: 10, 20, 20; stretched: 0, 1, 1. 2 * 1 - 0; 2 * 0 - 0.5; 2 * 0.5 - 0.5.
    const { rewards, terms } = combine(plan, scoredGroup({ correct: [1, 0, 0.5], style: [10, 20, 90] }));
    expect(rewards).toEqual([2, -0.5, 0.5]);
    expect(terms[1]).toEqual({ score: "style", values: [0, 1, 1] });
  });

  it("never gives minus zero, which reads as another number in some tools", () => {
    const plan = combinePlan({ terms: [{ score: "style", weight: -1 }] });
    expect(Object.is(combine(plan, scoredGroup({ style: [0] })).rewards[0], 0)).toBe(true);
  });

  it("gives baselines a reward as well", () => {
    const group = rewardedGroupOf([null, null], { roles: ["baseline", "candidate"], scores: { a: [1, 2] } });
    expect(combine(combinePlan({ terms: [{ score: "a" }] }), group).rewards).toEqual([1, 2]);
  });

  describe("at an unscored cell", () => {
    const scores = { a: [1, null, null, 4], b: [10, 20, null, null] };

    it.each([
      { onA: "null", onB: "null", expected: [11, null, null, null] },
      { onA: "drop-term", onB: "null", expected: [11, 20, null, null] },
      { onA: "null", onB: "drop-term", expected: [11, null, null, 4] },
      { onA: "drop-term", onB: "drop-term", expected: [11, 20, null, 4] },
    ] as const)("with $onA and $onB gives $expected", ({ onA, onB, expected }) => {
      const plan = combinePlan({
        terms: [
          { score: "a", onUnscored: onA },
          { score: "b", onUnscored: onB },
        ],
      });
      expect(combine(plan, scoredGroup(scores)).rewards).toEqual(expected);
    });

    it("keeps the other weights as they are when a term is dropped", () => {
      const plan = combinePlan({
        terms: [
          { score: "a", weight: 0.5 },
          { score: "b", weight: 0.5, onUnscored: "drop-term" },
        ],
      });
      expect(combine(plan, scoredGroup({ a: [4], b: [null] })).rewards).toEqual([2]);
    });

    it("treats abstained, failed and missing alike", () => {
      const { group } = rewardedGroupOf([null, null, null]);
      const plan = combinePlan({ terms: [{ score: "a" }] });
      const short = { name: "a", scores: [failed("timeout", "too slow"), scored(1)] };
      expect(combine(plan, { group, columns: [short] }).rewards).toEqual([null, 1, null]);
      expect(combine(plan, { group, columns: [] }).rewards).toEqual([null, null, null]);
    });

    it("treats a value that a transform takes away alike", () => {
      const onlyPositive: Transform = {
        name: "only-positive",
        version: 1,
        apply: (values) => values.map((value) => (value !== null && value > 0 ? value : null)),
      };
      const plan = combinePlan({ terms: [{ score: "a", transforms: [onlyPositive] }] });
      expect(combine(plan, scoredGroup({ a: [1, -1] })).rewards).toEqual([1, null]);
    });
  });

  describe("at a gate", () => {
    const terms = [{ score: "a", weight: 3 }];

    it.each([
      { gate: { score: "format", below: 0.5, reward: 0 }, expected: [0, 3, 3], note: "below, strictly" },
      { gate: { score: "format", above: 0.5, reward: -1 }, expected: [3, 3, -1], note: "above, strictly" },
    ])("replaces the sum: $note", ({ gate, expected }) => {
      const group = scoredGroup({ a: [1, 1, 1], format: [0.4, 0.5, 0.6] });
      expect(combine(combinePlan({ terms, gates: [gate] }), group).rewards).toEqual(expected);
    });

    it("reads the raw score, not a term's transformed one", () => {
      const plan = combinePlan({
        terms: [{ score: "a", transforms: [minMax()] }],
        gates: [{ score: "a", below: 0.5, reward: -9 }],
      });
      expect(combine(plan, scoredGroup({ a: [10, 20] })).rewards).toEqual([0, 1]);
    });

    it("makes the reward null when the gate's cell is unscored: it is never skipped", () => {
      const plan = combinePlan({ terms, gates: [{ score: "format", below: 0.5, reward: 0 }] });
      const { rewards, gates } = combine(plan, scoredGroup({ a: [1, 1], format: [null, 1] }));
      expect(rewards).toEqual([null, 3]);
      expect(gates).toEqual([0, null]);
    });

    it("keeps a null sum null, whatever the gate says", () => {
      const plan = combinePlan({ terms, gates: [{ score: "format", below: 0.5, reward: 0 }] });
      expect(combine(plan, scoredGroup({ a: [null], format: [0] })).rewards).toEqual([null]);
    });

    it("lets the first gate that fires, or cannot be told, decide", () => {
      const plan = combinePlan({
        terms,
        gates: [
          { score: "format", below: 0.5, reward: 0 },
          { score: "safety", below: 0.5, reward: -1 },
        ],
      });
      const { rewards, gates } = combine(
        plan,
        scoredGroup({ a: [1, 1, 1, 1, 1], format: [0, 0, 1, 1, null], safety: [0, null, 0, null, 0] }),
      );
      expect(rewards).toEqual([0, 0, -1, null, null]);
      expect(gates).toEqual([0, 0, 1, 1, 0]);
    });
  });

  describe("with a broken transform", () => {
    const group = scoredGroup({ a: [1, null] });
    const returning = (values: (number | null)[]): Transform => ({
      name: "mine",
      version: 1,
      apply: () => values,
    });

    it.each([
      { values: [1], code: "contract_broken", note: "too few values" },
      { values: [1, 0], code: "contract_broken", note: "a value out of nothing" },
      { values: [Number.NaN, null], code: "not_finite", note: "NaN" },
      { values: [Infinity, null], code: "not_finite", note: "an infinity" },
    ])("stops with $code at $note, naming prompt, term and transform", ({ values, code }) => {
      const plan = combinePlan({ terms: [{ score: "a", transforms: [returning(values)] }] });
      expect(() => combine(plan, group)).toThrow(
        expect.objectContaining({
          code,
          message: expect.stringContaining('term "a": transform mine'),
          place: { promptId: group.group.prompt.id },
        }),
      );
    });
  });

  it("stops at a reward that is not finite, naming prompt and term", () => {
    const plan = combinePlan({ terms: [{ score: "a" }, { score: "b", weight: 1e308 }] });
    const group = scoredGroup({ a: [1], b: [10] });
    expect(() => combine(plan, group)).toThrow(
      expect.objectContaining({
        code: "not_finite",
        message: expect.stringMatching(/prompt \w{32}: term "b"/),
      }),
    );
  });

  it("asks for the run's numbers when a per-run transform has none", () => {
    const plan = combinePlan({ terms: [{ score: "a", transforms: [standardize({ scope: "run" })] }] });
    expect(() => combine(plan, scoredGroup({ a: [1] }))).toThrow(
      expect.objectContaining({ code: "need_unmet", message: expect.stringContaining("standardize") }),
    );
  });

  it("is linear in the weights", () => {
    const weight = fc.double({ min: -10, max: 10, noNaN: true });
    const rewardsOf = (group: ScoredGroup, quality: number, safety: number): readonly (number | null)[] => {
      const terms = [
        { score: "quality", weight: quality },
        { score: "safety", weight: safety },
      ];
      return combine(combinePlan({ terms }), group).rewards;
    };
    fc.assert(
      fc.property(anyRewardedGroup(), weight, weight, weight, (group, quality, safety, factor) => {
        const both = rewardsOf(group, factor * quality, factor * safety);
        const first = rewardsOf(group, quality, 0);
        const second = rewardsOf(group, 0, safety);
        for (const [index, reward] of both.entries()) {
          const [a = null, b = null] = [first[index], second[index]];
          if (reward === null || a === null || b === null) expect([reward, a, b]).toEqual([null, null, null]);
          else expect(reward).toBeCloseTo(factor * (a + b), 6);
        }
      }),
      { seed: 1 },
    );
  });

  it("gives a gated response exactly the gate's reward, and leaves the others alone", () => {
    fc.assert(
      fc.property(anyRewardedGroup(), fc.double({ min: -2, max: 2, noNaN: true }), (group, bound) => {
        const terms = [{ score: "quality" }];
        const open = combine(combinePlan({ terms }), group).rewards;
        const plan = combinePlan({ terms, gates: [{ score: "safety", below: bound, reward: 77 }] });
        const { rewards } = combine(plan, group);
        for (const [index, reward] of rewards.entries()) {
          const cell = group.columns.find(({ name }) => name === "safety")?.scores[index];
          const told = cell?.kind === "scored" ? (cell.value < bound ? 77 : open[index]) : null;
          expect(reward).toBe(open[index] === null ? null : told);
        }
      }),
      { seed: 1 },
    );
  });
});

describe("combinePlan", () => {
  it("fills in weight 1, no transform, onUnscored null and no gate", () => {
    expect(combinePlan({ terms: [{ score: "correct" }] })).toEqual({
      terms: [{ score: "correct", weight: 1, transforms: [], onUnscored: "null" }],
      gates: [],
    });
  });

  const terms = [{ score: "a" }];
  it.each([
    { given: { terms: [] }, note: "no term" },
    { given: { terms: [{ score: "a", weight: Number.NaN }] }, note: "weight NaN" },
    { given: { terms: [{ score: "a", weight: Infinity }] }, note: "weight Infinity" },
    { given: { terms, gates: [{ score: "b", reward: 0 }] }, note: "a gate without a bound" },
    { given: { terms, gates: [{ score: "b", below: 0, above: 1, reward: 0 }] }, note: "two bounds" },
    { given: { terms, gates: [{ score: "b", below: Number.NaN, reward: 0 }] }, note: "bound NaN" },
    { given: { terms, gates: [{ score: "b", above: 1, reward: -Infinity }] }, note: "reward -Infinity" },
  ])("refuses $note", ({ given }) => {
    expect(() => combinePlan(given)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
