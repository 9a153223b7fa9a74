import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import { columnDifferences } from "../../src/store/schema.ts";
import type { Row } from "../../src/store/table.ts";
import { GOLDEN } from "../golden/rows.ts";

const files = GOLDEN.flatMap((golden) => ["zstd", "snappy"].map((codec) => ({ ...golden, codec })));

describe("files of earlier versions", () => {
  it.each(files)("stay readable: $rowSet.name/$rowSet.version in $codec", async ({ rowSet, rows, codec }) => {
    const name = `${rowSet.name}-${rowSet.version}.${codec}.parquet`;
    const table = await openTable(nodeFiles, join(import.meta.dirname, "../golden", name));
    expect(table.keyValue).toEqual({ "prefkit:row_set": `${rowSet.name}/${rowSet.version}` });
    expect(columnDifferences(rowSet.columns, table.columns)).toEqual([]);
    const found: Row[] = [];
    for await (const group of table.read()) found.push(...group);
    await table.close();
    expect(found.map(comparable)).toStrictEqual(rows.map(comparable));
  });
});

/** A Buffer and a Uint8Array of the same bytes are not strictly equal; lists of numbers are. */
function comparable(row: Row): Row {
  const images = row.images as readonly { readonly bytes: Uint8Array }[] | null | undefined;
  return images ? { ...row, images: images.map((image) => ({ ...image, bytes: [...image.bytes] })) } : row;
}
