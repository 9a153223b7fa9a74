import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { importers } from "../../../datasets/index.ts";
import { evalCommand } from "../../../src/cli/commands/eval.ts";
import { importCommand } from "../../../src/cli/commands/import.ts";
import { runCommand } from "../../../src/cli/commands/run.ts";
import { fileOf, invoke, rowsOf, temporaryDirectories } from "../../cli/small-dataset.ts";
import { linesOf, PUBLISHED } from "./published-rows.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeEach(async () => {
  directory = await temporary.make();
});
afterAll(temporary.removeAll);

const page = readFileSync(new URL("../../../docs/import.md", import.meta.url), "utf8");
/** The recipes of the page, by layout. */
const recipes = new Map(
  [...page.matchAll(/^### (\S+)\n\n```yaml\n([\s\S]*?)```/gm)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);

async function imported(layout: string, ...flags: readonly string[]) {
  await writeFile(join(directory, "rows.jsonl"), linesOf(PUBLISHED[layout] ?? []));
  return invoke(importCommand, [layout, "rows.jsonl", "--out", "groups.jsonl", ...flags], { directory });
}

/** Margin of each pair, as "chosen > rejected: margin", from the published rows by hand. */
const PAIRS: Readonly<Record<string, readonly string[]>> = {
  // ½·5 + ½·5 less ½·1 + ½·1; the third has no helpfulness.
  ultrafeedback: ["Paris. > Lyon.: 4"],
  "ultrafeedback-binarized": ["The North Sea. > Everest.: 6.5"],
  // 3 − 0.1·1 less 1 − 0.1·0; the other prompt has one response.
  helpsteer2: ["C# is a language. > A musical note.: 1.9"],
  "helpsteer2-preference": ["The sum is 4. > 4: 2", "3 > 5: 3"],
  "psychocounsel-preference": ["That sounds tiring. What keeps you awake? > Sleep more.: 11"],
  "hh-rlhf": ["4 > 5: 1"],
  rewardbench: ["Old pond. > No.: 1"],
  distilabel: ["Red. > A colour is light.: 3"],
  "distilabel-dpo": ["Oak. > Rock.: 4"],
};

describe("docs/import.md", () => {
  it("has a recipe and a row of the table for every layout", () => {
    const names = importers.map(({ name }) => name);
    expect([...recipes.keys()]).toEqual(names);
    for (const { name, licence } of importers) {
      const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\` |`)) ?? "";
      if (!name.startsWith("distilabel")) expect(row).toContain(licence);
      for (const column of importers.find((importer) => importer.name === name)?.columns ?? []) {
        if (/^chosen_.*_rating$|subset/.test(column) || name === "helpsteer2") continue;
        expect(row, column).toContain(`\`${column}\``);
      }
    }
  });

  it.each(importers.map(({ name }) => name))("has a recipe that makes the pairs of %s", async (name) => {
    await imported(name, "--quiet");
    const recipe = recipes.get(name) ?? "";
    expect(parse(recipe)).toBeTypeOf("object");
    await writeFile(join(directory, "recipe.yaml"), recipe);
    const { exitCode } = await invoke(
      runCommand,
      [join(directory, "recipe.yaml"), "--out", join(directory, "made"), "--quiet"],
      { directory },
    );
    expect(exitCode).toBe(0);
    const made = join(directory, "made");
    const rows = await rowsOf(made, await fileOf(made, "pairs"));
    const text = (turns: unknown): string => (turns as { content: string }[])[0]?.content ?? "";
    const margin = (value: unknown): number => Math.round(Number(value) * 1e9) / 1e9;
    expect(
      rows.map((row) => `${text(row.chosen)} > ${text(row.rejected)}: ${margin(row.reward_margin)}`).sort(),
    ).toEqual([...(PAIRS[name] ?? [])].sort());
  });
});

describe("prefkit import", () => {
  it("says what was made, what was left out and why, and the licence", async () => {
    const { out, exitCode } = await imported("hh-rlhf");
    expect(exitCode).toBeNull();
    expect(out).toContain("groups.jsonl  1 groups, 2 responses from 7 rows; 6 left out");
    expect(out).toContain("1: chosen a turn is empty. (rows.jsonl:2)");
    expect(out).toContain("licence: MIT; see https://huggingface.co/datasets/Anthropic/hh-rlhf");
  });

  it("prints a summary as JSON", async () => {
    const { out } = await imported("rewardbench", "--json", "--limit", "1");
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      layout: "rewardbench",
      licence: "ODC-BY",
      groups: 1,
      leftOut: 0,
    });
  });

  it("does not replace a file without --force", async () => {
    await imported("rewardbench");
    const before = await readFile(join(directory, "groups.jsonl"), "utf8");
    await expect(imported("hh-rlhf")).rejects.toThrow("[not_this_run]");
    expect(await readFile(join(directory, "groups.jsonl"), "utf8")).toBe(before);
    await imported("hh-rlhf", "--force");
    expect(await readFile(join(directory, "groups.jsonl"), "utf8")).not.toBe(before);
  });

  it("names the layouts when it does not know one", async () => {
    await expect(imported("hh")).rejects.toThrow(/ultrafeedback.*\[unknown_name\]/s);
  });

  it("makes a file that eval measures a scorer on", async () => {
    await imported("helpsteer2-preference");
    const args = ["groups.jsonl", "--preset", "groups", "--scorer", "repetition-penalty", "--json"];
    const { out } = await invoke(evalCommand, args, { directory });
    // Three groups, one without a preference; both others are judged.
    expect(out).toContain('"items":3');
  });
});
