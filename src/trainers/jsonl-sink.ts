import { createDigested } from "../core/digest.ts";
import type { Files } from "../core/files.ts";
import { rowChecker } from "../store/check-row.ts";
import type { Row, RowSet, TableSink } from "../store/table.ts";

/**
 * Rows as lines of JSON, checked against the row set as the Parquet sink checks them, fields in the row set's order. A null is
 * written as null, so that every line has every column. Bytes have no form in JSON: write paths.
 * Throws `bad_row`, `not_finite`, `io`.
 */
export async function createJsonlSink(files: Files, path: string, rowSet: RowSet): Promise<TableSink> {
  const check = rowChecker(rowSet);
  const names = rowSet.columns.map(({ name }) => name);
  const writer = await createDigested(files, path);
  let rowCount = 0;
  return {
    get bytesWritten() {
      return writer.bytes;
    },
    write: async (rows) => {
      for (const [index, row] of rows.entries()) check(row, rowCount + index);
      await writer.write(rows.map((row) => `${JSON.stringify(inOrder(row, names))}\n`).join(""));
      rowCount += rows.length;
    },
    close: async () => ({ rows: rowCount, ...(await writer.close()) }),
    abort: async () => {
      await writer.abort();
      await files.remove(path);
    },
  };
}

function inOrder(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
}
