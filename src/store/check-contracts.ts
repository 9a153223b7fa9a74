import { pairId, responseIds } from "../core/ids.ts";
import type { Row } from "./table.ts";

/** What is wrong with a value or between values, file and row aside. */
export interface RowProblem {
  readonly kind: RowProblemKind;
  readonly column: string;
  readonly problem: string;
}

export type RowProblemKind =
  | "bad_conversation"
  | "bad_metadata"
  | "bad_response"
  | "bad_score"
  | "repeated_id"
  | "same_text"
  | "unknown_scorer"
  | "wrong_margin"
  | "wrong_pair_id"
  | "wrong_response_id";

/** Differences of doubles that were stored as doubles: nothing beyond the last bits may differ. */
const RELATIVE_TOLERANCE = 1e-12;

/** Contracts within one row of `pairs` whose columns and types are right. */
export function pairRowProblems(row: Row): RowProblem[] {
  const found: RowProblem[] = [
    ...promptProblems(row),
    ...assistantProblems(row, "chosen"),
    ...assistantProblems(row, "rejected"),
    ...metadataProblems(row),
  ];
  const { prompt_id, chosen_id, rejected_id, rule } = row as Readonly<Record<string, string>>;
  const id = pairId(String(prompt_id), String(chosen_id), String(rejected_id), String(rule));
  if (row.pair_id !== id) {
    found.push(
      fault(
        "wrong_pair_id",
        "pair_id",
        `is ${quote(row.pair_id)}; its prompt, responses and rule give "${id}"`,
      ),
    );
  }
  if (chosen_id === rejected_id) found.push(fault("same_text", "rejected_id", "is that of chosen"));
  if (contentOf(row.chosen) !== null && contentOf(row.chosen) === contentOf(row.rejected)) {
    found.push(fault("same_text", "rejected", "is the same text as chosen"));
  }
  const [chosen, rejected, margin] = [row.score_chosen, row.score_rejected, row.reward_margin].map(
    Number,
  ) as [number, number, number];
  if (!(margin > 0)) {
    found.push(fault("wrong_margin", "reward_margin", `is ${margin}, not above 0`));
  } else if (!isClose(margin, chosen - rejected, Math.max(Math.abs(chosen), Math.abs(rejected)))) {
    const text = `is ${margin}; score_chosen − score_rejected is ${chosen - rejected}`;
    found.push(fault("wrong_margin", "reward_margin", text));
  }
  return found;
}

/** Contracts within one row of `groups` whose columns and types are right. */
export function groupRowProblems(row: Row): RowProblem[] {
  const found = [...promptProblems(row), ...metadataProblems(row)];
  const responses = row.responses as readonly Row[];
  const expected = responseIds(
    String(row.prompt_id),
    responses.map(({ text }) => String(text)),
  );
  const seen = new Set<unknown>();
  for (const [index, response] of responses.entries()) {
    const { response_id, role } = response;
    const at = `responses[${index}]`;
    if (seen.has(response_id)) {
      found.push(
        fault("repeated_id", `${at}.response_id`, `is ${quote(response_id)}, as of an earlier response`),
      );
    } else if (response_id !== expected[index]) {
      const text = `is ${quote(response_id)}; its prompt and text give "${expected[index]}"`;
      found.push(fault("wrong_response_id", `${at}.response_id`, text));
    }
    seen.add(response_id);
    if (role !== "candidate" && role !== "baseline") {
      found.push(fault("bad_response", `${at}.role`, `is ${quote(role)}, not candidate or baseline`));
    }
    found.push(...metadataProblems(response, `${at}.metadata`));
  }
  return found;
}

/**
 * Contracts within one row of `scores` whose columns and types are right. `configHashes`, by the recipe's key, are those
 * of the manifest; without them names are not looked up.
 */
