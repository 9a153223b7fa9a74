import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { getTreePath } from "hyparquet/src/schema.js";
import { digestOf } from "../core/digest.ts";
import { isPrefkitError, PrefkitError, reasonOf } from "../core/errors.ts";
import type { FileReader, Files } from "../core/files.ts";
import { decompressors } from "./decompression.ts";
import { checkPages } from "./page-guard.ts";
import { plainRow } from "./plain-value.ts";
import { type FoundColumn, foundColumns } from "./schema.ts";
import type { Row } from "./table.ts";

export interface ReadOptions {
  /** Top-level columns to read; all by default. An unknown name is `unknown_name`. */
  readonly columns?: readonly string[];
  /** First row, from 0. */
  readonly rowStart?: number;
  /** The row to stop before. */
  readonly rowEnd?: number;
}

/** An open Parquet file. */
export interface ParquetTable {
  readonly rows: number;
  /** Rows of each row group, in order. */
  readonly groups: readonly number[];
  readonly keyValue: Readonly<Record<string, string>>;
  readonly columns: readonly FoundColumn[];
  /** Rows as plain data, one array per row group that holds some of the wanted rows. */
  read(options?: ReadOptions): AsyncGenerator<Row[]>;
  close(): Promise<void>;
}

const MAGIC = "PAR1";

/**
 * Opens a file that prefkit wrote. Looks at the size, both magics and, when `expectedSha256` is given, the hash of the
 * whole file (streamed) before the first row is read.
 *
 * With the hash every changed bit is found. Without it, zstd frames find those in their data, and most others are
 * errors too, but a changed bit in a page's header or levels can go unseen: give the hash whenever there is one.
 * Values: text, numbers (int64 as a number), booleans, bytes, lists, objects; null for null.
 * Throws `damaged_file` (file, part, row group), `io`.
 */
export async function openTable(
  files: Files,
  path: string,
  { expectedSha256 }: { readonly expectedSha256?: string } = {},
): Promise<ParquetTable> {
  return openWith(files, path, expectedSha256);
}

/**
 * Opens any Parquet file, such as a user's input, of any schema, codec and writer, and reads it as plain rows.
 *
 * Dates and timestamps become ISO 8601 text (to the millisecond), decimals numbers, JSON columns what they say, maps
 * objects, byte arrays without a text annotation bytes; an int64 beyond ±(2^53 − 1) becomes its decimal digits as text,
 * because rounding it would be a silent change.
 * Throws `damaged_file` (file, part, row group), `io`.
 */
export async function openParquet(files: Files, path: string): Promise<ParquetTable> {
  return openWith(files, path, undefined);
}

