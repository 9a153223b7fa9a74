import {
  type ColumnChunk,
  type CompressionCodec,
  type FileMetaData,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { getMaxDefinitionLevel } from "hyparquet/src/schema.js";
import { ByteWriter } from "hyparquet-writer";
import { encodeNestedValues } from "hyparquet-writer/src/dremel.js";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import type { Files } from "../core/files.ts";
import { bufferedSink, type GroupLimits, type TableEncoder } from "./buffered-sink.ts";
import { availableCodec, compressorFor } from "./compression.ts";
import { type Leaf, type LeveledValues, plainLeaf } from "./leaf.ts";
import { parquetElements, ROW_SET_KEY, rowSetTag } from "./schema.ts";
import type { Codec, ColumnType, Row, RowSet, TableSink } from "./table.ts";
import { textLeaf } from "./text-pages.ts";

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

const MAGIC = 0x31524150;

function parquetEncoder(
  rowSet: RowSet,
  { codec = availableCodec(), keyValue = {} }: ParquetSinkOptions,
): TableEncoder {
  const writer = new ByteWriter();
  const schema = parquetElements(rowSet);
  const root = parquetSchema({ schema });
  const newLeaf = leafMaker(CODECS[codec], compressorFor(codec));
  const columns = rowSet.columns.map(({ name, type }, index) => ({
    name,
    store: storedForm(type),
    leaves: leafPaths([root, root.children[index] as SchemaTree]).map(newLeaf),
  }));
  const groups: RowGroup[] = [];
  /** The bytes since the last call. The writer's offset goes on counting; only its buffer is used again. */
  const drain = (): Uint8Array => {
    const bytes = writer.getBytes();
    writer.index = 0;
    return bytes;
  };
  return {
    start: () => {
      writer.appendUint32(MAGIC);
      return drain();
    },
    add: (rows) => {
      for (const { name, store, leaves } of columns) {
        const values = columnOf(rows, name, store);
        for (const leaf of leaves) leaf.add(values);
      }
    },
    group: (rowCount) => {
      const start = writer.offset;
      const chunks = columns.flatMap(({ leaves }) => leaves.map((leaf) => leaf.finish(writer)));
      const unpacked = chunks.map(({ meta_data }) => meta_data?.total_uncompressed_size ?? 0n);
      groups.push({
        columns: chunks,
        num_rows: BigInt(rowCount),
        total_byte_size: unpacked.reduce((sum, bytes) => sum + bytes, 0n),
        total_compressed_size: BigInt(writer.offset - start),
      });
      return drain();
    },
    end: () => {
      const entries = Object.entries({ [ROW_SET_KEY]: rowSetTag(rowSet), ...keyValue });
      const metadata: FileMetaData = {
        version: 2,
        created_by: "prefkit",
        schema,
        num_rows: groups.reduce((sum, group) => sum + group.num_rows, 0n),
        row_groups: groups,
        key_value_metadata: entries.map(([key, value]) => ({ key, value })),
        metadata_length: 0,
      };
      writeMetadata(writer, metadata);
      writer.appendUint32(MAGIC);
      return drain();
    },
  };
}

/** The paths from the root to each leaf below the last node. */
function leafPaths(path: readonly SchemaTree[]): SchemaTree[][] {
  const children = path.at(-1)?.children ?? [];
  return children.length === 0 ? [[...path]] : children.flatMap((child) => leafPaths([...path, child]));
}

interface ColumnLeaf {
  add(rows: unknown[]): void;
  finish(writer: ByteWriter): ColumnChunk;
}

/**
 * Makes leaves that take a column's plain values. Texts that mostly differ go to `textLeaf`, all else (numbers, and
 * roles, rules or labels, which gain from a dictionary) to `plainLeaf`. The first rows of each row group decide.
 */
function leafMaker(codec: CompressionCodec, compress: (page: Uint8Array) => Uint8Array) {
  return (path: SchemaTree[]): ColumnLeaf => {
    const isText = path.at(-1)?.element.converted_type === "UTF8";
    const plain = plainLeaf(path, codec, compress, getMaxDefinitionLevel(path));
    let texts: Leaf | null = null;
    let chosen: Leaf | null = null;
    return {
      add: (rows) => {
        const data = encodeNestedValues(path, rows) as LeveledValues;
        if (chosen === null) {
          if (isText && mostlyDiffer(data.values)) chosen = texts ??= textLeaf(path, codec, compress);
          else chosen = plain;
        }
        chosen.add(data);
      },
      finish: (writer) => {
        const chunk = (chosen ?? plain).finish(writer);
        chosen = null;
        return chunk;
      },
    };
  };
}

function mostlyDiffer(texts: readonly unknown[]): boolean {
  const present = texts.filter((text) => typeof text === "string");
  return new Set(present).size > present.length / 2;
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
