import { isPrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import type { Score, ScoreColumn } from "../core/types.ts";
import { openTable } from "../store/parquet-reader.ts";
import { scoreFromRow } from "../store/row-sets.ts";
import type { Row } from "../store/table.ts";
import type { CellCounts } from "./journal.ts";

export interface PartGroup {
  readonly promptId: string;
  readonly columns: readonly ScoreColumn[];
}

/** The scores of a part file, group by group, as they were written. */
export async function* readPart(files: Files, path: string, expectedSha256?: string): AsyncGenerator<PartGroup> {
  yield* groupScoreRows(scoreRowsOf(files, path, expectedSha256));
}

export async function* scoreRowsOf(files: Files, path: string, expectedSha256?: string): AsyncGenerator<readonly Row[]> {
  const table = await openTable(files, path, expectedSha256 === undefined ? {} : { expectedSha256 });
  try {
    yield* table.read();
  } finally {
    await table.close();
  }
}

/** Gathers rows of one prompt, which stand together: scorer by scorer, response by response. */
export async function* groupScoreRows(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<PartGroup> {
  let promptId: string | null = null;
  let columns: { name: string; scores: Score[] }[] = [];
  for await (const rows of batches) {
    for (const row of rows) {
      if (row.prompt_id !== promptId) {
        if (promptId !== null) yield { promptId, columns };
        promptId = String(row.prompt_id);
        columns = [];
      }
      const name = String(row.name);
      let column = columns.at(-1);
      if (column?.name !== name) {
        column = { name, scores: [] };
        columns.push(column);
      }
      column.scores.push(scoreFromRow(row));
    }
  }
  if (promptId !== null) yield { promptId, columns };
}

/** What a part holds, counted from its rows; null when it cannot be read as a part. */
export async function countCells(
  files: Files,
  path: string,
): Promise<{ rows: number; cells: Record<string, CellCounts> } | null> {
  const cells: Record<string, { scored: number; abstained: number; failed: number; codes: Record<string, number> }> = {};
  let rows = 0;
  try {
    for await (const { columns } of readPart(files, path)) {
      for (const { name, scores } of columns) {
        cells[name] ??= { scored: 0, abstained: 0, failed: 0, codes: {} };
        const counts = cells[name];
        for (const score of scores) {
          rows += 1;
          counts[score.kind] += 1;
          if (score.kind === "failed") counts.codes[score.code] = (counts.codes[score.code] ?? 0) + 1;
        }
      }
    }
  } catch (error) {
    if (isPrefkitError(error) && error.code === "damaged_file") return null;
    throw error;
  }
  return { rows, cells };
}
