import parquetjs, { type FieldDefinition, type OutputStream } from "parquetjs-lite";
import type { Files } from "../core/files.ts";
import { bufferedSink, type GroupLimits, type TableEncoder } from "./buffered-sink.ts";
import { ROW_SET_KEY, rowSetTag } from "./schema.ts";
import type { ColumnType, Row, RowSet, TableSink } from "./table.ts";

export interface ParquetjsSinkOptions extends GroupLimits {
  readonly codec?: "snappy" | "gzip" | "none";
  /** Further entries for the file's key-value metadata, after the row set's own. */
  readonly keyValue?: Readonly<Record<string, string>>;
}

const COMPRESSION = { snappy: "SNAPPY", gzip: "GZIP", none: "UNCOMPRESSED" } as const;

/**
 * The second Parquet sink, on parquetjs-lite: for those who want that package's files. Same contract as
 * `createParquetSink`, same columns, read by the same readers. It is several times slower, knows no zstd and no
 * checksums, and stores −0 as 0.
 *
 * Two of the package's faults are kept out of the file: its page index, which other readers refuse as malformed, and
 * its statistics of texts, which order them by UTF-16 units and repeat whole texts in the page headers.
 */
export function createParquetjsSink(
  files: Files,
  path: string,
  rowSet: RowSet,
  options: ParquetjsSinkOptions = {},
): Promise<TableSink> {
  return bufferedSink(files, path, rowSet, parquetjsEncoder(rowSet, options), options);
}

function parquetjsEncoder(
  rowSet: RowSet,
  { codec = "snappy", keyValue = {} }: ParquetjsSinkOptions,
): TableEncoder {
  // The package writes to a stream and lets some of its writes go unawaited, so that a failing disk would end the
  // process. Its stream is therefore this list, and the sink writes the list to the disk.
  let parts: Uint8Array[] = [];
  const stream: OutputStream = {
    write: (bytes, done) => {
      parts.push(bytes);
      done(null);
    },
    end: (done) => done(null),
  };
  const drain = (): Uint8Array => {
    const bytes = Buffer.concat(parts);
    parts = [];
    return bytes;
  };
  const compression = COMPRESSION[codec];
  const fields = rowSet.columns.map(({ name, type }) => [name, definitionOf(type, compression)] as const);
  const schema = new parquetjs.ParquetSchema(Object.fromEntries(fields));
  const shapes = rowSet.columns.map(({ name, type }) => ({ name, shape: shapeOf(type) }));
  // The package ends a row group at a fixed count. It gets each row one late, so that the count can be lowered before
  // a group's last row.
  const opened = parquetjs.ParquetWriter.openStream(schema, stream, {
    pageIndex: false,
    rowGroupSize: Number.MAX_SAFE_INTEGER,
  });
  let last: Row | null = null;
  return {
    start: async () => {
      const writer = await opened;
      for (const [key, value] of Object.entries({ [ROW_SET_KEY]: rowSetTag(rowSet), ...keyValue })) {
        writer.setMetadata(key, value);
      }
      return drain();
    },
    add: async (rows) => {
      const writer = await opened;
      for (const row of rows) {
        if (last !== null) await writer.appendRow(shaped(last, shapes));
        last = row;
      }
    },
    group: async () => {
      const writer = await opened;
      if (last === null) return drain();
      writer.setRowGroupSize(1);
      await writer.appendRow(shaped(last, shapes));
      writer.setRowGroupSize(Number.MAX_SAFE_INTEGER);
      last = null;
      return drain();
    },
    end: async () => {
      await (await opened).close();
      return drain();
    },
  };
}

function definitionOf(type: ColumnType, compression: "SNAPPY" | "GZIP" | "UNCOMPRESSED"): FieldDefinition {
  switch (type.kind) {
    case "string":
      return { type: "UTF8", optional: true, compression, statistics: false };
    case "bytes":
      return { type: "BYTE_ARRAY", optional: true, compression, statistics: false };
    case "double":
      return { type: "DOUBLE", optional: true, compression };
    case "int64":
      return { type: "INT64", optional: true, compression };
    case "boolean":
      return { type: "BOOLEAN", optional: true, compression };
    case "list": {
      const element = definitionOf(type.element, compression);
      return { type: "LIST", optional: true, fields: { list: { repeated: true, fields: { element } } } };
    }
    case "struct": {
      const fields = type.fields.map((field) => [field.name, definitionOf(field.type, compression)] as const);
      return { optional: true, fields: Object.fromEntries(fields) };
    }
  }
}

type Shape = (value: unknown) => unknown;

/** The package wants a list as `{ list: [{ element }] }`. */
function shapeOf(type: ColumnType): Shape {
  if (type.kind === "list") {
    const element = shapeOf(type.element);
    return (value) => ({ list: (value as readonly unknown[]).map((item) => ({ element: element(item) })) });
  }
  if (type.kind !== "struct") return (value) => value;
  const fields = type.fields.map((field) => ({ name: field.name, shape: shapeOf(field.type) }));
  return (value) => shaped(value as Row, fields);
}

function shaped(row: Row, fields: readonly { readonly name: string; readonly shape: Shape }[]): Row {
  const result: Record<string, unknown> = {};
  for (const { name, shape } of fields) {
    const value = row[name];
    if (value !== null && value !== undefined) result[name] = shape(value);
  }
  return result;
}
