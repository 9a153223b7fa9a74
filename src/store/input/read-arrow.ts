import type { FileHandle } from "node:fs/promises";
import { DataType, type Field, type RecordBatch, RecordBatchReader, type Vector } from "apache-arrow";
import { isPrefkitError, PrefkitError, reasonOf } from "../../core/errors.ts";
import { openHandle } from "./byte-chunks.ts";
import { checkData, checkFooter, checkMessage } from "./check-arrow.ts";
import { BATCH_ROWS, type Fields, type KeepColumn, type RawRow, type SourceFile } from "./source.ts";

/**
 * Reads Arrow IPC, file or stream, by record batch. 64-bit integers stay `bigint` until they are mapped.
 *
 * Position and row: number of rows before it; the first row is row 1.
 * Throws `unreadable_input` when the file is cut off, damaged, compressed or not Arrow.
 */
export async function* readArrow(
  file: SourceFile,
  from: number,
  keep: KeepColumn,
): AsyncGenerator<readonly RawRow[]> {
  try {
    let start = 0;
    for await (const batch of batchesOf(file)) {
      const columns = columnsOf(batch, keep);
      for (let row = Math.max(0, from - start); row < batch.numRows; row += BATCH_ROWS) {
        yield rowsOf(columns, row, Math.min(batch.numRows, row + BATCH_ROWS), start, file);
      }
      start += batch.numRows;
    }
  } catch (error) {
    throw isPrefkitError(error) ? error : unreadable(file, error);
  }
}

async function* batchesOf(file: SourceFile): AsyncGenerator<RecordBatch> {
  const handle = await openHandle(file);
  try {
    const isFile = await startsAsFile(handle);
    await (isFile ? checkFile(handle, file.bytes) : checkStream(handle, file.bytes));
    const reader = await RecordBatchReader.from(handle);
    await reader.open({ autoDestroy: false });
    if (!isFile) {
      for await (const batch of reader) yield batch;
      return;
    }
    // One by one, and not by iteration: that starts over when a damaged footer leads it to a schema.
    for (let index = 0; index < reader.numRecordBatches; index++) {
      const batch = await reader.readRecordBatch(index);
      if (!batch) throw new TypeError(`record batch ${index} is not there`);
      yield batch;
    }
  } finally {
    // The library closes the handle when it is through; closing again does nothing.
    await handle.close();
  }
}

const MAGIC = "ARROW1";
/** A file ends with the footer's length in four bytes, and ARROW1. */
const TAIL_BYTES = 10;

async function startsAsFile(handle: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
  return buffer.toString("latin1", 0, bytesRead) === MAGIC;
}

async function checkFile(handle: FileHandle, size: number): Promise<void> {
  const tail = await bytesAt(handle, Math.max(0, size - TAIL_BYTES), TAIL_BYTES);
  if (tail.toString("latin1", 4) !== MAGIC) {
    throw new TypeError("it begins but does not end with ARROW1, so it was cut short");
  }
  const footerBytes = tail.readInt32LE(0);
  const footer = await bytesAt(handle, size - TAIL_BYTES - footerBytes, footerBytes);
  for (const place of checkFooter(footer)) {
    if ((await checkMessageAt(handle, place, size)) === null)
      throw new TypeError("its footer names an empty message");
  }
}

async function checkStream(handle: FileHandle, size: number): Promise<void> {
  let messages = 0;
  for (let place = 0; place < size; messages++) {
    const next = await checkMessageAt(handle, place, size);
    if (next === null) break;
    place = next;
  }
  if (messages === 0) throw new TypeError("no Arrow schema found");
}

/** Checks the message at a place and gives the place behind it; null where a stream ends. */
async function checkMessageAt(handle: FileHandle, place: number, size: number): Promise<number | null> {
  const prefix = await bytesAt(handle, place, 4);
  // Since version 0.15 the length stands behind four bytes of ones.
  const lengthAt = prefix.readInt32LE(0) === -1 ? place + 4 : place;
  const length = (lengthAt === place ? prefix : await bytesAt(handle, lengthAt, 4)).readInt32LE(0);
  if (length === 0) return null;
  const bodyLength = checkMessage(await bytesAt(handle, lengthAt + 4, length));
  const end = lengthAt + 4 + length + bodyLength;
  if (end > size) throw new RangeError(`it ends before byte ${end}, so it was cut short`);
  return end;
}

async function bytesAt(handle: FileHandle, place: number, length: number): Promise<Buffer> {
  const { size } = await handle.stat();
  if (place < 0 || length < 0 || place + length > size) throw new RangeError("it points outside of itself");
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, place);
  return buffer;
}

type NamedColumn = readonly [name: string, values: Vector];

function columnsOf(batch: RecordBatch, keep: KeepColumn): readonly NamedColumn[] {
  return batch.schema.fields.flatMap((field, index): NamedColumn[] => {
    if (!keep(field.name)) return [];
    const values = batch.getChildAt(index);
    if (!values || values.length !== batch.numRows) {
      throw new TypeError(`column "${field.name}" has not ${batch.numRows} values`);
    }
    for (const data of values.data) checkData(data);
    return [[field.name, values]];
  });
}

function rowsOf(
  columns: readonly NamedColumn[],
  from: number,
  to: number,
  before: number,
  file: SourceFile,
): readonly RawRow[] {
  return Array.from({ length: to - from }, (_, index): RawRow => {
    const at = before + from + index;
    const record: Fields = Object.fromEntries(
      columns.map(([name, values]) => [name, plain(values.get(from + index), values.type)]),
    );
    return { kind: "record", record, place: { file: file.path, row: at + 1 }, at };
  });
}

/** Arrow's views as plain values: lists, objects, dates; decimals as numbers. Bytes and 64-bit integers stay. */
function plain(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (DataType.isDictionary(type)) return plain(value, type.dictionary);
  if (DataType.isTimestamp(type) || DataType.isDate(type)) return new Date(Number(value));
  if (DataType.isDecimal(type)) return Number(String(value)) / 10 ** type.scale;
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) {
    const element = type.children[0] as Field;
    return Array.from(value as Iterable<unknown>, (inner) => plain(inner, element.type));
  }
  if (DataType.isStruct(type)) {
    const inner = (value as { toJSON(): Fields }).toJSON();
    return Object.fromEntries(
      type.children.map((field) => [field.name, plain(inner[field.name], field.type)]),
    );
  }
  if (DataType.isMap(type)) {
    const inner = Object.entries((value as { toJSON(): Fields }).toJSON());
    return Object.fromEntries(inner.map(([key, element]) => [key, plain(element, type.valueType)]));
  }
  return ArrayBuffer.isView(value) && !(value instanceof Uint8Array)
    ? Array.from(value as unknown as ArrayLike<unknown>)
    : value;
}

function unreadable(file: SourceFile, error: unknown): PrefkitError {
  return new PrefkitError(
    "unreadable_input",
    `the file cannot be read as Arrow IPC: ${reasonOf(error, 120).replace(/\.+$/, "")}.`,
    "write it again, uncompressed (pyarrow.feather.write_feather(…, compression='uncompressed')), or use Parquet.",
    { cause: error, place: { file: file.path } },
  );
}
