/** A column's type, as the file formats know it. Text is UTF-8; numbers are doubles or 64-bit integers. */
export type ColumnType =
  | { readonly kind: "string" | "double" | "int64" | "boolean" | "bytes" }
  | { readonly kind: "list"; readonly element: ColumnType }
  | { readonly kind: "struct"; readonly fields: readonly Column[] };

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** False: a null or missing value is refused with the column and row. */
  readonly nullable: boolean;
}

/** A versioned column contract. Old versions stay readable. */
export interface RowSet {
  readonly name: string;
  readonly version: number;
  readonly columns: readonly Column[];
}

/** A row as plain data, keyed by column name. int64 is a `number` that is a safe integer. */
export type Row = Readonly<Record<string, unknown>>;

export type Codec = "zstd" | "snappy" | "none";

/** What was written: enough to verify it later. */
export interface WrittenFile {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes one table to one file, in bounded memory. Rows are checked against the row set before they are written:
 * a NaN, an infinity, a wrong type or a null in a required column is refused with column and row, and nothing false is stored.
 */
export interface TableSink {
  write(rows: readonly Row[]): Promise<void>;
  /** Bytes that reached the file so far; a lower bound of its size. */
  readonly bytesWritten: number;
  /** Flushes to the disk. Only now may the file be renamed to its final name. */
  close(): Promise<WrittenFile>;
  /** Gives up and removes the file. */
  abort(): Promise<void>;
}
