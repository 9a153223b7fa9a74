import type { FileHandle } from "node:fs/promises";
import { type RecordBatch, RecordBatchReader, type Vector } from "apache-arrow";
import { PrefkitError, reasonOf } from "../../core/errors.ts";
import { openHandle } from "./byte-chunks.ts";
import { isFields } from "./row-problem.ts";
import { BATCH_ROWS, type Fields, type KeepColumn, type RawRow, type SourceFile } from "./source.ts";

/**
 * Reads Arrow IPC, file or stream, by record batch. 64-bit integers stay `bigint` until they are mapped.
 *
 * Position and row: number of rows before it; the first row is row 1.
 * Throws `unreadable_input` when the file is cut off, compressed or not Arrow.
 */
export async function* readArrow(
  file: SourceFile,
  from: number,
  keep: KeepColumn,
): AsyncGenerator<readonly RawRow[]> {
  let start = 0;
  for await (const batch of batchesOf(file)) {
    const columns = columnsOf(batch, keep, file);
    for (let row = Math.max(0, from - start); row < batch.numRows; row += BATCH_ROWS) {
      const end = Math.min(batch.numRows, row + BATCH_ROWS);
      const rows: RawRow[] = [];
      for (let index = row; index < end; index++) {
        const at = start + index;
        const record = decoding(file, () => rowOf(columns, index));
        rows.push({ kind: "record", record, place: { file: file.path, row: at + 1 }, at });
      }
      yield rows;
    }
    start += batch.numRows;
  }
}

async function* batchesOf(file: SourceFile): AsyncGenerator<RecordBatch> {
  const handle = await openHandle(file);
  try {
    await checkEnd(handle, file);
    const reader = await RecordBatchReader.from(handle);
    await reader.open();
    if (!reader.schema) throw new TypeError("no Arrow schema found");
    for await (const batch of reader) yield batch;
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    // The reader closes the handle at the end of a stream; closing again is then refused.
    if (handle.fd !== -1) await handle.close();
  }
}

const MAGIC = "ARROW1";

/** An IPC file begins and ends with ARROW1; a stream has neither. The library's words for a cut file say nothing. */
async function checkEnd(handle: FileHandle, file: SourceFile): Promise<void> {
  const magicAt = async (offset: number) => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, Math.max(0, offset));
    return buffer.toString("latin1", 0, bytesRead) === MAGIC;
  };
  if ((await magicAt(0)) && !(await magicAt(file.bytes - 6))) {
    throw new TypeError("it begins but does not end with ARROW1, so it was cut short");
  }
}

type NamedColumn = readonly [name: string, values: Vector];

function columnsOf(batch: RecordBatch, keep: KeepColumn, file: SourceFile): readonly NamedColumn[] {
  // A damaged header may claim any number of rows; every column must really have them.
  return decoding(file, () =>
    batch.schema.fields.flatMap((field, index): NamedColumn[] => {
      const values = batch.getChildAt(index);
      if (!values || values.length !== batch.numRows) {
        throw new TypeError(`column "${field.name}" has not ${batch.numRows} values`);
      }
      return keep(field.name) ? [[field.name, values]] : [];
    }),
  );
}

function rowOf(columns: readonly NamedColumn[], index: number): Fields {
  return Object.fromEntries(columns.map(([name, values]) => [name, plain(values.get(index))]));
}

/** Arrow's views as plain lists and objects. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array || value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>);
  if (Symbol.iterator in value && "length" in value) return Array.from(value as Iterable<unknown>, plain);
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(value.toJSON());
  return isFields(value)
    ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
    : value;
}

function decoding<T>(file: SourceFile, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: SourceFile, error: unknown): PrefkitError {
  return new PrefkitError(
    "unreadable_input",
    `the file cannot be read as Arrow IPC: ${reasonOf(error, 120).replace(/\.+$/, "")}.`,
    "write it again, uncompressed (pyarrow.feather.write_feather(…, compression='uncompressed')), or use Parquet.",
    { cause: error, place: { file: file.path } },
  );
}
