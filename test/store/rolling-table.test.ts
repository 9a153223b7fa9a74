import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/ids.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { createRollingTable, type RollingTableOptions } from "../../src/store/rolling-table.ts";
import type { Row, RowSet } from "../../src/store/table.ts";
import { type MemoryFiles, memoryFiles } from "../../src/testing/failing-files.ts";

const DIRECTORY = "table";
const rowSet: RowSet = {
  name: "numbers",
  version: 1,
  columns: [{ name: "n", type: { kind: "int64" }, nullable: false }],
};

let files: MemoryFiles;
beforeEach(async () => {
  files = memoryFiles();
  await files.makeDirectory(DIRECTORY);
});

/** A row group is written after ten rows, so that files grow while rows come in. */
function rolling(options: Partial<RollingTableOptions> = {}) {
  return createRollingTable({
    files,
    directory: DIRECTORY,
    table: "groups",
    rowSet,
    splits: ["train"],
    fileBytes: 1e9,
    createSink: (path, set) => createParquetSink(files, path, set, { codec: "none", rowGroupRows: 10 }),
    ...options,
  });
}

const rowsFrom = (start: number, count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ n: start + index }));

async function numbersIn(name: string): Promise<unknown[]> {
  const table = await openTable(files, join(DIRECTORY, name));
  const found: unknown[] = [];
  for await (const rows of table.read()) found.push(...rows.map(({ n }) => n));
  await table.close();
  return found;
}

describe("a rolling table", () => {
  it("is one file while it is small, and says what was written", async () => {
    const table = rolling();
    await table.write("train", rowsFrom(0, 3));
    await table.write("train", rowsFrom(3, 2));
    const entries = await table.close();
    const content = await files.readAll(join(DIRECTORY, "train-00000-of-00001.parquet"));
    expect(entries).toEqual([
      {
        path: "groups/train-00000-of-00001.parquet",
        table: "groups",
        split: "train",
        rows: 5,
        bytes: content.length,
        sha256: sha256(content),
      },
    ]);
    expect(await numbersIn("train-00000-of-00001.parquet")).toEqual([0, 1, 2, 3, 4]);
  });

  it("begins the next file once one has reached its size, and names each by place and number", async () => {
    const table = rolling({ fileBytes: 1 });
    for (let start = 0; start < 30; start += 10) await table.write("train", rowsFrom(start, 10));
    await table.write("train", rowsFrom(30, 1));
    const entries = await table.close();
    expect(entries.map(({ path, rows }) => [path, rows])).toEqual([
      ["groups/train-00000-of-00004.parquet", 10],
      ["groups/train-00001-of-00004.parquet", 10],
      ["groups/train-00002-of-00004.parquet", 10],
      ["groups/train-00003-of-00004.parquet", 1],
    ]);
    expect(await numbersIn("train-00002-of-00004.parquet")).toEqual(rowsFrom(20, 10).map(({ n }) => n));
    expect(await files.list(DIRECTORY)).toEqual(entries.map(({ path }) => path.split("/")[1]));
  });

  it("has no empty file at its end when the last one was just full", async () => {
    const table = rolling({ fileBytes: 1 });
    await table.write("train", rowsFrom(0, 10));
    expect((await table.close()).map(({ rows }) => rows)).toEqual([10]);
  });

  it("keeps splits apart, and a split without rows is still a typed file", async () => {
    const table = rolling({ splits: ["train", "test"] });
    await table.write("train", rowsFrom(0, 2));
    const entries = await table.close();
    expect(entries.map(({ path, split, rows }) => [path, split, rows])).toEqual([
      ["groups/train-00000-of-00001.parquet", "train", 2],
      ["groups/test-00000-of-00001.parquet", "test", 0],
    ]);
    const empty = await openTable(files, join(DIRECTORY, "test-00000-of-00001.parquet"));
    expect(empty.rows).toBe(0);
    await empty.close();
  });

  it("gives no file its final name before it is closed", async () => {
    const table = rolling({ fileBytes: 1 });
    await table.write("train", rowsFrom(0, 10));
    await table.write("train", rowsFrom(10, 5));
    for (const name of (await files.list(DIRECTORY)) ?? []) expect(name).toMatch(/^\..*\.tmp$/);
    await table.abort();
  });

  it("removes the file it is writing when it is given up", async () => {
    const table = rolling();
    await table.write("train", rowsFrom(0, 10));
    await table.abort();
    expect(await files.list(DIRECTORY)).toEqual([]);
    await rolling().abort();
  });

  it("refuses a row that is not of its kind, and a split it does not know", async () => {
    const table = rolling();
    await expect(table.write("train", [{ n: 0.5 }])).rejects.toMatchObject({ code: "bad_row" });
    await expect(table.write("tset", rowsFrom(0, 1))).rejects.toThrow("table groups has no split tset");
  });
});
