import { createHash } from "node:crypto";
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
  /** One row group; `rows` is never empty. */
  group(rows: readonly Row[]): Uint8Array | Promise<Uint8Array>;
  /** The bytes that close the file. */
  end(): Uint8Array | Promise<Uint8Array>;
}

export interface GroupLimits {
  /** Rows per row group, at most. 10,000 by default; readers take it as their batch size. */
  readonly rowGroupRows?: number;
  /** Bytes per row group before compression, at most (one larger row stands alone). 64 MB by default. */
  readonly rowGroupBytes?: number;
}

/**
 * A sink over an encoder: checks rows, gathers them to row groups, hashes what it writes.
 *
 * Memory: one row group of rows and its encoding. Where a row group ends depends on the rows alone, not on how they
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
  const hash = createHash("sha256");
  const file = await files.create(path);
  let state: "open" | "broken" | "closed" = "open";
  let pending: Row[] = [];
  let pendingBytes = 0;
  let rowCount = 0;
  let bytesWritten = 0;

  const put = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.byteLength === 0) return;
    hash.update(bytes);
    await file.write(bytes);
    bytesWritten += bytes.byteLength;
  };
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return;
    const rows = pending;
    pending = [];
    pendingBytes = 0;
    await put(await encoder.group(rows));
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
      return bytesWritten;
    },
    write: async (rows) => {
      const sizes = rows.map((row, index) => check(row, rowCount + index));
      await guarded(async () => {
        for (const [index, row] of rows.entries()) {
          const bytes = sizes[index] ?? 0;
          if (pendingBytes + bytes > rowGroupBytes) await flush();
          pending.push(row);
          pendingBytes += bytes;
          rowCount += 1;
          if (pending.length >= rowGroupRows) await flush();
        }
      });
    },
    close: () =>
      guarded(async () => {
        await flush();
        await put(await encoder.end());
        await file.close();
        state = "closed";
        return { rows: rowCount, bytes: bytesWritten, sha256: hash.digest("hex") };
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
