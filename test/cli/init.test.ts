import { readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadRecipe } from "../../src/annotate/load-recipe.ts";
import { openRecipeInput } from "../../src/annotate/plan-file.ts";
import { resolveRecipe } from "../../src/annotate/resolve.ts";
import { catalog } from "../../src/catalog.ts";
import { initCommand, packageRoot } from "../../src/cli/commands/init.ts";
import { invoke, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
afterAll(temporary.removeAll);

describe("prefkit init", () => {
  it("writes a recipe and its data, and prints the next command", async () => {
    const directory = await temporary.make();
    const { out, err, exitCode } = await invoke(initCommand, ["first look"], { directory });
    expect(await readdir(join(directory, "first look"))).toEqual(["prompts.jsonl", "recipe.yaml"]);
    expect(out).toContain("77 prompts");
    expect(out).toMatch(/Next: {2}prefkit run 'first look\/recipe\.yaml'$/);
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  });

  it("writes a recipe that runs on the data beside it, commented, with no path out of its folder", async () => {
    const directory = await temporary.make();
    await invoke(initCommand, [], { directory });
    const text = await readFile(join(directory, "recipe.yaml"), "utf8");
    expect(text).not.toContain("../");
    expect(text.split("\n").filter((line) => /^\s*#/.test(line)).length).toBeGreaterThan(10);
    const loaded = await loadRecipe(join(directory, "recipe.yaml"), {});
    expect(loaded.recipe.output.dir).toBe("out");
    const input = await openRecipeInput(await resolveRecipe(loaded, catalog), join(directory, "work"));
    let groups = 0;
    for await (const rows of input.read()) groups += rows.filter(({ kind }) => kind === "group").length;
    await input.close();
    expect(groups).toBe(77);
  });

  it("overwrites nothing, and writes nothing when one of the files exists", async () => {
    const directory = await temporary.make();
    await writeFile(join(directory, "prompts.jsonl"), "mine");
    await expect(invoke(initCommand, ["."], { directory })).rejects.toMatchObject({ code: "not_this_run" });
    expect(await readdir(directory)).toEqual(["prompts.jsonl"]);
    expect(await readFile(join(directory, "prompts.jsonl"), "utf8")).toBe("mine");
  });

  it("replaces the two files with --force, and leaves others alone", async () => {
    const directory = await temporary.make();
    await writeFile(join(directory, "prompts.jsonl"), "mine");
    await writeFile(join(directory, "notes.txt"), "mine");
    const { exitCode } = await invoke(initCommand, [".", "--force"], { directory });
    expect(exitCode).toBe(0);
    expect(await readdir(directory)).toEqual(["notes.txt", "prompts.jsonl", "recipe.yaml"]);
    expect(await readFile(join(directory, "prompts.jsonl"), "utf8")).not.toBe("mine");
  });

  it("prints paths and the next command as JSON", async () => {
    const directory = await temporary.make();
    const { out } = await invoke(initCommand, ["--json"], { directory });
    expect(JSON.parse(out)).toEqual({
      ok: true,
      files: [join(directory, "recipe.yaml"), join(directory, "prompts.jsonl")],
      next: "prefkit run recipe.yaml",
    });
  });

  it("finds the package from any depth below it, and says so when there is none above", () => {
    expect(packageRoot(join(packageRoot(), "dist", "src", "cli", "commands"))).toBe(packageRoot());
    expect(() => packageRoot(tmpdir())).toThrow(/no package\.json of prefkit/);
  });
});
