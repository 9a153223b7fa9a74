import { resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { findFiles, formatOf } from "../store/input/find-files.ts";
import { FORMAT_READERS } from "../store/input/format-readers.ts";
import type { RawRow } from "../store/input/source.ts";

export type RawRecord = Extract<RawRow, { kind: "record" }>;

/**
 * The rows of files as they are, in file order, in any input format.
 * Throws `no_input_file`, `unreadable_input`, `bad_row` for a row that is no object.
 */
export async function* rawRecords(
  path: string | readonly string[],
  baseDirectory: string,
): AsyncGenerator<readonly RawRecord[]> {
  for (const file of await findFiles(path, resolve(baseDirectory))) {
    for await (const rows of FORMAT_READERS[formatOf(file.path)](file, 0, () => true))
      yield rows.map(recordOf);
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
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const file of await findFiles(path, resolve(baseDirectory))) {
    for await (const rows of FORMAT_READERS[formatOf(file.path)](file, 0, () => true)) {
      for (const row of rows) {
        if (row.kind === "record") for (const name of Object.keys(row.record)) names.add(name);
      }
      break;
    }
  }
  return names;
}
