import type { ErrorPlace } from "../../core/errors.ts";
import type { LinePlaces } from "./line-places.ts";

/** A row as its file holds it, before mapping. */
export type Fields = Readonly<Record<string, unknown>>;

export type RawRow =
  | { readonly kind: "record"; readonly record: Fields; readonly place: ErrorPlace; readonly at: number }
  | { readonly kind: "bad"; readonly problem: string; readonly fix: string; readonly place: ErrorPlace };

/** One input file. */
export interface SourceFile {
  /** Where it lies on the disk. */
  readonly absolute: string;
  /** How messages name it: relative to the base directory. */
  readonly path: string;
  readonly bytes: number;
  readonly places: LinePlaces;
}

/** Which top-level columns the mapping reads; formats that store columns apart read no others. */
export type KeepColumn = (name: string) => boolean;

/** Reads one file from a position on, in batches of at most `BATCH_ROWS`. */
export type ReadRows = (
  file: SourceFile,
  from: number,
  keep: KeepColumn,
) => AsyncGenerator<readonly RawRow[]>;

export const BATCH_ROWS = 256;
/** A line, a CSV record or a whole JSON file may have this many bytes. V8 holds strings of at most 512 MB. */
export const MAX_TEXT_BYTES = 256 * 2 ** 20;
