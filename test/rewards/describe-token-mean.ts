import { describe, expect, it } from "vitest";
import type { TurnScorerModels, TurnScorerOptions } from "../../rewards/support/turns.ts";
import { CallFailure } from "../../src/core/errors.ts";
import type { ScorerDefinition } from "../../src/core/scorer.ts";
import type { Score, ScoreContext, Scorer } from "../../src/core/types.ts";
import type { LogprobModel } from "../../src/models/ports.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import { type FakeLogprobOptions, fakeLogprobModel } from "../../src/testing/fake-model.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

export const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

/** Entropy and KL(uniform ‖ p) of softmax(logits), in nats, by their definitions. */
function distributionOf(logits: readonly number[]) {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const logs = logits.map((logit) => logit - Math.log(total));
  return {
    entropy: logs.reduce((sum, log) => sum - Math.exp(log) * log, 0),
    selfCertainty: logs.reduce((sum, log) => sum - log / logs.length, -Math.log(logs.length)),
  };
}

/** A model with these logits at each letter; every other token, the end of the turn too, has those of "". */
export function modelOf(
  logits: Readonly<Record<string, readonly number[]>>,
  options: FakeLogprobOptions = {},
) {
  return fakeLogprobModel({
    logprob: () => -1,
    distribution: ({ token }) => distributionOf(logits[token] ?? logits[""] ?? [0]),
    ...options,
  });
}

/** The laws of scorers that average a number of the model's distributions over a response's tokens. */
export function describeTokenMean(
  make: (options: TurnScorerOptions, models: TurnScorerModels) => Scorer,
  definition: ScorerDefinition<TurnScorerOptions, TurnScorerModels>,
): void {
  const score = async (
    responses: readonly ResponseSketch[],
    model: LogprobModel,
    countEnd = false,
  ): Promise<readonly Score[]> => make({ countEnd }, { model }).score(groupOf(responses), context);

  describe(`${definition.name} as a mean over tokens`, () => {
    scorerContract(make({}, { model: modelOf({ a: [5, 1, 0, -1] }) }), anyGroup(), { numRuns: 20 });

    it("scores each response by itself, in order", async () => {
      const model = modelOf({ a: [0, 0, 0, 0], b: [5, 1, 0, -1] });
      const [a, b, both] = await score(["a", "b", "ab"], model);
      const value = (given: typeof a) => (given?.kind === "scored" ? given.value : Number.NaN);
      expect(value(both)).toBeCloseTo((value(a) + value(b)) / 2, 12);
    });

    it("counts the end of the turn when told to, as it is by default, save where the response was cut off", async () => {
      const model = modelOf({ a: [0, 0, 0, 0], "": [2, 0, 0, 0] });
      const cut: ResponseSketch = { text: "a", finishReason: "length" };
      const byDefault = await make({}, { model }).score(groupOf(["a", cut]), context);
      expect(byDefault).toEqual(await score(["a", cut], model, true));
      expect(byDefault).toMatchObject([{ parts: { tokens: 2 } }, { parts: { tokens: 1 } }]);
      expect(await score(["a"], model)).toMatchObject([{ parts: { tokens: 1 } }]);
    });

    it("tokenizes prompt and response apart where a token straddles the response's first character", async () => {
      const model = modelOf({}, { merges: ["\na"] });
      expect(await score(["ab", "ba"], model)).toMatchObject([
        { parts: { tokens: 2, joined: 1 } },
        { parts: { tokens: 2, joined: 0 } },
      ]);
      expect(model.calls.map(({ located }) => located.rule).sort()).toEqual(["joined", "whole"]);
    });

    it("abstains on an empty response and calls no model for it", async () => {
      const model = modelOf({});
      expect(await score([""], model, true)).toEqual([{ kind: "abstained", why: "response is empty" }]);
      expect(model.calls).toEqual([]);
    });

    it("fails only the response whose call failed, with the call's code", async () => {
      // The turn has 32 tokens before the response: "<|turn|>user\n…<|end|><|turn|>assistant\n".
      const model = modelOf({}, { contextLength: 50 });
      expect(await score(["ab", "a".repeat(100)], model)).toMatchObject([
        { kind: "scored" },
        { kind: "failed", code: "too_long" },
      ]);
    });

    it("fails where the span cannot be sent, where there is no template, and where numbers are missing", async () => {
      const idless = modelOf({}, { merges: ["\na"], takesIds: false });
      expect(await score(["a"], idless)).toMatchObject([{ kind: "failed", code: "span_merged" }]);
      expect(await score(["a"], modelOf({}, { template: false }))).toMatchObject([
        { kind: "failed", code: "template" },
      ]);
      const model = modelOf({});
      const bare = { ...model, logprobs: async () => ({ tokenLogprobs: [-1, -2] }) };
      expect(await score(["ab"], bare)).toMatchObject([{ kind: "failed", code: "no_logprobs" }]);
      const short = {
        ...model,
        logprobs: async () => ({ tokenLogprobs: [-1, -2], entropies: [1], selfCertainties: [1] }),
      };
      expect(await score(["ab"], short)).toMatchObject([{ kind: "failed", code: "no_logprobs" }]);
    });

    it("throws on what is no failure of a call", async () => {
      const broken = {
        ...modelOf({}),
        logprobs: async () => {
          throw new TypeError("a bug");
        },
      };
      await expect(score(["a"], broken)).rejects.toThrow("a bug");
      const refusing = {
        ...modelOf({}),
        logprobs: async () => {
          throw new CallFailure("overloaded", "later");
        },
      };
      expect(await score(["a"], refusing)).toEqual([{ kind: "failed", code: "overloaded", why: "later" }]);
    });

    it("refuses a model that gives top log-probs only, no model, and unknown options", () => {
      const bad = expect.objectContaining({ code: "bad_option" });
      const topOnly = fakeLogprobModel();
      expect(() => make({}, { model: topOnly })).toThrow(bad);
      expect(() => make({}, { model: topOnly })).toThrow(/only bound this number/);
      expect(() => make({}, {})).toThrow(bad);
      expect(() => make({ countEnd: "no" } as never, { model: modelOf({}) })).toThrow(bad);
      expect(() => make({ top: 5 } as never, { model: modelOf({}) })).toThrow(bad);
      expect(definition.options.safeParse({}).success).toBe(false);
      expect(definition.options.safeParse({ model: "policy" }).success).toBe(true);
    });

    it("plans one pass over prompt and text for each response that is not empty", () => {
      // About 2 tokens of prompt and 4 around it, twice; 1 and 2 of responses.
      const group = groupOf(["1234", "12345", ""], { prompt: "12345678" });
      expect(definition.plannedCalls?.({}, group)).toEqual([
        { model: "model", calls: 2, promptTokens: 15, outputTokens: 0 },
      ]);
      expect(definition.plannedCalls?.({}, groupOf([""]))).toEqual([]);
    });
  });
}
