import { describe, expect, it } from "vitest";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { simulatedJudge } from "../../../src/testing/simulated-judge.ts";
import { about, CHECKS, judgeOf, RATINGS, type RubricInput, scale, score } from "./shared.ts";

describe("a judge of rubric-judge that cannot be read", () => {
  it("is asked again, and then fails the cell", async () => {
    const judge = fakeChatModel({ reply: "I would rather not say." });
    const [one] = await score({ rubric: CHECKS, output: "text", tries: 2 }, judge);
    expect(one).toEqual({
      kind: "failed",
      code: "unread_verdict",
      why: "clear: the judge's answer could not be read in 2 tries: its last line is no mark by itself",
    });
    expect(judge.calls).toHaveLength(6);
  });

  it("is counted as the rubric says, where the rubric says how", async () => {
    const judge = fakeChatModel({ reply: (request) => (about(request, "clear") ? "Hm." : "[[Yes]]") });
    const options = (unread: "satisfied" | "skip" | "unsatisfied") =>
      ({ rubric: { ...CHECKS, unread }, output: "text", tries: 1 }) as const;
    expect((await score(options("unsatisfied"), judge))[0]).toMatchObject({
      value: 2 / 3,
      why: "unread: clear",
    });
    expect((await score(options("satisfied"), judge))[0]).toMatchObject({ value: 1 });
    expect((await score(options("skip"), judge))[0]).toMatchObject({
      value: 1,
      parts: { kind: 1, sourced: 1 },
    });
  });

  it("is unread when its reply was cut or refused, whatever stands in it", async () => {
    for (const finishReason of ["length", "content_filter", "refusal"]) {
      const judge = fakeChatModel({
        reply: () => ({ text: "The response ends with\n[[Yes]]", finishReason }),
      });
      const [one] = await score({ rubric: CHECKS, output: "text", tries: 1 }, judge);
      expect(one).toMatchObject({ kind: "failed", code: "unread_verdict" });
    }
  });

  it.each(["text", "json"] as const)(
    "may say that a rated criterion does not apply, in %s",
    async (output) => {
      const judge = judgeOf({ "How deep": "NA", "How well": 4 });
      const [one] = await score({ rubric: RATINGS, output, tries: 1 }, judge);
      expect(one).toMatchObject({ value: 4, why: "not applicable: depth", parts: { style: 4 } });
      const strict = { ...RATINGS, notApplicable: "fail" } as const;
      expect((await score({ rubric: strict, output, tries: 1 }, judge))[0]).toMatchObject({
        kind: "failed",
        code: "unread_verdict",
      });
    },
  );

  it.each([
    { note: "a fence", before: "```json\n", after: "\n```" },
    { note: "thinking", before: "<think>{}</think>\n", after: "" },
  ])("is read at once where its JSON has $note around it", async ({ before, after }) => {
    const judge = fakeChatModel({ reply: `${before}{"reasons": "so", "verdict": "Yes"}${after}` });
    expect((await score({ rubric: CHECKS }, judge))[0]).toMatchObject({ value: 1 });
    expect(judge.calls).toHaveLength(3);
  });

  it("is asked once for structured output that it does not give, then for marked text", async () => {
    const judge = fakeChatModel({ reply: ({ schema }) => (schema ? "It is good." : "[[Yes]]") });
    for (const tries of [1, 3]) {
      expect((await score({ rubric: CHECKS, tries }, judge))[0]).toMatchObject({ value: 1 });
    }
    // Three criteria, two calls each, twice.
    expect(judge.calls).toHaveLength(12);
    const mute = fakeChatModel({ reply: "Hm." });
    await score({ rubric: CHECKS, tries: 3 }, mute);
    expect(mute.calls).toHaveLength(9);
  });

  it("is marked where it gave two verdicts", async () => {
    const judge = fakeChatModel({ reply: "At first sight [[No]].\n[[Yes]]" });
    const [one] = await score({ rubric: CHECKS, output: "text" }, judge);
    expect(one).toMatchObject({ value: 1, parts: { ambiguous: 3 } });
  });

  /** How good a text is: a number in [0, 1]. */
  const truth = (text: string): number => (text.length % 7) / 6;
  const texts = Array.from({ length: 2_500 }, (_, index) => `${"x".repeat(index % 50)} ${index}`);
  const one = (first: { readonly scale?: typeof scale }): RubricInput => ({
    name: "one",
    version: 1,
    criteria: [{ id: "good", text: "Is it good?", ...first }],
  });

  it.each([
    { what: "verdicts in marked text", rubric: one({}), output: "text" },
    { what: "verdicts in structured output", rubric: one({}), output: "json" },
    { what: "ratings in marked text", rubric: one({ scale }), output: "text" },
    { what: "ratings in structured output", rubric: one({ scale }), output: "json" },
  ] as const)("gives no wrong number for 2,500 malformed replies with $what", async ({ rubric, output }) => {
    const judge = simulatedJudge({ truth, parseFailureRate: 1 });
    const scores = await score({ rubric, output, tries: 1 }, judge, groupOf(texts));
    const read = scores.flatMap((given, index) =>
      given.kind === "scored" ? [{ value: given.value, truth: truth(texts[index] ?? "") }] : [],
    );
    const right = (quality: number): number =>
      rubric.criteria[0]?.scale ? 1 + Math.round(4 * quality) : Number(quality >= 0.5);
    expect(read.filter((given) => given.value !== right(given.truth))).toEqual([]);
    expect(scores.every((given) => given.kind === "scored" || given.kind === "failed")).toBe(true);
  });

  it("costs a fifth more calls when a fifth of its replies is malformed, and hardly a cell", async () => {
    const judge = simulatedJudge({ truth, parseFailureRate: 0.2 });
    const scores = await score({ rubric: one({}), output: "text" }, judge, groupOf(texts.slice(0, 1_000)));
    // 1 + 0.2 + 0.04 calls a cell, of which 0.008 stay unread after three.
    expect(judge.callCount).toBeGreaterThan(1_150);
    expect(judge.callCount).toBeLessThan(1_330);
    expect(scores.filter(({ kind }) => kind === "failed").length).toBeLessThan(25);
  });
});
