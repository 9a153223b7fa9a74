import { describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RunModel } from "../../src/annotate/models.ts";
import { judgeModels, startOwnAnswers } from "../../src/annotate/own-answers.ts";
import type { NamedModel } from "../../src/annotate/scorer-options.ts";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";

const RECIPE = recipeFromCode(
  {
    input: { path: "in.jsonl" },
    models: {
      grader: { provider: "fake", model: "org/Big-Judge" },
      policy: { provider: "fake", model: "org/big-judge" },
      small: { provider: "fake", model: "org/small" },
      renamed: { provider: "fake", model: "alias", expectModel: "org/served" },
      open: { provider: "fake", model: "thing", expectModel: "any" },
    },
    scorers: { length: { use: "length" } },
  },
  "/nowhere",
  {},
);

const named = (option: string, key: string): NamedModel => ({
  option,
  place: option,
  model: { key } as unknown as RunModel,
  port: {} as NamedModel["port"],
});
const judgesOf = (...keys: readonly string[]) =>
  judgeModels(
    RECIPE,
    keys.map((key) => named("judges", key)),
  );
const isOwn = (key: string, model: string | undefined): boolean => {
  const [response] = groupOf([model === undefined ? "text" : { text: "text", model }]).responses;
  return response !== undefined && judgesOf(key).some((judge) => judge.isOwn(response));
};

describe("a judge's own answers", () => {
  it.each([
    { judge: "grader", model: "org/Big-Judge", own: true, note: "its name" },
    { judge: "grader", model: "ORG/big-judge-2026-01", own: true, note: "a dated snapshot, in any case" },
    { judge: "grader", model: "big-judge", own: true, note: "without the owner" },
    { judge: "grader", model: "grader", own: true, note: "the recipe's name of it, as sampling writes" },
    {
      judge: "grader",
      model: "policy",
      own: true,
      note: "the recipe's name of an entry with the same model",
    },
    { judge: "grader", model: "small", own: false, note: "an entry with another model" },
    { judge: "grader", model: "org/small", own: false, note: "another model" },
    { judge: "grader", model: "", own: false, note: "a name that is none" },
    { judge: "grader", model: undefined, own: false, note: "no name" },
    { judge: "renamed", model: "org/served", own: true, note: "what its server calls it" },
    { judge: "open", model: "thing", own: true, note: "its name, where replies may have any" },
    { judge: "open", model: "org/small", own: false, note: "not just any" },
  ])("of $judge are told by $note: $model, $own", ({ judge, model, own }) => {
    expect(isOwn(judge, model)).toBe(own);
  });

  it("are those of options that name judges, each model once", () => {
    expect(judgesOf("grader", "small", "grader").map(({ name }) => name)).toEqual(["grader", "small"]);
    expect(judgeModels(RECIPE, [named("router", "small")])).toEqual([]);
  });
});

describe("startOwnAnswers", () => {
  it("counts those that were scored, by judge, and is silent about judges without any", () => {
    const answers = startOwnAnswers(
      new Map([
        ["duel", judgesOf("grader")],
        ["panel", judgesOf("small", "grader")],
        ["other", judgesOf("renamed")],
      ]),
    );
    const group = groupOf([
      { text: "a", model: "policy" },
      { text: "b", model: "org/small" },
      { text: "c", model: "policy" },
      { text: "d", model: "policy" },
    ]);
    const scores = [scored(1), scored(2), failed("server_error", "gone"), abstained("none")];
    for (let turn = 0; turn < 2; turn++)
      answers.add({ group, columns: ["duel", "panel", "other", "free"].map((name) => ({ name, scores })) });
    const tendency = "going by the names: judges tend to prefer their own answers.";
    expect(answers.alarms()).toEqual([
      `duel: 2 of the 4 responses that it scored were answered by the model that judges them (grader), ${tendency}`,
      `panel: 2 of the 4 responses that it scored were answered by the model that judges them (small), ${tendency}`,
      `panel: 2 of the 4 responses that it scored were answered by the model that judges them (grader), ${tendency}`,
    ]);
  });
});
