import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  definition,
  type LogDensityRatioModels,
  type LogDensityRatioOptions,
  logDensityRatio,
} from "../../rewards/log-density-ratio.ts";
import type { Group, Score, ScoreContext } from "../../src/core/types.ts";
import type { LogprobModel, RenderedTurn } from "../../src/models/ports.ts";
import { bestVsWorst } from "../../src/pairs/best-vs-worst.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import { failingLogprobModel } from "../../src/testing/failing-model.ts";
import {
  type FakeLogprobOptions,
  type FakeToken,
  fakeChatModel,
  fakeLogprobModel,
} from "../../src/testing/fake-model.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

/** A model whose tokens have the log-probs that a table gives them; −1 for those that are not in it. */
function modelOf(id: string, table: Readonly<Record<string, number>>, options: FakeLogprobOptions = {}) {
  return fakeLogprobModel({ id, logprob: ({ token }) => table[token] ?? -1, ...options });
}

/** A log-prob that depends on the token and its place, and is quickly found. */
const ofPlace =
  (salt: number) =>
  ({ id, position }: FakeToken): number =>
    -(((id * 31 + position * 17 + salt) % 97) + 1) / 20;

const strong = (options: FakeLogprobOptions = {}) =>
  fakeLogprobModel({ id: "strong", logprob: ofPlace(1), ...options });
const weak = (options: FakeLogprobOptions = {}) =>
  fakeLogprobModel({ id: "weak", logprob: ofPlace(50), ...options });

/** The model with `tokenStarts`; its tokens are the special ones, the merges, and code points. */
function withStarts<Model extends LogprobModel>(model: Model, merges: readonly string[] = []): Model {
  const known = [...model.specialTokens, ...merges].sort((a, b) => b.length - a.length);
  return {
    ...model,
    tokenStarts: ({ text, breaks }: Pick<RenderedTurn, "breaks" | "text">) => {
      const starts: number[] = [];
      const edges = [0, ...breaks, text.length];
      for (let piece = 0; piece + 1 < edges.length; piece++) {
        const end = edges[piece + 1] ?? 0;
        for (let at = edges[piece] ?? 0; at < end; ) {
          starts.push(at);
          const token = known.find((one) => at + one.length <= end && text.startsWith(one, at));
          at += token?.length ?? String.fromCodePoint(text.codePointAt(at) ?? 0).length;
        }
      }
      return starts;
    },
  };
}

const ONE = strong();

async function score(
  models: LogDensityRatioModels,
  responses: readonly ResponseSketch[],
  options: LogDensityRatioOptions = {},
  prompt: Parameters<typeof groupOf>[1] = {},
): Promise<readonly Score[]> {
  return logDensityRatio(options, models).score(groupOf(responses, prompt), context);
}

function scoreOf(score: Score | undefined): number {
  if (score?.kind !== "scored") throw new Error(`got ${JSON.stringify(score)}`);
  return score.value;
}

function partsOf(score: Score | undefined): Readonly<Record<string, number>> {
  return (score?.kind === "scored" && score.parts) || {};
}

// Case A of the worked numbers: four tokens, the same for both.
const A_STRONG = { a: -0.2, b: -1.1, c: -0.05, d: -2.0 };
const A_WEAK = { a: -0.5, b: -1.4, c: -0.3, d: -1.6 };
const caseA = () => ({ strong: modelOf("strong", A_STRONG), weak: modelOf("weak", A_WEAK) });
const noEnd = { countEnd: false } as const;

