import { isPrefkitError, PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import { groupRowProblems, pairRowProblems, type RowProblem, scoreRowProblems } from "./check-contracts.ts";
import { type Add, collecting, type DatasetCheck, gatherProblems, ofFile } from "./check-problems.ts";
import { rowChecker } from "./check-row.ts";
import { TABLES, type TableName } from "./manifest.ts";
import { openTable, type ParquetTable } from "./parquet-reader.ts";
import { groupsRowSet, pairsRowSet, type RowExtras, scoresRowSet } from "./row-sets.ts";
import { columnDifferences, ROW_SET_KEY, rowSetTag } from "./schema.ts";
import type { Row, RowSet } from "./table.ts";

/**
 * Checks one Parquet file by itself: that it opens, that its columns are those of the row set it names, and its rows.
 * There is no hash to compare with. Throws `no_input_file` when there is no such file.
 */
export async function checkTable(files: Files, path: string): Promise<DatasetCheck> {
  if (!(await files.exists(path))) {
    throw new PrefkitError("no_input_file", `there is no file ${path}.`, "check the path.");
  }
  const gathered = gatherProblems();
  const rows: Partial<Record<TableName, number>> = {};
  await collecting({ file: path, path }, gathered.add, async () => {
    const table = await openTable(files, path);
    try {
      const name = TABLES.find((known) => tagOf(table) === rowSetTag(rowSetOf(known, {})));
      if (name) {
        rows[name] = table.rows;
        await checkOpenTable(table, path, name, extrasIn(table), undefined, gathered.add);
      } else {
        const known = TABLES.map((each) => rowSetTag(rowSetOf(each, {})));
        gathered.add(ofFile("wrong_row_set", path, rowSetFault(tagOf(table), known)));
      }
    } finally {
      await table.close();
    }
  });
  const problems = gathered.build();
  return {
    path,
    state: problems.length === 0 ? "sound" : "damaged",
    rows,
    files: 1,
    problems,
    notes: ["one file was checked by itself: without its dataset there is no hash to compare with."],
  };
}

/**
 * Checks a table's row set and columns, then its rows. `configHashes`, by the recipe's key, are those of the manifest.
 * False when the rows cannot be compared with other tables: it is another table, or a row has a value that its column
 * cannot hold.
 */
export async function checkOpenTable(
  table: ParquetTable,
  file: string,
  name: TableName,
  extras: RowExtras,
  configHashes: ReadonlyMap<string, string> | undefined,
  add: Add,
): Promise<boolean> {
  const rowSet = rowSetOf(name, extras);
  if (tagOf(table) !== rowSetTag(rowSet)) {
    add(ofFile("wrong_row_set", file, rowSetFault(tagOf(table), [rowSetTag(rowSet)])));
    return false;
  }
  const differences = columnDifferences(rowSet.columns, table.columns);
  for (const difference of differences) add(ofFile("wrong_columns", file, difference));
  if (differences.length > 0) return false;

  const check = rowChecker(rowSet);
  let row = 0;
  let isSound = true;
  for await (const rows of table.read()) {
    for (const values of rows) {
      const broken = valueProblem(check, values, row);
      if (broken) {
        isSound = false;
        add({ kind: "bad_value", file, row, ...broken });
      } else {
        for (const found of rowProblems(name, values, configHashes)) add({ file, row, ...found });
      }
      row += 1;
    }
  }
  return isSound;
}

function tagOf(table: ParquetTable): string {
  return table.keyValue[ROW_SET_KEY] ?? "";
}

function rowSetOf(table: TableName, extras: RowExtras): RowSet {
  return table === "pairs" ? pairsRowSet(extras) : table === "groups" ? groupsRowSet(extras) : scoresRowSet;
}

/** A file by itself says which of the columns that only some datasets have it has. */
function extrasIn(table: ParquetTable): RowExtras {
  const prompt = table.columns.find(({ name }) => name === "prompt")?.type;
  const fields = prompt?.kind === "list" && prompt.element.kind === "struct" ? prompt.element.fields : [];
  const has = (wanted: string): boolean => table.columns.some(({ name }) => name === wanted);
  return {
    tools: has("tools"),
    images: has("images"),
    toolMessages: fields.some(({ name }) => name === "tool_calls"),
  };
}

function rowSetFault(tag: string, expected: readonly string[]): string {
  return `it names ${tag === "" ? "no row set" : `the row set ${JSON.stringify(tag)}`}, not ${expected.join(" or ")}`;
}

function rowProblems(
  name: TableName,
  row: Row,
  configHashes: ReadonlyMap<string, string> | undefined,
): RowProblem[] {
  if (name === "pairs") return pairRowProblems(row);
  return name === "groups" ? groupRowProblems(row) : scoreRowProblems(row, configHashes);
}

/** What the check before every write says of a row that was read. */
function valueProblem(
  check: ReturnType<typeof rowChecker>,
  values: Row,
  row: number,
): { column: string; problem: string } | null {
  try {
    check(values, row);
    return null;
  } catch (error) {
    if (!isPrefkitError(error)) throw error;
    const column = error.place.column ?? "";
    const problem = (error.message.split("\nFix:")[0] ?? "").replace(/^.*?column "[^"]*":? /s, "");
    return { column, problem: problem.replace(/\.$/, "") };
  }
}
