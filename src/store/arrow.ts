import {
  Binary,
  Bool,
  type Data,
  DataType,
  Field,
  Float64,
  Int64,
  List,
  makeData,
  RecordBatch,
  RecordBatchReader,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  Vector,
} from "apache-arrow";
import { isPrefkitError, PrefkitError, reasonOf } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import { bufferedSink, type GroupLimits, type TableEncoder } from "./buffered-sink.ts";
import { rowChecker } from "./check-row.ts";
import { plainRow } from "./plain-value.ts";
import { ROW_SET_KEY, rowSetTag } from "./schema.ts";
import type { Column, ColumnType, Row, RowSet, TableSink } from "./table.ts";

/**
 * Writes an Arrow IPC stream (`.arrows`): what pyarrow opens with `pa.ipc.open_stream`, and `datasets` and DuckDB read
 * too. One record batch per row group. Arrow has no checksums: keep the sha256 that `close` gives.
 * The schema's metadata names the row set under `prefkit:row_set`.
 */
export function createArrowSink(
  files: Files,
  path: string,
  rowSet: RowSet,
  limits: GroupLimits = {},
): Promise<TableSink> {
  return bufferedSink(files, path, rowSet, arrowEncoder(rowSet), limits);
}

/** A continuation mark and a length of zero: the end of an IPC stream. */
const END_OF_STREAM = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

function arrowEncoder(rowSet: RowSet): TableEncoder {
  const schema = arrowSchema(rowSet);
  const whole = tableToIPC(new Table(schema), "stream");
  const head = whole.subarray(0, whole.byteLength - END_OF_STREAM.byteLength);
  let rows: Row[] = [];
  return {
    start: () => head,
    add: (more) => {
      rows.push(...more);
    },
    // A stream is its schema, its batches, its end; so a one-batch stream without its ends is the batch.
    group: () => {
      const bytes = tableToIPC(tableOf(rows, rowSet, schema), "stream");
      rows = [];
      return bytes.subarray(head.byteLength, bytes.byteLength - END_OF_STREAM.byteLength);
    },
    end: () => END_OF_STREAM,
  };
}

/** Rows as one Arrow table. The rows are checked as before writing (see `rowChecker`). */
export function toArrow(rows: readonly Row[], rowSet: RowSet): Table {
  const check = rowChecker(rowSet);
  for (const [index, row] of rows.entries()) check(row, index);
  return tableOf(rows, rowSet, arrowSchema(rowSet));
}

/**
 * An Arrow table as plain rows, whatever its schema: int64 becomes a number (beyond ±(2^53 − 1) its digits as text),
 * null stays null.
 */
export function fromArrow(table: Table): Row[] {
  return table.batches.flatMap(rowsOf);
}

/**
 * Reads an Arrow IPC stream or file as plain rows, batch by batch. A stream is read piece by piece, a file (the format
 * with a footer) as a whole.
 * Throws `damaged_file` when the bytes are no Arrow or when a stream lacks its end mark, which tells a whole stream
 * from one that was cut; `io`.
 */
export async function* readArrow(files: Files, path: string): AsyncGenerator<Row[]> {
  const file = await files.open(path);
  try {
    await checkEnds(file, path);
    const pieces = (async function* () {
      for (let offset = 0; offset < file.bytes; offset += PIECE) {
        yield await file.read(offset, Math.min(PIECE, file.bytes - offset));
      }
    })();
    const reader = await RecordBatchReader.from(pieces);
    for await (const batch of reader) yield rowsOf(batch);
  } catch (error) {
    if (isPrefkitError(error)) throw error;
    throw damaged(path, reasonOf(error), error);
  } finally {
    await file.close();
  }
}

const PIECE = 1024 * 1024;
const FILE_MAGIC = "ARROW1";

async function checkEnds(
  file: { readonly bytes: number; read(offset: number, length: number): Promise<Uint8Array> },
  path: string,
): Promise<void> {
  const tailLength = Math.min(8, file.bytes);
  const head = Buffer.from(await file.read(0, Math.min(6, file.bytes))).toString("latin1");
  const tail = Buffer.from(await file.read(file.bytes - tailLength, tailLength));
  if (head === FILE_MAGIC) {
    if (tail.toString("latin1", 2) !== FILE_MAGIC) throw damaged(path, "the file does not end with ARROW1");
    return;
  }
  if (!tail.equals(END_OF_STREAM))
    throw damaged(path, "it is no Arrow file, or a stream without its end mark");
}

function damaged(path: string, problem: string, cause?: unknown): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `${path} cannot be read as Arrow: ${problem}.`,
    "write or fetch the file again, and close its writer so that the end is written.",
    { place: { file: path }, ...(cause === undefined ? {} : { cause }) },
  );
}

function rowsOf(batch: RecordBatch): Row[] {
  const names = batch.schema.fields.map(({ name }) => name);
  const columns = batch.data.children.map(valuesOf);
  return Array.from({ length: batch.numRows }, (_, row) =>
    plainRow(Object.fromEntries(names.map((name, index) => [name, columns[index]?.[row]]))),
  );
}

/**
 * One column's values. Texts, lists and structs are read from their buffers, because Arrow's own views decode text
 * without a leading U+FEFF and allocate at every access; what is rarer goes through those views.
 */
function valuesOf(data: Data): unknown[] {
  const valueAt = valueReader(data);
  return Array.from({ length: data.length }, (_, index) => (data.getValid(index) ? valueAt(index) : null));
}

