import { join } from "node:path";
import type { Files } from "../core/files.ts";
import type { FileEntry, TableName } from "./manifest.ts";
import type { Row, RowSet, TableSink, WrittenFile } from "./table.ts";

export interface RollingTableOptions {
  readonly files: Files;
  /** Where the files are written; they bear their final names only after `close`. */
  readonly directory: string;
  readonly table: TableName;
  readonly rowSet: RowSet;
  /** Each gets at least one typed file, even without rows. */
  readonly splits: readonly string[];
  /** The next file is begun once one has reached this size. */
  readonly fileBytes: number;
  readonly createSink: (path: string, rowSet: RowSet) => Promise<TableSink>;
}

export interface RollingTable {
  write(split: string, rows: readonly Row[]): Promise<void>;
  /** Closes everything and gives the files their names: `train-00000-of-00002.parquet`. */
  close(): Promise<FileEntry[]>;
  abort(): Promise<void>;
}

interface SplitState {
  readonly finished: WrittenFile[];
  sink: TableSink | null;
}

/** A table in several files of about equal size, per split. */
export function createRollingTable(options: RollingTableOptions): RollingTable {
  const { files, directory, table, rowSet, splits, fileBytes, createSink } = options;
  const states = new Map<string, SplitState>(splits.map((split) => [split, { finished: [], sink: null }]));
  const temporary = (split: string, index: number): string => join(directory, `.${split}-${index}.tmp`);

  const sinkOf = async (split: string, state: SplitState): Promise<TableSink> => {
    state.sink ??= await createSink(temporary(split, state.finished.length), rowSet);
    return state.sink;
  };
  return {
    write: async (split, rows) => {
      const state = states.get(split);
      if (!state) throw new Error(`table ${table} has no split ${split}`);
      const sink = await sinkOf(split, state);
      await sink.write(rows);
      if (sink.bytesWritten < fileBytes) return;
      state.finished.push(await sink.close());
      state.sink = null;
    },
    close: async () => {
      const entries: FileEntry[] = [];
      for (const [split, state] of states) {
        if (state.sink || state.finished.length === 0) {
          state.finished.push(await (await sinkOf(split, state)).close());
          state.sink = null;
        }
        for (const [index, written] of state.finished.entries()) {
          const name = `${split}-${fiveDigits(index)}-of-${fiveDigits(state.finished.length)}.parquet`;
          await files.rename(temporary(split, index), join(directory, name));
          entries.push({ path: `${table}/${name}`, table, split, ...written });
        }
      }
      return entries;
    },
    abort: async () => {
      for (const { sink } of states.values()) await sink?.abort();
    },
  };
}

function fiveDigits(value: number): string {
  return String(value).padStart(5, "0");
}
