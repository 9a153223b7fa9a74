import { PrefkitError } from "../core/errors.ts";
import { jsonOrUndefined } from "../core/json.ts";
import type { ItemResult, Verdict } from "./gold.ts";
import { counterOf, decisionOf } from "./presets/judgebench.ts";
import type { RawRecord } from "./raw-rows.ts";

/** The fields of a row that hold results. */
export const RESULT_FIELDS = [
  "judgments",
  "scores",
  "verdicts",
  "unread",
  "verdict_only",
  "score_chosen",
  "score_rejected",
  "scores_chosen",
  "scores_rejected",
  "results",
] as const;

/** PPE's results: the score of the first response, of the second one, … */
export const NUMBERED_SCORE = /^score_[1-9]\d*$/;

/** What a row that is not there says. */
export function noResult(correct: readonly boolean[]): ItemResult {
  return { scores: correct.map(() => null), verdicts: [], isUnread: false };
}

/**
 * What a row of a results file says of its gold item; of several fields that hold one the first that is not null. A row
 * whose fields are all null has no score. Lists may be JSON text, as CSV has them.
 * Throws `bad_row` for a row that has none of the fields, or holds something else in them.
 */
export function resultOf({ record, place }: RawRecord, correct: readonly boolean[]): ItemResult {
  const fail = (problem: string): PrefkitError =>
    new PrefkitError(
      "bad_row",
      problem,
      "give scores (one per response), score_chosen and score_rejected, score_1, score_2, …, results, or judgments; null where there is none.",
      { place },
    );
  const judgments = listOf(record.judgments, "judgments", fail);
  if (judgments !== null) return judgmentsOf(judgments, correct.length, fail);
  const chosen = numberOf(record.score_chosen ?? record.scores_chosen, fail);
  const rejected = numberOf(record.score_rejected ?? record.scores_rejected, fail);
  if (chosen !== null || rejected !== null) {
    return { ...noResult(correct), scores: inFileOrder(correct, chosen, rejected, fail) };
  }
  const scores = numberedScores(record, fail) ?? listOf(record.scores, "scores", fail);
  if (scores !== null) {
    if (scores.length !== correct.length) {
      throw fail(`scores must be a list with one score for each of the ${correct.length} responses.`);
    }
    return { ...ownFields(record, fail), scores: scores.map((value) => numberOf(value, fail)) };
  }
  const share = numberOf(record.results, fail);
  if (share !== null) {
    if (share < 0 || share > 1) throw fail(`results is ${share}, outside [0, 1].`);
    const given =
      correct.length > 2 ? sharedTop(correct, share, fail) : inFileOrder(correct, share, 1 - share, fail);
    return { ...noResult(correct), scores: given, verdictOnly: true };
  }
  if (RESULT_FIELDS.some((name) => record[name] !== undefined)) {
    return { ...noResult(correct), ...ownFields(record, fail) };
  }
  throw fail(
    `the row has none of the fields with scores; it has ${Object.keys(record).join(", ") || "no known field"}.`,
  );
}

type Fail = (problem: string) => PrefkitError;

/** What stands beside the scores in files that prefkit wrote. */
function ownFields(
  record: RawRecord["record"],
  fail: Fail,
): Pick<ItemResult, "isUnread" | "verdictOnly" | "verdicts"> {
  const verdicts = listOf(record.verdicts, "verdicts", fail) ?? [];
  return {
    verdicts: verdicts.map((value) => verdictOf(value, fail)),
    isUnread: isTrue(record.unread),
    ...(isTrue(record.verdict_only) && { verdictOnly: true }),
  };
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

/** A list, or JSON text of one; null for none. */
function listOf(value: unknown, name: string, fail: Fail): readonly unknown[] | null {
  if (isNone(value)) return null;
  const list: unknown = typeof value === "string" ? jsonOrUndefined(value) : value;
  // Text may say null, too.
  if (list === null && typeof value === "string" && value.trim() === "null") return null;
  if (Array.isArray(list)) return list as readonly unknown[];
  throw fail(`${name} must be a list, or JSON text of one.`);
}

/** Absent, null or blank: data frames and CSV write a missing value as either. */
function isNone(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

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

/**
 * `score_1`, `score_2`, … as a list, as PPE's results have them beside `scores`, which are then the labels; null where there are none.
 */
function numberedScores(record: RawRecord["record"], fail: Fail): readonly unknown[] | null {
  const columns = Object.keys(record).filter((name) => NUMBERED_SCORE.test(name));
  const wanted = columns.map((_, index) => `score_${index + 1}`);
  const missing = wanted.find((name) => !Object.hasOwn(record, name));
  if (missing !== undefined) throw fail(`the row has ${columns.join(", ")} and no ${missing}.`);
  return columns.length === 0 ? null : wanted.map((name) => record[name]);
}

/**
 * What RewardBench 2's judges made of a prompt with one right response: 1/t when it is among the t best ones, 0 when it is
 * not. Scores that earn the same: 1 for the t best, the right one among them, 0 for the others.
 * Worked: right, wrong, wrong, wrong: 1/2 -> 1, 1, 0, 0; 0 -> 0, 1, 1, 1.
 */
function sharedTop(correct: readonly boolean[], share: number, fail: Fail): number[] {
  const top = share === 0 ? 0 : Math.round(1 / share);
  if (correct.filter((is) => is).length !== 1) {
    throw fail("results of more than two responses are for prompts with one right one.");
  }
  if (share > 0 && (top > correct.length || Math.abs(1 / top - share) > 1e-9)) {
    throw fail(`results is ${share}, which is not 0, 1, 1/2, … 1/${correct.length}.`);
  }
  if (share === 0) return correct.map((is) => (is ? 0 : 1));
  let others = top - 1;
  return correct.map((is) => (is || others-- > 0 ? 1 : 0));
}

/** A finite number, or a list with one; null for none. */
function numberOf(value: unknown, fail: Fail): number | null {
  const isList = typeof value === "string" && value.trim().startsWith("[");
  // Text that is no JSON stays what it is, and is no number.
  const given: unknown = isList ? (jsonOrUndefined(value) ?? value) : value;
  const single: unknown = Array.isArray(given) && given.length === 1 ? given[0] : given;
  if (isNone(single)) return null;
  const number = typeof single === "bigint" ? Number(single) : single;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  // Data frames write a missing number as NaN.
  if (typeof number === "number" && Number.isNaN(number)) return null;
  const text = typeof number === "string" ? Number(number) : Number.NaN;
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
function judgmentsOf(list: readonly unknown[], responses: number, fail: Fail): ItemResult {
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
  if (verdicts.every((verdict) => verdict === null))
    return { scores: [null, null], verdicts, isUnread: true };
  const counter = counterOf("first", verdicts);
  return { scores: [counter, 0 - counter], verdicts, isUnread: false, verdictOnly: true };
}
