import { describe, expect, it } from "vitest";
import { z } from "zod";
import { definition, rubricJudge } from "../../../rewards/rubric-judge.ts";
import { readyRubrics } from "../../../rewards/rubrics/index.ts";
import type { ChatRequest } from "../../../src/models/ports.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { scorerContract } from "../../../src/testing/scorer-contract.ts";
import { about, CHECKS, GOOD, judgeOf, RATINGS, type RubricInput, score, wordsOf } from "./shared.ts";

describe("rubric-judge", () => {
  scorerContract(rubricJudge({ rubric: CHECKS }, { judge: judgeOf(GOOD) }), undefined, { numRuns: 20 });
  scorerContract(
    rubricJudge(
      { rubric: RATINGS, output: "text", panel: "mean" },
      {
        judge: fakeChatModel({
          reply: ({ messages }) => `[[${1 + (wordsOf({ messages } as ChatRequest).length % 5)}]]`,
        }),
        judges: [fakeChatModel({ reply: "[[3]]" })],
      },
    ),
    undefined,
    { numRuns: 20 },
  );

  it("is paid, draws its samples by the seed, and takes a judge and perhaps further ones", () => {
    expect(definition).toMatchObject({
      cost: "paid",
      usesSeed: true,
      orderSensitive: false,
      files: ["rubric"],
    });
    expect(definition.models).toEqual({
      judge: { port: "chat" },
      judges: { port: "chat", optional: true, list: true },
    });
    expect(z.toJSONSchema(definition.options, { io: "input", unrepresentable: "any" })).toMatchObject({
      type: "object",
      required: ["rubric"],
    });
  });

  it.each(["json", "text", "auto"] as const)("scores by the rubric, with output %s", async (output) => {
    const judge = judgeOf(GOOD);
    // Yes, No and one that does not apply and is skipped: 1 / 2.
    expect(await score({ rubric: CHECKS, output }, judge)).toEqual([
      {
        kind: "scored",
        value: 0.5,
        why: "not met: kind; not applicable: sourced",
        parts: { clear: 1, kind: 0, ambiguous: 0, hidden_characters: 0, verdict_like: 0 },
        raw: expect.stringContaining("[clear, judge]\n"),
      },
    ]);
    expect(judge.calls).toHaveLength(3);
    expect(judge.calls.every(({ schema }) => (schema === undefined) === (output === "text"))).toBe(true);
  });

  it("takes the mean of ratings on the scale that the criteria share", async () => {
    const judge = judgeOf({ "How deep": 4, "How well": 5 });
    const [score1] = await score({ rubric: RATINGS }, judge);
    expect(score1).toMatchObject({ value: 4.5, parts: { depth: 4, style: 5 } });
    expect(rubricJudge({ rubric: RATINGS }, { judge }).range).toEqual([1, 5]);
  });

  it("adds and subtracts points, and names what is missed and what is wrong", async () => {
    const rubric: RubricInput = {
      name: "points",
      version: 1,
      weighting: "points",
      criteria: [
        { id: "asks", text: "It asks back.", points: 5 },
        { id: "warns", text: "It warns.", points: 3 },
        { id: "invents", text: "It invents a dose.", points: -2 },
      ],
    };
    // Reference vector: points [5, 3, -2], met [1, 0, 1] -> (5 - 2) / 8.
    const [one] = await score({ rubric }, judgeOf({ "asks back": "Yes", warns: "No", invents: "Yes" }));
    expect(one).toMatchObject({ value: 0.375, why: "not met: warns; faults: invents" });
  });

  it("judges all criteria in one call when told to", async () => {
    const judge = fakeChatModel({
      reply: ({ schema }) =>
        schema
          ? JSON.stringify({
              verdicts: Object.fromEntries(
                ["sourced", "kind", "clear"].map((id) => [
                  id,
                  { reasons: "", verdict: id === "kind" ? "No" : "Yes" },
                ]),
              ),
            })
          : "All in all:\nsourced: [[Yes]]\nkind: [[No]]\nclear: [[Yes]]",
    });
    for (const output of ["json", "text"] as const) {
      const [one] = await score({ rubric: CHECKS, calls: "per-response", output }, judge);
      expect(one).toMatchObject({ value: 2 / 3, parts: { clear: 1, kind: 0, sourced: 1 } });
    }
    expect(judge.calls).toHaveLength(2);
  });

  it("asks again when a criterion is missing from one call, and never shifts the others", async () => {
    const judge = fakeChatModel({ reply: "clear: [[Yes]]\nsourced: [[No]]" });
    const [one] = await score({ rubric: CHECKS, calls: "per-response", output: "text" }, judge);
    expect(one).toMatchObject({ kind: "failed", code: "unread_verdict" });
    expect(judge.calls).toHaveLength(3);
  });

  it("judges equal texts once", async () => {
    const judge = judgeOf(GOOD);
    const scores = await score({ rubric: CHECKS }, judge, groupOf(["a", "b", "a"]));
    expect(scores[0]).toEqual(scores[2]);
    expect(judge.calls).toHaveLength(6);
  });

  it("abstains on images, which it does not show", async () => {
    const group = groupOf(["a"]);
    const images = [{ bytes: null, path: "cat.png" }];
    const judge = judgeOf(GOOD);
    const [one] = await score({ rubric: CHECKS }, judge, { ...group, prompt: { ...group.prompt, images } });
    expect(one).toMatchObject({ kind: "abstained" });
    expect(judge.calls).toHaveLength(0);
  });

  it("takes every ready rubric", () => {
    for (const rubric of Object.keys(readyRubrics))
      expect(() => rubricJudge({ rubric }, { judge: judgeOf({}) })).not.toThrow();
  });

  it("hands its signal to every call", async () => {
    const controller = new AbortController();
    controller.abort();
    const [one] = await score({ rubric: CHECKS }, judgeOf(GOOD), groupOf(["a"]), {
      signal: controller.signal,
      seed: 0,
    });
    expect(one).toMatchObject({ kind: "failed", code: "cancelled" });
  });

  it("does not depend on the order in which replies come", async () => {
    const delays = [3, 0, 2, 5, 1, 4];
    const late = (scores: readonly number[]) =>
      fakeChatModel({
        reply: async (request, index) => {
          for (let turn = 0; turn < (scores[index] ?? 0); turn++) await Promise.resolve();
          return about(request, "kind") ? "[[No]]" : "[[Yes]]";
        },
      });
    const group = groupOf(["a", "b"]);
    const options = { rubric: CHECKS, output: "text" } as const;
    expect(await score(options, late(delays), group)).toEqual(
      await score(options, late([...delays].reverse()), group),
    );
  });
});
