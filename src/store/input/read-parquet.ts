import { isPrefkitError, PrefkitError } from "../../core/errors.ts";
import { nodeFiles } from "../../core/files.ts";
import { openParquet } from "../parquet-reader.ts";
import { BATCH_ROWS, type KeepColumn, type RawRow, type SourceFile } from "./source.ts";

/**
 * Reads Parquet by row group, and only the columns that the mapping names.
 *
 * Position and row: number of rows before it; the first row is row 1.
 * Throws `unreadable_input` when the file is cut off, damaged or not Parquet.
 */
export async function* readParquet(
  file: SourceFile,
  from: number,
  keep: KeepColumn,
): AsyncGenerator<readonly RawRow[]> {
  try {
    const table = await openParquet(nodeFiles, file.absolute);
    try {
      const columns = table.columns.map(({ name }) => name).filter(keep);
      let at = from;
      for await (const records of table.read({ columns, rowStart: from })) {
        for (let start = 0; start < records.length; start += BATCH_ROWS) {
          const first = at + start;
          yield records.slice(start, start + BATCH_ROWS).map((record, index): RawRow => {
            const row = first + index + 1;
            return { kind: "record", record, place: { file: file.path, row }, at: row - 1 };
          });
        }
        at += records.length;
      }
    } finally {
      await table.close();
    }
  } catch (error) {
    throw isPrefkitError(error) && error.code === "damaged_file" ? unreadable(file, error) : error;
  }
}

function unreadable(file: SourceFile, error: PrefkitError): PrefkitError {
  // Only the part and the reason: the place says the file, by the name that the recipe's author knows.
  const reason = error.message.split("\nFix: ")[0]?.split(`${file.absolute}, `).at(-1);
  return new PrefkitError(
    "unreadable_input",
    `the file cannot be read as Parquet: ${reason}`,
    "it is cut off, damaged or of another format: fetch or write it again.",
    { cause: error, place: { file: file.path } },
  );
}
