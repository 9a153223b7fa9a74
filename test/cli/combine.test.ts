import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { combineCommand } from "../../src/cli/commands/combine.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { fileOf, invoke, type Outcome, rowsOf, smallDataset, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeAll(async () => {
  directory = await temporary.make();
  await smallDataset(directory);
  const recipe = (reward: string): string =>
    `input: { path: elsewhere.jsonl }\nscorers: { grade: { use: precomputed, field: grade } }\n${reward}`;
  await writeFile(
    join(directory, "grade.yaml"),
    recipe("reward: { terms: [{ score: grade }] }\npairs: { use: all-pairs }\n"),
  );
  await writeFile(join(directory, "wrong.yaml"), recipe("reward: { terms: [{ score: grades }] }\n"));
});
afterAll(temporary.removeAll);

const combine = (...args: string[]): Promise<Outcome> =>
  invoke(combineCommand, [...args, "--quiet"], { directory });
const recipe = (name: string): string => join(directory, name);

describe("prefkit combine", () => {
  it("makes new rewards and pairs by another recipe, and reads no input again", async () => {
    const { out } = await combine("out", "--recipe", recipe("grade.yaml"), "--out", "graded", "--json");
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      summary: { groups: 3, scorers: { correct: {}, grade: {}, length: {} } },
    });
    const made = join(directory, "graded");
    const groups = await rowsOf(made, await fileOf(made, "groups"));
    const rewards = groups.map(({ responses }) =>
      (responses as { reward: number }[]).map(({ reward }) => reward),
    );
    expect(rewards).toEqual([
      [3, 1, 2],
      [0, 2],
      [1, 1],
    ]);
    const manifest = await readManifest(nodeFiles, made);
    expect(manifest.recipe).toMatchObject({
      input: { path: "prompts.jsonl" },
      reward: { terms: [{ score: "grade" }] },
    });
    expect(manifest.summary.pairs).toBe(4);
  });

  it.each([
    { args: ["out", "--recipe", "wrong.yaml"], code: "bad_recipe", says: 'no scorer has the key "grades".' },
    { args: ["out", "--recipe", "none.yaml"], code: "bad_recipe", says: "there is no recipe at" },
    { args: ["nothing", "--recipe", "grade.yaml"], code: "dataset_incomplete", says: "no finished dataset" },
  ])("refuses $args", async ({ args: [target = "", flag = "", name = ""], code, says }) => {
    const attempt = combine(target, flag, recipe(name), "--out", "refused");
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining(says) as string });
    expect(await nodeFiles.exists(join(directory, "refused", "run.json"))).toBe(false);
  });

  it("needs a recipe", async () => {
    await expect(combine("out")).rejects.toThrow("--recipe");
  });
});
