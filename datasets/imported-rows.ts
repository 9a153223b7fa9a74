import { type ErrorPlace, PrefkitError } from "../src/core/errors.ts";
import { canonicalJson, messageRecord } from "../src/core/ids.ts";
import type { Group } from "../src/core/types.ts";
import { findFiles, formatOf } from "../src/store/input/find-files.ts";
import { FORMAT_READERS } from "../src/store/input/format-readers.ts";
import type { Fields, RawRow } from "../src/store/input/source.ts";
import { joined } from "./define-importer.ts";
import type { Importer, LeftOut } from "./importer.ts";
import { importers } from "./index.ts";

/** A group of the file, or what of a row became none; `place` is that of the row (of a group, its first). */
export type ImportedItem =
  | { readonly kind: "group"; readonly group: Group; readonly place: ErrorPlace }
  | ({ readonly kind: "leftOut"; readonly place: ErrorPlace } & LeftOut);

export interface ImportedBatch {
  /** Rows read so far. */
  readonly rows: number;
  readonly items: readonly ImportedItem[];
}

/**
 * The groups of files in one published layout, in file order, streamed.
 * Throws `no_input_file`, `unreadable_input`, and `missing_field` for a file without the layout's columns.
 */
export async function* importedRows(
  importer: Importer,
  paths: readonly string[],
  baseDirectory: string,
): AsyncGenerator<ImportedBatch> {
  let rows = 0;
  for (const file of await findFiles(paths, baseDirectory, "the input")) {
    let held: Held | null = null;
    let isFirst = true;
    for await (const batch of FORMAT_READERS[formatOf(file.path)](file, 0, () => true)) {
      const items: ImportedItem[] = [];
      for (const row of batch) {
        rows += 1;
        if (row.kind === "record" && isFirst) {
          requireColumns(importer, row.record, file.path);
          isFirst = false;
        }
        const found = itemsOf(importer, row);
        held = importer.joinsNeighbours ? joinInto(held, found, items) : null;
        if (!importer.joinsNeighbours) items.push(...found);
      }
      yield { rows, items };
    }
    if (held !== null) yield { rows, items: [held] };
  }
}

type Held = Extract<ImportedItem, { kind: "group" }>;

/** Joins groups with the held one while their prompts are the same; gives the group to hold from now on. */
function joinInto(before: Held | null, found: readonly ImportedItem[], items: ImportedItem[]): Held | null {
  let held = before;
  for (const item of found) {
    if (item.kind === "leftOut") {
      items.push(item);
    } else if (held !== null && samePrompt(held.group, item.group)) {
      held = { ...held, group: joined(held.group, item.group) };
    } else {
      if (held !== null) items.push(held);
      held = item;
    }
  }
  return held;
}

function samePrompt(a: Group, b: Group): boolean {
  const text = ({ prompt }: Group): string => canonicalJson(prompt.messages.map(messageRecord));
  return text(a) === text(b);
}

function itemsOf(importer: Importer, row: RawRow): ImportedItem[] {
  if (row.kind === "bad") return [{ kind: "leftOut", why: row.problem, place: row.place }];
  const { groups, leftOut } = importer.rows(row.record);
  return [
    ...leftOut.map((part) => ({ kind: "leftOut" as const, ...part, place: row.place })),
    ...groups.map((group) => ({ kind: "group" as const, group, place: row.place })),
  ];
}

function requireColumns(importer: Importer, record: Fields, file: string): void {
  const missing = importer.columns.filter((column) => !Object.hasOwn(record, column));
  if (missing.length === 0) return;
  const fitting = importers.filter(({ columns }) => columns.every((column) => Object.hasOwn(record, column)));
  const names = fitting.map(({ name }) => name).join(" or ");
  throw new PrefkitError(
    "missing_field",
    `the first row has no ${missing.join(", ")}, which ${importer.title} has.`,
    names === ""
      ? "check that the file is as published; map other layouts in a recipe's input.map."
      : `its columns are those of ${names}: import it as that.`,
    { place: { file } },
  );
}
