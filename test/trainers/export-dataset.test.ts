import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { nodeFiles } from "../../src/core/files.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import type { Row } from "../../src/store/table.ts";
import { countingFiles, failingFiles } from "../../src/testing/failing-files.ts";
import { type ExportOptions, exportDataset } from "../../src/trainers/export-dataset.ts";
import { type ExportManifest, readExportManifest } from "../../src/trainers/export-manifest.ts";
import { helpsteer2 } from "../../src/trainers/helpsteer2.ts";
import { llamaFactory } from "../../src/trainers/llama-factory.ts";
import { trl } from "../../src/trainers/trl.ts";
import { fileOf, RECORDS, rowsOf, smallDataset, temporaryDirectories } from "../cli/small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
let from: string;
beforeAll(async () => {
  directory = await temporary.make();
  from = await smallDataset(directory);
});
afterAll(temporary.removeAll);

const dpo = (out: string, changes: Partial<ExportOptions> = {}): Promise<ExportManifest | null> =>
  exportDataset({ files: nodeFiles, from, out, trainer: trl, kind: "preference", ...changes });

async function readRows(out: string, path: string): Promise<Row[]> {
  const table = await openTable(nodeFiles, join(out, path));
  try {
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    return rows;
  } finally {
    await table.close();
  }
}

/** Every file below a directory with its bytes' hash. */
async function hashes(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const pairs = await Promise.all(
    files.map(async (path) => {
      const sha256 = createHash("sha256")
        .update(await readFile(path))
        .digest("hex");
      return [path.slice(root.length + 1), sha256] as const;
    }),
  );
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface CardConfig {
  readonly description: string;
  readonly data_files: readonly { readonly split: string; readonly path: readonly string[] }[];
}

/** What stands in a card's front matter, which `datasets` reads. */
function configsOf(card: string): readonly CardConfig[] {
  return (parse(card.split("---\n")[1] ?? "") as { configs: CardConfig[] }).configs;
}

function splitsOfCard(card: string): readonly string[] {
  return configsOf(card).flatMap(({ data_files }) => data_files.map(({ split }) => split));
}

const hidden = async (): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.startsWith("."));

