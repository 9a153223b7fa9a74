import type { GoldItem, ScorerResults } from "./gold.ts";
import { ID_COLUMNS, type MatchOptions, matchRows } from "./match-rows.ts";
import { type RawRecord, rawRecords } from "./raw-rows.ts";
import { NUMBERED_SCORE, noResult, RESULT_FIELDS, resultOf } from "./result-row.ts";
import { scorerOfFile } from "./score-file-name.ts";

/** A file with scores that exist already; without a name, it is the file's. */
export interface ResultsFile {
  readonly path: string;
  readonly name?: string;
}

export interface FileResults extends ScorerResults {
  /** Items without a row, and rows without an item. */
  readonly missing: number;
  readonly unknown: number;
  /** Both files have ids, none of which is in both; matched by place. */
  readonly idsDiffer: boolean;
}

/**
 * Scores that exist already, one file per scorer, in any input format. A row is one of
 *
 *   scores: [s1, s2, …]                        one per response, in the gold file's order; null: none. With them may stand
 *                                              verdicts: ["first", "tie"], one per order, turned back, unread: true where a
 *                                              reply could not be read, and verdict_only: true where the scores write down
 *                                              a verdict (as prefkit writes them)
 *   score_chosen, score_rejected               for pairs (also scores_chosen, scores_rejected, as RewardBench writes them)
 *   score_1, score_2, …                        one per response (PPE; `scores` beside them are its labels)
 *   results: 1 | 0.5 | 0                       for pairs: chosen, tie, rejected (RewardBench's judges); 1, 1/2, 1/3, … 0 where
 *                                              one of more responses is right (RewardBench 2's judges)
 *   judgments: [{ decision: "A>B" }, …]        for pairs: one per order, the second one with the responses swapped (JudgeBench)
 *
 * Rows are matched by id (or pair_id, question_id, prompt_id), or by place where there are none or none fits; see `matchRows`.
 * The scorer's name is the file's, without folder and ending, unless one is given.
 * Throws `bad_row` for a row that is none of these, `bad_option` when rows cannot be matched, and those of the reader.
 */
export async function readResults(
  { path, name = scorerOfFile(path) }: ResultsFile,
  baseDirectory: string,
  items: readonly GoldItem[],
  { isLimited, hasIds }: Omit<MatchOptions, "path">,
): Promise<FileResults> {
  const rows = await rowsOf(path, baseDirectory);
  const matched = matchRows(rows, items, { path, isLimited, hasIds });
  const results = items.map(({ correct }, index) => {
    const row = matched.rows[index];
    return row ? resultOf(row, correct) : noResult(correct);
  });
  const missing = matched.rows.filter((row) => row === undefined).length;
  return {
    name,
    scores: results.map(({ scores }) => scores),
    ...(results.some(({ verdicts }) => verdicts.length > 0) && {
      verdicts: results.map(({ verdicts }) => verdicts),
    }),
    ...(results.some(({ isUnread }) => isUnread) && { unread: results.map(({ isUnread }) => isUnread) }),
    ...(results.some(({ verdictOnly }) => verdictOnly) && { verdictOnly: true }),
    missing,
    unknown: isLimited ? 0 : rows.length - (items.length - missing),
    idsDiffer: matched.idsDiffer,
  };
}

async function rowsOf(path: string, baseDirectory: string): Promise<readonly RawRecord[]> {
  const rows: RawRecord[] = [];
  for await (const batch of rawRecords(path, baseDirectory, "--verdicts")) {
    for (const row of batch) rows.push(slim(row));
  }
  return rows;
}

const FIELDS = [...ID_COLUMNS, ...RESULT_FIELDS];

/** Such files often hold the texts too; they need not stay in memory. */
function slim(row: RawRecord): RawRecord {
  const names = [...FIELDS, ...Object.keys(row.record).filter((name) => NUMBERED_SCORE.test(name))];
  const record = Object.fromEntries(
    names.flatMap((name) => (name in row.record ? [[name, row.record[name]]] : [])),
  );
  return { ...row, record };
}

/** Says so where rows and items did not meet. */
export function matchWarnings({ name, missing, unknown, idsDiffer }: FileResults): string[] {
  return [
    ...(missing > 0 ? [`${name} has no row for ${missing} of the gold items; they are unscored.`] : []),
    ...(unknown > 0 ? [`${name} has ${unknown} rows whose id no gold item has; they are left aside.`] : []),
    ...(idsDiffer
      ? [`${name} has ids, and the gold file has none of them: its rows were matched by place.`]
      : []),
  ];
}
