import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explainPair, firstPairs } from "../../src/annotate/explain-pair.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { editBytes, editManifest, fileOf, smallDataset, temporaryDirectories } from "../cli/small-dataset.ts";

const temporary = temporaryDirectories();
let made: string;
let ids: readonly string[];

beforeAll(async () => {
  made = await smallDataset(await temporary.make());
  ids = (await firstPairs(nodeFiles, made, 10)).map(({ pairId }) => pairId);
});
afterAll(temporary.removeAll);

const explain = (index: number, length = 32) =>
  explainPair(nodeFiles, made, (ids[index] ?? "").slice(0, length));

describe("explainPair", () => {
  // Grades of the run: 3, 1, 2, 0, 2, 1, 1. Mean 10/7, squares 40/7, deviation √(40/42) = 0.975900; with epsilon 0.0001,
  // grade 3 -> (3 − 10/7) / 0.976000 = 1.610070 and grade 1 -> −0.439110.
  it("takes the reward apart into the terms it was made of", async () => {
    const { terms, chosen, rejected, rewardMargin } = await explain(0);
    expect(terms).toEqual([
      {
        score: "correct",
        weight: 1,
        transforms: [],
        chosen: { value: 1, contribution: 1 },
        rejected: { value: 0, contribution: 0 },
      },
      {
        score: "grade",
        weight: 0.2,
        transforms: ["standardize"],
        chosen: { value: expect.closeTo(1.61007, 5), contribution: expect.closeTo(0.322014, 6) },
        rejected: { value: expect.closeTo(-0.43911, 5), contribution: expect.closeTo(-0.087822, 6) },
      },
      {
        score: "length",
        weight: 0.5,
        transforms: [],
        chosen: { value: 0, contribution: 0 },
        rejected: { value: 0, contribution: 0 },
      },
    ]);
    expect(chosen.reward).toBeCloseTo(1.322014, 6);
    expect(chosen.recomputedReward).toBe(chosen.reward);
    expect(rejected.recomputedReward).toBe(rejected.reward);
    expect(rewardMargin).toBeCloseTo(1.409836, 6);
  });

  it("gives texts, rule, every score with its reason, and what its config hash stands for", async () => {
    const explained = await explain(0);
    expect(explained).toMatchObject({
      promptId: "sum",
      split: "train",
      place: { file: "pairs/train-00000-of-00001.parquet", row: 0 },
      rule: "best-vs-worst",
      reference: "42",
      prompt: [{ role: "user", content: "What is 40 + 2?" }],
      chosen: { response: { text: "A: 42" } },
      rejected: { response: { text: "A: 41" } },
      note: null,
    });
    const { configHash } = explained.scores[0] ?? {};
    expect(configHash).toMatch(/^[0-9a-f]{16}$/);
    const parts = { textAfter: 0, truncated: 0, candidates: 1 };
    expect(explained.scores[0]).toEqual({
      name: "correct",
      scorer: "math-answer",
      version: 2,
      configHash,
      config: { use: "math-answer", scorer: "math-answer", version: 2, options: {} },
      chosen: { kind: "scored", value: 1, why: expect.stringContaining("equal"), parts },
      rejected: { kind: "scored", value: 0, why: expect.stringContaining("different"), parts },
    });
  });

  // 150 tokens of 200 with a ramp of 80: −(150 − 120) / 80 = −0.375; 1 + 0.2 × 0.585480 − 0.5 × 0.375 = 0.929596.
  it("gives the rewards of the whole group, from which the rule chose", async () => {
    const { group } = await explain(0);
    expect(group.map(({ reward }) => reward)).toEqual([
      expect.closeTo(1.322014, 6),
      expect.closeTo(-0.087822, 6),
      expect.closeTo(0.929596, 6),
    ]);
  });

  it("says which gate decided on which side", async () => {
    const { gates, rejected } = await explain(1);
    expect(rejected.reward).toBe(-3);
    expect(gates).toEqual([{ gate: { score: "grade", below: 0.5, reward: -3 }, decided: ["rejected"] }]);
  });

  it("finds a pair by the first digits of its id, in any split and file", async () => {
    const out = await smallDataset(await temporary.make(), {
      output: { split: { test: 0.5 }, fileMb: 0.000001 },
      shardSize: 1,
    });
    for (const id of ids)
      expect((await explainPair(nodeFiles, out, id.slice(0, 8).toUpperCase())).pairId).toBe(id);
  });

  it("still shows the scores when the reward cannot be made again, and says why", async () => {
    const out = await smallDataset(await temporary.make());
    await editManifest(out, (manifest) => ({
      ...manifest,
      reward: { terms: [{ score: "correct", transform: [{ use: "of-a-later-version" }] }] },
    }));
    const explained = await explainPair(nodeFiles, out, ids[0] ?? "");
    expect(explained).toMatchObject({ terms: null, gates: null, chosen: { recomputedReward: null } });
    expect(explained.note).toContain("of-a-later-version");
    expect(explained.scores).toHaveLength(3);
  });

  it("refuses an id that no pair has, naming the nearest and how to list them", async () => {
    const wrong = `${(ids[0] ?? "").slice(0, 6)}zz`;
    const error = await explainPair(nodeFiles, made, wrong).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "unknown_name", fix: expect.stringContaining("prefkit why") });
    expect(String(error)).toContain(`the nearest are ${ids[0]}`);
  });

  it("refuses the beginning of more than one id", async () => {
    await expect(explainPair(nodeFiles, made, "")).rejects.toMatchObject({
      code: "unknown_name",
      message: expect.stringContaining("more than one pair id begins with"),
    });
  });

  it("refuses a dataset without pairs, and a directory without a dataset", async () => {
    const out = await smallDataset(await temporary.make(), { pairs: undefined });
    await expect(explainPair(nodeFiles, out, "a")).rejects.toMatchObject({ code: "dataset_incomplete" });
    await expect(explainPair(nodeFiles, await temporary.make(), "a")).rejects.toMatchObject({
      code: "dataset_incomplete",
    });
  });

  it.each(["pairs", "groups", "scores"] as const)("shows nothing from a changed %s file", async (table) => {
    const out = await smallDataset(await temporary.make());
    const path = join(out, (await fileOf(out, table)).path);
    await editBytes(path, (bytes) => {
      // The fifth byte is in the first page's header, behind the magic.
      bytes[5] = (bytes[5] ?? 0) ^ 0x40;
      return bytes;
    });
    await expect(explainPair(nodeFiles, out, ids[0] ?? "")).rejects.toMatchObject({ code: "damaged_file" });
    await rm(path);
    await expect(explainPair(nodeFiles, out, ids[0] ?? "")).rejects.toMatchObject({ code: "io" });
  });
});

describe("firstPairs", () => {
  it("gives no more pairs than asked for, in the order of the table", async () => {
    const all = await firstPairs(nodeFiles, made, 10);
    expect(all.map(({ promptId }) => promptId)).toEqual(["sum", "product"]);
    expect(await firstPairs(nodeFiles, made, 1)).toEqual(all.slice(0, 1));
  });
});
