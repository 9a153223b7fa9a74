import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PrefkitError, reasonOf } from "../../core/errors.ts";
import { hashKey, type KeyHash, keyTable } from "./key-table.ts";

/** Where a row's bytes lie in the spill file. Rows are added in order, so that `start` also tells their order. */
export interface RowSlice {
  readonly start: number;
  readonly length: number;
}

/** A row, and whether it is the first of its group. */
export interface OrderedSlice extends RowSlice {
  readonly first: boolean;
}

/** The rows of a spill file by key, given back group by group, groups and their rows in order of first appearance. */
export interface RowIndex {
  add(key: string, slice: RowSlice): Promise<void>;
  ordered(): AsyncGenerator<OrderedSlice>;
  close(): void;
}

export interface RowIndexOptions {
  readonly memoryLimitMb: number;
  /** A directory of its own: two DuckDB processes that share one destroy each other's files. */
  readonly temporaryDirectory: string;
  readonly loadDuckDb: () => Promise<DuckDb | null>;
}

export type DuckDb = typeof import("@duckdb/node-api");

/** DuckDB when it is installed: it is an optional peer. */
export async function loadDuckDb(): Promise<DuckDb | null> {
  try {
    return await import("@duckdb/node-api");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return null;
    throw error;
  }
}

/**
 * An index that stays in memory up to the limit (about 24 bytes per row and 32 to 64 per group) and then moves into
 * DuckDB, which sorts on disk. Throws `over_limit` when DuckDB is not installed.
 */
export function rowIndex(options: RowIndexOptions): RowIndex {
  const limit = options.memoryLimitMb * 2 ** 20;
  let memory: MemoryIndex | null = memoryIndex();
  let disk: DiskIndex | null = null;

  const moveToDisk = async (from: MemoryIndex): Promise<DiskIndex> => {
    const duckDb = await options.loadDuckDb();
    if (!duckDb) throw overLimit(options.memoryLimitMb, from.rows);
    const index = await diskIndex(duckDb, options);
    for (const entry of from.entries()) index.add(entry.hash, entry);
    return index;
  };

  return {
    add: async (key, slice) => {
      const hash = hashKey(key);
      if (memory) {
        memory.add(hash, slice);
        if (memory.bytes <= limit) return;
        disk = await moveToDisk(memory);
        memory = null;
      } else {
        disk?.add(hash, slice);
      }
    },
    async *ordered() {
      if (memory) yield* memory.ordered();
      else if (disk) yield* disk.ordered();
    },
    close: () => disk?.close(),
  };
}

function overLimit(memoryLimitMb: number, rows: number): PrefkitError {
  return new PrefkitError(
    "over_limit",
    `grouping needs more than ${memoryLimitMb} MiB of memory after ${rows} rows.`,
    "sort the rows by the key and set sorted: true, install @duckdb/node-api to group on disk, or raise input.memoryLimitMb.",
  );
}

interface MemoryIndex {
  readonly bytes: number;
  readonly rows: number;
  add(hash: KeyHash, slice: RowSlice): void;
  ordered(): Generator<OrderedSlice>;
  entries(): Generator<RowSlice & { readonly hash: KeyHash }>;
}

function memoryIndex(): MemoryIndex {
  const groups = keyTable();
  const hashes: KeyHash[] = [];
  const groupOf = growing();
  const starts = growing();
  const lengths = growing();

  return {
    get bytes() {
      // A hash is an array of four numbers: about 90 bytes with its slot in `hashes`.
      return groups.bytes + hashes.length * 90 + groupOf.bytes + starts.bytes + lengths.bytes;
    },
    get rows() {
      return starts.length;
    },
    add: (hash, { start, length }) => {
      const known = groups.findOrAdd(hash, hashes.length);
      if (known === undefined) hashes.push(hash);
      groupOf.push(known ?? hashes.length - 1);
      starts.push(start);
      lengths.push(length);
    },
    *ordered() {
      for (const [row, first] of countingSort(groupOf, hashes.length)) {
        yield { start: starts.at(row), length: lengths.at(row), first };
      }
    },
    *entries() {
      for (let row = 0; row < starts.length; row++) {
        const hash = hashes[groupOf.at(row)] as KeyHash;
        yield { hash, start: starts.at(row), length: lengths.at(row) };
      }
    },
  };
}

