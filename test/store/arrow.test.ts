import { Table, tableToIPC, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { createArrowSink, fromArrow, readArrow, toArrow } from "../../src/store/arrow.ts";
import { scoresRowSet } from "../../src/store/row-sets.ts";
import type { Row } from "../../src/store/table.ts";
import { memoryFiles } from "../../src/testing/failing-files.ts";

const PATH = "/scores.arrows";

const rows: Row[] = Array.from({ length: 9 }, (_, index) => ({
  prompt_id: `p${index}`,
  response_id: "r",
  name: "correct",
  scorer: "math-answer",
  version: 1,
  config_hash: "h",
  kind: index % 2 === 0 ? "scored" : "abstained",
  value: index % 2 === 0 ? index / 4 : null,
  code: null,
  why: "\uFEFFéß𝕏".slice(0, index % 5),
  parts:
    index === 3 ? null : Array.from({ length: index % 3 }, (_, part) => ({ name: `n${part}`, value: part })),
  spans: null,
  raw: null,
}));

async function read(bytes: Uint8Array): Promise<Row[]> {
  const files = memoryFiles();
  files.contents.set(PATH, bytes);
  const found: Row[] = [];
  for await (const batch of readArrow(files, PATH)) found.push(...batch);
  return found;
}

describe("Arrow", () => {
  const expected = rows.map((row) => ({ ...row, why: (row.why as string).toWellFormed() }));

  it("tables hold the rows they were made of", () => {
    const table = toArrow(rows, scoresRowSet);
    expect(table.numRows).toBe(9);
    expect(table.schema.metadata.get("prefkit:row_set")).toBe("scores/1");
    expect(fromArrow(table)).toStrictEqual(expected);
  });

  it("tables can be sliced before they are read", () => {
    expect(fromArrow(toArrow(rows, scoresRowSet).slice(3, 7))).toStrictEqual(expected.slice(3, 7));
  });

  it("tables of others are read too, int64 as a number or, beyond 2^53 − 1, as its digits", () => {
    const table = new Table({
      words: vectorFromArray(["a", "b", "a"]),
      count: vectorFromArray([1n, 2n ** 60n, null]),
    });
    expect(fromArrow(table)).toEqual([
      { words: "a", count: 1 },
      { words: "b", count: "1152921504606846976" },
      { words: "a", count: null },
    ]);
  });

  it("tables refuse rows as every sink does", () => {
    expect(() => toArrow([{ ...rows[0], value: Number.NaN }], scoresRowSet)).toThrow(
      expect.objectContaining({ code: "not_finite" }),
    );
  });

  it("files with a footer are read as well as streams", async () => {
    const table = toArrow(rows, scoresRowSet);
    expect(await read(tableToIPC(table, "file"))).toStrictEqual(expected);
    expect(await read(tableToIPC(table, "stream"))).toStrictEqual(expected);
  });

  it("streams that were cut are refused, also where a batch ends", async () => {
    const files = memoryFiles();
    const sink = await createArrowSink(files, PATH, scoresRowSet, { rowGroupRows: 3 });
    await sink.write(rows);
    await sink.close();
    const bytes = files.contents.get(PATH) ?? new Uint8Array();
    for (const length of [0, 5, 100, bytes.length - 8, bytes.length - 1]) {
      await expect(read(bytes.slice(0, length))).rejects.toMatchObject({ code: "damaged_file" });
    }
    expect(await read(bytes)).toStrictEqual(expected);
  });
});
