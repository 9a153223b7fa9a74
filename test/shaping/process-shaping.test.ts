import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { Json, Score, ScoreColumn, Span } from "../../src/core/types.ts";
import { combine } from "../../src/shaping/combine.ts";
import { combinePlan } from "../../src/shaping/plan.ts";
import {
  definition,
  PROCESS_MODES,
  type ProcessMode,
  type ProcessShapingOptions,
  processShaping,
  returnsToGo,
  shapeProcessRewards,
} from "../../src/shaping/process-shaping.ts";
import { gatherAll } from "../../src/shaping/run-statistics.ts";
import { rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { type TransformCase, transformContract } from "../../src/testing/transform-contract.ts";

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const someScores = fc.array(unit, { minLength: 1, maxLength: 12 });
const P = [0.9, 0.4, 0.7, 0.95];

const shaped = (
  scores: readonly number[],
  mode: ProcessMode,
  options: { eta?: number; alpha?: number } = {},
) => {
  const result = shapeProcessRewards(scores, { mode, eta: 0.5, alpha: 1, success: 0, ...options });
  if (!result) throw new Error("unscored");
  return result;
};

const expectClose = (got: readonly number[], expected: readonly number[]): void => {
  expect(got).toHaveLength(expected.length);
  for (const [index, value] of got.entries()) expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 12);
};

