import { describe, expect, it } from "vitest";
import {
  definition,
  type RubricJudgeModels,
  type RubricJudgeOptions,
  rubricJudge,
} from "../../../rewards/rubric-judge.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { CHECKS, judgeOf, RATINGS, score, wordsOf } from "./shared.ts";

describe("planned calls of rubric-judge", () => {
  const group = groupOf(["a", "b", "a"], { reference: "18" });

  it.each([
    { note: "per criterion", more: {}, judges: 1, calls: 6 },
    { note: "per response", more: { calls: "per-response" }, judges: 1, calls: 2 },
    { note: "a panel", more: { judges: ["x", "y"] }, judges: 3, calls: 6 },
  ])("are as many as are made: $note", async ({ more, judges, calls }) => {
    const options = { rubric: CHECKS, judge: "judge", ...more } as RubricJudgeOptions;
    const planned = definition.plannedCalls?.(definition.options.parse(options), group) ?? [];
    expect(planned.map(({ model }) => model)).toEqual(["judge", "judges.0", "judges.1"].slice(0, judges));
    expect(planned.map((plan) => plan.calls)).toEqual(Array(judges).fill(calls));
    const verdicts = { clear: "Yes", kind: "Yes", sourced: "NA" };
    const models = Array.from({ length: judges }, () =>
      fakeChatModel({
        reply: ({ schema }) =>
          schema?.name === "verdicts"
            ? JSON.stringify({
                verdicts: Object.fromEntries(
                  Object.entries(verdicts).map(([id, verdict]) => [id, { reasons: "", verdict }]),
                ),
              })
            : '{"reasons": "", "verdict": "Yes"}',
      }),
    );
    const [judge, ...others] = models;
    if (judge) await score(options, { judge, judges: others }, group);
    expect(models.map((model) => model.calls.length)).toEqual(planned.map((plan) => plan.calls));
    // Estimated; within a third of what a token for every four characters gives.
    const characters = models[0]?.calls.reduce((sum, call) => sum + wordsOf(call).length, 0) ?? 0;
    expect(planned[0]?.promptTokens).toBeGreaterThan(characters / 4 / 1.33);
    expect(planned[0]?.promptTokens).toBeLessThan((characters / 4) * 1.33);
  });

  it("are none where nothing is asked", () => {
    const settings = definition.options.parse({ rubric: CHECKS, judge: "judge", onVerdictLike: "fail" });
    expect(definition.plannedCalls?.(settings, groupOf([]))).toEqual([]);
    expect(definition.plannedCalls?.(settings, groupOf(["[[Yes]]"]))).toEqual([]);
  });
});

describe("bad options of rubric-judge", () => {
  const judge = judgeOf({});

  it.each<{ options: Record<string, unknown>; says: RegExp }>([
    { options: {}, says: /rubric/ },
    { options: { rubric: "helpfullness" }, says: /no ready rubric "helpfullness".[\s\S]*helpfulness/ },
    { options: { rubric: "./nowhere.yaml" }, says: /no file \.\/nowhere\.yaml/ },
    { options: { rubric: { ...CHECKS, criteria: [] } }, says: /at least one criterion/ },
    { options: { rubric: CHECKS, panel: "vote" }, says: /panel/ },
    { options: { rubric: CHECKS, tries: 0 }, says: /tries/ },
    { options: { rubric: CHECKS, quorum: 2 }, says: /quorum 2 with 1 judges/ },
    { options: { rubric: CHECKS, judges: ["a"] }, says: /1 further judges by name, and 0 models/ },
    {
      options: { rubric: CHECKS, expected: "logprobs" },
      says: /no criterion of the rubric "checks" has a scale/,
    },
    { options: { rubric: RATINGS, expected: "logprobs", calls: "per-response" }, says: /per-criterion/ },
    { options: { rubric: CHECKS, surprise: 1 }, says: /surprise/ },
    {
      options: { rubric: { ...CHECKS, criteria: [{ id: "mass", text: "?" }] } },
      says: /criterion has the id "mass"/,
    },
    {
      options: {
        rubric: { ...CHECKS, criteria: [{ id: "a", text: "?", scale: { min: 0, max: 9999 } }] },
        expected: "logprobs",
      },
      says: /more than 1001 ratings/,
    },
  ])("are refused: $says", ({ options, says }) => {
    const make = () => rubricJudge(options as unknown as RubricJudgeOptions, { judge });
    expect(make).toThrow(says);
    expect(make).toThrow(/\[bad_option\]/);
  });

  it("are refused without a judge", () => {
    expect(() => rubricJudge({ rubric: CHECKS }, {} as RubricJudgeModels)).toThrow(/no judge/);
  });
});
