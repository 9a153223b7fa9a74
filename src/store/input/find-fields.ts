import { PrefkitError } from "../../core/errors.ts";
import type { FieldPath } from "./field-path.ts";
import { isFields } from "./row-problem.ts";
import type { Fields, RawRow } from "./source.ts";

/** Rows whose field names are remembered for a message. */
const NAMED_ROWS = 100;
const SHOWN_NAMES = 20;

/**
 * Looks for every path in the rows and stops as soon as each was found in one, usually the first. A path that is null
 * counts as found. Gives a path that is in no row; null when all were found or there are no rows.
 */
export async function findMissing(
  batches: AsyncIterable<readonly RawRow[]>,
  required: readonly FieldPath[],
): Promise<string | null> {
  let missing = [...required];
  let rows = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      if (row.kind === "bad") continue;
      rows += 1;
      missing = missing.filter((path) => path.read(row.record) === undefined);
      if (missing.length === 0) return null;
    }
  }
  return rows === 0 ? null : (missing[0]?.path ?? null);
}

/** Names of the fields in the first rows, and of the fields in their objects. */
export async function fieldNames(batches: AsyncIterable<readonly RawRow[]>): Promise<readonly string[]> {
  const names = new Set<string>();
  let rows = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      if (row.kind === "record" && rows < NAMED_ROWS) addNames(row.record, names);
      rows += 1;
    }
    if (rows >= NAMED_ROWS) break;
  }
  return [...names];
}

function addNames(record: Fields, names: Set<string>): void {
  for (const [name, value] of Object.entries(record)) {
    names.add(name);
    if (isFields(value)) for (const inner of Object.keys(value)) names.add(`${name}.${inner}`);
  }
}

export function missingField(path: string, names: readonly string[]): PrefkitError {
  const shown = names.slice(0, SHOWN_NAMES).join(", ");
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : "";
  const near = nearest(path, names);
  return new PrefkitError(
    "missing_field",
    `no row has the field "${path}"; rows have ${shown || "no fields"}${more}.`,
    near === null
      ? "name the field in input.map as it is written in the file."
      : `write ${near} in input.map if that is meant.`,
  );
}

/** The name that takes the fewest edits to become `wanted`; null when none is near. */
export function nearest(wanted: string, names: readonly string[]): string | null {
  const target = wanted.toLowerCase();
  let best: string | null = null;
  let fewest = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const edits = editDistance(target, name.toLowerCase().slice(0, 100));
    if (edits < fewest) {
      best = name;
      fewest = edits;
    }
  }
  return best;
}

/** Levenshtein's distance: kitten -> sitting takes 3 edits. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
