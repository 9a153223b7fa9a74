import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { combineCommand } from "../../src/cli/commands/combine.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { readManifest } from "../../src/store/manifest.ts";
import {
  editRows,
  fileOf,
  invoke,
  type Outcome,
  rowsOf,
  smallDataset,
  temporaryDirectories,
} from "./small-dataset.ts";

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

  it.each([
    {
      what: "another scorer",
      grade: "{ use: overlong-penalty, maxTokens: 200, rampTokens: 80 }",
      says: "by precomputed, and not by overlong-penalty",
    },
    {
      what: "another option",
      grade: "{ use: precomputed, field: other }",
      says: 'with options {"field":"grade"}, and not {"field":"other"}',
    },
    { what: "one of one's own", grade: "{ use: ./mine.mjs }", says: "and not by ./mine.mjs" },
  ])(
    "refuses a recipe whose key stands for other scores, and says how to take them as they are: $what",
    async ({ grade, says }) => {
      const reward = "reward: { terms: [{ score: grade }] }\n";
      await writeFile(
        recipe("other.yaml"),
        `input: { path: x.jsonl }\nscorers: { grade: ${grade} }\n${reward}`,
      );
      const attempt = combine("out", "--recipe", recipe("other.yaml"), "--out", "otherwise");
      await expect(attempt).rejects.toMatchObject({
        code: "plan_changed",
        message: expect.stringContaining(says) as string,
        fix: expect.stringContaining("leave the section `scorers` out") as string,
      });
      expect(await nodeFiles.exists(join(directory, "otherwise", "run.json"))).toBe(false);
      await writeFile(recipe("other.yaml"), `input: { path: x.jsonl }\n${reward}`);
      const { out } = await combine(
        "out",
        "--recipe",
        recipe("other.yaml"),
        "--out",
        `as-is ${says}`,
        "--json",
      );
      expect(JSON.parse(out)).toMatchObject({ ok: true });
    },
  );

  it("says that reward or pairs are kept where the recipe has none", async () => {
    await writeFile(recipe("weights.yaml"), "input: { path: x }\nreward: { terms: [{ score: grade }] }\n");
    await writeFile(recipe("rule.yaml"), "input: { path: x }\npairs: { use: all-pairs }\n");
    const said = async (name: string): Promise<string> => {
      const args = ["out", "--recipe", recipe(name), "--out", `kept ${name}`];
      return (await invoke(combineCommand, args, { directory })).err;
    };
    expect(await said("weights.yaml")).toContain(
      'weights.yaml has no section pairs; the dataset\'s own is kept: {"use":"best-vs-worst"}',
    );
    expect(await said("rule.yaml")).toContain("rule.yaml has no section reward; the dataset's own is kept: ");
    expect(await said("rule.yaml").catch((error: unknown) => error)).toMatchObject({ code: "not_this_run" });
  });

  it("refuses a dataset whose scores are those of other responses than its groups have", async () => {
    const damaged = await temporary.make();
    const out = await smallDataset(damaged);
    await editRows(out, "scores", (rows) =>
      rows.map((row, index) => (index === 0 ? { ...row, response_id: "another" } : row)),
    );
    const attempt = invoke(combineCommand, [out, "--recipe", recipe("grade.yaml"), "--quiet"], { directory });
    await expect(attempt).rejects.toMatchObject({
      code: "damaged_file",
      message: expect.stringContaining(
        "those of other responses, where the groups table has prompt sum",
      ) as string,
    });
  });

  it("needs a recipe", async () => {
    await expect(combine("out")).rejects.toThrow("--recipe");
  });
});