async function openWith(
  files: Files,
  path: string,
  expectedSha256: string | undefined,
): Promise<ParquetTable> {
  const reader = await files.open(path);
  try {
    await checkMagic(reader, path);
    if (expectedSha256 !== undefined) await checkHash(reader, path, expectedSha256);
    const file = asyncBuffer(reader);
    const metadata = await whileReading(path, "footer", () =>
      parquetMetadataAsync(file, { geoparquet: false }),
    );
    const { root, keyValue, columns } = await whileReading(path, "footer", async () => {
      const tree = soundSchema(metadata, reader.bytes);
      return { root: tree, keyValue: keyValueOf(metadata), columns: foundColumns(tree) };
    });
    return {
      rows: Number(metadata.num_rows),
      groups: metadata.row_groups.map((group) => Number(group.num_rows)),
      keyValue,
      columns,
      read: (options = {}) => readGroups(path, file, metadata, root, expectedSha256 !== undefined, options),
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function* readGroups(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  root: SchemaTree,
  isVerified: boolean,
  { columns, rowStart = 0, rowEnd = Number.POSITIVE_INFINITY }: ReadOptions,
): AsyncGenerator<Row[]> {
  const names = root.children.map(({ element }) => element.name);
  for (const name of columns ?? []) {
    if (names.includes(name)) continue;
    throw new PrefkitError(
      "unknown_name",
      `${path} has no column "${name}".`,
      `ask for some of: ${names.join(", ")}.`,
    );
  }
  const wanted = new Set(columns ?? names);
  let start = 0;
  for (const [index, group] of metadata.row_groups.entries()) {
    const end = start + Number(group.num_rows);
    const from = Math.max(start, rowStart);
    const to = Math.min(end, rowEnd);
    start = end;
    if (from >= to) continue;
    yield await whileReading(path, `row group ${index}`, async () => {
      if (!isVerified) await guardGroup(file, group, root, wanted);
      const objects = await parquetReadObjects({
        file,
        metadata,
        columns: [...wanted],
        rowStart: from,
        rowEnd: to,
        compressors: decompressors,
        geoparquet: false,
        utf8: false,
        parsers: PARSERS,
      });
      return objects.map(plainRow);
    });
  }
}

/** Reads the wanted columns once ahead of the decoder and checks their counts; see `checkPages`. */
async function guardGroup(
  file: AsyncBuffer,
  { columns }: RowGroup,
  root: SchemaTree,
  wanted: ReadonlySet<string>,
): Promise<void> {
  for (const { meta_data: chunk } of columns) {
    if (!chunk || !wanted.has(chunk.path_in_schema[0] ?? "")) continue;
    const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
    const bytes = await file.slice(start, start + Number(chunk.total_compressed_size));
    try {
      checkPages(new Uint8Array(bytes), chunk, getTreePath(root, chunk.path_in_schema));
    } catch (error) {
      throw new Error(`column "${chunk.path_in_schema.join(".")}": ${reasonOf(error)}`, { cause: error });
    }
  }
}

/** Text keeps a leading U+FEFF, which hyparquet's own decoder drops; times become ISO text without losing odd ones. */
const PARSERS = {
  stringFromBytes: textOf,
  jsonFromBytes: (bytes: Uint8Array | undefined) => {
    const text = textOf(bytes);
    try {
      return text === undefined ? undefined : (JSON.parse(text) as unknown);
    } catch {
      // The writer called it JSON and it is not: the text itself is then the value.
      return text;
    }
  },
  timestampFromMilliseconds: (value: bigint | undefined) => isoText(value, 1n),
  timestampFromMicroseconds: (value: bigint | undefined) => isoText(value, 1000n),
  timestampFromNanoseconds: (value: bigint | undefined) => isoText(value, 1_000_000n),
  dateFromDays: (days: number | undefined) =>
    days === undefined || days === null ? undefined : isoText(BigInt(days) * 86_400_000n, 1n)?.slice(0, 10),
};

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function isoText(value: bigint | undefined, perMillisecond: bigint): string | undefined {
  if (value === undefined || value === null) return undefined;
  const date = new Date(Number(value / perMillisecond));
  return Number.isNaN(date.getTime()) ? String(value) : date.toISOString();
}

function asyncBuffer(reader: FileReader): AsyncBuffer {
  return {
    byteLength: reader.bytes,
    slice: async (start, end = reader.bytes) => {
      const bytes = await reader.read(start, end - start);
      if (bytes.byteLength !== end - start) throw new Error(`the file ends before byte ${end}`);
      const { buffer, byteOffset, byteLength } = bytes;
      const whole = byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer;
      return whole ? buffer : new Uint8Array(bytes).buffer;
    },
  };
}

async function checkMagic(reader: FileReader, path: string): Promise<void> {
  // Two magics, the footer's length, and an empty footer.
  if (reader.bytes < 12) throw damaged(path, "size", `it has ${reader.bytes} bytes, too few for Parquet`);
  const first = Buffer.from(await reader.read(0, 4)).toString("latin1");
  if (first !== MAGIC) throw damaged(path, "start", "it does not start with PAR1, so it is no Parquet file");
  const tail = Buffer.from(await reader.read(reader.bytes - 8, 8));
  if (tail.toString("latin1", 4) !== MAGIC) {
    throw damaged(path, "end", "it does not end with PAR1, so it was cut short or overwritten");
  }
  const footer = tail.readUInt32LE(0);
  if (footer > reader.bytes - 12) {
    throw damaged(path, "footer", `its footer claims ${footer} bytes of a file of ${reader.bytes}`);
  }
}

async function checkHash(reader: FileReader, path: string, expected: string): Promise<void> {
  const found = await digestOf(reader);
  if (found !== expected.toLowerCase()) {
    throw damaged(path, "content", `its sha256 is ${found}, not ${expected} as when it was written`);
  }
}

/**
 * Checks that the footer agrees with itself and with the file's size before anything is allocated by its word: a flipped
 * bit in a count could otherwise ask for gigabytes, and a column that the schema does not know leaves a promise of
 * hyparquet without a handler. Gives the schema's root.
 */
function soundSchema(metadata: FileMetaData, fileBytes: number): SchemaTree {
  const root = parquetSchema(metadata);
  if (root.count !== metadata.schema.length) throw new Error("the schema's elements do not form one tree");
  const leaves = leavesOf(root);
  let rows = 0n;
  for (const [index, { columns, num_rows: groupRows }] of metadata.row_groups.entries()) {
    if (columns.length !== leaves.length) {
      throw new Error(`row group ${index} has ${columns.length} column chunks for ${leaves.length} columns`);
    }
    if (groupRows < 0n || groupRows > 2n ** 31n)
      throw new Error(`row group ${index} claims ${groupRows} rows`);
    rows += groupRows;
    for (const [place, { meta_data: chunk }] of columns.entries()) {
      const leaf = leaves[place];
      const where = `row group ${index}, column "${leaf?.path.join(".")}"`;
      if (!leaf || !chunk || chunk.path_in_schema.join(".") !== leaf.path.join(".")) {
        throw new Error(`${where} holds another column`);
      }
      if (chunk.type !== leaf.element.type) throw new Error(`${where} holds another type`);
      const start = chunk.dictionary_page_offset || chunk.data_page_offset;
      if (start < 4n || chunk.total_compressed_size < 0n) throw new Error(`${where} starts before the file`);
      if (start + chunk.total_compressed_size > BigInt(fileBytes))
        throw new Error(`${where} ends after the file`);
      const isFlat = leaf.path.length === 1 && leaf.element.repetition_type !== "REPEATED";
      if (chunk.num_values < groupRows || (isFlat && chunk.num_values !== groupRows)) {
        throw new Error(`${where} has ${chunk.num_values} values for ${groupRows} rows`);
      }
    }
  }
  if (rows !== metadata.num_rows) {
    throw new Error(`its row groups hold ${rows} rows, not ${metadata.num_rows}`);
  }
  return root;
}

function keyValueOf({ key_value_metadata }: FileMetaData): Readonly<Record<string, string>> {
  return Object.fromEntries((key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""] as const));
}

function leavesOf(node: SchemaTree): SchemaTree[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leavesOf);
}

function damaged(path: string, part: string, problem: string, cause?: unknown): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `${path}, ${part}: ${problem}.`,
    "fetch or write the file again; `prefkit check` says which files of a dataset are whole.",
    { place: { file: path }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** Errors of the disk stay what they are; anything else that goes wrong while bytes are taken apart is damage. */
async function whileReading<T>(path: string, part: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isPrefkitError(error)) throw error;
    throw damaged(path, part, reasonOf(error), error);
  }
}
