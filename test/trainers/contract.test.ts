import { describe, expect, it } from "vitest";
import { type TrainerCase, trainerContract } from "../../src/testing/trainer-contract.ts";
import { trainerNamed, trainers } from "../../src/trainers/index.ts";

/** Kinds that cannot be made without options, and options that change what is written. */
const CASES: Readonly<Record<string, readonly TrainerCase[]>> = {
  trl: [
    { kind: "preference" },
    { kind: "preference", options: { format: "text" } },
    { kind: "preference", options: { images: "bytes" } },
    { kind: "reward" },
    { kind: "reward", options: { margin: true } },
    { kind: "unpaired" },
    { kind: "unpaired", options: { from: "groups", threshold: 0.5 } },
    { kind: "unpaired", options: { images: "paths" } },
    { kind: "prompts" },
    { kind: "prompts", options: { format: "text", columns: "level, source" } },
    { kind: "stepwise", options: { score: "quality" } },
  ],
  axolotl: [
    { kind: "preference" },
    { kind: "preference", options: { method: "orpo" } },
    { kind: "unpaired" },
    { kind: "reward" },
    { kind: "reward", options: { system: "only" } },
    { kind: "stepwise", options: { score: "quality", turns: "join" } },
    { kind: "prompts" },
    { kind: "prompts", options: { format: "text", columns: "level" } },
  ],
  ultrafeedback: [
    { kind: "preference" },
    { kind: "ratings" },
    { kind: "ratings", options: { scores: "helpfulness=quality,safety" } },
  ],
  helpsteer2: [
    { kind: "preference" },
    { kind: "preference", options: { better: 0.5, muchBetter: 2 } },
    { kind: "ratings", options: { scores: "helpfulness=quality,safety" } },
  ],
};

describe("a split of another name than train, validation and test", () => {
  const facts = (...splits: readonly string[]) => ({
    files: Object.fromEntries(splits.map((name) => [name, [`data/${name}-00000-of-00001.parquet`]])),
    rows: Object.fromEntries(splits.map((name) => [name, 1])),
  });
  const layouts = trainers.flatMap(({ name, layouts: kinds }) =>
    Object.entries(kinds).map(([kind, definition]) => ({ name, kind, definition })),
  );

  it.each(layouts)("is evaluated on by no config of $name $kind", ({ name, kind, definition }) => {
    const needed = CASES[name]?.find((one) => one.kind === kind)?.options ?? {};
    const layout = definition.create(definition.options.parse(needed), {
      extras: { tools: false, images: false, toolMessages: false },
      scores: ["quality", "safety"],
    });
    const texts = (...splits: readonly string[]): string[] =>
      layout
        .companions(facts(...splits))
        // LLaMA-Factory's list of files names all that there are; its settings choose.
        .filter(({ path }) => path !== "dataset_info.json")
        .map(({ text }) => text);
    expect(texts("train", "train_hard")).toEqual(texts("train"));
    expect(texts("train", "train_hard", "test")).toEqual(texts("train", "test"));
    expect(texts("train", "test", "validation")).toEqual(texts("train", "validation"));
  });
});

describe("the trainers", () => {
  it("have names of their own", () => {
    const names = trainers.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual([
      "trl",
      "openrlhf",
      "verl",
      "llama-factory",
      "axolotl",
      "ms-swift",
      "nemo-rl",
      "rewardbench",
      "ultrafeedback",
      "helpsteer2",
    ]);
  });

  it("are found by name, and a name near one is answered with it", () => {
    expect(trainerNamed("trl").title).toBe("TRL");
    expect(() => trainerNamed("llamafactory")).toThrow(/did you mean "llama-factory"\?/);
  });

  for (const trainer of trainers) {
    const cases = CASES[trainer.name];
    trainerContract(trainer, cases === undefined ? {} : { cases });
  }
});