describe("an export", () => {
  it("takes fields of the prompts' metadata along, and refuses a name that no prompt has", async () => {
    const own = await temporary.make();
    const records = RECORDS.map((record, index) =>
      index === 0 ? { ...record, metadata: { domain: "sums" } } : record,
    );
    const given = await smallDataset(own, {}, {}, records);
    const promptsOf = (columns: string) =>
      exportDataset({
        ...{ files: nodeFiles, from: given, out: join(own, columns), trainer: trl, kind: "prompts" },
        options: { columns },
      });
    const { files = [] } = (await promptsOf("domain")) ?? {};
    const rows = await readRows(join(own, "domain"), files[0]?.path ?? "");
    expect(rows.map(({ metadata }) => metadata)).toEqual(['{"domain":"sums"}', "{}", "{}"]);
    await expect(promptsOf("domain,domian")).rejects.toMatchObject({
      code: "missing_field",
      message: /no prompt of .* has "domian" in its metadata/,
    });
    expect(existsSync(join(own, "domain,domian"))).toBe(false);
  });

  it("holds the dataset's pairs in their order, with the columns of the layout alone, and their ids beside them", async () => {
    const out = join(directory, "rows");
    const made = await dpo(out);
    const pairs = await rowsOf(from, await fileOf(from, "pairs"));
    expect(await readRows(out, "data/train-00000-of-00001.parquet")).toEqual(
      pairs.map(({ prompt, chosen, rejected }) => ({ prompt, chosen, rejected })),
    );
    expect(await readFile(join(out, "pair_ids", "train.txt"), "utf8")).toBe(
      pairs.map(({ pair_id }) => `${String(pair_id)}\n`).join(""),
    );
    expect(made).toMatchObject({ rows: { train: 2 }, leftOut: {}, source: { table: "pairs", rows: 2 } });
  });

  it("names every file with its hash in export.json, which is read back as it was made", async () => {
    const out = join(directory, "hashes");
    const made = await dpo(out);
    expect(await readExportManifest(nodeFiles, out)).toEqual(made);
    const { "export.json": _, ...others } = await hashes(out);
    expect(Object.fromEntries((made?.files ?? []).map(({ path, sha256 }) => [path, sha256]))).toEqual(others);
  });

  it("gives the same bytes each time", async () => {
    const [first, second] = [join(directory, "first"), join(directory, "second")];
    await dpo(first);
    await dpo(second);
    expect(await hashes(first)).toEqual(await hashes(second));
  });

  it("keeps the dataset's splits, and says nothing but a count of one without rows", async () => {
    const home = await temporary.make();
    // By the hash of their ids none of the three prompts falls into a split of a billionth.
    const split = await smallDataset(home, { output: { split: { test: 1e-9 } } });
    const out = join(home, "export");
    const made = await dpo(out, { from: split });
    expect(made?.rows).toEqual({ train: 2, test: 0 });
    // `datasets` refuses a split without rows, and every other split with it.
    expect(Object.keys(await hashes(out)).filter((path) => path.includes("test"))).toEqual([]);
    for (const card of ["README.md", "data/README.md"])
      expect(splitsOfCard(await readFile(join(out, card), "utf8"))).toEqual(["train"]);
    expect(await readFile(join(out, "dpo.yaml"), "utf8")).not.toContain("test");
    const other = join(home, "llama");
    await dpo(other, { from: split, trainer: llamaFactory });
    expect(await readFile(join(other, "dataset_info.json"), "utf8")).not.toContain("test");
    expect(await readFile(join(other, "dpo.yaml"), "utf8")).not.toContain("eval");
  });

  it("is not made when no row is in the split train, which trainers train on", async () => {
    const home = await temporary.make();
    // By the hash of their ids all three prompts fall into a split of all but a billionth.
    const split = await smallDataset(home, { output: { split: { test: 1 - 1e-9 } } });
    const made = dpo(join(home, "export"), { from: split });
    await expect(made).rejects.toMatchObject({
      code: "empty_input",
      message: expect.stringMatching(/split train .* all rows are in test \(2\).*output\.split/s),
    });
    expect(await nodeFiles.exists(join(home, "export"))).toBe(false);
  });

  it("names each split's files in both cards, so that train_hard is not taken for a part of train", async () => {
    const home = await temporary.make();
    const records = Array.from({ length: 24 }, (_, n) => ({ ...RECORDS[0], id: `prompt-${n}` }));
    const split = await smallDataset(home, { output: { split: { train_hard: 0.5 } } }, {}, records as never);
    const out = join(home, "export");
    const made = await dpo(out, { from: split, maxRowsPerFile: 10 });
    expect(Object.keys(made?.rows ?? {})).toEqual(["train", "train_hard"]);
    for (const [card, folder] of [
      ["README.md", ""],
      ["data/README.md", "data/"],
    ] as const) {
      const [config] = configsOf(await readFile(join(out, card), "utf8"));
      const named = Object.fromEntries((config?.data_files ?? []).map(({ split, path }) => [split, path]));
      const files = made?.files ?? [];
      for (const name of ["train", "train_hard"]) {
        const paths = files.filter(({ split }) => split === name).map(({ path }) => path);
        expect(paths.length).toBeGreaterThan(0);
        expect(named[name]?.map((path) => `${folder}${path}`)).toEqual(paths);
      }
    }
  });

  it("carries the dataset's licence and where it came from, and says so where none is stated", async () => {
    const home = await temporary.make();
    const licensed = await smallDataset(home, { output: { license: "cc-by-4.0" } });
    const made = await dpo(join(home, "export"), { from: licensed });
    expect(made?.source).toMatchObject({ license: "cc-by-4.0", inputs: [expect.stringMatching(/\.jsonl$/)] });
    const card = await readFile(join(home, "export", "README.md"), "utf8");
    expect(card).toMatch(
      /^---\nlicense: cc-by-4\.0\ntags:\n {2}- prefkit\n {2}- preference\nsize_categories:\n {2}- n<1K\n/,
    );
    expect(card).toContain("Licence: cc-by-4.0.");
    const plainMade = await dpo(join(home, "plain"), { from: await smallDataset(await temporary.make()) });
    expect(plainMade?.source.license).toBeNull();
    const plain = await readFile(join(home, "plain", "README.md"), "utf8");
    expect(plain).not.toMatch(/^license:/m);
    expect(plain).toContain("Licence: not stated");
  });

  it("from before licences were carried on can still be read", async () => {
    const home = await temporary.make();
    const made = (await dpo(join(home, "export"))) as ExportManifest;
    const { license: _, inputs: __, ...source } = made.source;
    await writeFile(join(home, "export.json"), JSON.stringify({ ...made, source }));
    expect((await readExportManifest(nodeFiles, home)).source).toEqual({
      ...source,
      license: null,
      inputs: [],
    });
  });

  it("has a card that changes with its rows, since `datasets` caches by what the card says", async () => {
    const [one, other] = [join(directory, "card-one"), join(directory, "card-other")];
    await dpo(one);
    await dpo(other, { options: { format: "text" } });
    for (const card of ["README.md", "data/README.md"]) {
      const [first, second] = await Promise.all(
        [one, other].map(async (out) => configsOf(await readFile(join(out, card), "utf8"))[0]),
      );
      expect(first?.description).toMatch(/^Rows [0-9a-f]{32}\.$/);
      expect(second?.description).not.toBe(first?.description);
      expect(second?.data_files).toEqual(first?.data_files);
    }
  });

  it("begins another file after as many rows as are asked for", async () => {
    const out = join(directory, "files");
    const made = await exportDataset({
      files: nodeFiles,
      from,
      out,
      trainer: trl,
      kind: "unpaired",
      maxRowsPerFile: 3,
    });
    const data = made?.files.filter(({ split }) => split !== null);
    expect(data?.map(({ path, rows }) => ({ path, rows }))).toEqual([
      { path: "data/train-00000-of-00002.parquet", rows: 3 },
      { path: "data/train-00001-of-00002.parquet", rows: 1 },
    ]);
    const rows = (await Promise.all((data ?? []).map(({ path }) => readRows(out, path)))).flat();
    // Two rows of each pair, which are no neighbours: the first pair's desired one, the second's other one, and so on.
    expect(rows.map(({ label }) => label)).toEqual([true, false, false, true]);
    const pairs = await rowsOf(from, await fileOf(from, "pairs"));
    const [first, second] = pairs.map(({ pair_id }) => pair_id);
    const ids = (await readFile(join(out, "pair_ids", "train.txt"), "utf8")).trimEnd().split("\n");
    expect(ids).toEqual([first, second, first, second]);
    const asked = rows.map(({ prompt }) => prompt);
    expect(asked).toEqual([0, 1, 0, 1].map((pair) => pairs[pair]?.prompt));
    const [a, b] = pairs;
    expect(rows.map(({ completion }) => completion)).toEqual([
      a?.chosen,
      b?.rejected,
      a?.rejected,
      b?.chosen,
    ]);
  });

  it("leaves out pairs with an empty side or equal sides, and counts them", async () => {
    const home = await temporary.make();
    const records = [
      ...RECORDS.slice(0, 1),
      {
        id: "blank",
        prompt: "Say 2.",
        reference: "2",
        responses: [
          { text: "2", token_count: 1, metadata: { grade: 3 } },
          { text: " \n", token_count: 1, metadata: { grade: 0 } },
        ],
      },
    ];
    const dataset = await smallDataset(home, {}, {}, records);
    const pairs = await rowsOf(dataset, await fileOf(dataset, "pairs"));
    // The pair rule itself may refuse blank texts; then there is nothing to leave out.
    const blank = pairs.filter(({ prompt_id }) => prompt_id === "blank").length;
    const made = await dpo(join(home, "export"), { from: dataset });
    expect(made?.leftOut).toEqual(blank === 0 ? {} : { "the rejected side is empty": blank });
    expect(made?.rows).toEqual({ train: 1 });
  });

  it("refuses to be an export without a single row, and says why there is none", async () => {
    const out = join(directory, "none");
    const none = exportDataset({
      files: nodeFiles,
      from,
      out,
      trainer: helpsteer2,
      kind: "ratings",
      options: { scores: "missing=nothing" },
    });
    await expect(none).rejects.toThrow(/no score "nothing"/);
    const empty = exportDataset({
      files: nodeFiles,
      from,
      out,
      trainer: trl,
      kind: "stepwise",
      options: { score: "grade" },
    });
    await expect(empty).rejects.toThrow(/gives a row: its score marks no steps \(5\)/);
    expect(await nodeFiles.exists(out)).toBe(false);
    expect(await hidden()).toEqual([]);
  });

  it("writes nothing when it is stopped, and tells how far it is", async () => {
    const out = join(directory, "stopped");
    const controller = new AbortController();
    const told: number[] = [];
    const made = await dpo(out, {
      stop: controller.signal,
      onProgress: ({ read, total }) => {
        told.push(read);
        expect(total).toBe(2);
        controller.abort();
      },
    });
    expect(made).toBeNull();
    expect(told[0]).toBe(0);
    expect(await nodeFiles.exists(out)).toBe(false);
    expect(await hidden()).toEqual([]);
  });

  it("is there whole or not at all, whichever call to the disk fails, and the next one clears up", async () => {
    const counted = countingFiles(nodeFiles);
    await dpo(join(directory, "counted"), { files: counted });
    expect(counted.calls).toBeGreaterThan(40);
    const whole = await hashes(join(directory, "counted"));
    for (let failAt = 1; failAt <= counted.calls; failAt++) {
      const home = await temporary.make();
      const out = join(home, "export");
      let error: unknown = null;
      try {
        await dpo(out, { files: failingFiles(nodeFiles, { failAt }) });
      } catch (caught) {
        error = caught;
      }
      if (await nodeFiles.exists(out)) expect(await hashes(out)).toEqual(whole);
      else expect(error).toMatchObject({ code: "io" });
      // A release that failed may leave the lock of this very process; a new process would take it over.
      for (const name of await readdir(home))
        if (name.endsWith(".lock")) await nodeFiles.remove(join(home, name));
      await dpo(out, { force: true });
      expect(await hashes(out)).toEqual(whole);
      expect(await readdir(home)).toEqual(["export"]);
    }
  });

  it("keeps the earlier export when its replacement fails, whichever call fails", async () => {
    const home = await temporary.make();
    const out = join(home, "export");
    await dpo(out, { maxRowsPerFile: 1 });
    const earlier = await hashes(out);
    const counted = countingFiles(nodeFiles);
    await dpo(out, { files: counted, force: true });
    const later = await hashes(out);
    expect(later).not.toEqual(earlier);
    // Before these calls nothing has touched the final name; the test before this one tries those.
    for (let failAt = counted.calls - 12; failAt <= counted.calls; failAt += 1) {
      await dpo(out, { maxRowsPerFile: 1, force: true });
      await dpo(out, { files: failingFiles(nodeFiles, { failAt }), force: true }).catch(() => undefined);
      for (const name of await readdir(home))
        if (name.endsWith(".lock")) await nodeFiles.remove(join(home, name));
      // Between the two renames the earlier one stands aside; the next export puts it back before anything else.
      const there = (await nodeFiles.exists(out)) ? out : join(home, ".export.replaced");
      expect([earlier, later]).toContainEqual(await hashes(there));
    }
  });

  it("does not touch what a link to a directory points to", async () => {
    const home = await temporary.make();
    await mkdir(join(home, "real"));
    await writeFile(join(home, "real", "mine.txt"), "mine");
    await symlink(join(home, "real"), join(home, "link"));
    await expect(dpo(join(home, "link"), { force: true })).rejects.toThrow(/holds other files/);
    expect(await readFile(join(home, "real", "mine.txt"), "utf8")).toBe("mine");
  });

  it("refuses files of a row limit below one, and a dataset whose file was altered", async () => {
    await expect(dpo(join(directory, "x"), { maxRowsPerFile: 0 })).rejects.toThrow(/maxRowsPerFile 0/);
    const home = await temporary.make();
    const dataset = await smallDataset(home);
    const path = join(dataset, (await fileOf(dataset, "pairs")).path);
    const bytes = await readFile(path);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(dpo(join(home, "x"), { from: dataset })).rejects.toMatchObject({ code: "damaged_file" });
    expect(await nodeFiles.exists(join(home, "x"))).toBe(false);
  });
});

describe("export.json", () => {
  it("is refused where there is none, where it is not JSON, and where it is something else", async () => {
    const home = await temporary.make();
    await expect(readExportManifest(nodeFiles, home)).rejects.toMatchObject({ code: "dataset_incomplete" });
    for (const text of ["{", "[]", '{"exportVersion":2}', '{"exportVersion":1,"trainer":5}']) {
      await writeFile(join(home, "export.json"), text);
      await expect(readExportManifest(nodeFiles, home)).rejects.toMatchObject({ code: "damaged_file" });
    }
  });
});
