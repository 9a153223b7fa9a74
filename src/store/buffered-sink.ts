import { createDigested } from "../core/digest.ts";
import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import { rowChecker } from "./check-row.ts";
import type { Row, RowSet, TableSink } from "./table.ts";

/**
 * Turns rows into a file's bytes. Knows nothing of disks, limits or checks.
 * The bytes of a call may be overwritten by the next call.
 */
export interface TableEncoder {
  /** The bytes that go before the first row group. */
  start(): Uint8Array | Promise<Uint8Array>;
  /** Takes the next rows of the row group, at most `SLICE` at a time; these are the same for the same rows. */
  add(rows: readonly Row[]): void | Promise<void>;
  /** Ends the row group of all rows added since the last one; there is at least one. */
  group(rowCount: number): Uint8Array | Promise<Uint8Array>;
  /** The bytes that close the file. */
  end(): Uint8Array | Promise<Uint8Array>;
}

/** Rows that are held as objects before they are encoded: few, so that their texts are short-lived. */
const SLICE = 250;

export interface GroupLimits {
  /** Rows per row group, at most. 10,000 by default; readers take it as their batch size. */
  readonly rowGroupRows?: number;
  /** Bytes per row group before compression, at most (one larger row stands alone). 64 MB by default. */
  readonly rowGroupBytes?: number;
}

/**
 * A sink over an encoder: checks rows, gathers them to row groups, hashes what it writes.
 *
 * Memory: the encoding of one row group. Where a row group ends depends on the rows alone, not on how they
 * were handed over, so that the same rows give the same bytes.
 * A refused row refuses its whole `write` call and nothing of that call is stored; the sink can be used on.
 * After a failed write to the disk the sink can only be aborted.
 */
export async function bufferedSink(
  files: Files,
  path: string,
  rowSet: RowSet,
  encoder: TableEncoder,
  { rowGroupRows = 10_000, rowGroupBytes = 64 * 1024 * 1024 }: GroupLimits = {},
): Promise<TableSink> {
  requirePositive("rowGroupRows", rowGroupRows);
  requirePositive("rowGroupBytes", rowGroupBytes);
  const check = rowChecker(rowSet);
  const file = await createDigested(files, path);
  let state: "open" | "broken" | "closed" = "open";
  let pending: Row[] = [];
  let groupRows = 0;
  let groupBytes = 0;
  let rowCount = 0;

  const put = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.byteLength > 0) await file.write(bytes);
  };
  const encodePending = async (): Promise<void> => {
    const rows = pending;
    pending = [];
    if (rows.length > 0) await encoder.add(rows);
  };
  const endGroup = async (): Promise<void> => {
    if (groupRows === 0) return;
    await encodePending();
    const bytes = await encoder.group(groupRows);
    groupRows = 0;
    groupBytes = 0;
    await put(bytes);
  };
  /** A file that missed a write is of no use: whatever is tried next says so. */
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (state !== "open") {
      throw new PrefkitError(
        "internal",
        `${path} was written to after it was ${state === "closed" ? "closed" : "broken by an earlier error"}.`,
        "abort this sink and write the rows to a new one.",
      );
    }
    try {
      return await work();
    } catch (error) {
      state = "broken";
      throw error;
    }
  };

  const sink: TableSink = {
    get bytesWritten() {
      return file.bytes;
    },
    write: async (rows) => {
      const sizes = rows.map((row, index) => check(row, rowCount + index));
      await guarded(async () => {
        for (const [index, row] of rows.entries()) {
          const bytes = sizes[index] ?? 0;
          if (groupBytes + bytes > rowGroupBytes) await endGroup();
          pending.push(row);
          groupRows += 1;
          groupBytes += bytes;
          rowCount += 1;
          if (groupRows >= rowGroupRows) await endGroup();
          else if (pending.length >= SLICE) await encodePending();
        }
      });
    },
    close: () =>
      guarded(async () => {
        await endGroup();
        await put(await encoder.end());
        const digest = await file.close();
        state = "closed";
        return { rows: rowCount, ...digest };
      }),
    abort: async () => {
      state = "broken";
      pending = [];
      try {
        await file.abort();
      } finally {
        await files.remove(path);
      }
    },
  };
  try {
    await put(await encoder.start());
  } catch (error) {
    // The caller never gets the sink, so nobody else can clean up; the first error is the one to tell.
    await sink.abort().catch(() => undefined);
    throw error;
  }
  return sink;
}

function requirePositive(name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new PrefkitError("bad_option", `${name} is ${value}.`, `give ${name} a positive integer.`);
}
