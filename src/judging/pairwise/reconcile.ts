import type { Choice } from "./read-choice.ts";

/** What was said in one order, over all samples, of the response that stood first. */
export interface OrderTally {
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  readonly unread: number;
}

export const NO_VERDICTS: OrderTally = { wins: 0, ties: 0, losses: 0, unread: 0 };

/** null is a verdict that could not be read. */
export function tallyOf(choices: readonly (Choice | null)[]): OrderTally {
  const count = (wanted: Choice | null): number => choices.filter((choice) => choice === wanted).length;
  return { wins: count(1), ties: count(0), losses: count(-1), unread: count(null) };
}

/** The mean verdict in [−1, 1]; null when fewer than half of the verdicts could be read. */
export function meanVerdict({ wins, ties, losses, unread }: OrderTally): number | null {
  const read = wins + ties + losses;
  return read === 0 || read < unread ? null : (wins - losses) / read;
}

export const RECONCILE_RULES = ["strict", "counter", "average"] as const;
export type ReconcileRule = (typeof RECONCILE_RULES)[number];

/** What a comparison whose one order could not be read comes to: nothing, or what the other order says. */
export type UnreadRule = "fail" | "other-order";

/**
 * What i won of a comparison with j, in [0, 1], from the verdicts with i first (`ahead`) and with j first (`behind`); an order that
 * was not asked for is null.
 *
 *   strict    1 or 0 when both orders say so, else 0.5
 *   counter   by the sign of all verdicts added up, +1 for i and −1 for j: 1, 0 or 0.5
 *   average   the mean of the two orders' mean verdicts, from [−1, 1] to [0, 1]
 *
 * Source: `counter` is the rule of JudgeBench (Tan et al. 2024); with `other-order` its (correct, unread) counts as correct.
 * Null:   an order that was asked for could not be read (rule `fail`); no order could.
 */
export function reconcile(
  ahead: OrderTally | null,
  behind: OrderTally | null,
  rule: ReconcileRule,
  onUnread: UnreadRule,
): number | null {
  const asked = [ahead, behind && flipped(behind)].filter((tally) => tally !== null);
  const read = asked.filter((tally) => meanVerdict(tally) !== null);
  if (read.length === 0 || (onUnread === "fail" && read.length < asked.length)) return null;
  const means = read.map((tally) => meanVerdict(tally) ?? 0);
  if (rule === "average") return (1 + sum(means) / means.length) / 2;
  if (rule === "counter") return winsBySign(sum(read.map(({ wins, losses }) => wins - losses)));
  const [first = 0, ...others] = means.map(Math.sign);
  return others.every((sign) => sign === first) ? winsBySign(first) : 0.5;
}

/** The same verdicts, told of the other response. */
export function flipped({ wins, losses, ...rest }: OrderTally): OrderTally {
  return { ...rest, wins: losses, losses: wins };
}

function winsBySign(value: number): number {
  return (1 + Math.sign(value)) / 2;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
