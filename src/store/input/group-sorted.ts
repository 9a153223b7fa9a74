import { type ErrorPlace, PrefkitError } from "../../core/errors.ts";
import { hashKey, keyTable } from "./key-table.ts";
import type { MappedRow } from "./mapping.ts";
import { addRow, closeGroup, inWords, type OpenGroup, openGroup } from "./merge-rows.ts";
import type { BadRow, InputFile, InputRow } from "./types.ts";

/** Mapped rows of one file, by its index in the input. */
export interface FileRows {
  readonly file: number;
  readonly rows: readonly (MappedRow | BadRow)[];
}

// A place is packed into one number, so that the table can hold one for every key: file index, line or row, which of them.
const PLACES_PER_FILE = 2 ** 36;

/**
 * Joins rows that stand next to each other and share a key. Memory holds one group and a hash of every key.
 * Throws `key_came_back` naming both places when a finished group's key is met again.
 */
export async function* groupSorted(
  batches: AsyncIterable<FileRows>,
  files: readonly InputFile[],
): AsyncGenerator<readonly InputRow[]> {
  const seen = keyTable();
  let open: { readonly file: number; readonly group: OpenGroup } | null = null;
  for await (const { file, rows } of batches) {
    const out: InputRow[] = [];
    for (const row of rows) {
      if (row.kind === "bad") {
        out.push(row);
      } else if (open !== null && open.group.key === row.key) {
        const bad = addRow(open.group, row);
        if (bad) out.push(bad);
      } else {
        if (open) out.push(closeGroup(open.group, open.file));
        const started: OpenGroup = openGroup(row);
        const before = seen.findOrAdd(hashKey(started.key), packed(file, row.place));
        if (before !== undefined) throw cameBack(started, unpacked(before, files));
        open = { file, group: started };
      }
    }
    if (out.length > 0) yield out;
  }
  if (open) yield [closeGroup(open.group, open.file)];
}

function packed(file: number, { line, row }: ErrorPlace): number {
  return file * PLACES_PER_FILE + (line ?? row ?? 0) * 2 + (line === undefined ? 0 : 1);
}

function unpacked(place: number, files: readonly InputFile[]): ErrorPlace {
  const file = files[Math.floor(place / PLACES_PER_FILE)]?.path ?? "";
  const within = place % PLACES_PER_FILE;
  const count = Math.floor(within / 2);
  return within % 2 === 1 ? { file, line: count } : { file, row: count };
}

function cameBack(group: OpenGroup, before: ErrorPlace): PrefkitError {
  return new PrefkitError(
    "key_came_back",
    `the key "${group.key.slice(0, 60)}" comes back; its group started at ${inWords(before)} and had ended.`,
    "sort the rows by the key, or leave out sorted: true, so that rows are gathered first.",
    { place: group.place },
  );
}
