import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { validateCommand } from "../../src/cli/commands/validate.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { invoke, type Outcome, RECORDS, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
const jsonl = (records: readonly unknown[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");
beforeAll(async () => {
  directory = await temporary.make();
  await writeFile(join(directory, "prompts.jsonl"), jsonl(RECORDS));
  const bare = { id: "bare", prompt: "Why?", responses: ["Because."] };
  await writeFile(
    join(directory, "mixed.jsonl"),
    jsonl([...RECORDS, bare, { id: "bad", prompt: 5, responses: [] }]),
  );
  await writeFile(
    join(directory, "recipe.yaml"),
    `input: { path: prompts.jsonl }
scorers:
  correct: { use: math-answer }
  short: { use: overlong-penalty, maxTokens: 200, rampTokens: 80 }
reward:
  terms: [{ score: correct }, { score: short, weight: 0.5 }]
pairs: { use: best-vs-worst }
output: { dir: made, codec: snappy }
`,
  );
  await writeFile(
    join(directory, "skip.yaml"),
    "input: { path: mixed.jsonl, onBadRow: skip }\nscorers: { correct: { use: math-answer } }\noutput: { codec: snappy }\n",
  );
});
afterAll(temporary.removeAll);

const validate = (...args: string[]): Promise<Outcome> => {
  const [name = "", ...rest] = args;
  return invoke(validateCommand, [join(directory, name), ...rest, "--quiet"], { directory });
};

describe("prefkit validate", () => {
  it("shows what a run would do, and writes nothing", async () => {
    const { out, err } = await validate("recipe.yaml");
    expect(err).toBe("");
    expect(out.replace(/\([\d.]+ [KM]?B\)/, "(SIZE)")).toMatchInlineSnapshot(`
      "The recipe and its input are sound.
        input    3 groups, 7 responses in 1 file (SIZE)
        shards   1 of up to 2,000 groups, codec snappy, seed 0
        scorers
          correct  math-answer 2, free, 3 calls, needs a reference answer (map.reference)
          short    overlong-penalty 1, free, 3 calls, needs token counts (tokenCount of a response)
        reward   1 × correct + 0.5 × short
        pairs    best-vs-worst"
    `);
    expect(await nodeFiles.list(directory)).toEqual([
      "mixed.jsonl",
      "prompts.jsonl",
      "recipe.yaml",
      "skip.yaml",
    ]);
  });

  it("says which rows are left out and what scorers will miss", async () => {
    const { out } = await validate("skip.yaml");
    expect(out).toContain("skipped  1 rows that cannot be used, such as mixed.jsonl:5 prompt: ");
    expect(out).toContain(
      "warning: correct needs a reference answer (map.reference): it will abstain on 1 of 4 groups.",
    );
    expect(out).toContain("pairs    none");
  });

  it("prints the plan as JSON", async () => {
    const { out } = await validate("recipe.yaml", "--json", "--limit", "2");
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      plan: { groups: 2, responses: 5, limit: 2, shards: 1, codec: "snappy", seed: 0, warnings: [] },
      scorers: [
        { key: "correct", scorer: "math-answer", cost: "free", calls: 2 },
        { key: "short", scorer: "overlong-penalty", cost: "free", calls: 2 },
      ],
    });
  });

  it("reads other files than the recipe's when it is told to", async () => {
    const { out } = await validate("skip.yaml", "--json", "--input", "prompts.jsonl");
    expect(JSON.parse(out)).toMatchObject({
      plan: { groups: 3, input: { files: [{ path: "prompts.jsonl" }], skippedRows: 0 } },
    });
  });

  it.each([
    { args: ["none.yaml"], code: "bad_recipe", says: "there is no recipe at" },
    { args: ["recipe.yaml", "--input", "none.jsonl"], code: "no_input_file", says: "none.jsonl" },
    { args: ["recipe.yaml", "--input", "mixed.jsonl"], code: "bad_row", says: "mixed.jsonl:5" },
  ])("refuses $args", async ({ args, code, says }) => {
    await expect(validate(...args)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says) as string,
    });
  });
});
