import { basename } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import type { GoldItem, ScorerResults, Verdict } from "./gold.ts";
import { counterOf, decisionOf } from "./presets/judgebench.ts";
import { type RawRecord, rawRecords } from "./raw-rows.ts";

/** What a row of a results file says of one gold item. */
interface RowResult {
  readonly scores: readonly (number | null)[];
  readonly verdicts?: readonly (Verdict | null)[];
}

export interface FileResults extends ScorerResults {
  /** Items without a row, and rows without an item. */
  readonly missing: number;
  readonly unknown: number;
}

const IDS = ["id", "pair_id", "question_id", "prompt_id"] as const;

/**
 * Scores that exist already, one file per scorer, in any input format. A row is one of
 *
 *   scores: [s1, s2, …]                        one per response, in the gold file's order; null: none. With them may stand
 *                                              verdicts: ["first", "tie"], one per order, turned back (as prefkit writes them)
 *   score_chosen, score_rejected               for pairs (also scores_chosen, scores_rejected, as RewardBench writes them)
 *   results: 1 | 0.5 | 0                       for pairs: chosen, tie, rejected (RewardBench's judges)
 *   judgments: [{ decision: "A>B" }, …]        for pairs: one per order, the second one with the responses swapped (JudgeBench)
 *
 * Rows are matched by id (or pair_id, question_id, prompt_id) where every row has one and the gold ids are unique, else
 * by place; `isLimited` says that the items are only the gold file's first ones. The scorer's name is the file's, without
 * folder and ending.
 * Throws `bad_row` for a row that is none of these, `bad_option` when rows cannot be matched, and those of the reader.
 */
export async function readResults(
  path: string,
  baseDirectory: string,
  items: readonly GoldItem[],
  isLimited = false,
): Promise<FileResults> {
  const rows: RawRecord[] = [];
  for await (const batch of rawRecords(path, baseDirectory)) {
    for (const row of batch) rows.push(slim(row));
  }
  const matched =
    matchById(rows, items) ?? matchByPlace(isLimited ? rows.slice(0, items.length) : rows, items, path);
  const results = items.map((item, index): RowResult => {
    const row = matched[index];
    return row ? resultOf(row, item) : { scores: item.correct.map(() => null) };
  });
  const missing = matched.filter((row) => row === undefined).length;
  return {
    name: basename(path).replace(/(\.[a-z]+)?(\.gz)?$/i, ""),
    scores: results.map(({ scores }) => scores),
    ...(results.some(({ verdicts }) => verdicts) && {
      verdicts: results.map(({ verdicts }) => verdicts ?? []),
    }),
    missing,
    unknown: isLimited ? 0 : rows.length - (items.length - missing),
  };
}

const FIELDS = [
  ...IDS,
  "judgments",
  "scores",
  "verdicts",
  "score_chosen",
  "score_rejected",
  "scores_chosen",
  "scores_rejected",
  "results",
];

/** Such files often hold the texts too; they need not stay in memory. */
function slim(row: RawRecord): RawRecord {
  const record = Object.fromEntries(
    FIELDS.flatMap((name) => (name in row.record ? [[name, row.record[name]]] : [])),
  );
  return { ...row, record };
}

function matchById(rows: readonly RawRecord[], items: readonly GoldItem[]): (RawRecord | undefined)[] | null {
  const byId = new Map<string, RawRecord>();
  for (const row of rows) {
    const id = IDS.map((name) => row.record[name]).find((value) => value !== undefined && value !== null);
    if (id === undefined) return null;
    if (byId.has(String(id))) return null;
    byId.set(String(id), row);
  }
  if (new Set(items.map(({ id }) => id)).size < items.length) return null;
  // Ids of another kind than the gold file's are no ids.
  return items.some(({ id }) => byId.has(id)) ? items.map(({ id }) => byId.get(id)) : null;
}

function matchByPlace(
  rows: readonly RawRecord[],
  items: readonly GoldItem[],
  path: string,
): readonly RawRecord[] {
  if (rows.length === items.length) return rows;
  throw new PrefkitError(
    "bad_option",
    `${path} has ${rows.length} rows for ${items.length} gold items, and its rows cannot be matched by id.`,
    "give each row the id of its gold item, each once; or one row per gold item, in the same order.",
  );
}

