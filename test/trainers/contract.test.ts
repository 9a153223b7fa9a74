import { describe, expect, it } from "vitest";
import { type TrainerCase, trainerContract } from "../../src/testing/trainer-contract.ts";
import { trainerNamed, trainers } from "../../src/trainers/index.ts";

/** Kinds that cannot be made without options, and options that change what is written. */
const CASES: Readonly<Record<string, readonly TrainerCase[]>> = {
  trl: [
    { kind: "preference" },
    { kind: "preference", options: { format: "text" } },
    { kind: "reward" },
    { kind: "reward", options: { margin: true } },
    { kind: "unpaired" },
    { kind: "unpaired", options: { from: "groups", threshold: 0.5 } },
    { kind: "prompts" },
    { kind: "prompts", options: { format: "text", columns: "level, source" } },
    { kind: "stepwise", options: { score: "quality" } },
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