describe("shapeProcessRewards", () => {
  // By hand, eta 0.5. clip: only 0.4 is below, by 0.1. delta: 0.9 - 0.4, 0.4 - 0.7, then 0.7 itself, then 0.
  // clip-delta of the clipped 0, -0.1, 0, 0: 0 + 0.1, -0.1 - 0, 0, 0.
  it.each([
    { mode: "none", rewards: P, total: 2.95, toGo: [2.95, 2.05, 1.65, 0.95] },
    { mode: "clip", rewards: [0, -0.1, 0, 0], total: -0.1, toGo: [-0.1, -0.1, 0, 0] },
    { mode: "delta", rewards: [0.5, -0.3, 0.7, 0], total: 0.9, toGo: [0.9, 0.4, 0.7, 0] },
    { mode: "clip-delta", rewards: [0.1, -0.1, 0, 0], total: 0, toGo: [0, -0.1, 0, 0] },
  ] as const)("$mode of 0.9, 0.4, 0.7, 0.95 sums to $total", ({ mode, rewards, total, toGo }) => {
    const result = shaped(P, mode);
    expectClose(result.stepRewards, rewards);
    expect(result.total).toBeCloseTo(total, 12);
    expectClose(returnsToGo(result.stepRewards), toGo);
  });

  // Six steps of 0.8: 4.8 as they are; none below 0.5; delta 0.8 - 0.8 four times, then 0.8, then 0.
  it.each([
    { mode: "none", rewards: [0.8, 0.8, 0.8, 0.8, 0.8, 0.8], total: 4.8 },
    { mode: "clip", rewards: [0, 0, 0, 0, 0, 0], total: 0 },
    { mode: "delta", rewards: [0, 0, 0, 0, 0.8, 0], total: 0.8 },
    { mode: "clip-delta", rewards: [0, 0, 0, 0, 0, 0], total: 0 },
  ] as const)("$mode gives six repeated steps of 0.8 the sum $total", ({ mode, rewards, total }) => {
    const result = shaped([0.8, 0.8, 0.8, 0.8, 0.8, 0.8], mode);
    expectClose(result.stepRewards, rewards);
    expect(result.total).toBeCloseTo(total, 12);
  });

  it.each([
    { scores: [0.7, 0.6], rewards: [0.7, 0] },
    { scores: [0.7], rewards: [0] },
    { scores: [], rewards: [] },
  ])("delta of $scores is $rewards", ({ scores, rewards }) => {
    expect(shaped(scores, "delta").stepRewards).toEqual(rewards);
  });

  it.each([
    // 0.02 * 0.9 + 1 and 0.02 * 0 + 1.
    { mode: "delta", total: 1.018 },
    { mode: "clip-delta", total: 1 },
  ] as const)("a right answer with alpha 0.02 has the $mode total $total", ({ mode, total }) => {
    const result = shapeProcessRewards(P, { mode, eta: 0.5, alpha: 0.02, success: 1 });
    expect(result?.total).toBeCloseTo(total, 12);
  });

  it.each(PROCESS_MODES)("%s of no step is success alone, and of a NaN nothing", (mode) => {
    const options = { mode, eta: 0.5, alpha: 0.1, success: 1 };
    expect(shapeProcessRewards([], options)).toEqual({ stepRewards: [], total: 1 });
    expect(shapeProcessRewards([0.5, Number.NaN, 0.5], options)).toBeNull();
    expect(shapeProcessRewards([Infinity], options)).toBeNull();
  });

  it("delta sums to the first step's value, and clip-delta to the clipped one, from two steps on", () => {
    fc.assert(
      fc.property(fc.array(unit, { minLength: 2, maxLength: 12 }), unit, (scores, eta) => {
        const first = scores[0] ?? Number.NaN;
        expect(shaped(scores, "delta").total).toBeCloseTo(first, 9);
        expect(shaped(scores, "clip-delta", { eta }).total).toBeCloseTo(Math.min(first - eta, 0), 9);
      }),
      { seed: 1 },
    );
  });

  it("delta's return to go is the step's value, for all but the last step", () => {
    fc.assert(
      fc.property(fc.array(unit, { minLength: 2, maxLength: 12 }), (scores) => {
        const returns = returnsToGo(shaped(scores, "delta").stepRewards);
        expectClose(returns, [...scores.slice(0, -1), 0]);
      }),
      { seed: 1 },
    );
  });

  it("clip is never positive, never below -eta, and never grows with eta", () => {
    fc.assert(
      fc.property(someScores, unit, unit, (scores, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const [lenient, strict] = [
          shaped(scores, "clip", { eta: low }),
          shaped(scores, "clip", { eta: high }),
        ];
        for (const [index, reward] of strict.stepRewards.entries()) {
          expect(reward).toBeLessThanOrEqual(0);
          expect(reward).toBeGreaterThanOrEqual(-high);
          expect(reward).toBeLessThanOrEqual(lenient.stepRewards[index] ?? Number.NaN);
        }
        expect(strict.total).toBeLessThanOrEqual(lenient.total);
      }),
      { seed: 1 },
    );
  });

  it("repeating a step of a solution of two or more pays nothing under clip, delta and clip-delta", () => {
    const repeated = fc.array(unit, { minLength: 2, maxLength: 8 }).chain((scores) =>
      fc.record({
        scores: fc.constant(scores),
        at: fc.nat({ max: scores.length - 1 }),
        times: fc.integer({ min: 1, max: 20 }),
      }),
    );
    fc.assert(
      fc.property(repeated, unit, ({ scores, at, times }, eta) => {
        const longer = scores.flatMap((score, index) =>
          index === at ? new Array<number>(times + 1).fill(score) : [score],
        );
        for (const mode of ["clip", "delta", "clip-delta"] as const) {
          const gain = shaped(longer, mode, { eta }).total - shaped(scores, mode, { eta }).total;
          expect(gain).toBeLessThanOrEqual(1e-9);
        }
      }),
      { seed: 1 },
    );
  });

  it.each([
    { scores: [0.5, 1.2], options: {}, says: "squash: sigmoid" },
    { scores: [-0.1], options: {}, says: "squash: sigmoid" },
    { scores: [0.5], options: { eta: 1.5 }, says: "eta" },
    { scores: [0.5], options: { eta: Number.NaN }, says: "eta" },
    { scores: [0.5], options: { alpha: Number.NaN }, says: "finite" },
  ])("refuses $scores with $options", ({ scores, options, says }) => {
    expect(() => shaped(scores, "clip", options)).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining(says) }),
    );
  });
});

const spansOf = (values: readonly (number | null)[], label: string | null = "step"): Span[] =>
  values.map((value, index) => ({ start: index, end: index + 1, value, label }));

