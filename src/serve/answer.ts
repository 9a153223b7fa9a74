import type { Score } from "../core/types.ts";
import type { Gathered, Outcome } from "./gather.ts";
import type { Asked } from "./request.ts";
import { inTurns } from "./turns.ts";

/** A score as it is sent: `value` is there for every kind, and null unless it was scored. */
export type ScoreAnswer =
  | {
      readonly kind: "scored";
      readonly value: number;
      readonly why?: string;
      readonly parts?: Readonly<Record<string, number>>;
      readonly spans?: readonly unknown[];
    }
  | { readonly kind: "abstained"; readonly value: null; readonly why: string }
  | { readonly kind: "failed"; readonly value: null; readonly code: string; readonly why: string };

export interface ResponseAnswer {
  readonly id: string;
  readonly reward: number | null;
  /** By the recipe's key of the scorer. */
  readonly scores: Readonly<Record<string, ScoreAnswer>>;
}

export interface GroupAnswer {
  readonly id: string;
  readonly responses: readonly ResponseAnswer[];
  readonly gathered?: Gathered;
  /** Why the combine step gave no reward, where it could not work at all. */
  readonly problem?: string;
}

/** A scorer that failed on responses of a group: a timeout, a lost connection, an unread verdict. */
export interface MissingAnswer {
  readonly group: string;
  readonly score: string;
  readonly code: string;
  readonly why: string;
  readonly responses: readonly string[];
}

/**
 * The answer of `/score`, as JSON text: `groups` in the order asked, each reward beside the id that the client gave its
 * response, and `missing`. Made group by group, so that a large answer holds up nobody.
 */
export function scoreAnswer(asked: readonly Asked[], outcomes: readonly Outcome[]): string | Promise<string> {
  const missing: string[] = [];
  const groups = inTurns(asked, (one, index) => {
    const answered = answerOne(one, outcomes[index] as Outcome);
    for (const entry of answered.missing) missing.push(JSON.stringify(entry));
    return JSON.stringify(answered.group);
  });
  const whole = (texts: readonly string[]): string =>
    `{"groups":[${texts.join(",")}],"missing":[${missing.join(",")}]}`;
  return groups instanceof Promise ? groups.then(whole) : whole(groups);
}

function answerOne(
  { id, responseIds }: Asked,
  { rewards, columns, problem, gathered }: Outcome,
): { readonly group: GroupAnswer; readonly missing: readonly MissingAnswer[] } {
  return {
    group: {
      id,
      responses: responseIds.map((responseId, at) => ({
        id: responseId,
        reward: rewards[at] ?? null,
        scores: scoresAt(columns, at),
      })),
      ...(gathered && { gathered }),
      ...(problem !== null && { problem }),
    },
    missing: columns.flatMap(({ name, scores }) => missingOf(id, name, responseIds, scores)),
  };
}

/** The scores of the response at `at`. Runs for every response that is served: nothing is made that is not sent. */
function scoresAt(columns: Outcome["columns"], at: number): Record<string, ScoreAnswer> {
  const answers: Record<string, ScoreAnswer> = {};
  for (const { name, scores } of columns) {
    const score = scores[at];
    if (score !== undefined) answers[name] = answerOf(score);
  }
  return answers;
}

function answerOf(score: Score): ScoreAnswer {
  if (score.kind === "scored") {
    if (!("raw" in score)) return score;
    const { raw: _raw, ...rest } = score;
    return rest;
  }
  return { ...score, value: null };
}

/** Failed cells of one scorer in one group, together where code and reason are the same. */
function missingOf(
  group: string,
  score: string,
  responseIds: readonly string[],
  scores: readonly Score[],
): MissingAnswer[] {
  if (!scores.some(({ kind }) => kind === "failed")) return [];
  const found = new Map<string, { code: string; why: string; responses: string[] }>();
  for (const [at, cell] of scores.entries()) {
    if (cell.kind !== "failed") continue;
    const kept = found.get(cell.code) ?? { code: cell.code, why: cell.why, responses: [] };
    kept.responses.push(responseIds[at] ?? "");
    found.set(cell.code, kept);
  }
  return [...found.values()].map((entry) => ({ group, score, ...entry }));
}
