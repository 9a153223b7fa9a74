import { resolve } from "node:path";
import { isPrefkitError, PrefkitError } from "../core/errors.ts";
import { findFiles, formatOf } from "../store/input/find-files.ts";
import { FORMAT_READERS } from "../store/input/format-readers.ts";
import type { RawRow, SourceFile } from "../store/input/source.ts";

export type RawRecord = Extract<RawRow, { kind: "record" }>;

/**
 * The rows of files as they are, in file order, in any input format. `named`: how the user named the files.
 * Throws `no_input_file`, `unreadable_input`, `bad_row` for a row that is no object.
 */
export async function* rawRecords(
  path: string | readonly string[],
  baseDirectory: string,
  named: string,
): AsyncGenerator<readonly RawRecord[]> {
  for (const file of await filesNamed(named, path, baseDirectory)) {
    for await (const rows of FORMAT_READERS[formatOf(file.path)](file, 0, () => true))
      yield rows.map(recordOf);
  }
}

function recordOf(row: RawRow): RawRecord {
  if (row.kind === "record") return row;
  throw new PrefkitError("bad_row", row.problem, row.fix, { place: row.place });
}

/** A recipe names its files by `input.path`, taken from its own directory; a command by an argument or a flag. */
async function filesNamed(
  named: string,
  path: string | readonly string[],
  baseDirectory: string,
): Promise<readonly SourceFile[]> {
  try {
    return await findFiles(path, resolve(baseDirectory));
  } catch (error) {
    if (!isPrefkitError(error) || error.code !== "no_input_file") throw error;
    throw new PrefkitError(
      "no_input_file",
      (error.message.split("\nFix:")[0] ?? "").replace("input.path", named),
      "name a file, or a glob that matches one; paths are taken from the current directory.",
      { cause: error },
    );
  }
}

/** The names of the columns of the first rows. */
export async function columnNames(
  path: string | readonly string[],
  baseDirectory: string,
  named: string,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const file of await filesNamed(named, path, baseDirectory)) {
    for await (const rows of FORMAT_READERS[formatOf(file.path)](file, 0, () => true)) {
      for (const row of rows) {
        if (row.kind === "record") for (const name of Object.keys(row.record)) names.add(name);
      }
      break;
    }
  }
  return names;
}