const stepScore = (values: readonly (number | null)[]): Score => scored(0.5, { spans: spansOf(values) });

function apply(
  options: ProcessShapingOptions,
  success: (number | null)[],
  scores: readonly Score[],
  run?: Json,
) {
  const { group } = rewardedGroupOf(success);
  const columns: ScoreColumn[] = [{ name: "process", scores }];
  const context = { group, scores: columns, ...(run === undefined ? {} : { run }) };
  return processShaping(options).apply(success, context);
}

const anyStepScore: fc.Arbitrary<Score> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.array(fc.oneof(unit, fc.constantFrom(0, 0.5, 1)), { maxLength: 6 }).map(stepScore),
  },
  { weight: 1, arbitrary: fc.constantFrom(abstained("no steps"), failed("timeout", "slow"), scored(1)) },
  { weight: 1, arbitrary: fc.constant(stepScore([0.5, null])) },
);

const anyProcessCase: fc.Arbitrary<TransformCase> = fc
  .array(fc.record({ success: fc.option(fc.constantFrom(0, 1, 0.5)), score: anyStepScore }), { maxLength: 6 })
  .map((rows) => {
    const values = rows.map(({ success }) => success);
    const scores = [{ name: "process", scores: rows.map(({ score }) => score) }];
    return { values, group: rewardedGroupOf(values).group, scores };
  });

