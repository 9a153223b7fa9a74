import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mergeCommand } from "../../src/cli/commands/merge.ts";
import { runCommand } from "../../src/cli/commands/run.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { invoke, type Outcome, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeAll(async () => {
  directory = await temporary.make();
  const records = Array.from({ length: 7 }, (_, index) => ({
    id: `p${index}`,
    prompt: `${index}?`,
    reference: `${index}`,
    responses: [`A: ${index}`, "A: 99"],
  }));
  await writeFile(
    join(directory, "in.jsonl"),
    records.map((record) => `${JSON.stringify(record)}\n`).join(""),
  );
  await writeFile(
    join(directory, "recipe.yaml"),
    "input: { path: in.jsonl }\nscorers: { correct: { use: math-answer } }\npairs: { use: best-vs-worst }\nshardSize: 2\n",
  );
});
afterAll(temporary.removeAll);

const recipe = (): string => join(directory, "recipe.yaml");
const run = (...args: string[]): Promise<Outcome> =>
  invoke(runCommand, [recipe(), ...args, "--quiet"], { directory });
const merge = (...args: string[]): Promise<Outcome> =>
  invoke(mergeCommand, [...args, "--recipe", recipe(), "--quiet"], { directory });

async function bytesOf(out: string): Promise<Record<string, string>> {
  const { files } = await readManifest(nodeFiles, join(directory, out));
  const paths = [...files.map(({ path }) => path), "run.json"];
  const contents = await Promise.all(
    paths.map(async (path) => [path, (await readFile(join(directory, out, path))).toString("base64")]),
  );
  return Object.fromEntries(contents);
}

describe("prefkit merge", () => {
  it("joins the shards of several directories to the bytes of one run", async () => {
    await run("--out", "whole");
    for (const index of [0, 1, 2]) {
      const { exitCode, err } = await run("--out", `part-${index}`, "--shard", `${index}/3`);
      expect([exitCode, err]).toEqual([
        0,
        "Scored this share of the shards; `prefkit merge` joins the directories when all are done.",
      ]);
    }
    const { out, exitCode } = await merge("part-2", "part-0", "part-1", "--out", "merged", "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ok: true, outcome: "done", groups: 7, shards: 4 });
    expect(await bytesOf("merged")).toEqual(await bytesOf("whole"));
  });

  it("takes the seed and the limit that the shards were run with", async () => {
    for (const index of [0, 1])
      await run("--out", `seeded-${index}`, "--shard", `${index}/2`, "--seed", "5", "--limit", "5");
    const parts = ["seeded-0", "seeded-1"];
    await expect(merge(...parts, "--out", "seeded")).rejects.toMatchObject({ code: "plan_changed" });
    const { exitCode } = await merge(...parts, "--out", "seeded-2", "--seed", "5", "--limit", "5");
    expect(exitCode).toBe(0);
    expect((await readManifest(nodeFiles, join(directory, "seeded-2"))).summary.groups).toBe(5);
  });

  it("names the shards that are missing", async () => {
    await run("--out", "lone", "--shard", "1/3");
    await expect(merge("lone", "--out", "incomplete")).rejects.toMatchObject({
      code: "shards_missing",
      message: expect.stringContaining("3 of 4 shards are missing: 0, 2, 3.") as string,
    });
  });

  it.each([
    { args: ["nowhere", "--out", "x1"], code: "shards_missing", says: "nowhere holds no shards." },
    { args: ["whole", "part-0", "--out", "."], code: "not_this_run", says: "holds other files" },
  ])("refuses $args", async ({ args, code, says }) => {
    await expect(merge(...args)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says) as string,
    });
  });

  it("refuses a limit that is no number", async () => {
    await expect(merge("part-0", "--out", "x2", "--limit", "some")).rejects.toThrow("give a whole number");
  });
});
