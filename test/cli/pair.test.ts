import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pairCommand } from "../../src/cli/commands/pair.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { invoke, type Outcome, smallDataset, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeAll(async () => {
  directory = await temporary.make();
  // Rewards 1, 0, 1 | 0, 1 | 1, 1.
  const changes = { scorers: { correct: { use: "math-answer" } }, reward: { terms: [{ score: "correct" }] } };
  await smallDataset(directory, changes);
});
afterAll(temporary.removeAll);

const pair = (...args: string[]): Promise<Outcome> =>
  invoke(pairCommand, [...args, "--quiet"], { directory });

describe("prefkit pair", () => {
  it("makes new pairs by another rule, in a new directory", async () => {
    const { out, exitCode } = await pair("out", "--use", "all-pairs", "--out", "all");
    expect(exitCode).toBeNull();
    expect(out).toContain("3 prompts, 7 responses, 3 pairs");
    expect((await readManifest(nodeFiles, join(directory, "all"))).pairs).toEqual({ use: "all-pairs" });
    expect((await readManifest(nodeFiles, join(directory, "out"))).summary.pairs).toBe(2);
  });

  it("passes every option of the rule on, numbers as numbers and text as text", async () => {
    const { out } = await pair(
      "out",
      "--use",
      "best-vs-worst",
      "--min-margin",
      "0.5",
      "--max-pairs",
      "3",
      "--option",
      "tie=skip",
      "--out",
      "options",
      "--json",
    );
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      out: join(directory, "options"),
      summary: { pairs: 1 },
    });
    expect((await readManifest(nodeFiles, join(directory, "options"))).pairs).toEqual({
      use: "best-vs-worst",
      minMargin: 0.5,
      maxPairs: 3,
      tie: "skip",
    });
  });

  it("reads an option's value as JSON where it is JSON", async () => {
    await pair("out", "--use", "top-k-vs-bottom-k", "--option", "k=1", "--out", "k");
    expect((await readManifest(nodeFiles, join(directory, "k"))).pairs).toEqual({
      use: "top-k-vs-bottom-k",
      k: 1,
    });
  });

  it.each([
    { args: ["out", "--use", "best-vs-wurst"], code: "bad_recipe", says: 'did you mean "best-vs-worst"?' },
    { args: ["out", "--use", "best-vs-worst", "--option", "tie=5"], code: "bad_recipe", says: "pairs.tie" },
    {
      args: ["out", "--use", "best-vs-worst", "--option", "tye=skip"],
      code: "bad_recipe",
      says: "unknown option",
    },
    { args: ["nothing", "--use", "best-vs-worst"], code: "dataset_incomplete", says: "nothing" },
    { args: ["out", "--use", "best-vs-worst", "--out", "."], code: "not_this_run", says: "is not empty" },
  ])("refuses $args", async ({ args, code, says }) => {
    await expect(pair(...args)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says) as string,
    });
  });

  it.each([
    [["out"], "--use"],
    [["out", "--use", "all-pairs", "--option", "k"], 'got "k"; write name=value.'],
    [["out", "--use", "all-pairs", "--min-margin", "wide"], 'got "wide"; give a number.'],
    [["out", "--use", "all-pairs", "--max-pairs", "0"], "at least 1"],
    [["--use", "all-pairs"], "dir"],
  ])("is used wrongly by %j", async (args, says) => {
    await expect(pair(...args)).rejects.toThrow(says);
  });
});
