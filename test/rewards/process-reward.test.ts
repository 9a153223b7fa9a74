import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { definition, type ProcessRewardOptions, processReward } from "../../rewards/process-reward.ts";
import { rangeTexts } from "../../src/core/steps.ts";
import type { Score, ScoreContext } from "../../src/core/types.ts";
import type { RewardModel } from "../../src/models/ports.ts";
import { provider } from "../../src/models/reward-server.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import { failingRewardModel } from "../../src/testing/failing-model.ts";
import { fakeRewardModel } from "../../src/testing/fake-model.ts";
import { endpointSettings, modelRuntime, plainCallPath } from "../../src/testing/index.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";
import { startServer } from "../models/servers/http-server.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };
const signal = context.signal;

/** A number in (0, 1) that depends on the whole text. */
const inUnit = (_: unknown, text: string): number => ((text.length * 31) % 97) / 97;

/** A model that reads a value at every marker, as one with step pooling does. */
const atMarkers = (marker: string, values: (step: number) => number) =>
  fakeRewardModel({
    value: (_, response) => {
      const found = Array.from({ length: response.split(marker).length - 1 }, (_, index) => ({
        label: null,
        value: values(index),
      }));
      return { value: found.at(-1)?.value ?? 0, values: found };
    },
  });

const inMetadata = (text: string, values: readonly number[], more = {}): ResponseSketch => ({
  text,
  metadata: { prm: [...values], ...more },
});

async function scoresOf(
  responses: readonly ResponseSketch[],
  options: ProcessRewardOptions,
  model?: RewardModel,
): Promise<readonly Score[]> {
  return processReward(options, model ? { model } : {}).score(groupOf(responses), context);
}

const FOUR = "one\n\ntwo\n\nthree\n\nfour";
const VALUES = [0.9, 0.4, 0.7, 0.95];

