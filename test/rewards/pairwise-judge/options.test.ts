import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { optionsSchema } from "../../../rewards/pairwise-judge/options.ts";
import { definition, type PairwiseJudgeOptions, pairwiseJudge } from "../../../rewards/pairwise-judge.ts";
import { anyGroup, groupOf } from "../../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { errorCodeOf } from "../../judging/error-code.ts";
import { toyJudge } from "../../judging/toy-judge.ts";
import { context } from "./shared.ts";

describe("pairwise-judge's options", () => {
  it.each([
    { options: { plan: { use: "league" } }, note: "a plan that is none" },
    { options: { plan: { use: "round-robin" } }, note: "a round robin without opponents" },
    { options: { plan: { use: "round-robin", opponents: 1 } }, note: "one opponent, which links nobody" },
    { options: { plan: { use: "all-pairs", rounds: 2 } }, note: "rounds of all pairs" },
    { options: { samples: 3, temperature: 0 }, note: "greedy samples" },
    { options: { samples: 0 }, note: "no samples" },
    { options: { prior: 0 }, note: "no prior" },
    { options: { prior: Number.NaN }, note: "a prior that is no number" },
    { options: { criteria: "  " }, note: "blank criteria" },
    { options: { canaries: { share: 1.1 } }, note: "more canaries than prompts" },
    { options: { canaries: 0.1 }, note: "canaries without a share" },
    { options: { orders: "two" }, note: "unknown orders" },
    { options: { tries: 0 }, note: "no tries" },
    { options: { criteria: "x", rubric: "helpfulness" }, note: "criteria beside a rubric" },
    { options: { judgge: "x" }, note: "an unknown key" },
  ])("refuse $note", ({ options }) => {
    expect(errorCodeOf(() => pairwiseJudge(options as PairwiseJudgeOptions, { judge: toyJudge() }))).toBe(
      "bad_option",
    );
  });

  it.each([
    { options: {}, sampling: { temperature: 0 }, seeded: false },
    { options: { temperature: 0.5 }, sampling: { temperature: 0.5 }, seeded: true },
    { options: { samples: 2 }, sampling: { temperature: 1 }, seeded: true },
    { options: { temperature: null }, sampling: {}, seeded: false },
    { options: { temperature: null, samples: 2 }, sampling: {}, seeded: true },
  ])("ask as $options says: temperature $sampling.temperature, a seed: $seeded", async (given) => {
    const judge = fakeChatModel({ reply: "[[A]]" });
    await pairwiseJudge(given.options, { judge }).score(groupOf(["a", "b"]), context);
    for (const { sampling } of judge.calls) {
      const { seed, ...rest } = sampling;
      expect(rest).toEqual({ ...given.sampling, maxTokens: 2048 });
      expect(typeof seed === "number").toBe(given.seeded);
    }
    const seeds = judge.calls.map(({ sampling: { seed } }) => seed);
    expect(new Set(seeds).size).toBe(given.seeded ? judge.calls.length : 1);
  });

  it("plan the calls that are made when every reply is read at once", async () => {
    const anyOptions = fc.record({
      orders: fc.constantFrom("both" as const, "random" as const, "one" as const),
      samples: fc.constantFrom(1, 2),
      plan: fc.constantFrom(
        { use: "all-pairs" as const },
        { use: "round-robin" as const, opponents: 3 },
        { use: "baseline" as const },
        { use: "swiss" as const },
        { use: "swiss" as const, rounds: 4 },
      ),
      canaries: fc.constant({ share: 0.5 }),
      onVerdictLike: fc.constantFrom("flag" as const, "fail" as const),
    });
    await fc.assert(
      fc.asyncProperty(
        anyOptions,
        anyGroup({ maxResponses: 8 }),
        fc.nat(100),
        async (options, group, seed) => {
          const judge = fakeChatModel({ reply: "[[A]]" });
          await pairwiseJudge(options, { judge }).score(group, { ...context, seed });
          const planned = definition.plannedCalls?.(optionsSchema.parse(options), group) ?? [];
          expect(planned.reduce((sum, { calls }) => sum + calls, 0)).toBe(judge.calls.length);
        },
      ),
      { seed: 6, numRuns: 150 },
    );
  });
});
