import { resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { findFiles, formatOf } from "../store/input/find-files.ts";
import { FORMAT_READERS } from "../store/input/format-readers.ts";
import type { RawRow } from "../store/input/source.ts";
import { columnRows } from "./column-json.ts";

export type RawRecord = Extract<RawRow, { kind: "record" }>;

/**
 * The rows of files as they are, in file order, in any input format; a JSON file may also hold one object of columns.
 * `named`: how the user named the files.
 * Throws `no_input_file`, `unreadable_input`, `bad_row` for a row that is no object.
 */
export async function* rawRecords(
  path: string | readonly string[],
  baseDirectory: string,
  named: string,
): AsyncGenerator<readonly RawRecord[]> {
  for (const file of await findFiles(path, resolve(baseDirectory), named)) {
    const format = formatOf(file.path);
    const columns = format === "json" ? await columnRows(file) : null;
    if (columns !== null) yield columns;
    else for await (const rows of FORMAT_READERS[format](file, 0, () => true)) yield rows.map(recordOf);
  }
}

function recordOf(row: RawRow): RawRecord {
  if (row.kind === "record") return row;
  throw new PrefkitError("bad_row", row.problem, row.fix, { place: row.place });
}

/** The names of the columns of the first rows. */
export async function columnNames(
  path: string | readonly string[],
  baseDirectory: string,
  named: string,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const file of await findFiles(path, resolve(baseDirectory), named)) {
    for await (const rows of FORMAT_READERS[formatOf(file.path)](file, 0, () => true)) {
      for (const row of rows) {
        if (row.kind === "record") for (const name of Object.keys(row.record)) names.add(name);
      }
      break;
    }
  }
  return names;
}
