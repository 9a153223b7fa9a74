import {
  Binary,
  Bool,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  Struct,
  Table,
  TimestampMillisecond,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { ByteWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";

/** The rows of the table files below, as JSON. */
export const TABLE_ROWS: readonly Record<string, unknown>[] = Array.from({ length: 7 }, (_, index) => ({
  id: `p${index}`,
  prompt: `question ${index} é`,
  reference: index % 2 === 0 ? `answer ${index}` : null,
  responses: [
    { text: `first ${index}`, model: "m", token_count: index, ok: true },
    { text: "", model: null, token_count: null, ok: false },
  ],
}));

const optional = (name: string, rest: Partial<SchemaElement>): SchemaElement => ({
  name,
  repetition_type: "OPTIONAL",
  ...rest,
});
const text = (name: string) => optional(name, { type: "BYTE_ARRAY", converted_type: "UTF8" });

/** TABLE_ROWS as Parquet, with the given number of rows per row group. */
export function parquetBytes(rowGroupSize: number): Uint8Array {
  const schema: SchemaElement[] = [
    { name: "root", num_children: 4 },
    text("id"),
    text("prompt"),
    text("reference"),
    optional("responses", { num_children: 1, converted_type: "LIST" }),
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    optional("element", { num_children: 4 }),
    text("text"),
    text("model"),
    optional("token_count", { type: "INT64" }),
    optional("ok", { type: "BOOLEAN" }),
  ];
  const rows = TABLE_ROWS.map((row) => ({
    ...row,
    responses: (row.responses as readonly { token_count: number | null }[]).map((response) => ({
      ...response,
      token_count: response.token_count === null ? null : BigInt(response.token_count),
    })),
  })) as readonly Record<string, unknown>[];
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({ writer, schema });
  parquet.write({
    columnData: ["id", "prompt", "reference", "responses"].map((name) => ({
      name,
      data: rows.map((row) => row[name]),
    })),
    rowGroupSize,
  });
  parquet.finish();
  return new Uint8Array(writer.getBuffer());
}

/** TABLE_ROWS as Arrow IPC in two record batches. */
export function arrowBytes(kind: "file" | "stream"): Uint8Array {
  const response = new Struct(RESPONSE_FIELDS);
  const batch = (rows: readonly Record<string, unknown>[]) => {
    const column = (name: string) => rows.map((row) => row[name] as string | null);
    const responses = rows.map((row) =>
      (row.responses as readonly { token_count: number | null }[]).map((item) => ({
        ...item,
        token_count: item.token_count === null ? null : BigInt(item.token_count),
      })),
    );
    return new Table({
      id: vectorFromArray(column("id"), new Utf8()),
      prompt: vectorFromArray(column("prompt"), new Utf8()),
      reference: vectorFromArray(column("reference"), new Utf8()),
      score: vectorFromArray(
        rows.map((_, index) => index / 2),
        new Float64(),
      ),
      responses: vectorFromArray(responses, new List(new Field("item", response, true))),
    });
  };
  return tableToIPC(batch(TABLE_ROWS.slice(0, 3)).concat(batch(TABLE_ROWS.slice(3))), kind);
}

const RESPONSE_FIELDS = [
  new Field("text", new Utf8(), true),
  new Field("model", new Utf8(), true),
  new Field("token_count", new Int64(), true),
  new Field("ok", new Bool(), true),
];

/** One row of the Arrow types that are not JSON's. */
export function arrowTypesBytes(): Uint8Array {
  return tableToIPC(
    new Table({
      prompt: vectorFromArray(["q"], new Utf8()),
      when: vectorFromArray([new Date("2024-01-02T03:04:05Z")], new TimestampMillisecond()),
      label: vectorFromArray(["right"], new Dictionary(new Utf8(), new Int32())),
      big: vectorFromArray([9007199254740993n], new Int64()),
      small: vectorFromArray([12n], new Int64()),
      bytes: vectorFromArray([new Uint8Array([1, 2])], new Binary()),
      none: vectorFromArray([Number.NaN], new Float64()),
    }),
    "file",
  );
}