export function scoreRowProblems(row: Row, configHashes?: ReadonlyMap<string, string>): RowProblem[] {
  const found: RowProblem[] = [];
  const { kind, value, code, why, name } = row;
  const wrong = (column: string, problem: string): void => {
    found.push(fault("bad_score", column, problem));
  };
  if (kind !== "scored" && kind !== "abstained" && kind !== "failed") {
    wrong("kind", `is ${quote(kind)}, not scored, abstained or failed`);
  } else {
    if (kind === "scored" && value === null) wrong("value", "is null in a row of kind scored");
    if (kind !== "scored" && value !== null) wrong("value", `is ${String(value)} in a row of kind ${kind}`);
    if (kind === "failed" && !code) wrong("code", "is missing in a row of kind failed");
    if (kind !== "failed" && code !== null) wrong("code", `is ${quote(code)} in a row of kind ${kind}`);
    if (kind !== "scored" && why === null) wrong("why", `is missing in a row of kind ${kind}`);
  }
  for (const [index, { start, end }] of ((row.spans ?? []) as readonly Row[]).entries()) {
    if (Number(start) < 0 || Number(end) < Number(start)) {
      wrong(`spans[${index}]`, `goes from ${String(start)} to ${String(end)}`);
    }
  }
  if (configHashes) {
    const expected = configHashes.get(String(name));
    if (expected === undefined) {
      found.push(fault("unknown_scorer", "name", `is ${quote(name)}, which run.json does not know`));
    } else if (row.config_hash !== expected) {
      const text = `is ${quote(row.config_hash)}; run.json has "${expected}" for ${quote(name)}`;
      found.push(fault("unknown_scorer", "config_hash", text));
    }
  }
  return found;
}

/** Equal up to rounding of the subtraction that made them. */
export function isClose(a: number, b: number, scale = Math.max(Math.abs(a), Math.abs(b))): boolean {
  return a === b || Math.abs(a - b) <= RELATIVE_TOLERANCE * Math.max(scale, Number.MIN_VALUE);
}

/** The text of a conversation of one message; null when it is none. */
export function contentOf(messages: unknown): string | null {
  const list = messages as readonly Row[];
  return list.length === 1 ? String(list[0]?.content) : null;
}

/** A value in a message: short, and told apart from words. */
export function quote(value: unknown): string {
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length <= 60 ? value : `${value.slice(0, 59)}…`);
}

function promptProblems({ prompt }: Row): RowProblem[] {
  const roles = (prompt as readonly Row[]).map(({ role }) => role);
  const last = roles.at(-1);
  const found: RowProblem[] = [];
  if (last === undefined) found.push(fault("bad_conversation", "prompt", "has no message"));
  else if (last !== "user" && last !== "tool") {
    found.push(fault("bad_conversation", "prompt", `ends with the role ${quote(last)}, not user or tool`));
  }
  const late = roles.findIndex((role, index) => index > 0 && (role === "system" || role === "developer"));
  if (late > 0) {
    found.push(
      fault("bad_conversation", `prompt[${late}].role`, `is ${quote(roles[late])}, which only comes first`),
    );
  }
  return found;
}

function assistantProblems(row: Row, column: "chosen" | "rejected"): RowProblem[] {
  const messages = row[column] as readonly Row[];
  if (messages.length !== 1) {
    return [fault("bad_conversation", column, `has ${messages.length} messages, not exactly one`)];
  }
  const role = messages[0]?.role;
  return role === "assistant"
    ? []
    : [fault("bad_conversation", column, `has the role ${quote(role)}, not assistant`)];
}

function metadataProblems({ metadata }: Row, column = "metadata"): RowProblem[] {
  let value: unknown;
  try {
    value = JSON.parse(String(metadata));
  } catch {
    // Any text that JSON.parse refuses is the finding itself.
    return [fault("bad_metadata", column, `is ${quote(metadata)}, which is not JSON`)];
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? [] : [fault("bad_metadata", column, `is ${quote(metadata)}, not a JSON object`)];
}

function fault(kind: RowProblemKind, column: string, problem: string): RowProblem {
  return { kind, column, problem };
}
