import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scoreCommand } from "../../src/cli/commands/score.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { fileOf, invoke, type Outcome, RECORDS, rowsOf, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeAll(async () => {
  directory = await temporary.make();
  await writeFile(
    join(directory, "answers.jsonl"),
    RECORDS.map((record) => `${JSON.stringify(record)}\n`).join(""),
  );
  await mkdir(join(directory, "mine"));
  const brevity = `export const brevity = { name: "brevity", version: 1, range: [-Infinity, 0], score: ({ responses }) => responses.map(({ text }) => ({ kind: "scored", value: -text.length })) };`;
  await writeFile(join(directory, "mine/mine.mjs"), `${brevity}\nexport default brevity;\n`);
});
afterAll(temporary.removeAll);

const score = (...args: string[]): Promise<Outcome> => invoke(scoreCommand, args, { directory });

describe("prefkit score", () => {
  it("scores a file with one scorer, whose score is then the reward", async () => {
    const { out, err, exitCode } = await score(
      "answers.jsonl",
      "--scorer",
      "math-answer",
      "--out",
      "one",
      "--quiet",
    );
    expect([exitCode, err]).toEqual([0, ""]);
    expect(out).toContain("3 prompts, 7 responses, 0 pairs");
    const made = join(directory, "one");
    const [first] = await rowsOf(made, await fileOf(made, "groups"));
    expect((first?.responses as { reward: number }[] | undefined)?.map(({ reward }) => reward)).toEqual([
      1, 0, 1,
    ]);
  });

  it("scores with several, a module of one's own among them, and then there is no reward", async () => {
    const scorers = "math-answer, ./mine/mine.mjs#brevity,./mine/mine.mjs";
    const { out, exitCode } = await score(
      "answers.jsonl",
      "--scorer",
      scorers,
      "--out",
      "several",
      "--json",
      "--quiet",
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      outcome: "done",
      groups: 3,
      summary: {
        scorers: { "math-answer": { scored: 7 }, brevity: { scored: 7 }, mine: { scored: 7 } },
        reward: { count: 0 },
      },
    });
    expect((await readManifest(nodeFiles, join(directory, "several"))).reward).toBeNull();
  });

  it("goes on, and then has nothing to do, when it is given again", async () => {
    const args = ["answers.jsonl", "--scorer", "math-answer", "--out", "again", "--quiet"];
    await score(...args);
    const { err, exitCode } = await score(...args);
    expect([exitCode, err]).toEqual([0, "again was finished before; nothing to do."]);
  });

  it("takes the first groups only", async () => {
    const { out } = await score(
      "answers.jsonl",
      "--scorer",
      "math-answer",
      "--out",
      "some",
      "--limit",
      "2",
      "--quiet",
    );
    expect(out).toContain("2 prompts, 5 responses");
  });

  it.each([
    {
      args: ["answers.jsonl", "--scorer", "math-answer"],
      code: "bad_option",
      says: "score was given no output directory.",
    },
    {
      args: ["answers.jsonl", "--scorer", " , ", "--out", "x"],
      code: "bad_option",
      says: '--scorer got " , ".',
    },
    {
      args: ["answers.jsonl", "--scorer", "regex,regex", "--out", "x"],
      code: "bad_option",
      says: "name each scorer once",
    },
    {
      args: ["answers.jsonl", "--scorer", "math-anser", "--out", "x"],
      code: "bad_recipe",
      says: 'did you mean "math-answer"?',
    },
    {
      args: ["nothing.jsonl", "--scorer", "math-answer", "--out", "x"],
      code: "no_input_file",
      says: "nothing.jsonl",
    },
    {
      args: ["answers.jsonl", "--scorer", "./none.mjs", "--out", "x"],
      code: "unreadable_module",
      says: "none.mjs",
    },
  ])("refuses $args", async ({ args, code, says }) => {
    await expect(score(...args)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says) as string,
    });
  });

  it("needs a scorer and a file", async () => {
    await expect(score("answers.jsonl", "--out", "x")).rejects.toThrow("--scorer");
    await expect(score("--scorer", "math-answer", "--out", "x")).rejects.toThrow("input");
  });
});
