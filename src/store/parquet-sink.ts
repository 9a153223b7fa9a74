import type { CompressionCodec } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { Files } from "../core/files.ts";
import { bufferedSink, type GroupLimits, type TableEncoder } from "./buffered-sink.ts";
import { availableCodec, zstdWithChecksum } from "./compression.ts";
import { parquetElements, ROW_SET_KEY, rowSetTag } from "./schema.ts";
import type { Codec, ColumnType, Row, RowSet, TableSink } from "./table.ts";

export interface ParquetSinkOptions extends GroupLimits {
  /** `availableCodec()` by default: zstd with checksums where this Node has it, else snappy. */
  readonly codec?: Codec;
  /** Further entries for the file's key-value metadata, after the row set's own. */
  readonly keyValue?: Readonly<Record<string, string>>;
}

const CODECS: Readonly<Record<Codec, CompressionCodec>> = {
  zstd: "ZSTD",
  snappy: "SNAPPY",
  none: "UNCOMPRESSED",
};

/**
 * The default sink: Parquet by hyparquet-writer, with an explicit schema, standard lists, statistics, and zstd frames
 * that carry a checksum. `load_dataset` opens the file without a flag.
 *
 * The key-value metadata names the row set: `prefkit:row_set` = "pairs/1".
 * A lone surrogate in a text is stored as U+FFFD, as UTF-8 encoding does; all else comes back as it was.
 * Throws `bad_row` or `not_finite` (see `rowChecker`), `io`, and `bad_option` for a codec this Node lacks.
 */
export function createParquetSink(
  files: Files,
  path: string,
  rowSet: RowSet,
  options: ParquetSinkOptions = {},
): Promise<TableSink> {
  return bufferedSink(files, path, rowSet, parquetEncoder(rowSet, options), options);
}

function parquetEncoder(
  rowSet: RowSet,
  { codec = availableCodec(), keyValue = {} }: ParquetSinkOptions,
): TableEncoder {
  const buffer = new ByteWriter();
  const writer = new ParquetWriter({
    writer: buffer,
    schema: parquetElements(rowSet),
    codec: CODECS[codec],
    createdBy: "prefkit",
    kvMetadata: Object.entries({ [ROW_SET_KEY]: rowSetTag(rowSet), ...keyValue }).map(([key, value]) => ({
      key,
      value,
    })),
    ...(codec === "zstd" ? { compressors: { ZSTD: zstdWithChecksum() } } : {}),
  });
  const columns = rowSet.columns.map(({ name, type }) => ({ name, store: storedForm(type) }));
  /** The bytes since the last call. The writer's offset goes on counting; only its buffer is used again. */
  const drain = (): Uint8Array => {
    const bytes = buffer.getBytes();
    buffer.index = 0;
    return bytes;
  };
  return {
    start: drain,
    group: (rows) => {
      const columnData = columns.map(({ name, store }) => ({ name, data: columnOf(rows, name, store) }));
      void writer.write({ columnData, rowGroupSize: rows.length });
      return drain();
    },
    end: () => {
      void writer.finish();
      return drain();
    },
  };
}

type Store = ((value: unknown) => unknown) | null;

function columnOf(rows: readonly Row[], name: string, store: Store): unknown[] {
  return store === null
    ? rows.map((row) => row[name])
    : rows.map((row) => (row[name] === null || row[name] === undefined ? null : store(row[name])));
}

/** How values of a type are handed to the writer, which wants integers as bigint; null where they go as they are. */
function storedForm(type: ColumnType): Store {
  if (type.kind === "int64") return (value) => BigInt(value as number);
  if (type.kind === "list") {
    const element = storedForm(type.element);
    return element && ((value) => (value as readonly unknown[]).map(element));
  }
  if (type.kind !== "struct") return null;
  const changed = type.fields.flatMap(({ name, type: fieldType }) => {
    const store = storedForm(fieldType);
    return store ? [{ name, store }] : [];
  });
  if (changed.length === 0) return null;
  return (value) => {
    const copy: Record<string, unknown> = { ...(value as Row) };
    for (const { name, store } of changed) {
      const field = copy[name];
      if (field !== null && field !== undefined) copy[name] = store(field);
    }
    return copy;
  };
}