function valueReader(data: Data): (index: number) => unknown {
  const { type } = data;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const { buffer, byteOffset, byteLength } = data.values as Uint8Array;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    return (index) => bytes.toString("utf8", offsetAt(data, index), offsetAt(data, index + 1));
  }
  if (DataType.isList(type)) {
    const elements = data.children[0] ? valuesOf(data.children[0]) : [];
    return (index) => elements.slice(offsetAt(data, index), offsetAt(data, index + 1));
  }
  if (DataType.isStruct(type)) {
    const fields = type.children.map(({ name }, place) => {
      const child = data.children[place];
      return { name, values: child ? valuesOf(child) : [] };
    });
    return (index) => Object.fromEntries(fields.map(({ name, values }) => [name, values[index]]));
  }
  const vector = new Vector([data]);
  return (index) => unwrapped(vector.get(index));
}

/** Offsets are 64-bit in the large types. */
function offsetAt(data: Data, index: number): number {
  return Number((data.valueOffsets as Int32Array | BigInt64Array)[index] ?? 0);
}

/** Arrow's views of maps, fixed-size lists and the like as plain objects and arrays. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || value instanceof Date) {
    return value;
  }
  if (value instanceof Vector) return Array.from(value, unwrapped);
  if (!(Symbol.iterator in value)) return value;
  const entries = [...(value as Iterable<[string, unknown]>)];
  return Object.fromEntries(entries.map(([name, field]) => [name, unwrapped(field)]));
}

function arrowSchema(rowSet: RowSet): Schema {
  return new Schema(rowSet.columns.map(fieldOf), new Map([[ROW_SET_KEY, rowSetTag(rowSet)]]));
}

/** Nullable throughout, as in Parquet; see `parquetElements`. */
function fieldOf({ name, type }: Pick<Column, "name" | "type">): Field {
  return new Field(name, arrowType(type), true);
}

function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case "string":
      return new Utf8();
    case "double":
      return new Float64();
    case "int64":
      return new Int64();
    case "boolean":
      return new Bool();
    case "bytes":
      return new Binary();
    case "list":
      return new List(fieldOf({ name: "element", type: type.element }));
    case "struct":
      return new Struct(type.fields.map(fieldOf));
  }
}

function tableOf(rows: readonly Row[], rowSet: RowSet, schema: Schema): Table {
  const children = rowSet.columns.map(({ name, type }) =>
    dataOf(
      type,
      rows.map((row) => row[name]),
    ),
  );
  const data = makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children });
  return new Table(schema, rows.length === 0 ? [] : [new RecordBatch(schema, data)]);
}

/** One column's values as Arrow buffers; by hand, because it is four times faster than Arrow's builders. */
function dataOf(type: ColumnType, values: readonly unknown[]): Data {
  const length = values.length;
  const nullBitmap = new Uint8Array(Math.ceil(length / 8));
  let nullCount = 0;
  for (let index = 0; index < length; index++) {
    const value = values[index];
    if (value === null || value === undefined) nullCount += 1;
    else nullBitmap[index >> 3] = (nullBitmap[index >> 3] ?? 0) | (1 << (index & 7));
  }
  const common = { length, nullCount, nullBitmap: nullCount === 0 ? null : nullBitmap };
  switch (type.kind) {
    case "string":
    case "bytes": {
      const parts = values.map((value) =>
        value === null || value === undefined ? NO_BYTES : bytesOf(value),
      );
      const valueOffsets = offsetsOf(parts.map((part) => part.byteLength));
      const data = Buffer.concat(parts);
      return type.kind === "string"
        ? makeData({ type: new Utf8(), ...common, valueOffsets, data })
        : makeData({ type: new Binary(), ...common, valueOffsets, data });
    }
    case "double":
      return makeData({
        type: new Float64(),
        ...common,
        data: Float64Array.from(values, (value) => (value ?? 0) as number),
      });
    case "int64":
      return makeData({
        type: new Int64(),
        ...common,
        data: BigInt64Array.from(values, (value) => BigInt((value ?? 0) as number)),
      });
    case "boolean": {
      const data = new Uint8Array(Math.ceil(length / 8));
      for (const [index, value] of values.entries()) {
        if (value === true) data[index >> 3] = (data[index >> 3] ?? 0) | (1 << (index & 7));
      }
      return makeData({ type: new Bool(), ...common, data });
    }
    case "list": {
      const lists = values.map((value) => (value ?? []) as readonly unknown[]);
      const valueOffsets = offsetsOf(lists.map((list) => list.length));
      const child = dataOf(type.element, lists.flat(1));
      return makeData({ type: arrowType(type) as List, ...common, valueOffsets, child });
    }
    case "struct": {
      const children = type.fields.map((field) =>
        dataOf(
          field.type,
          values.map((value) => (value as Row | null | undefined)?.[field.name]),
        ),
      );
      return makeData({ type: arrowType(type) as Struct, ...common, children });
    }
  }
}

const NO_BYTES = new Uint8Array();

function bytesOf(value: unknown): Uint8Array {
  return typeof value === "string" ? Buffer.from(value, "utf8") : (value as Uint8Array);
}

const MOST_BYTES = 2 ** 31 - 1;

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  let offset = 0;
  for (const [index, length] of lengths.entries()) {
    offset += length;
    if (offset > MOST_BYTES) {
      throw new PrefkitError(
        "over_limit",
        "one column of this table holds more than 2 GB, more than an Arrow batch can.",
        "convert fewer rows at a time.",
      );
    }
    offsets[index + 1] = offset;
  }
  return offsets;
}
