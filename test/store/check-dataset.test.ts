import { copyFile, mkdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { pairId, responseIds } from "../../src/core/ids.ts";
import { checkDataset } from "../../src/store/check-dataset.ts";
import type { DatasetCheck } from "../../src/store/check-problems.ts";
import { checkTable } from "../../src/store/check-table.ts";
import type { Row } from "../../src/store/table.ts";
import {
  editBytes,
  editManifest,
  editRows,
  fileOf,
  rowsOf,
  smallDataset,
  temporaryDirectories,
} from "../cli/small-dataset.ts";

const temporary = temporaryDirectories();
let made: string;

beforeAll(async () => {
  made = await smallDataset(await temporary.make());
});
afterAll(temporary.removeAll);

/** A copy of the small dataset, without its work directory. */
async function copied(): Promise<string> {
  const out = join(await temporary.make(), "out");
  for (const table of ["pairs", "groups", "scores"]) {
    await mkdir(join(out, table), { recursive: true });
    const name = `${table}/train-00000-of-00001.parquet`;
    await copyFile(join(made, name), join(out, name));
  }
  for (const name of ["README.md", "run.json"]) await copyFile(join(made, name), join(out, name));
  return out;
}

const check = (out: string): Promise<DatasetCheck> => checkDataset(nodeFiles, out);
const kindsOf = ({ problems }: DatasetCheck): string[] => problems.map(({ kind }) => kind).sort();
const firstOf = ({ problems }: DatasetCheck) => problems[0]?.examples[0];
const PAIRS = "pairs/train-00000-of-00001.parquet";
const GROUPS = "groups/train-00000-of-00001.parquet";
const SCORES = "scores/train-00000-of-00001.parquet";

describe("checkDataset on a sound dataset", () => {
  it("finds nothing and counts the rows: 7 responses × 3 scorers give 21 scores", async () => {
    expect(await check(await copied())).toMatchObject({
      state: "sound",
      rows: { pairs: 2, groups: 3, scores: 21 },
      problems: [],
    });
  });

  it.each([
    { note: "splits", changes: { output: { split: { test: 0.5 } } } },
    { note: "many small files", changes: { output: { fileMb: 0.000001 }, shardSize: 1 } },
    { note: "the second sink", changes: { output: { format: "parquetjs" } } },
    { note: "no pairs", changes: { pairs: undefined } },
    { note: "no reward", changes: { pairs: undefined, reward: undefined } },
    {
      note: "no pair that is far enough apart",
      changes: { pairs: { use: "best-vs-worst", minMargin: 100 } },
    },
  ])("finds nothing with $note", async ({ changes }) => {
    const { state, problems } = await check(await smallDataset(await temporary.make(), changes));
    expect({ state, problems }).toEqual({ state: "sound", problems: [] });
  });
});

describe("checkDataset on damaged files", () => {
  it("finds any single changed byte of any file, and never throws", async () => {
    const out = await copied();
    const sizes = new Map<string, number>();
    for (const path of [PAIRS, GROUPS, SCORES, "README.md"])
      sizes.set(path, (await readFile(join(out, path))).length);
    const where = fc
      .constantFrom(...sizes.keys())
      .chain((path) =>
        fc.tuple(fc.constant(path), fc.nat((sizes.get(path) ?? 1) - 1), fc.integer({ min: 1, max: 255 })),
      );
    await fc.assert(
      fc.asyncProperty(where, async ([path, at, bits]) => {
        const flip = (bytes: Buffer): Buffer => {
          bytes[at] = (bytes[at] ?? 0) ^ bits;
          return bytes;
        };
        await editBytes(join(out, path), flip);
        const found = await check(out);
        await editBytes(join(out, path), flip);
        expect(kindsOf(found)).toEqual(["wrong_hash"]);
        expect(firstOf(found)?.file).toBe(path);
      }),
      { numRuns: 25 },
    );
  });

  it("finds a truncated file", async () => {
    const out = await copied();
    await truncate(join(out, SCORES), 100);
    const found = await check(out);
    expect(found.state).toBe("damaged");
    expect(firstOf(found)).toMatchObject({ kind: "wrong_size", file: SCORES, row: null });
  });

  it("finds a missing file, and still checks the others", async () => {
    const out = await copied();
    await rm(join(out, PAIRS));
    expect(await check(out)).toMatchObject({
      state: "damaged",
      rows: { groups: 3, scores: 21 },
      problems: [{ kind: "missing_file", count: 1, examples: [{ file: PAIRS }] }],
    });
  });

  it("finds a file that is not of the dataset, which `load_dataset` would read as well", async () => {
    const out = await copied();
    await copyFile(join(out, PAIRS), join(out, "pairs/train-00001-of-00001.parquet"));
    expect(firstOf(await check(out))).toMatchObject({
      kind: "extra_file",
      file: "pairs/train-00001-of-00001.parquet",
    });
  });

  it("finds a directory in the place of a file", async () => {
    const out = await copied();
    await rm(join(out, PAIRS));
    await mkdir(join(out, PAIRS));
    expect(kindsOf(await check(out))).toEqual(["unreadable_file"]);
  });

  it("finds one table in the place of another, though the hash is right", async () => {
    const out = await copied();
    await copyFile(join(out, GROUPS), join(out, PAIRS));
    await editManifest(out, (manifest) => {
      const groups = manifest.files.find(({ table }) => table === "groups");
      const files = manifest.files.map((file) =>
        file.table === "pairs" ? { ...groups, table: "pairs", path: file.path } : file,
      );
      return { ...manifest, files };
    });
    expect(kindsOf(await check(out))).toContain("wrong_row_set");
  });
});

describe("checkDataset on edited rows whose hash was made right again", () => {
  const first = (change: Row) => (rows: Row[]) =>
    rows.map((row, index) => (index === 0 ? { ...row, ...change } : row));
  const assistant = (content: string) => [{ role: "assistant", content }];

  it.each([
    {
      note: "a made-up pair id",
      table: "pairs",
      change: { pair_id: "x" },
      kind: "wrong_pair_id",
      column: "pair_id",
    },
    {
      note: "another margin",
      table: "pairs",
      change: { reward_margin: 0.25 },
      kind: "wrong_margin",
      column: "reward_margin",
    },
    {
      note: "a margin of 0",
      table: "pairs",
      change: { reward_margin: 0 },
      kind: "wrong_margin",
      column: "reward_margin",
    },
    {
      note: "no turn in chosen",
      table: "pairs",
      change: { chosen: [] },
      kind: "bad_conversation",
      column: "chosen",
    },
    {
      note: "the prompt's turn in rejected",
      table: "pairs",
      change: { rejected: [{ role: "user", content: "What?" }] },
      kind: "bad_conversation",
      column: "rejected",
    },
    {
      note: "a prompt that ends with the assistant",
      table: "pairs",
      change: {
        prompt: [
          { role: "user", content: "Hi" },
          { role: "assistant", content: "Hello" },
        ],
      },
      kind: "bad_conversation",
      column: "prompt",
    },
    {
      note: "metadata that is a list",
      table: "pairs",
      change: { metadata: "[]" },
      kind: "bad_metadata",
      column: "metadata",
    },
    {
      note: "metadata that is not JSON",
      table: "groups",
      change: { metadata: "{" },
      kind: "bad_metadata",
      column: "metadata",
    },
    {
      note: "an unknown kind",
      table: "scores",
      change: { kind: "guessed" },
      kind: "bad_score",
      column: "kind",
    },
    {
      note: "a score without a value",
      table: "scores",
      change: { value: null },
      kind: "bad_score",
      column: "value",
    },
    {
      note: "a value beside an abstention",
      table: "scores",
      change: { kind: "abstained", why: "no", value: 0 },
      kind: "bad_score",
      column: "value",
    },
    {
      note: "a failure without a code",
      table: "scores",
      change: { kind: "failed", why: "no", value: null, code: null },
      kind: "bad_score",
      column: "code",
    },
    {
      note: "a scorer of another name",
      table: "scores",
      change: { name: "grade2" },
      kind: "unknown_scorer",
      column: "name",
    },
    {
      note: "another config",
      table: "scores",
      change: { config_hash: "0123456789abcdef" },
      kind: "unknown_scorer",
      column: "config_hash",
    },
  ] as const)("finds $note", async ({ table, change, kind, column }) => {
    const out = await copied();
    await editRows(out, table, first(change));
    const { problems, state } = await check(out);
    const found = problems.find((problem) => problem.kind === kind)?.examples[0];
    expect(state).toBe("damaged");
    expect(found).toMatchObject({ file: `${table}/train-00000-of-00001.parquet`, row: 0, column });
  });

  it("finds the same text on both sides", async () => {
    const out = await copied();
    await editRows(out, "pairs", first({ chosen: assistant("A: 41"), rejected: assistant("A: 41") }));
    expect(kindsOf(await check(out))).toEqual(["same_text", "tables_disagree"]);
  });

  it("finds a changed text, by the id of its response and by the pair that shows it", async () => {
    const out = await copied();
    await editRows(out, "groups", (rows) =>
      rows.map((row, index) => {
        const responses = row.responses as Row[];
        return index > 0
          ? row
          : {
              ...row,
              responses: responses.map((each, place) => (place > 0 ? each : { ...each, text: "A: 40" })),
            };
      }),
    );
    const { problems } = await check(out);
    expect(problems.map(({ examples }) => [examples[0]?.kind, examples[0]?.column])).toEqual([
      ["wrong_response_id", "responses[0].response_id"],
      ["tables_disagree", "chosen"],
    ]);
  });

  it("finds a response id that stands twice in a group", async () => {
    const out = await copied();
    await editRows(out, "groups", (rows) =>
      rows.map((row) => {
        const responses = row.responses as Row[];
        const [id] = responseIds(String(row.prompt_id), [String(responses[0]?.text)]);
        return { ...row, responses: responses.map((each) => ({ ...each, response_id: id })) };
      }),
    );
    expect(kindsOf(await check(out))).toContain("repeated_id");
  });

  it("finds a prompt that stands twice", async () => {
    const out = await copied();
    await editRows(out, "groups", (rows) => [...rows, ...rows.slice(0, 1)]);
    const found = await check(out);
    expect(kindsOf(found)).toEqual(["repeated_id", "tables_disagree", "wrong_summary"]);
    expect(found.problems[0]?.examples[0]).toMatchObject({ file: GROUPS, row: 3, column: "prompt_id" });
  });

  it("finds a missing score row, and one that changed places with its neighbour", async () => {
    const missing = await copied();
    await editRows(missing, "scores", (rows) => rows.slice(1));
    expect(kindsOf(await check(missing))).toEqual(["tables_disagree", "wrong_summary"]);

    const swapped = await copied();
    await editRows(swapped, "scores", ([a, b, ...rows]) => [b as Row, a as Row, ...rows]);
    expect(firstOf(await check(swapped))).toMatchObject({ kind: "tables_disagree", file: SCORES, row: 0 });
  });

  it("finds a pair whose reward or response is not in the groups table", async () => {
    const out = await copied();
    await editRows(out, "pairs", (rows) =>
      rows.map((row, index) =>
        index === 0
          ? {
              ...row,
              score_chosen: Number(row.score_chosen) + 1,
              reward_margin: Number(row.reward_margin) + 1,
            }
          : {
              ...row,
              chosen_id: "elsewhere",
              pair_id: pairId(String(row.prompt_id), "elsewhere", String(row.rejected_id), String(row.rule)),
            },
      ),
    );
    const { problems } = await check(out);
    expect(problems).toMatchObject([
      { kind: "tables_disagree", count: 2, examples: [{ column: "score_chosen" }, { column: "chosen_id" }] },
    ]);
  });

  it("finds a pair of a prompt that no group has", async () => {
    const out = await copied();
    await editRows(out, "pairs", (rows) =>
      rows.map((row, index) =>
        index === 0
          ? row
          : {
              ...row,
              prompt_id: "nobody",
              pair_id: pairId("nobody", String(row.chosen_id), String(row.rejected_id), String(row.rule)),
            },
      ),
    );
    expect(firstOf(await check(out))).toMatchObject({
      kind: "tables_disagree",
      file: PAIRS,
      row: 1,
      column: "prompt_id",
    });
  });

  it("counts every problem and keeps the first twenty of a kind", async () => {
    const out = await copied();
    await editRows(out, "scores", (rows) => rows.map((row) => ({ ...row, kind: "guessed" })));
    const [bad] = (await check(out)).problems;
    expect(bad).toMatchObject({ kind: "bad_score", count: 21 });
    expect(bad?.examples).toHaveLength(20);
  });
});

describe("checkDataset on run.json", () => {
  it.each([
    { note: "no JSON", text: "{" },
    { note: "null", text: "null" },
    { note: "another version", text: '{"manifestVersion":2,"files":[]}' },
    { note: "a manifest without a summary", text: '{"manifestVersion":1,"files":[]}' },
  ])("finds $note, and does not throw", async ({ text }) => {
    const out = await copied();
    await writeFile(join(out, "run.json"), text);
    const found = await check(out);
    expect(found.state).toBe("damaged");
    expect(kindsOf(found)).toEqual(["bad_manifest"]);
  });

  it("refuses a path that leads out of the dataset", async () => {
    const out = await copied();
    await editManifest(out, (manifest) => ({
      ...manifest,
      files: manifest.files.map((file) =>
        file.table === "pairs" ? { ...file, path: "../secret.parquet" } : file,
      ),
    }));
    expect(firstOf(await check(out))).toMatchObject({
      kind: "bad_manifest",
      problem: "leads out of the dataset",
    });
  });

  it("finds counts that its files do not have", async () => {
    const out = await copied();
    await editManifest(out, ({ summary, ...manifest }) => ({
      ...manifest,
      summary: { ...summary, pairs: 7 },
    }));
    expect(firstOf(await check(out))).toMatchObject({ kind: "wrong_summary", file: "run.json" });
  });
});

describe("checkDataset without run.json", () => {
  it("says that a run is unfinished when its plan is there", async () => {
    const out = await temporary.make();
    await smallDataset(out, {}, { slice: { index: 0, count: 1 } });
    expect(await check(join(out, "out"))).toMatchObject({ state: "unfinished", problems: [] });
  });

  it("says that a finished dataset is on its way when only the move is left", async () => {
    const out = await copied();
    await mkdir(join(out, ".prefkit/finish"), { recursive: true });
    await rename(join(out, "run.json"), join(out, ".prefkit/finish/run.json"));
    const { state, notes } = await check(out);
    expect(state).toBe("unfinished");
    expect(notes[0]).toMatch(/completes the move/);
  });

  it("throws for a directory in which no run ever began, and for one that does not exist", async () => {
    const empty = await temporary.make();
    await expect(check(empty)).rejects.toMatchObject({ code: "dataset_incomplete" });
    await expect(check(join(empty, "nowhere"))).rejects.toMatchObject({ code: "dataset_incomplete" });
  });
});

describe("checkTable", () => {
  it.each([PAIRS, GROUPS, SCORES])("finds nothing in %s", async (path) => {
    expect(await checkTable(nodeFiles, join(made, path))).toMatchObject({ state: "sound", problems: [] });
  });

  it("checks the rows by the row set that the file names", async () => {
    const out = await copied();
    await editRows(out, "pairs", (rows) => rows.map((row) => ({ ...row, pair_id: "x" })));
    const found = await checkTable(nodeFiles, join(out, PAIRS));
    expect(found).toMatchObject({ state: "damaged", problems: [{ kind: "wrong_pair_id", count: 2 }] });
  });

  it("collects what makes a file no table of a dataset", async () => {
    const out = await copied();
    await truncate(join(out, PAIRS), 40);
    expect(kindsOf(await checkTable(nodeFiles, join(out, PAIRS)))).toEqual(["unreadable_file"]);
    expect(firstOf(await checkTable(nodeFiles, join(out, "README.md")))).toMatchObject({
      kind: "unreadable_file",
      problem: "start: it does not start with PAR1, so it is no Parquet file",
    });
  });

  it("throws when there is no such file", async () => {
    await expect(checkTable(nodeFiles, join(made, "nowhere.parquet"))).rejects.toMatchObject({
      code: "no_input_file",
    });
  });
});

it("the small dataset is what these tests take it for", async () => {
  const pairs = await rowsOf(made, await fileOf(made, "pairs"));
  expect(pairs.map((row) => row.prompt_id)).toEqual(["sum", "product"]);
});