describe("process-shaping", () => {
  transformContract(processShaping({ score: "process", eta: 0.5 }), anyProcessCase);
  transformContract(processShaping({ score: "process", mode: "delta", alpha: 0.1 }), anyProcessCase);
  transformContract(processShaping({ score: "process", mode: "clip", etaQuantile: 0.3 }), anyProcessCase);

  it("adds alpha times the shaped steps to the term's own value", () => {
    const values = apply({ score: "process", mode: "delta" }, [1, 0], [stepScore(P), stepScore([0.7])]);
    expectClose(values as number[], [1.018, 0]);
  });

  it("leaves out what has no success, no step values, or a step without a value", () => {
    const scores = [
      stepScore(P),
      abstained("no steps"),
      failed("timeout", "slow"),
      scored(0.5),
      stepScore([0.5, null, 0.5]),
      stepScore([]),
      scored(0.5, { spans: [...spansOf([0.4, 0.4], null), { start: 2, end: 2, value: 7, label: "end" }] }),
    ];
    const success = [null, 1, 1, 1, 1, 1, 1];
    const got = apply({ score: "process", mode: "none", alpha: 1 }, success, scores);
    expect(got).toEqual([null, null, null, null, null, 1, 1.8]);
  });

  it("says which score it reads, so that a recipe without it is refused", () => {
    expect(processShaping({ score: "process", eta: 0.5 }).reads).toEqual([
      { score: "process", option: ["score"] },
    ]);
    const { group } = rewardedGroupOf([1]);
    const context = { group, scores: [{ name: "proces", scores: [stepScore(P)] }] };
    expect(() => processShaping({ score: "process", eta: 0.5 }).apply([1], context)).toThrow(
      expect.objectContaining({ code: "unknown_name", message: expect.stringContaining('"proces"') }),
    );
  });

  it("refuses step values outside [0, 1], with the prompt and the scorer", () => {
    expect(() => apply({ score: "process", eta: 0.5 }, [1], [stepScore([0.5, 3])])).toThrow(
      expect.objectContaining({
        code: "bad_option",
        message: expect.stringContaining("squash: sigmoid"),
        place: { promptId: expect.any(String), scorer: "process" },
      }),
    );
  });

  describe("with a quantile of the run", () => {
    const options = { score: "process", mode: "clip", alpha: 1 } as const;
    const statisticsOf = (etaQuantile: number, scores: readonly Score[]): Json => {
      const { statistics } = processShaping({ ...options, etaQuantile });
      const { group } = rewardedGroupOf(scores.map(() => 1));
      const context = { group, scores: [{ name: "process", scores }] };
      return statistics?.add(statistics.empty, [], context) ?? null;
    };

    // Ten steps 0.1, 0.2, … 1. The nearest-rank 0.3 quantile is the third, 0.3; below it 0.1 and 0.2: -0.2 - 0.1 = -0.3.
    it("takes eta from all steps of the run", () => {
      const scores = [stepScore([0.1, 0.2, 0.3, 0.4, 0.5]), stepScore([0.6, 0.7, 0.8, 0.9, 1])];
      const run = statisticsOf(0.3, scores);
      expectClose(apply({ ...options, etaQuantile: 0.3 }, [0, 0], scores, run) as number[], [-0.3, 0]);
      expectClose(apply({ ...options, etaQuantile: 0 }, [0, 0], scores, run) as number[], [0, 0]);
      // At quantile 1, eta is 1: 0.9 + 0.8 + 0.7 + 0.6 + 0.5 = 3.5 and 0.4 + 0.3 + 0.2 + 0.1 = 1.
      expectClose(apply({ ...options, etaQuantile: 1 }, [0, 0], scores, run) as number[], [-3.5, -1]);
    });

    it("penalises at most that share of the run's steps", () => {
      fc.assert(
        fc.property(fc.array(unit, { minLength: 1, maxLength: 40 }), unit, (steps, etaQuantile) => {
          const scores = steps.map((step) => stepScore([step]));
          const run = statisticsOf(etaQuantile, scores);
          const rewards = apply(
            { ...options, etaQuantile },
            steps.map(() => 0),
            scores,
            run,
          );
          const penalised = rewards.filter((reward) => reward !== null && reward < 0).length;
          expect(penalised).toBeLessThanOrEqual(etaQuantile * steps.length);
        }),
        { seed: 1 },
      );
    });

    it.each([
      { note: "no statistics", run: undefined, code: "need_unmet" },
      { note: "statistics of no step", run: new Array<number>(1001).fill(0), code: "need_unmet" },
      { note: "something else", run: { mean: 0.5 }, code: "damaged_file" },
    ])("refuses to guess from $note", ({ run, code }) => {
      expect(() => apply({ ...options, etaQuantile: 0.3 }, [1], [stepScore(P)], run)).toThrow(
        expect.objectContaining({ code }),
      );
    });
  });

  it.each([
    {},
    { score: "process" },
    { score: "process", mode: "clip" },
    { score: "process", eta: 0.5, etaQuantile: 0.5 },
    { score: "process", mode: "delta", eta: 0.5 },
    { score: "process", mode: "none", etaQuantile: 0.5 },
    { score: "process", eta: 2 },
    { score: "process", eta: 0.5, alpha: Number.NaN },
    { score: "", eta: 0.5 },
    { score: "process", eta: 0.5, success: 1 },
  ])("refuses the options %j", (options) => {
    expect(() => processShaping(options as ProcessShapingOptions)).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });

  it("shapes a term by another score's steps when rewards are combined over a run", () => {
    const correct = { name: "correct", scores: [scored(1), scored(0), scored(1)] };
    const process = { name: "process", scores: [stepScore(P), stepScore([0.2, 0.6]), abstained("no steps")] };
    const scoredGroup = { group: rewardedGroupOf([1, 0, 1]).group, columns: [correct, process] };
    const transform = processShaping({ score: "process", etaQuantile: 0.5, alpha: 1 });
    const plan = combinePlan({ terms: [{ score: "correct", transforms: [transform] }] });
    const { rewards } = combine(plan, scoredGroup, gatherAll(plan, [scoredGroup]));
    // Steps 0.2, 0.4, 0.6, 0.7, 0.9, 0.95: the third of six is 0.6. clip-delta sums to min(p_1 - 0.6, 0): 0 and -0.4.
    expectClose(rewards.slice(0, 2) as number[], [1, -0.4]);
    expect(rewards[2]).toBeNull();
  });

  it("is described under its own name", () => {
    const made = definition.create(definition.options.parse({ score: "process", eta: 0.5 }));
    expect(made).toMatchObject({ name: definition.name, version: definition.version });
    expect(z.toJSONSchema(definition.options, { io: "input" })).toMatchObject({ type: "object" });
  });
});
