import { ExactMatch, JSONDiff, Levenshtein, NumericDiff, ValidJSON } from "autoevals";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  fromAutoevals,
  fromEvalite,
  fromFunction,
  type PlainScore,
  toScorer,
} from "../../src/core/adapters.ts";
import { defineScorer, perResponse, scored } from "../../src/core/scorer.ts";
import type { Group, Score, Scorer } from "../../src/core/types.ts";
import { anyGroup, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context = { signal: new AbortController().signal, seed: 0 };

async function firstScore(scorer: Scorer, group: Group): Promise<Score | undefined> {
  return (await scorer.score(group, context))[0];
}

const withReference = anyGroup({ reference: fc.constant("18") });

describe("fromFunction", () => {
  scorerContract(fromFunction(({ text }) => text.length, { name: "length", range: [0, Infinity] }));
  scorerContract(
    fromFunction(({ text, reference }) => text === reference, { name: "same", range: [0, 1] }),
    withReference,
  );
  scorerContract(
    fromFunction(({ responses }) => responses.map(({ text }) => text.length), {
      name: "lengths",
      perResponse: false,
    }),
  );

  it("hands over the prompt, the response, the reference, the text and the prompt's metadata", async () => {
    const group = groupOf(["A: 18"], { reference: "18", metadata: { level: 3 } });
    const seen: unknown[] = [];
    await firstScore(
      fromFunction(
        (input, { seed }) => {
          seen.push(input, seed);
          return 0;
        },
        { name: "spy" },
      ),
      group,
    );
    const [response] = group.responses;
    const input = { prompt: group.prompt, response, reference: "18", text: "A: 18", metadata: { level: 3 } };
    expect(seen).toEqual([input, 0]);
  });

  const notAScore = (why: string) => ({ kind: "failed", code: "not_a_score", why });

  it.each<{ returned: unknown; score: unknown }>([
    { returned: 0.5, score: { kind: "scored", value: 0.5 } },
    { returned: true, score: { kind: "scored", value: 1 } },
    { returned: false, score: { kind: "scored", value: 0 } },
    { returned: null, score: { kind: "abstained", why: "the scorer returned null" } },
    { returned: { score: 0.5, why: "half" }, score: { kind: "scored", value: 0.5, why: "half" } },
    { returned: { score: null, why: "no idea" }, score: { kind: "abstained", why: "no idea" } },
    { returned: scored(1, { parts: { a: 1 } }), score: { kind: "scored", value: 1, parts: { a: 1 } } },
    { returned: { kind: "failed", code: "odd", why: "x" }, score: { kind: "failed", code: "odd", why: "x" } },
    { returned: undefined, score: notAScore("got undefined") },
    { returned: "0.5", score: notAScore('got "0.5"') },
    { returned: { score: "0.5" }, score: notAScore('got "0.5"') },
    { returned: {}, score: notAScore("got kind undefined") },
    { returned: Number.NaN, score: { kind: "failed", code: "not_finite", why: "value is NaN" } },
    { returned: 2, score: { kind: "failed", code: "out_of_range", why: "value 2 is outside [0, 1]" } },
  ])("turns $returned into $score.kind, returned at once or promised", async ({ returned, score }) => {
    const options = { name: "fixed", range: [0, 1] } as const;
    const group = groupOf(["x"]);
    expect(
      await firstScore(
        fromFunction(() => returned as PlainScore, options),
        group,
      ),
    ).toEqual(score);
    expect(
      await firstScore(
        fromFunction(async () => returned as PlainScore, options),
        group,
      ),
    ).toEqual(score);
    const grouped = fromFunction(async () => [returned as PlainScore], { ...options, perResponse: false });
    expect(await firstScore(grouped, group)).toEqual(score);
  });

  it("fails every cell when a group function returns another number of scores", async () => {
    const scorer = fromFunction(() => [1], { name: "one", perResponse: false });
    const score = { kind: "failed", code: "wrong_length", why: "one returned 1 scores for 2 responses" };
    expect(await scorer.score(groupOf(["a", "b"]), context)).toEqual([score, score]);
  });

  it("abstains without what it needs, and does not call the function", async () => {
    const scorer = fromFunction(
      () => {
        throw new Error("was called");
      },
      { name: "needy", needs: { reference: true } },
    );
    expect(await firstScore(scorer, groupOf(["x"]))).toEqual({
      kind: "abstained",
      why: "prompt has no reference",
    });
  });

  it("lets a throw through, for the runner to count", async () => {
    const throwing = (): number => {
      throw new Error("boom");
    };
    await expect(firstScore(fromFunction(throwing, { name: "throws" }), groupOf(["x"]))).rejects.toThrow(
      "boom",
    );
  });
});

describe("fromAutoevals", () => {
  scorerContract(
    fromAutoevals(Levenshtein, { name: "levenshtein", needs: { reference: true } }),
    withReference,
  );

  it.each([
    // one edit among 6 letters: 1 - 1/6
    { fn: Levenshtein, text: "kitten", reference: "mitten", value: 5 / 6 },
    { fn: ExactMatch, text: "18", reference: "18", value: 1 },
    { fn: ExactMatch, text: "18.0", reference: "18", value: 0 },
    // 1 - |20 - 10| / (20 + 10)
    { fn: NumericDiff, text: "10", reference: "20", value: 2 / 3 },
    // key a is equal (1); key b: 1 - |4 - 2| / (4 + 2) = 2/3; their mean
    { fn: JSONDiff, text: '{"a": 1, "b": 2}', reference: '{"a": 1, "b": 4}', value: 5 / 6 },
  ])(
    "takes $fn.name of the library unchanged ($text against $reference)",
    async ({ fn, text, reference, value }) => {
      const score = await firstScore(fromAutoevals(fn, { name: "foreign" }), groupOf([text], { reference }));
      expect(score).toEqual({ kind: "scored", value: expect.closeTo(value, 12) });
    },
  );

  it("hands further arguments over", async () => {
    const extra = { schema: { type: "object", required: ["a"] } };
    const scorer = fromAutoevals(ValidJSON, { name: "valid", extra });
    const scores = await scorer.score(groupOf(['{"a": 1}', "{}"]), context);
    expect(scores).toEqual([scored(1), scored(0)]);
  });

  it("lets the library's own complaint about a missing reference through", async () => {
    await expect(firstScore(fromAutoevals(Levenshtein, { name: "l" }), groupOf(["x"]))).rejects.toThrow(
      "expected",
    );
  });

  it("fails a NaN, as NumericDiff gives for text that is no number", async () => {
    const scorer = fromAutoevals(NumericDiff, { name: "n" });
    const score = await firstScore(scorer, groupOf(["eighteen"], { reference: "18" }));
    expect(score).toMatchObject({ kind: "failed", code: "not_finite" });
  });

  it.each<{ result: unknown; score: unknown }>([
    { result: { name: "x", score: null }, score: { kind: "abstained", why: "the scorer returned null" } },
    {
      result: { name: "x", score: null, metadata: { reason: "no claim" } },
      score: { kind: "abstained", why: "no claim" },
    },
    {
      result: { name: "x", score: 0.6, metadata: { rationale: "mostly", choice: "B" } },
      score: { kind: "scored", value: 0.6, why: "mostly" },
    },
    {
      result: { name: "x", score: 0, error: new Error("no key") },
      score: { kind: "failed", code: "scorer_error", why: "no key" },
    },
    { result: { name: "x" }, score: { kind: "failed", code: "not_a_score", why: "got kind undefined" } },
    {
      result: { name: "x", score: 1.5 },
      score: { kind: "failed", code: "out_of_range", why: "value 1.5 is outside [0, 1]" },
    },
  ])("reads the result $result", async ({ result, score }) => {
    expect(
      await firstScore(
        fromAutoevals(async () => result, { name: "x" }),
        groupOf(["x"]),
      ),
    ).toEqual(score);
  });

  it("gives the user's text as input of a single turn, else the messages", async () => {
    const inputs: unknown[] = [];
    const scorer = fromAutoevals(
      ({ input, expected }: { input?: unknown; expected?: string }) => {
        inputs.push(input, expected);
        return { name: "spy", score: 1 };
      },
      { name: "spy" },
    );
    const user = { role: "user", content: "9 * 2?" } as const;
    const system = { role: "system", content: "Be brief." } as const;
    const many = [
      user,
      { role: "assistant", content: "18" } as const,
      { role: "user", content: "Sure?" } as const,
    ];
    await firstScore(scorer, groupOf(["x"], { prompt: [user] }));
    await firstScore(scorer, groupOf(["x"], { prompt: [system, user], reference: "18" }));
    await firstScore(scorer, groupOf(["x"], { prompt: many }));
    expect(inputs).toEqual(["9 * 2?", undefined, "9 * 2?", "18", many, undefined]);
  });
});

describe("fromEvalite", () => {
  interface EvaliteInput {
    readonly input: string;
    readonly output: string;
    readonly expected?: string;
  }
  // The shapes as recorded from evalite 0.19 and its 1.0 betas; the library itself is not installed here.
  const contains = {
    name: "Contains",
    scorer: ({ output, expected }: EvaliteInput) =>
      expected !== undefined && output.includes(expected) ? 1 : 0,
  };
  const created = async (input: EvaliteInput) => ({ name: contains.name, score: contains.scorer(input) });
  const createdList = async (input: EvaliteInput) => [await created(input)];

  it.each([
    { shape: "the object given to createScorer", scorer: contains },
    { shape: "what createScorer returns", scorer: created },
    { shape: "what createScorer returns in versions with lists", scorer: createdList },
    { shape: "a bare function", scorer: contains.scorer },
  ])("takes $shape unchanged", async ({ scorer }) => {
    const scores = await fromEvalite(scorer, { name: "contains" }).score(
      groupOf(["A: 18", "A: 26"], { reference: "18" }),
      context,
    );
    expect(scores).toEqual([scored(1), scored(0)]);
  });

  it("keeps the reason found in metadata", async () => {
    const scorer = { scorer: () => ({ score: 0.5, metadata: { reason: "half" } }) };
    expect(await firstScore(fromEvalite(scorer, { name: "x" }), groupOf(["x"]))).toEqual(
      scored(0.5, { why: "half" }),
    );
  });

  it("fails a list of several scores: one scorer has one value", async () => {
    const scorer = () => [{ score: 1 }, { score: 0 }];
    expect(await firstScore(fromEvalite(scorer, { name: "x" }), groupOf(["x"]))).toMatchObject({
      code: "not_a_score",
    });
  });
});

describe("toScorer", () => {
  const longest = (limit: number): Scorer =>
    perResponse({ name: "longest", version: 2, range: [0, 1] }, ({ text }) =>
      scored(text.length <= limit ? 1 : 0),
    );
  const definition = defineScorer({
    name: "defined",
    version: 1,
    summary: "1 up to a length.",
    options: z.strictObject({ limit: z.number().default(3) }),
    create: ({ limit }) => longest(limit),
  });
  const group = groupOf(["12345"]);

  it.each<{ shape: string; exported: unknown; options?: Record<string, unknown>; value: number }>([
    { shape: "a scorer", exported: longest(9), value: 1 },
    { shape: "a definition", exported: definition, value: 0 },
    { shape: "a definition with options", exported: definition, options: { limit: 5 }, value: 1 },
    { shape: "a plain function", exported: ({ text }: { text: string }) => text.length, value: 5 },
    {
      shape: "a factory of a scorer",
      exported: ({ limit = 3 }) => longest(limit),
      options: { limit: 5 },
      value: 1,
    },
    {
      shape: "a factory whose options all have defaults",
      exported: ({ limit = 3 } = {}) => longest(limit),
      value: 0,
    },
    {
      shape: "a factory of a plain function",
      exported:
        ({ factor }: { factor: number }) =>
        ({ text }: { text: string }) =>
          factor * text.length,
      options: { factor: 2 },
      value: 10,
    },
    { shape: "a factory of a definition", exported: () => definition, value: 0 },
  ])("accepts $shape", async ({ exported, options, value }) => {
    const scorer = toScorer(exported, { name: "mine", ...(options && { options }) });
    expect(await firstScore(scorer, group)).toEqual(scored(value));
  });

  it("names a scorer made of a function by the given name, and keeps the name of any other", () => {
    expect(
      toScorer(({ text }: { text: string }) => text.length, { name: "mine", options: {} }),
    ).toMatchObject({
      name: "mine",
      version: 1,
      range: [-Infinity, Infinity],
    });
    expect(toScorer(longest(1), { name: "mine" }).name).toBe("longest");
  });

  it("wraps foreign scorers, with the options as further arguments", async () => {
    const schema = { type: "object" };
    const valid = toScorer(ValidJSON, { name: "valid", adapter: "autoevals", options: { schema } });
    expect(await valid.score(groupOf(["{}", "[]"]), context)).toEqual([scored(1), scored(0)]);
    const evalite = toScorer({ name: "One", scorer: () => 1 }, { name: "one", adapter: "evalite" });
    expect(await firstScore(evalite, group)).toEqual(scored(1));
  });

  it("says in each cell that a plain function is really a factory", async () => {
    const factory = (options: { limit?: number }) => longest(options.limit ?? 3);
    expect(await firstScore(toScorer(factory, { name: "mine" }), group)).toMatchObject({
      code: "not_a_score",
      why: expect.stringContaining("it is a factory"),
    });
  });

  it.each<{ got: string; exported: unknown; options?: Record<string, unknown>; says: string }>([
    { got: "nothing", exported: undefined, says: "is undefined" },
    { got: "a number", exported: 3, says: "is 3" },
    { got: "an object of another kind", exported: { evaluate: () => 1 }, says: "is an object with evaluate" },
    { got: "a scorer without a name", exported: { score: () => [] }, says: "without a `name`" },
    { got: "a scorer without a version", exported: { ...longest(1), version: undefined }, says: "`version`" },
    { got: "a scorer with a range upside down", exported: { ...longest(1), range: [1, 0] }, says: "`range`" },
    {
      got: "a factory of a number",
      exported: () => 1,
      says: "because it has no required parameter, and returned 1",
    },
    {
      got: "an asynchronous factory",
      exported: async (_: unknown) => longest(1),
      options: { limit: 1 },
      says: "because the recipe gives it options, and returned a promise",
    },
  ])("refuses $got and says what it accepts", ({ exported, options, says }) => {
    expect(() => toScorer(exported, { name: "mine", ...(options && { options }) })).toThrowError(
      expect.objectContaining({
        code: "unreadable_module",
        message: expect.stringMatching(
          new RegExp(
            `${says.replace(/[[\]]/g, "\\$&")}[^]*Fix: export a scorer \\{name, version, range, score`,
          ),
        ),
      }),
    );
  });

  it.each([
    { adapter: "autoevals", exported: { scorer: () => 1 } },
    { adapter: "evalite", exported: { score: () => 1 } },
  ] as const)("refuses an export that is no $adapter scorer", ({ adapter, exported }) => {
    expect(() => toScorer(exported, { name: "mine", adapter })).toThrowError(
      expect.objectContaining({
        code: "unreadable_module",
        message: expect.stringContaining(`adapter: ${adapter}`),
      }),
    );
  });

  it.each<{ what: string; exported: unknown; options: Record<string, unknown> }>([
    { what: "options of a finished scorer", exported: longest(1), options: { limit: 2 } },
    { what: "options a definition does not know", exported: definition, options: { limits: 2 } },
    {
      what: "options a factory throws at",
      exported: (_: unknown) => {
        throw new Error("limit must be positive");
      },
      options: { limit: -1 },
    },
  ])("refuses $what", ({ exported, options }) => {
    expect(() => toScorer(exported, { name: "mine", options })).toThrowError(
      expect.objectContaining({ code: "bad_option" }),
    );
  });
});
