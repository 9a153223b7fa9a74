import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { type PickOptions, pick } from "../../src/evaluate/pick.ts";
import { fakeModels } from "./fake-models.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-pick-"));
  const rows = [
    { prompt: "1?", chosen: "good", rejected: "bad", domain: "CHAT" },
    { prompt: "2?", chosen: "goo", rejected: "b", domain: "CHAT" },
    { prompt: "3?", chosen: "gob", rejected: "bag", domain: "SAFETY" },
    { prompt: "4?", chosen: "g", rejected: "", domain: "SAFETY" },
  ];
  await writeFile(join(directory, "gold.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(join(directory, "torn.jsonl"), `${JSON.stringify(rows[0])}\n{"prompt":\n`);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const models = fakeModels();

const RECIPE = {
  input: { path: "none.jsonl" },
  models: {
    base: { provider: "fake" },
    fond: { provider: "fake", likes: 2 },
    averse: { provider: "fake", likes: -2 },
    down: { provider: "fake", fails: true },
  },
  scorers: {
    ratio: { use: "log-density-ratio", strong: "fond", weak: "base" },
    inverse: { use: "log-density-ratio", strong: "averse", weak: "base" },
  },
};

const pickWith = (changes: object = {}, options: Partial<PickOptions> = {}) =>
  pick(
    recipeFromCode({ ...RECIPE, ...changes }, directory, { PREFKIT_CACHE_DIR: directory }),
    models.catalog,
    {
      gold: { path: "gold.jsonl", baseDirectory: directory },
      scratch: directory,
      openCache: memoryScoreCache,
      ...options,
    },
  );

describe("pick", () => {
  it("runs every scorer of the recipe on the gold pairs, and says which is right most often", async () => {
    const { kind, picking, failed } = await pickWith();
    expect(kind).toBe("done");
    // ratio is 2 nats for each "g": 2 over 0, 2 over 0, 2 over 2 (a tie), and an empty text that is unscored.
    expect(picking).toMatchObject({
      pairs: 4,
      best: "ratio",
      scorers: [
        {
          scorer: "ratio",
          correct: 2,
          wrong: 0,
          tie: 1,
          unscored: 1,
          domains: [
            { domain: "CHAT", correct: 2 },
            { domain: "SAFETY", tie: 1, unscored: 1 },
          ],
        },
        { scorer: "inverse", correct: 0, wrong: 2, tie: 1, unscored: 1 },
      ],
      comparisons: [{ scorer: "inverse", pairs: 3, onlyBest: 2, onlyThis: 0, pValue: 0.5 }],
    });
    expect(failed).toEqual({ ratio: {}, inverse: {} });
  });

  it("gives the same numbers whatever the concurrency", async () => {
    const one = await pickWith({}, { concurrency: 1 });
    expect((await pickWith({}, { concurrency: 8 })).picking).toEqual(one.picking);
  });

  it("does not pay twice for what the cache holds", async () => {
    const cache = memoryScoreCache();
    const first = await pickWith({}, { openCache: () => cache });
    const before = models.calls;
    const second = await pickWith({}, { openCache: () => cache });
    expect(models.calls).toBe(before);
    expect(second.picking).toEqual(first.picking);
  });

  it("reads the whole file before the first call", async () => {
    const before = models.calls;
    const gold = { path: "torn.jsonl", baseDirectory: directory };
    await expect(pickWith({}, { gold })).rejects.toMatchObject({ code: "bad_row" });
    expect(models.calls).toBe(before);
  });

  it("ends when a scorer fails too often, and reports failures as unscored pairs where that is accepted", async () => {
    const changes = {
      scorers: { ...RECIPE.scorers, broken: { use: "log-density-ratio", strong: "down", weak: "base" } },
    };
    await expect(pickWith(changes)).rejects.toMatchObject({ code: "failed_budget_exceeded" });
    const { picking, failed } = await pickWith(changes, { acceptFailed: true });
    expect(picking?.best).toBe("ratio");
    expect(picking?.scorers[2]).toMatchObject({ scorer: "broken", unscored: 4, accuracy: null });
    expect(failed).toMatchObject({ broken: { server_error: 7 } });
  });

  it("gives nothing half when it is stopped", async () => {
    const stop = AbortSignal.abort();
    expect(await pickWith({}, { stop })).toMatchObject({ kind: "stopped", picking: null });
    const controller = new AbortController();
    const midway = await pickWith(
      {},
      { concurrency: 1, stop: controller.signal, onStart: () => controller.abort() },
    );
    expect(midway).toMatchObject({ kind: "stopped", picking: null });
  });

  it.each([
    [{ weak: "fond" }, "one and the same model"],
    [{ weak: "nobody" }, "a model that is not there"],
    [{ normalization: "mean" }, "an option out of range"],
    [{ customization: { route: "model" } }, "a route without a router"],
  ])("refuses %j: %s", async (options, _what) => {
    const scorers = { ratio: { ...RECIPE.scorers.ratio, ...options } };
    await expect(pickWith({ scorers })).rejects.toMatchObject({ code: "bad_recipe" });
  });
});
