import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pickCommand } from "../../src/cli/commands/pick.ts";
import { invoke, type Outcome, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeAll(async () => {
  directory = await temporary.make();
  const graded = (text: string, grade: number | null) => ({ text, metadata: { grade } });
  const rows = [
    { prompt: "1?", chosen: graded("because", 3), rejected: graded("no", 1), subset: "talk" },
    { prompt: "2?", chosen: graded("because", 1), rejected: graded("no", 2), subset: "talk" },
    { prompt: "3?", chosen: graded("no", 2), rejected: graded("because", 1), subset: "\u001b[31mred" },
    { prompt: "4?", chosen: graded("no", null), rejected: graded("because", 1), subset: "\u001b[31mred" },
  ];
  await writeFile(join(directory, "gold.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(
    join(directory, "recipe.yaml"),
    `input: { path: none.jsonl }
scorers:
  reasons: { use: contains, text: because }
  grade: { use: precomputed, field: grade }
reward:
  terms: [{ score: grade }]
`,
  );
  await writeFile(
    join(directory, "one.yaml"),
    "input: { path: none.jsonl }\nscorers: { grade: { use: precomputed, field: mark } }\n",
  );
});
afterAll(temporary.removeAll);

const pick = (recipe: string, ...args: string[]): Promise<Outcome> =>
  invoke(pickCommand, [join(directory, recipe), "--gold", "gold.jsonl", ...args, "--quiet"], { directory });

describe("prefkit pick", () => {
  it("shows how often each scorer is right, and how the best compares", async () => {
    const { out, err, exitCode } = await pick("recipe.yaml");
    expect(err).toBe("");
    expect(exitCode).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "         pairs  correct  wrong  ties  unscored  accuracy  95 % interval
      reasons      4        2      2     0         0    50.0 %    15.0–85.0 %
      grade        4        2      1     0         1    66.7 %    20.8–93.9 %

      grade has the highest accuracy. It left 1 of the 4 pairs unscored.
        against reasons: of 3 pairs only grade is right on 1, only reasons on 1; p = 1.000"
    `);
  });

  it("shows domains, without letting their names speak to the terminal", async () => {
    const { out } = await pick("recipe.yaml", "--domain", "subset");
    expect(out).toContain("\n  talk ");
    expect(out).toContain("\n  ␛[31mred ");
    expect(out).not.toContain("\u001b[31mred");
  });

  it("prints the result as JSON", async () => {
    const { out } = await pick("recipe.yaml", "--json", "--limit", "2");
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      outcome: "done",
      pairs: 2,
      best: "reasons",
      scorers: [
        { scorer: "reasons", correct: 2, accuracy: 1 },
        { scorer: "grade", correct: 1, wrong: 1, accuracy: 0.5 },
      ],
      comparisons: [{ scorer: "grade", pairs: 2, onlyBest: 1, onlyThis: 0, pValue: 1 }],
    });
  });

  it("says so when nothing could be scored", async () => {
    const { out, exitCode } = await pick("one.yaml");
    expect(out).toContain("No scorer scored any of the 4 pairs.");
    expect(exitCode).toBe(0);
  });

  it.each([
    [["recipe.yaml", "--domain", "kind"], "missing_field"],
    [["absent.yaml"], "bad_recipe"],
  ])("refuses %j as %s", async ([recipe = "", ...args], code) => {
    await expect(pick(recipe, ...args)).rejects.toMatchObject({ code });
  });

  it("needs gold pairs", async () => {
    const args = [join(directory, "recipe.yaml")];
    await expect(invoke(pickCommand, args, { directory })).rejects.toThrow(/--gold/);
  });
});
