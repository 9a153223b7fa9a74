import { join } from "node:path";
import type { Files } from "../../core/files.ts";
import { linePlaces } from "../../store/input/line-places.ts";
import { readJsonl } from "../../store/input/read-jsonl.ts";
import { openTable } from "../../store/parquet-reader.ts";
import type { Row, RowSet } from "../../store/table.ts";
import type { ExportedFile } from "../export-manifest.ts";
import { columnFindings } from "./columns.ts";
import { type Finding, finding } from "./problems.ts";

/** Rows of a data file in order; a line that holds none takes its place. */
export type ReadRow = { readonly row: Row } | { readonly finding: Finding };

export interface OpenDataFile {
  /** Of the file as a whole. */
  readonly findings: readonly Finding[];
  /** As the file's footer says; null when only reading tells. */
  readonly rows: number | null;
  /** At most a row group's rows at a time; none when the columns that are looked at are not there. */
  batches(): AsyncGenerator<readonly ReadRow[]>;
  close(): Promise<void>;
}

export interface DataFile {
  readonly files: Files;
  readonly directory: string;
  readonly entry: ExportedFile;
  readonly rowSet: RowSet;
  /** The file's bytes are those that were written. */
  readonly isWhole: boolean;
}

/** Opens a Parquet file of an export. Without its columns there are no rows to look at. Throws `damaged_file`, `io`. */
export async function openParquetFile({
  files,
  directory,
  entry,
  rowSet,
  isWhole,
}: DataFile): Promise<OpenDataFile> {
  const path = join(directory, entry.path);
  const table = await openTable(files, path, isWhole ? { expectedSha256: entry.sha256 } : {});
  const findings = columnFindings(rowSet, table.columns);
  const unreadable = findings.some(({ kind }) => kind === "missing_column" || kind === "wrong_type");
  const columns = rowSet.columns.map(({ name }) => name);
  return {
    findings,
    rows: table.rows,
    async *batches() {
      if (unreadable) return;
      for await (const rows of table.read({ columns })) yield rows.map((row) => ({ row }));
    },
    close: () => table.close(),
  };
}

/** Opens a file of JSON lines. Its columns are looked at row by row. */
export async function openJsonlFile({ directory, entry }: DataFile): Promise<OpenDataFile> {
  const absolute = join(directory, entry.path);
  return {
    findings: [],
    rows: null,
    async *batches() {
      const source = { absolute, path: entry.path, bytes: entry.bytes, places: linePlaces() };
      for await (const lines of readJsonl(source, 0)) {
        yield lines.map((line) =>
          line.kind === "record"
            ? { row: line.record }
            : {
                finding: finding("bad_line", null, line.problem.replace(/^the line /, "").replace(/\.$/, "")),
              },
        );
      }
    },
    close: async () => {},
  };
}
