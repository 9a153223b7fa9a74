import { PrefkitError } from "../core/errors.ts";
import type { GoldItem } from "./gold.ts";
import type { RawRecord } from "./raw-rows.ts";

/** Columns that may hold the id of a row's gold item. */
export const ID_COLUMNS = ["id", "pair_id", "question_id", "prompt_id"] as const;

export interface MatchOptions {
  /** For error texts. */
  readonly path: string;
  /** The items are only the gold file's first ones. */
  readonly isLimited: boolean;
  /** Whether gold rows have ids of their own. */
  readonly hasIds: boolean;
}

interface Matched {
  /** Each item's row. */
  readonly rows: readonly (RawRecord | undefined)[];
  /** Both sides have ids, and no two of them are equal. */
  readonly idsDiffer: boolean;
}

/**
 * Finds each gold item's row in a results file.
 *
 * By place where rows have no ids, where their ids are those of the gold file one by one, and where no id is known to the
 * gold file; else by id. An id that stands twice on either side is nobody's, unless both files agree row by row.
 * Throws `bad_option` where rows cannot be matched without a guess.
 */
export function matchRows(
  rows: readonly RawRecord[],
  items: readonly GoldItem[],
  options: MatchOptions,
): Matched {
  const ids = idsOf(rows, items, options.path);
  if (ids === null) return { rows: byPlace(rows, items, options), idsDiffer: false };
  if (
    items.every(({ id }, place) => ids[place] === id) &&
    (options.isLimited || ids.length === items.length)
  ) {
    return { rows: rows.slice(0, items.length), idsDiffer: false };
  }
  const counts = countsOf(items.map(({ id }) => id));
  const shared = ids.filter((id) => counts.has(id));
  if (shared.length === 0) return { rows: byPlace(rows, items, options), idsDiffer: options.hasIds };
  const rowCounts = countsOf(shared);
  const twice = shared.find((id) => (counts.get(id) ?? 0) > 1 || (rowCounts.get(id) ?? 0) > 1);
  if (twice !== undefined) {
    const where = (rowCounts.get(twice) ?? 0) > 1 ? options.path : "the gold file";
    throw new PrefkitError(
      "bad_option",
      `${options.path} cannot be matched by id: ${where} has the id ${JSON.stringify(twice.slice(0, 100))} more than once.`,
      "give each row the id of its gold item, each once; or the gold file's rows in the gold file's order.",
    );
  }
  const byId = new Map(ids.map((id, place) => [id, rows[place]]));
  return { rows: items.map(({ id }) => byId.get(id)), idsDiffer: false };
}

/**
 * The rows' ids, from the first column of ids that knows the gold file's, or else from the first that there is; null where
 * there is none. A file in which only some rows have one has lost some.
 */
function idsOf(rows: readonly RawRecord[], items: readonly GoldItem[], path: string): string[] | null {
  const gold = new Set(items.map(({ id }) => id));
  const columns = ID_COLUMNS.map((name) => rows.map(({ record }) => textOf(record[name])));
  const used = columns.filter((column) => column.some((id) => id !== null));
  const column = used.find((ids) => ids.some((id) => id !== null && gold.has(id))) ?? used[0];
  if (!column) return null;
  const ids = column.filter((id) => id !== null);
  if (ids.length === rows.length) return ids;
  const lost = rows[column.indexOf(null)];
  throw new PrefkitError(
    "bad_option",
    `${rows.length - ids.length} of the ${rows.length} rows of ${path} have no id, and the others have.`,
    "give every row the id of its gold item, or none.",
    lost ? { place: lost.place } : {},
  );
}

function textOf(id: unknown): string | null {
  return id === undefined || id === null || id === "" ? null : String(id);
}

function countsOf(ids: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function byPlace(
  rows: readonly RawRecord[],
  items: readonly GoldItem[],
  { path, isLimited }: MatchOptions,
): readonly RawRecord[] {
  const own = isLimited ? rows.slice(0, items.length) : rows;
  if (own.length === items.length) return own;
  throw new PrefkitError(
    "bad_option",
    `${path} has ${rows.length} rows for ${items.length} gold items, and its rows cannot be matched by id.`,
    "give each row the id of its gold item, each once; or one row per gold item, in the same order.",
  );
}