describe("process-reward", () => {
  scorerContract(processReward({}, { model: fakeRewardModel({ value: inUnit }) }));
  scorerContract(
    processReward(
      { squash: "sigmoid", aggregate: "product", heads: true, maxSteps: 3 },
      { model: fakeRewardModel({ value: (_, text) => text.length - 20 }) },
    ),
  );
  scorerContract(
    processReward({ marker: "<m>\n", aggregate: "mean" }, { model: atMarkers("<m>", () => 0.5) }),
  );
  scorerContract(
    processReward({ field: "prm", aggregate: "last" }, {}),
    anyGroup().chain((group) =>
      fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 })).map((lists) => ({
        ...group,
        responses: group.responses.map((response, index) => ({
          ...response,
          metadata: lists[index] ? { prm: lists[index] } : {},
        })),
      })),
    ),
  );

  it("is paid, takes a reward model when one is named, and is blind to seed and order", () => {
    expect(definition).toMatchObject({ cost: "paid", usesSeed: false, orderSensitive: false });
    expect(definition.models).toEqual({ model: { port: "reward", optional: true } });
    expect(z.toJSONSchema(definition.options, { io: "input" })).toMatchObject({ type: "object" });
    expect(definition.options.parse({ field: "prm" })).toMatchObject({ aggregate: "min", squash: "none" });
  });

  // By hand: least 0.4; 0.9 * 0.4 * 0.7 * 0.95 = 0.2394; last 0.95; 2.95 / 4 = 0.7375.
  it.each([
    { aggregate: "min", value: 0.4 },
    { aggregate: "product", value: 0.2394 },
    { aggregate: "last", value: 0.95 },
    { aggregate: "mean", value: 0.7375 },
  ] as const)("aggregates by $aggregate to $value", async ({ aggregate, value }) => {
    const [score] = await scoresOf([inMetadata(FOUR, VALUES)], { field: "prm", aggregate });
    expect(score).toMatchObject({ kind: "scored", parts: { steps: 4 } });
    expect(score?.kind === "scored" ? score.value : null).toBeCloseTo(value, 12);
  });

  it("marks each step with its value, in code points", async () => {
    const [score] = await scoresOf([inMetadata("👍\n\nb c", [0.5, 1])], { field: "prm" });
    expect(score).toEqual({
      kind: "scored",
      value: 0.5,
      parts: { steps: 2 },
      spans: [
        { start: 0, end: 1, value: 0.5, label: "step" },
        { start: 3, end: 6, value: 1, label: "step" },
      ],
    });
  });

  describe("with a model", () => {
    it("values a step by the prefix that ends with it", async () => {
      const model = fakeRewardModel({ value: inUnit });
      const [score] = await scoresOf([" a\n\n👍 b\n\nc \n"], { aggregate: "last" }, model);
      expect(model.calls.map(({ response }) => response)).toEqual([" a", " a\n\n👍 b", " a\n\n👍 b\n\nc"]);
      expect(model.calls[0]?.messages).toEqual([{ role: "user", content: "What is 9 * 2?" }]);
      expect(score).toMatchObject({ value: inUnit(null, " a\n\n👍 b\n\nc") });
    });

    it("makes logits probabilities when told to, and refuses them when not", async () => {
      const model = fakeRewardModel({ value: (_, text) => (text === "a" ? 0 : 2) });
      const [squashed] = await scoresOf(["a\n\nb"], { squash: "sigmoid" }, model);
      // 1 / (1 + exp(0)) = 0.5; 1 / (1 + exp(-2)) = 0.8808
      expect(squashed).toMatchObject({
        value: 0.5,
        spans: [{ value: 0.5 }, { value: 1 / (1 + Math.exp(-2)) }],
      });
      const [raw] = await scoresOf(["a\n\nb"], {}, model);
      expect(raw).toMatchObject({ kind: "failed", code: "out_of_range" });
      expect(raw?.kind === "failed" && raw.why).toContain("squash: sigmoid");
      const scorer = processReward({ range: [-5, 5], aggregate: "last" }, { model });
      expect(scorer.range).toEqual([-5, 5]);
      expect(await scorer.score(groupOf(["a\n\nb"]), context)).toMatchObject([{ value: 2 }]);
    });

    it("reads one value per marker from one call, and takes the marker out of what the response says", async () => {
      const model = atMarkers("<extra_0>", (step) => 0.9 - step / 10);
      const [score] = await scoresOf(["a<extra_0>b\n\nc", "d"], { marker: "<extra_0>" }, model);
      expect(model.calls.map(({ response }) => response)).toEqual([
        "a\ufffdb<extra_0>c<extra_0>",
        "d<extra_0>",
      ]);
      expect(score).toMatchObject({ value: 0.8, spans: [{ start: 0, end: 11, value: 0.9 }, { value: 0.8 }] });
    });

    it("fails a response whose markers and values differ in number", async () => {
      const model = fakeRewardModel({ value: () => 0.5 });
      expect(await scoresOf(["a\n\nb"], { marker: "<extra_0>" }, model)).toEqual([
        { kind: "failed", code: "wrong_length", why: "got 0 values for 2 steps" },
      ]);
    });

    it.each([1, 2, 3, 4])("fails one response alone when call %d fails", async (failAt) => {
      const model = failingRewardModel(fakeRewardModel({ value: inUnit }), { failAt, code: "overloaded" });
      const scores = await scoresOf(["a\n\nb", "c\n\nd"], {}, model);
      expect(model.callCount).toBe(4);
      const hit = failAt <= 2 ? 0 : 1;
      expect(scores[hit]).toMatchObject({ kind: "failed", code: "overloaded" });
      expect(scores[1 - hit]).toMatchObject({ kind: "scored" });
    });

    it("tells the failure of the earliest step, whichever call ends first", async () => {
      const model: RewardModel = {
        id: "two failures",
        async score(_messages, response) {
          if (response === "a") await new Promise(setImmediate);
          throw Object.assign(new Error(response), { name: "CallFailure", code: "timeout" });
        },
      };
      expect(await scoresOf(["a\n\nb"], {}, model)).toMatchObject([{ code: "timeout", why: "a" }]);
    });

    it("lets an error that is no failed call through", async () => {
      const model = fakeRewardModel({
        value: () => {
          throw new TypeError("a fault of the model's code");
        },
      });
      await expect(scoresOf(["a"], {}, model)).rejects.toThrow("a fault of the model's code");
    });

    it("asks nothing about responses without steps or with too many, nor about prompts with images", async () => {
      const model = fakeRewardModel({ value: inUnit });
      const scores = await scoresOf(["", " \n", "a\nb\nc"], { maxSteps: 2 }, model);
      expect(scores.map(({ kind }) => kind)).toEqual(["abstained", "abstained", "abstained"]);
      const group = groupOf(["a"]);
      const image = { bytes: null, path: "cat.png" };
      const withImage = { ...group, prompt: { ...group.prompt, images: [image] } };
      expect(await processReward({}, { model }).score(withImage, { signal, seed: 0 })).toMatchObject([
        { kind: "abstained" },
      ]);
      expect(definition.plannedCalls?.(definition.options.parse({ model: "m" }), withImage)).toEqual([]);
      expect(model.calls).toEqual([]);
    });

    it.each([{}, { marker: "<m>" }, { maxSteps: 2 }, { separator: "b" }])(
      "plans the calls it makes with %j",
      async (options) => {
        const texts = ["a\nb\nc", "", "abba\n\n18", "x"];
        const model = atMarkers("<m>", () => 0.5);
        await scoresOf(texts, options, model);
        const checked = definition.options.parse({ model: "m", ...options });
        const [planned] = definition.plannedCalls?.(checked, groupOf(texts)) ?? [];
        expect(planned).toMatchObject({ model: "model", calls: model.calls.length, outputTokens: 0 });
        // The prompt has 14 characters: 4 tokens, and 4 around it.
        const read = model.calls.reduce((sum, { response }) => sum + 8 + Math.ceil(response.length / 4), 0);
        expect(planned?.promptTokens).toBe(read);
      },
    );
  });

  describe("through the reward server's client", () => {
    /** Answers as vLLM's step pooling does: for each marker a row, the probabilities of wrong and right. */
    const pooled = (marker: string, rights: readonly number[]) => (body: unknown) => {
      const { messages } = body as { messages: { content: string }[] };
      const count = (messages.at(-1)?.content ?? "").split(marker).length - 1;
      const data = rights.slice(0, count).map((right) => [1 - right, right]);
      return { json: { data: [{ index: 0, object: "pooling", data }], usage: { prompt_tokens: 9 } } };
    };

    async function scoreBy(
      answer: (body: unknown) => { json: unknown },
      text: string,
    ): Promise<Score | undefined> {
      const server = await startServer(({ body }) => answer(body));
      try {
        const given = { baseUrl: server.url, model: "prm", api: "pooling", index: 1 };
        const runtime = modelRuntime({ path: plainCallPath() });
        const handle = await provider.open(provider.options.parse(given), endpointSettings(), runtime);
        const { reward } = handle.ports;
        if (!reward) throw new Error("a reward server has one port");
        const [score] = await scoresOf([text], { marker: "<extra_0>" }, reward);
        await handle.close();
        return score;
      } finally {
        await server.close();
      }
    }

    it("reads a row per marker", async () => {
      const score = await scoreBy(pooled("<extra_0>", [0.75, 0.5]), "a\n\nb");
      expect(score).toMatchObject({ kind: "scored", value: 0.5, spans: [{ value: 0.75 }, { value: 0.5 }] });
    });

    it("makes no number of a row per token", async () => {
      const score = await scoreBy(pooled("", [0.75, 0.5, 0.25, 0.5]), "a\n\nb");
      expect(score).toMatchObject({ kind: "failed", code: "wrong_length" });
    });
  });

  describe("with values in the metadata", () => {
    it("finds the steps by the texts that stand beside the values", async () => {
      const text = "First 👍 a. Then b, so\nb.";
      const steps = ["First 👍 a. ", "Then b,", " so\nb."];
      const [score] = await scoresOf([inMetadata(text, [1, 0.5, 0.25], { steps })], {
        field: "prm",
        stepsField: "steps",
      });
      const spans = (score?.kind === "scored" && score.spans) || [];
      expect(rangeTexts(text, spans)).toEqual(steps.map((step) => step.trim()));
    });

    it("reads a dotted path, and true and false as 1 and 0", async () => {
      const response = { text: "a\n\nb", metadata: { grades: { steps: [true, false] } } };
      expect(await scoresOf([response], { field: "grades.steps", aggregate: "mean" })).toMatchObject([
        { value: 0.5 },
      ]);
    });

    it.each([
      { note: "no list", metadata: {}, kind: "abstained" },
      { note: "null", metadata: { prm: null }, kind: "abstained" },
      { note: "a null in the list", metadata: { prm: [1, null] }, kind: "abstained" },
      { note: "a number", metadata: { prm: 1 }, code: "not_a_list" },
      { note: "text in the list", metadata: { prm: [1, "0.5"] }, code: "not_a_number" },
      { note: "a list in the list", metadata: { prm: [1, [1]] }, code: "not_a_number" },
      { note: "too few values", metadata: { prm: [1] }, code: "wrong_length" },
      { note: "too many values", metadata: { prm: [1, 1, 1] }, code: "wrong_length" },
      { note: "NaN", metadata: { prm: [1, Number.NaN] }, code: "not_finite" },
      { note: "a logit", metadata: { prm: [1, 3.2] }, code: "out_of_range" },
      { note: "no texts", metadata: { prm: [1, 1] }, stepsField: "steps", kind: "abstained" },
      {
        note: "other texts",
        metadata: { prm: [1, 1], steps: ["b", "a"] },
        stepsField: "steps",
        code: "steps_differ",
      },
      {
        note: "a blank text",
        metadata: { prm: [1, 1], steps: ["a", " "] },
        stepsField: "steps",
        code: "steps_differ",
      },
      {
        note: "a number as text",
        metadata: { prm: [1, 1], steps: ["a", 2] },
        stepsField: "steps",
        code: "steps_differ",
      },
      {
        note: "one text for two values",
        metadata: { prm: [1, 1], steps: ["a"] },
        stepsField: "steps",
        code: "wrong_length",
      },
    ])("never makes a number of $note", async ({ metadata, stepsField, kind = "failed", code }) => {
      const options = { field: "prm", ...(stepsField === undefined ? {} : { stepsField }) };
      const [score, sibling] = await scoresOf(
        [{ text: "a\n\nb", metadata }, inMetadata("a\n\nb", [1, 1], { steps: ["a", "b"] })],
        options,
      );
      expect(score).toMatchObject(code === undefined ? { kind } : { kind, code });
      expect(sibling).toMatchObject({ kind: "scored", value: 1 });
    });

    it("plans no calls", () => {
      expect(definition.plannedCalls?.(definition.options.parse({ field: "prm" }), groupOf(["a"]))).toEqual(
        [],
      );
    });
  });

  const model = fakeRewardModel();
  it.each([
    { note: "neither a model nor a field", models: {}, options: {} },
    { note: "both", models: { model }, options: { field: "prm" } },
    { note: "stepsField without field", models: { model }, options: { stepsField: "steps" } },
    { note: "a marker with a field", models: {}, options: { field: "prm", marker: "<m>" } },
    { note: "a marker of spaces", models: { model }, options: { marker: " " } },
    { note: "a range of squashed values", models: { model }, options: { squash: "sigmoid", range: [0, 2] } },
    { note: "a range upside down", models: { model }, options: { range: [1, 0] } },
    { note: "a product of logits", models: { model }, options: { aggregate: "product", range: [-5, 5] } },
    { note: "two rules of splitting", models: { model }, options: { separator: "\n", heads: true } },
    { note: "a pattern that can hang", models: { model }, options: { pattern: "(a+)+" } },
    { note: "no step at all", models: { model }, options: { maxSteps: 0 } },
  ] as const)("refuses $note", ({ models, options }) => {
    const make = () => processReward(options as ProcessRewardOptions, models);
    expect(make).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});

describe("a product of step values", () => {
  it("may lie below the values' own range", async () => {
    const scorer = processReward({ field: "steps", aggregate: "product", range: [0.5, 1] }, {});
    expect(scorer.range).toEqual([0, 1]);
    const group = groupOf([{ text: "a\n\nb", metadata: { steps: [0.5, 0.5] } }]);
    const [score] = await scorer.score(group, { signal: new AbortController().signal, seed: 0 });
    expect(score).toMatchObject({ kind: "scored", value: 0.25 });
  });
});
