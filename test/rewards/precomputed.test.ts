import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { precomputed } from "../../rewards/precomputed.ts";
import type { Json } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context = { signal: new AbortController().signal, seed: 0 };

function withMetadata(values: readonly Json[]) {
  return groupOf(values.map((value, index) => ({ text: `${index}`, metadata: { score: value } })));
}

const anyJson = fc.oneof(
  fc.double(),
  fc.integer({ min: -3, max: 3 }),
  fc.jsonValue().map((value) => value as Json),
);

describe("precomputed", () => {
  const scorer = precomputed({ field: "score" });

  scorerContract(scorer, fc.array(anyJson, { maxLength: 5 }).map(withMetadata));
  scorerContract(
    precomputed({ field: "score", from: "prompt", range: [0, 1] }),
    fc.array(anyJson, { maxLength: 5 }).map((score) =>
      groupOf(
        score.map((_, index) => `${index}`),
        { metadata: { score } },
      ),
    ),
    { orderSensitive: true },
  );

  it.each([
    { value: 4.5, score: { kind: "scored", value: 4.5 } },
    { value: true, score: { kind: "scored", value: 1 } },
    { value: false, score: { kind: "scored", value: 0 } },
    { value: null, score: { kind: "abstained", why: 'response metadata "score" is null' } },
    {
      value: "0.5",
      score: { kind: "failed", code: "not_a_number", why: 'response metadata "score" is the text "0.5"' },
    },
    {
      value: [1],
      score: { kind: "failed", code: "not_a_number", why: 'response metadata "score" is a list' },
    },
    {
      value: {},
      score: { kind: "failed", code: "not_a_number", why: 'response metadata "score" is an object' },
    },
    {
      value: Number.NaN,
      score: { kind: "failed", code: "not_finite", why: 'response metadata "score" is NaN' },
    },
    {
      value: -Infinity,
      score: { kind: "failed", code: "not_finite", why: 'response metadata "score" is -Infinity' },
    },
  ])("reads $value as $score.kind", async ({ value, score }) => {
    expect(await scorer.score(withMetadata([value]), context)).toEqual([score]);
  });

  it("abstains where the field is absent, inherited names included", async () => {
    const absent = (field: string) => ({ kind: "abstained", why: `response metadata "${field}" is absent` });
    const group = withMetadata([1]);
    for (const field of ["other", "score.deeper", "constructor", "__proto__"]) {
      expect(await precomputed({ field }).score(group, context)).toEqual([absent(field)]);
    }
  });

  it("follows dotted paths, and prefers a key of that very name", async () => {
    const group = groupOf([
      { text: "a", metadata: { grades: { helpful: 4 } } },
      { text: "b", metadata: { grades: { helpful: 4 }, "grades.helpful": 2 } },
      { text: "c", metadata: { grades: null } },
    ]);
    expect(await precomputed({ field: "grades.helpful" }).score(group, context)).toEqual([
      { kind: "scored", value: 4 },
      { kind: "scored", value: 2 },
      { kind: "abstained", why: 'response metadata "grades.helpful" is absent' },
    ]);
  });

  it("fails a value outside the stated range", async () => {
    const scores = await precomputed({ field: "score", range: [1, 5] }).score(withMetadata([5, 6]), context);
    expect(scores).toEqual([
      { kind: "scored", value: 5 },
      { kind: "failed", code: "out_of_range", why: 'response metadata "score" is 6, outside [1, 5]' },
    ]);
  });

  describe("from the prompt's metadata", () => {
    const fromPrompt = precomputed({ field: "scores", from: "prompt" });
    const group = (metadata: { readonly [key: string]: Json }) => groupOf(["a", "b"], { metadata });

    it("takes one entry per response", async () => {
      expect(await fromPrompt.score(group({ scores: [1, null] }), context)).toEqual([
        { kind: "scored", value: 1 },
        { kind: "abstained", why: 'prompt metadata "scores" is null' },
      ]);
    });

    it("fails the whole group when the list has another length: whose score is whose is unknown", async () => {
      const why = 'prompt metadata "scores" has 1 entries for 2 responses';
      const failed = { kind: "failed", code: "wrong_length", why };
      expect(await fromPrompt.score(group({ scores: [1] }), context)).toEqual([failed, failed]);
    });

    it("fails the whole group when the field is no list", async () => {
      const failed = { kind: "failed", code: "not_a_list", why: 'prompt metadata "scores" is 1, not a list' };
      expect(await fromPrompt.score(group({ scores: 1 }), context)).toEqual([failed, failed]);
    });

    it("abstains when there is no such field", async () => {
      const abstained = { kind: "abstained", why: 'prompt metadata "scores" is absent' };
      expect(await fromPrompt.score(group({}), context)).toEqual([abstained, abstained]);
    });
  });

  it.each([
    [{ field: "" }],
    [{ field: "score", range: [1, 0] as const }],
    [{ field: "score", range: [0, Number.NaN] as const }],
  ])("refuses the options %o", (options) => {
    expect(() => precomputed(options)).toThrowError(expect.objectContaining({ code: "bad_option" }));
  });
});
