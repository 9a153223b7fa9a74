import { join } from "node:path";
import { createDigested } from "../core/digest.ts";
import type { Files } from "../core/files.ts";
import { availableCodec } from "../store/compression.ts";
import { createParquetSink } from "../store/parquet-sink.ts";
import type { Row, RowSet, TableSink, WrittenFile } from "../store/table.ts";
import type { ExportedFile } from "./export-manifest.ts";
import { createJsonlSink } from "./jsonl-sink.ts";

export interface DataFilesOptions {
  readonly files: Files;
  /** The export's directory; the files go into its `data/`, the ids of their rows into `pair_ids/`. */
  readonly directory: string;
  readonly format: "parquet" | "jsonl";
  readonly rowSet: RowSet;
  /** Whether rows come from pairs: then `pair_ids/train.txt` has the pair's id of each row, one a line, in row order. */
  readonly withPairIds: boolean;
  readonly maxRowsPerFile: number;
}

/** The files of one split: rows in files of a stated size, and the ids of their pairs in one more. */
export interface SplitFiles {
  /** `ids`: the pair's id of each row; none of rows that come from groups. */
  write(rows: readonly Row[], ids: readonly string[]): Promise<void>;
  /** Gives the files their names. Without rows there is none: `datasets` refuses a split that has no row, and all others with it. */
  close(): Promise<readonly ExportedFile[]>;
  abort(): Promise<void>;
}

/** A file is not begun anew for a few more rows; 512 MB is what `datasets` cuts at. */
const FILE_BYTES = 512 * 2 ** 20;

const PAIR_IDS = "pair_ids";

export async function openSplit(split: string, options: DataFilesOptions): Promise<SplitFiles> {
  const { files, directory, format, rowSet, withPairIds, maxRowsPerFile } = options;
  const codec = availableCodec();
  const finished: WrittenFile[] = [];
  let sink: TableSink | null = null;
  let rowsInFile = 0;
  const data = join(directory, "data");
  const idsPath = `${PAIR_IDS}/${split}.txt`;
  await files.makeDirectory(data);
  if (withPairIds) await files.makeDirectory(join(directory, PAIR_IDS));
  const idFile = withPairIds ? await createDigested(files, join(directory, idsPath)) : null;
  const temporary = (index: number): string => join(data, `.${split}-${index}.tmp`);
  const current = async (): Promise<TableSink> => {
    sink ??= await (format === "jsonl"
      ? createJsonlSink(files, temporary(finished.length), rowSet)
      : createParquetSink(files, temporary(finished.length), rowSet, { codec }));
    return sink;
  };
  const endFile = async (): Promise<void> => {
    finished.push(await (await current()).close());
    sink = null;
    rowsInFile = 0;
  };
  return {
    write: async (rows, ids) => {
      await idFile?.write(ids.map((id) => `${id}\n`).join(""));
      for (let start = 0; start < rows.length; ) {
        const next = rows.slice(start, start + maxRowsPerFile - rowsInFile);
        const open = await current();
        await open.write(next);
        start += next.length;
        rowsInFile += next.length;
        if (rowsInFile >= maxRowsPerFile || open.bytesWritten >= FILE_BYTES) await endFile();
      }
    },
    close: async () => {
      if (sink !== null) await endFile();
      if (finished.length === 0) {
        if (idFile) {
          await idFile.abort();
          await files.remove(join(directory, idsPath));
        }
        return [];
      }
      const entries: ExportedFile[] = [];
      for (const [index, written] of finished.entries()) {
        const name = `${split}-${fiveDigits(index)}-of-${fiveDigits(finished.length)}.${format}`;
        await files.rename(temporary(index), join(data, name));
        entries.push({ path: `data/${name}`, split, ...written });
      }
      if (idFile) entries.push({ path: idsPath, split: null, rows: null, ...(await idFile.close()) });
      return entries;
    },
    abort: async () => {
      await sink?.abort();
      await idFile?.abort();
    },
  };
}

function fiveDigits(value: number): string {
  return String(value).padStart(5, "0");
}
