import { join } from "node:path";
import type { Files } from "../core/files.ts";
import type { IdSet } from "../core/id-set.ts";
import { contentOf, isClose, quote } from "./check-contracts.ts";
import type { DatasetProblem } from "./check-problems.ts";
import type { FileEntry } from "./manifest.ts";
import { openTable } from "./parquet-reader.ts";
import type { Row } from "./table.ts";

/** The files of one split, table by table; each was found whole, with the right columns. */
export interface SplitTables {
  readonly groups: readonly FileEntry[];
  readonly scores: readonly FileEntry[];
  readonly pairs: readonly FileEntry[];
}

/**
 * Contracts between the tables of one split, in one streaming pass: every prompt once over all splits (`promptIds`
 * carries them, 16 bytes each), its cells scorer by scorer and response by response, and the texts and rewards of its
 * pairs as they stand in its group. Once two tables cannot be matched any more, that is one problem and the rest is left.
 */
export async function* joinProblems(
  files: Files,
  directory: string,
  tables: SplitTables,
  scorers: readonly string[],
  promptIds: IdSet,
): AsyncGenerator<DatasetProblem> {
  const open = (entries: readonly FileEntry[], columns: readonly string[]): RowCursor =>
    rowCursor(locatedRows(files, directory, entries, columns));
  const scores = open(tables.scores, ["prompt_id", "response_id", "name"]);
  const pairs = open(tables.pairs, PAIR_COLUMNS);
  try {
    for await (const batch of locatedRows(files, directory, tables.groups, ["prompt_id", "responses"])) {
      for (const group of batch) {
        const promptId = String(group.values.prompt_id);
        if (!promptIds.add(promptId)) {
          yield at(group, "repeated_id", "prompt_id", `is ${quote(promptId)}, as in an earlier row`);
        }
        const responses = group.values.responses as readonly Row[];
        const cells = await scores.take(promptId);
        if (cells.length === 0 && responses.length * scorers.length > 0) {
          yield at(
            group,
            "tables_disagree",
            "prompt_id",
            `is ${quote(promptId)}: its scores are not where they belong`,
          );
          return;
        }
        yield* cellProblems(cells, responses, scorers);
        for (const pair of await pairs.take(promptId)) yield* pairProblems(pair, responses);
      }
    }
    for (const cursor of [scores, pairs]) {
      const stray = await cursor.peek();
      if (!stray) continue;
      const id = quote(stray.values.prompt_id);
      yield at(stray, "tables_disagree", "prompt_id", `is ${id}: no group has it, or it stands out of order`);
    }
  } finally {
    await scores.close();
    await pairs.close();
  }
}

const PAIR_COLUMNS = [
  "prompt_id",
  "chosen_id",
  "rejected_id",
  "chosen",
  "rejected",
  "score_chosen",
  "score_rejected",
];

function* cellProblems(
  cells: readonly LocatedRow[],
  responses: readonly Row[],
  scorers: readonly string[],
): Generator<DatasetProblem> {
  const [first] = cells;
  if (!first) return;
  if (cells.length !== scorers.length * responses.length) {
    const counts = `${scorers.length} scorers × ${responses.length} responses`;
    const prompt = quote(first.values.prompt_id);
    yield at(first, "tables_disagree", "prompt_id", `is ${prompt}, with ${cells.length} rows for ${counts}`);
    return;
  }
  for (const [index, cell] of cells.entries()) {
    const name = scorers[Math.floor(index / responses.length)];
    const response = responses[index % responses.length]?.response_id;
    if (cell.values.name === name && cell.values.response_id === response) continue;
    const got = `${quote(cell.values.name)} of response ${quote(cell.values.response_id)}`;
    const expected = `${quote(name)} of ${quote(response)}`;
    yield at(cell, "tables_disagree", "response_id", `holds ${got} where ${expected} belongs`);
    return;
  }
}

function* pairProblems(pair: LocatedRow, responses: readonly Row[]): Generator<DatasetProblem> {
  for (const side of ["chosen", "rejected"] as const) {
    const id = pair.values[`${side}_id`];
    const response = responses.find(({ response_id }) => response_id === id);
    if (!response) {
      yield at(pair, "tables_disagree", `${side}_id`, `is ${quote(id)}, which its group does not have`);
      continue;
    }
    if (contentOf(pair.values[side]) !== response.text) {
      yield at(pair, "tables_disagree", side, "is not the text of that response in the groups table");
    }
    const [score, reward] = [pair.values[`score_${side}`], response.reward];
    if (typeof reward !== "number" || !isClose(Number(score), reward)) {
      yield at(
        pair,
        "tables_disagree",
        `score_${side}`,
        `is ${String(score)}; the groups table has ${String(reward)}`,
      );
    }
  }
}

interface LocatedRow {
  readonly file: string;
  /** From 0, within the file. */
  readonly row: number;
  readonly values: Row;
}

async function* locatedRows(
  files: Files,
  directory: string,
  entries: readonly FileEntry[],
  columns: readonly string[],
): AsyncGenerator<LocatedRow[]> {
  for (const { path } of entries) {
    const table = await openTable(files, join(directory, path));
    try {
      let start = 0;
      for await (const rows of table.read({ columns })) {
        const from = start;
        yield rows.map((values, index) => ({ file: path, row: from + index, values }));
        start += rows.length;
      }
    } finally {
      await table.close();
    }
  }
}

/** Reads rows in step with another table. */
interface RowCursor {
  /** The next rows as long as they belong to this prompt. */
  take(promptId: string): Promise<LocatedRow[]>;
  peek(): Promise<LocatedRow | null>;
  close(): Promise<void>;
}

function rowCursor(batches: AsyncGenerator<LocatedRow[]>): RowCursor {
  let batch: readonly LocatedRow[] = [];
  let next = 0;
  const peek = async (): Promise<LocatedRow | null> => {
    while (next >= batch.length) {
      const more = await batches.next();
      if (more.done) return null;
      batch = more.value;
      next = 0;
    }
    return batch[next] ?? null;
  };
  return {
    peek,
    take: async (promptId) => {
      const taken: LocatedRow[] = [];
      while ((await peek())?.values.prompt_id === promptId) {
        // Within a batch no promise is waited for: there are millions of rows.
        for (let row = batch[next]; row?.values.prompt_id === promptId; row = batch[next]) {
          taken.push(row);
          next += 1;
        }
      }
      return taken;
    },
    close: async () => {
      await batches.return(undefined);
    },
  };
}

function at(row: LocatedRow, kind: DatasetProblem["kind"], column: string, problem: string): DatasetProblem {
  return { kind, file: row.file, row: row.row, column, problem };
}