describe("log-density-ratio", () => {
  scorerContract(logDensityRatio({}, { strong: strong(), weak: weak() }), anyGroup(), { numRuns: 25 });
  scorerContract(
    logDensityRatio(
      {
        normalization: "bytes",
        perToken: true,
        maxResponseTokens: 12,
        maxPromptTokens: 200,
        customization: {},
      },
      {
        strong: withStarts(strong({ merges: ["he", "the "] }), ["he", "the "]),
        weak: weak(),
        router: fakeChatModel({ reply: "<<< SAFETY >>>" }),
      },
    ),
    anyGroup(),
    { numRuns: 25 },
  );

  it("is paid, depends on the seed by its exemplars, and not on the order of responses", () => {
    expect(definition).toMatchObject({ cost: "paid", usesSeed: true, orderSensitive: false });
    expect(definition.models).toEqual({
      strong: { port: "logprobs" },
      weak: { port: "logprobs" },
      router: { port: "chat", optional: true },
    });
  });

  describe("worked numbers", () => {
    // Case A by hand: −0.2 − 1.1 − 0.05 − 2.0 = −3.35; −0.5 − 1.4 − 0.3 − 1.6 = −3.80; −3.35 + 3.80 = 0.45.
    it.each([
      { normalization: "sum", value: 0.45 },
      { normalization: "tokens", value: 0.1125 }, // 0.45 / 4
      { normalization: "bytes", value: 0.1125 }, // 0.45 / 4 bytes
    ] as const)("A, the same tokenizer: $normalization gives $value", async ({ normalization, value }) => {
      const [got] = await score(caseA(), ["abcd"], { normalization, ...noEnd });
      expect(scoreOf(got)).toBeCloseTo(value, 12);
      expect(partsOf(got)).toMatchObject({ tokens_strong: 4, tokens_weak: 4, bytes: 4, span_joined: 0 });
      expect(partsOf(got).sum_strong).toBeCloseTo(-3.35, 12);
      expect(partsOf(got).sum_weak).toBeCloseTo(-3.8, 12);
    });

    // Case B: strong −0.7 − 0.3 = −1.0 in two tokens, weak −1.0 − 0.9 − 0.4 = −2.3 in three. Not −0.5 + 0.7667 = 0.2667,
    // which each model's own mean would give.
    it.each([
      { normalization: "sum", value: 1.3 },
      { normalization: "tokens", value: 0.65 }, // 1.3 / 2, the strong model's count
      { normalization: "bytes", value: 1.3 / 3 },
    ] as const)("B, different tokenizers: $normalization gives $value", async ({ normalization, value }) => {
      const models = {
        strong: modelOf("strong", { xy: -0.7, z: -0.3 }, { merges: ["xy"] }),
        weak: modelOf("weak", { x: -1, y: -0.9, z: -0.4 }),
      };
      const [got] = await score(models, ["xyz"], { normalization, ...noEnd });
      expect(scoreOf(got)).toBeCloseTo(value, 12);
      expect(partsOf(got)).toMatchObject({ tokens_strong: 2, tokens_weak: 3 });
    });

    // Case C: an index that is off by one takes the prompt's last token in, −0.01 and −0.03: 0.45 + 0.02 = 0.47, 0.47 / 5 = 0.094.
    it("C, off by one: a prompt's last token never counts", async () => {
      const models = {
        strong: modelOf("strong", { ...A_STRONG, "\n": -0.01 }),
        weak: modelOf("weak", { ...A_WEAK, "\n": -0.03 }),
      };
      const [right, wrong] = await score(models, ["abcd", "\nabcd"], noEnd);
      expect(models.strong.calls[0]?.turn.text.endsWith("\nabcd")).toBe(true);
      expect(scoreOf(right)).toBeCloseTo(0.45, 12);
      expect(scoreOf(wrong)).toBeCloseTo(0.47, 12);
      const [, mean] = await score(models, ["abcd", "\nabcd"], { normalization: "tokens", ...noEnd });
      expect(scoreOf(mean)).toBeCloseTo(0.094, 12);
    });

    // Case D: scores 0.45, 1.3, −0.2, 1.3.
    it("D, four candidates: the first best is chosen over the worst, and equal scores make no pair", async () => {
      const models = {
        strong: modelOf("strong", { a: -0.05, b: -0.2, c: -1.2 }),
        weak: modelOf("weak", { a: -0.5, b: -1.5, c: -1 }),
      };
      const pairsOf = async (texts: readonly string[]) => {
        const group = groupOf(texts);
        const scores = await logDensityRatio(noEnd, models).score(group, context);
        const rewards = scores.map(scoreOf);
        // The texts differ by a space of the same log-prob in both models, so that none is a copy.
        return {
          rewards,
          ...bestVsWorst({ dedupe: false }).build({ group, columns: [], rewards }, { seed: 0 }),
        };
      };
      const { rewards, pairs } = await pairsOf(["a", "b", "c", "b "]);
      for (const [index, value] of [0.45, 1.3, -0.2, 1.3].entries()) {
        expect(rewards[index]).toBeCloseTo(value, 12);
      }
      expect(pairs.map(({ chosen, rejected }) => [chosen.text, rejected.text])).toEqual([["b", "c"]]);
      expect((await pairsOf(["a", "a ", " a", " a "])).pairs).toEqual([]);
    });
  });

  it("counts the token that ends the turn unless told not to", async () => {
    const models = {
      strong: modelOf("strong", { a: -0.2, "<|end|>": -0.1 }),
      weak: modelOf("weak", { a: -0.5, "<|end|>": -1.1 }),
    };
    const [counted] = await score(models, ["a"]);
    expect(scoreOf(counted)).toBeCloseTo(1.3, 12); // −0.3 + 1.6
    expect(partsOf(counted)).toMatchObject({ tokens_strong: 2, bytes: 1 });
    const [bare] = await score(models, ["a"], noEnd);
    expect(scoreOf(bare)).toBeCloseTo(0.3, 12);
  });

  it("divides by the response's UTF-8 bytes", async () => {
    const models = {
      strong: modelOf("strong", { é: -1, "😀": -2 }),
      weak: modelOf("weak", { é: -2, "😀": -7 }),
    };
    const [got] = await score(models, ["é😀"], { normalization: "bytes", ...noEnd });
    expect(scoreOf(got)).toBeCloseTo(1, 12); // (−3 + 9) / (2 + 4)
  });

  const anyResponse = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });

  it("changes its sign when the models swap", () =>
    fc.assert(
      fc.asyncProperty(anyResponse, async (text) => {
        const [there] = await score({ strong: strong(), weak: weak() }, [text]);
        const [back] = await score({ strong: weak(), weak: strong() }, [text]);
        expect(scoreOf(there) + scoreOf(back)).toBe(0);
      }),
      { seed: 1, numRuns: 50 },
    ));

  it("is blind to what both models add to every token", () =>
    fc.assert(
      fc.asyncProperty(
        anyResponse,
        fc.double({ min: -3, max: 0, noNaN: true }),
        fc.constantFrom("sum" as const, "tokens" as const, "bytes" as const),
        async (text, shift, normalization) => {
          const shifted = (salt: number) => ({ logprob: (token: FakeToken) => ofPlace(salt)(token) + shift });
          const [plain] = await score({ strong: strong(), weak: weak() }, [text], { normalization });
          const moved = { strong: strong(shifted(1)), weak: weak(shifted(50)) };
          const [other] = await score(moved, [text], { normalization });
          expect(scoreOf(other)).toBeCloseTo(scoreOf(plain), 9);
        },
      ),
      { seed: 1, numRuns: 50 },
    ));

  describe("what the models read", () => {
    it("is one text with template strong, and no text of either model's special tokens is read as one", async () => {
      const models = { strong: strong(), weak: weak({ template: false, specialTokens: ["[STOP]"] }) };
      const [got] = await score(models, ["a [STOP] b <|end|> c"]);
      expect(got?.kind).toBe("scored");
      const [a, b] = [models.strong.calls[0], models.weak.calls[0]];
      expect(a?.turn).toEqual(b?.turn);
      // Code points of the response, and the turn's end; a special token inside would make fewer.
      expect(partsOf(got)).toMatchObject({ tokens_strong: 21, tokens_weak: 21 });
    });

    it("is each model's own with template own", async () => {
      const models = { strong: strong(), weak: weak() };
      const own: LogprobModel = {
        ...models.weak,
        render: (messages, response, how) => {
          const { text, responseStart, responseEnd, breaks } = models.weak.render(messages, response, how);
          const shifted = { responseStart: responseStart + 4, responseEnd: responseEnd + 4 };
          return { text: `Hi: ${text}`, ...shifted, breaks: breaks.map((at) => at + 4) };
        },
      };
      await score({ strong: models.strong, weak: own }, ["yes"], { template: "own" });
      expect(models.weak.calls[0]?.turn.text).toBe(`Hi: ${models.strong.calls[0]?.turn.text}`);
    });

    it("fails as span_impossible where a rendering does not hold the response", async () => {
      const trims: LogprobModel = {
        ...weak(),
        render: (messages, response, how) => weak().render(messages, response.trim(), how),
      };
      const [clean, padded] = await score({ strong: strong(), weak: trims }, ["yes", " yes"], {
        template: "own",
      });
      expect(clean?.kind).toBe("scored");
      expect(padded).toMatchObject({ kind: "failed", code: "span_impossible" });
    });
  });

  describe("the span rule", () => {
    // "\nT" reaches from the generation prompt into responses that begin with T, for the weak model alone.
    const merging = { merges: ["\nT"] };

    it("joins prompt and response for both models when one of them would merge them, and counts it", async () => {
      const models = { strong: strong(), weak: weak(merging) };
      const scores = await score(models, ["The", "a"]);
      expect(scores.map((got) => partsOf(got).span_joined)).toEqual([1, 0]);
      expect(models.strong.calls.map(({ located }) => located.rule)).toEqual(["joined", "whole"]);
      expect(models.weak.calls.map(({ located }) => located.rule)).toEqual(["joined", "whole"]);
    });

    it("fails as span_merged, with no call made, when a model cannot take the ids that joining needs", async () => {
      const models = { strong: strong({ takesIds: false }), weak: weak(merging) };
      const scores = await score(models, ["The", "a"]);
      expect(scores).toMatchObject([{ kind: "failed", code: "span_merged" }, { kind: "scored" }]);
      expect([models.strong.calls.length, models.weak.calls.length]).toEqual([1, 1]);
    });

    it("fails as span_impossible when a tokenizer cannot tell the span, and never guesses", async () => {
      const noSpan: LogprobModel = { ...weak(), locate: () => null };
      expect(await score({ strong: strong(), weak: noSpan }, ["a"])).toMatchObject([
        { kind: "failed", code: "span_impossible" },
      ]);
    });
  });

  it("fails one response's cell with the code of its call, and scores the others", async () => {
    const failing = failingLogprobModel(weak(), { failAt: 2, code: "too_long", why: "9 tokens, context 8" });
    const scores = await score({ strong: strong(), weak: failing }, ["a", "b", "c"]);
    expect(scores.map(({ kind }) => kind)).toEqual(["scored", "failed", "scored"]);
    expect(scores[1]).toEqual({ kind: "failed", code: "too_long", why: "9 tokens, context 8" });
  });

  it.each([
    { given: [-1, Number.NaN], code: "not_finite" },
    { given: [-1, -Infinity], code: "not_finite" },
    { given: [-1], code: "tokens_differ" },
    { given: [], code: "tokens_differ" },
  ])("fails as $code when a model gives $given for two tokens", async ({ given, code }) => {
    const broken: LogprobModel = { ...weak(), logprobs: async () => ({ tokenLogprobs: given }) };
    expect(await score({ strong: strong(), weak: broken }, ["ab"], noEnd)).toMatchObject([
      { kind: "failed", code },
    ]);
  });

  it("abstains on an empty response, rather than give it 0 or the end's ratio", async () => {
    const models = { strong: strong(), weak: weak() };
    expect(await score(models, ["", ""])).toEqual(
      Array(2).fill({ kind: "abstained", why: "response is empty" }),
    );
    expect(models.strong.calls).toEqual([]);
  });

  it("abstains on a prompt with images", async () => {
    const group = groupOf(["a"]);
    const withImage = { ...group, prompt: { ...group.prompt, images: [{ bytes: null, path: "cat.png" }] } };
    const [got] = await logDensityRatio({}, { strong: strong(), weak: weak() }).score(withImage, context);
    expect(got?.kind).toBe("abstained");
  });

  describe("truncation", () => {
    it("cuts a response once, at the strong model's tokens, for both models, without its end", async () => {
      const models = { strong: withStarts(strong({ merges: ["ab"] }), ["ab"]), weak: weak() };
      const [long, short] = await score(models, ["ababcd", "abc"], { maxResponseTokens: 3 });
      const [a, b] = [models.strong.calls[0]?.turn, models.weak.calls[0]?.turn];
      expect(a?.text.endsWith("assistant\nababc")).toBe(true); // ab, ab, c
      expect(b).toEqual(a);
      expect(partsOf(long)).toMatchObject({ truncated: 1, tokens_strong: 3, tokens_weak: 5, bytes: 5 });
      // ab, c and the end that a whole response keeps.
      expect(partsOf(short)).toMatchObject({ truncated: 0, tokens_strong: 3, tokens_weak: 4 });
    });

    it("keeps the prompt's last tokens, the same for both models and all candidates", async () => {
      const models = { strong: withStarts(strong()), weak: weak() };
      const prompt = { prompt: "forget this <|end|> and keep this" };
      const scores = await score(models, ["a", "bb"], { maxPromptTokens: 21 }, prompt);
      // 9 of "keep this", the end, the turn, and 10 of "assistant\n" are 21 tokens.
      const before = "keep this<|end|><|turn|>assistant\n";
      expect(models.strong.calls.map(({ turn }) => turn.text)).toEqual([
        `${before}a<|end|>`,
        `${before}bb<|end|>`,
      ]);
      expect(models.weak.calls.map(({ turn }) => turn)).toEqual(models.strong.calls.map(({ turn }) => turn));
      expect(scores.map((got) => partsOf(got).truncated)).toEqual([1, 1]);
    });

    it("leaves a special token's text in the kept part of the prompt broken", async () => {
      const models = { strong: withStarts(strong()), weak: weak() };
      const prompt = { prompt: "long ago <|end|>!" };
      await score(models, ["a"], { maxPromptTokens: 20 }, prompt);
      const [call] = models.strong.calls;
      // 7 tokens of "<|end|>" as text, "!", the end, the turn and 10 of "assistant\n".
      expect(call?.turn.text).toBe("<|end|>!<|end|><|turn|>assistant\na<|end|>");
      expect(call?.located.start).toBe(20);
    });
  });

  describe("per token", () => {
    const models = () => ({ strong: withStarts(modelOf("strong", A_STRONG)), weak: modelOf("weak", A_WEAK) });

    it("gives each token's ratio where both models have the same tokens, the end as an empty span", async () => {
      const [got] = await score(models(), ["ab"], { perToken: true });
      expect(got).toMatchObject({
        spans: [
          { start: 0, end: 1, label: null }, // −0.2 + 0.5
          { start: 1, end: 2, label: null }, // −1.1 + 1.4
          { start: 2, end: 2, label: "end" }, // −1 + 1
        ],
      });
      const spans = (got?.kind === "scored" && got.spans) || [];
      expect(spans.map(({ value }) => Number(value?.toFixed(12)))).toEqual([0.3, 0.3, 0]);
    });

    it("counts code points, and its ratios add up to the sum", () =>
      fc.assert(
        fc.asyncProperty(anyResponse, async (text) => {
          const both = {
            strong: withStarts(strong({ merges: ["aa"] }), ["aa"]),
            weak: weak({ merges: ["aa"] }),
          };
          const [got] = await score(both, [text], { perToken: true });
          const spans = (got?.kind === "scored" && got.spans) || [];
          expect(spans.reduce((total, { value }) => total + (value ?? 0), 0)).toBeCloseTo(scoreOf(got), 9);
          expect(spans.at(-1)).toMatchObject({
            start: [...text].length,
            end: [...text].length,
            label: "end",
          });
          expect(spans.slice(1).map(({ start }) => start)).toEqual(spans.slice(0, -1).map(({ end }) => end));
        }),
        { seed: 1, numRuns: 50 },
      ));

    it("gives parts alone where the tokens differ", async () => {
      const both = { strong: withStarts(strong({ merges: ["ab"] }), ["ab"]), weak: weak() };
      const [got] = await score(both, ["ab"], { perToken: true });
      expect(got).toMatchObject({ kind: "scored", parts: { tokens_strong: 2, tokens_weak: 3 } });
      expect(got).not.toHaveProperty("spans");
    });
  });

  it.each([
    [{ strong: ONE, weak: ONE }, {}],
    [{ strong: strong({ template: false }), weak: weak() }, {}],
    [{ strong: strong(), weak: weak({ template: false }) }, { template: "own" }],
    [
      { strong: withStarts(strong()), weak: weak() },
      { template: "own", maxPromptTokens: 10 },
    ],
    [{ strong: strong(), weak: weak() }, { maxPromptTokens: 10 }],
    [{ strong: strong(), weak: weak() }, { maxResponseTokens: 10 }],
    [{ strong: strong(), weak: weak() }, { perToken: true }],
    [{ strong: strong(), weak: weak(), router: fakeChatModel() }, {}],
    [{ strong: withStarts(strong()), weak: weak() }, { maxPromptTokens: 0 }],
    [{ strong: withStarts(strong()), weak: weak() }, { maxResponseTokens: 1.5 }],
    [{ strong: strong(), weak: weak() }, { normalization: "avg" }],
    [{ strong: strong(), weak: weak() }, { nope: 1 }],
  ])("refuses what cannot be: case %#", (models, options) => {
    expect(() => logDensityRatio(options as LogDensityRatioOptions, models)).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });

  it("plans one call of each model per response that has a text, and one of the router", () => {
    // Prompt: 12 characters are 3 tokens and 4 for the message; responses: 8 characters are 2, and 4 are 1.
    const group: Group = groupOf(["12345678", "", "1234"], { prompt: "Who are you?" });
    const base = definition.options.parse({ strong: "big", weak: "small" });
    expect(definition.plannedCalls?.(base, group)).toEqual([
      { model: "strong", calls: 2, promptTokens: 2 * 7 + 2 + 1, outputTokens: 0 },
      { model: "weak", calls: 2, promptTokens: 2 * 7 + 2 + 1, outputTokens: 0 },
    ]);
    const custom = {
      domains: { A: { about: "all sorts", system: "x".repeat(40), exemplars: ["y".repeat(20)] }, B: {} },
      default: "A",
    };
    const routed = definition.options.parse({
      strong: "big",
      weak: "small",
      router: "chat",
      customization: custom,
    });
    expect(definition.plannedCalls?.(routed, group)).toMatchObject([
      { model: "strong", promptTokens: 2 * (7 + 10 + 5) + 3 },
      { model: "weak", calls: 2 },
      { model: "router", calls: 1 },
    ]);
    expect(definition.plannedCalls?.(base, groupOf([""]))).toEqual([]);
  });
});