function resultOf({ record, place }: RawRecord, { correct }: GoldItem): RowResult {
  const fail = (problem: string): PrefkitError =>
    new PrefkitError(
      "bad_row",
      problem,
      "give scores (one per response), score_chosen and score_rejected, results, or judgments; null where there is none.",
      { place },
    );
  if (Array.isArray(record.judgments)) return judgmentsOf(record.judgments, correct.length, fail);
  const { score_chosen: chosen = record.scores_chosen, score_rejected: rejected = record.scores_rejected } =
    record;
  if (chosen !== undefined || rejected !== undefined) {
    return { scores: inFileOrder(correct, numberOf(chosen, fail), numberOf(rejected, fail), fail) };
  }
  if (record.scores !== undefined) {
    const list: unknown = record.scores;
    if (!Array.isArray(list) || list.length !== correct.length) {
      throw fail(`scores must be a list with one score for each of the ${correct.length} responses.`);
    }
    const verdicts = record.verdicts;
    return {
      scores: list.map((value: unknown) => numberOf(value, fail)),
      ...(Array.isArray(verdicts) && { verdicts: verdicts.map((value: unknown) => verdictOf(value, fail)) }),
    };
  }
  if (record.results !== undefined) {
    const share = numberOf(record.results, fail);
    if (share !== null && (share < 0 || share > 1)) throw fail(`results is ${share}, outside [0, 1].`);
    return { scores: inFileOrder(correct, share, share === null ? null : 1 - share, fail) };
  }
  throw fail(
    `the row has none of the fields with scores; it has ${Object.keys(record).join(", ") || "no known field"}.`,
  );
}

type Fail = (problem: string) => PrefkitError;

function inFileOrder(
  correct: readonly boolean[],
  chosen: number | null,
  rejected: number | null,
  fail: Fail,
): (number | null)[] {
  if (correct.length !== 2 || correct[0] === correct[1])
    throw fail("scores of chosen and rejected are for pairs of which one is the better one.");
  return correct[0] ? [chosen, rejected] : [rejected, chosen];
}

/** A finite number, or a list with one; null for none. */
function numberOf(value: unknown, fail: Fail): number | null {
  const single: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (single === null || single === undefined) return null;
  const number = typeof single === "bigint" ? Number(single) : single;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  // Data frames write a missing number as NaN.
  if (typeof number === "number" && Number.isNaN(number)) return null;
  const text = typeof number === "string" && number.trim() !== "" ? Number(number) : Number.NaN;
  if (Number.isFinite(text)) return text;
  throw fail(
    `a score is ${typeof number === "number" ? number : `a ${typeof number}`}, not a finite number.`,
  );
}

function verdictOf(value: unknown, fail: Fail): Verdict | null {
  if (value === "first" || value === "second" || value === "tie" || value === null) return value;
  throw fail("a verdict is none of first, second, tie and null.");
}

/** The first response scores JudgeBench's counter, the second one its opposite. */
function judgmentsOf(list: readonly unknown[], responses: number, fail: Fail): RowResult {
  if (responses !== 2 || list.length < 1 || list.length > 2) {
    throw fail(
      `judgments has ${list.length} entries for ${responses} responses; it takes one or two, for pairs.`,
    );
  }
  const verdicts = list.map((entry, order): Verdict | null => {
    const decision: unknown =
      typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>).decision : entry;
    const verdict = decisionOf(decision);
    if (verdict === undefined) throw fail("a decision is none of A>>B, A>B, A=B, B>A, B>>A and null.");
    return order === 0 || verdict === null || verdict === "tie"
      ? verdict
      : verdict === "first"
        ? "second"
        : "first";
  });
  if (verdicts.every((verdict) => verdict === null)) return { scores: [null, null], verdicts };
  const counter = counterOf("first", verdicts);
  return { scores: [counter, 0 - counter], verdicts };
}

/** Says so where rows and items did not meet. */
export function matchWarnings({ name, missing, unknown }: FileResults): string[] {
  return [
    ...(missing > 0 ? [`${name} has no row for ${missing} of the gold items; they are unscored.`] : []),
    ...(unknown > 0 ? [`${name} has ${unknown} rows whose id no gold item has; they are left aside.`] : []),
  ];
}