/** Rows by group, in order within each group; and whether a row is its group's first. */
function* countingSort(groupOf: Growing, groups: number): Generator<readonly [row: number, first: boolean]> {
  const ends = new Float64Array(groups + 1);
  for (let row = 0; row < groupOf.length; row++) {
    const group = groupOf.at(row);
    ends[group + 1] = (ends[group + 1] ?? 0) + 1;
  }
  for (let group = 0; group < groups; group++) ends[group + 1] = (ends[group + 1] ?? 0) + (ends[group] ?? 0);
  const order = new Float64Array(groupOf.length);
  const next = ends.slice();
  for (let row = 0; row < groupOf.length; row++) {
    const group = groupOf.at(row);
    const at = next[group] ?? 0;
    order[at] = row;
    next[group] = at + 1;
  }
  for (let group = 0, at = 0; at < order.length; at++) {
    const first = at === ends[group];
    if (at + 1 === ends[group + 1]) group += 1;
    yield [order[at] as number, first];
  }
}

/** A list of numbers at 8 bytes each. */
interface Growing {
  readonly length: number;
  readonly bytes: number;
  push(value: number): void;
  at(index: number): number;
}

function growing(): Growing {
  let values = new Float64Array(1024);
  let length = 0;
  return {
    get length() {
      return length;
    },
    get bytes() {
      return values.byteLength;
    },
    push: (value) => {
      if (length === values.length) {
        const larger = new Float64Array(length * 2);
        larger.set(values);
        values = larger;
      }
      values[length] = value;
      length += 1;
    },
    at: (index) => values[index] as number,
  };
}

interface DiskIndex {
  add(hash: KeyHash, slice: RowSlice): void;
  ordered(): AsyncGenerator<OrderedSlice>;
  close(): void;
}

/** Least memory that DuckDB can work in. */
const LEAST_MEMORY_MB = 128;

// Only hashes and offsets go in: aggregates over texts cannot be spilled. A file database keeps the table on disk.
async function diskIndex(
  duckDb: DuckDb,
  { memoryLimitMb, temporaryDirectory }: RowIndexOptions,
): Promise<DiskIndex> {
  const spill = join(temporaryDirectory, "duckdb");
  const instance = await guarded(async () => {
    await mkdir(spill, { recursive: true });
    return duckDb.DuckDBInstance.create(join(spill, "index.duckdb"), {
      memory_limit: `${Math.max(LEAST_MEMORY_MB, Math.floor(memoryLimitMb))}MB`,
      temp_directory: join(spill, "temporary"),
      threads: "2",
      preserve_insertion_order: "false",
    });
  });
  const connection = await guarded(() => instance.connect());
  const appender = await guarded(async () => {
    await connection.run(`create table slices (high ubigint, low ubigint, start bigint, length bigint)`);
    return connection.createAppender("slices");
  });
  return {
    add: ([a, b, c, d], { start, length }) => {
      appender.appendUBigInt((BigInt(a) << 32n) | BigInt(b));
      appender.appendUBigInt((BigInt(c) << 32n) | BigInt(d));
      appender.appendBigInt(BigInt(start));
      appender.appendBigInt(BigInt(length));
      appender.endRow();
    },
    async *ordered() {
      await guarded(async () => appender.closeSync());
      await guarded(() =>
        connection.run(
          "create table firsts as select high, low, min(start) as first from slices group by high, low",
        ),
      );
      const result = await guarded(() =>
        connection.stream(
          "select start, length, start = first from slices join firsts using (high, low) order by first, start",
        ),
      );
      for (;;) {
        const chunk = await guarded(() => result.fetchChunk());
        if (!chunk || chunk.rowCount === 0) return;
        for (const [start, length, first] of chunk.getRows()) {
          yield { start: Number(start), length: Number(length), first: first === true };
        }
      }
    },
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new PrefkitError(
      "io",
      `DuckDB could not group the rows: ${reasonOf(error)}.`,
      "free disk space, raise input.memoryLimitMb, or sort the rows by the key and set sorted: true.",
      { cause: error },
    );
  }
}
