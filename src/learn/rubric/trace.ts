import type { JsonObject } from "../../core/types.ts";
import type { Candidate, Vote } from "./candidate.ts";

/**
 * What became of a criterion. `left`: never looked at, the refinement having ended before. `weightless`: accepted, and then
 * left out of the rubric, as it counts nothing.
 */
export type Verdict = "accepted" | "decomposed" | "left" | "rejected" | "weightless";

/** Why it was turned down. */
export type RejectionReason =
  /** The same text, but for case, spaces and stops, was looked at before. */
  | "duplicate"
  /** More than half of its votes could not be read. */
  | "unread_votes"
  /** No response meets it. */
  | "met_by_none"
  /** The weak reference meets it, and the strong one does not. */
  | "misaligned"
  | "redundant"
  | "conflict";

export type Reason =
  | RejectionReason
  /** Accepted: met by few enough responses. */
  | "fine_enough"
  /** Accepted although met by many: it was taken apart as often as is allowed, or could not be. */
  | "depth_limit"
  | "not_decomposed"
  /** Accepted in mode `augment`, whatever its votes. */
  | "passed_filters"
  /** Taken apart: met by more responses than `decomposeAbove`. */
  | "met_by_many"
  /** Left: `maxRejections` was reached before; or one more than `maxProposed`. */
  | "ended"
  | "over_limit"
  /** Without weight: all votes are equal; or the weight came out as 0. */
  | "no_variance"
  | "zero_weight";

/** What was left out on the way to the decision. */
export type Flag =
  | "no_references"
  | "references_unread"
  | "redundancy_unread"
  | "conflict_unread"
  | "decomposition_unread";

/** One line of the trace. */
export interface Decision {
  readonly round: number;
  readonly criterion: string;
  readonly text: string;
  readonly parent: string | null;
  readonly depth: number;
  readonly decision: Verdict;
  readonly reason: Reason;
  /** Who decided: a rule of ours, the judge, or the proposer. */
  readonly by: "judge" | "proposer" | "rule";
  /** One per response, where they were asked for. */
  readonly votes: readonly Vote[] | null;
  /** Of the references, where they were asked for. */
  readonly references: { readonly strong: Vote; readonly weak: Vote } | null;
  readonly flags: readonly Flag[];
  /** The beginning of what the judge said, where its answer decided. */
  readonly said: string | null;
}

export type DecisionDetails = Partial<Pick<Decision, "by" | "flags" | "references" | "said" | "votes">>;

export function decisionOn(
  { id, text, depth, parentId, round }: Candidate,
  decision: Verdict,
  reason: Reason,
  { by = "rule", votes = null, references = null, flags = [], said = null }: DecisionDetails = {},
): Decision {
  return {
    ...{ round, criterion: id, text, parent: parentId, depth, decision, reason },
    ...{ by, votes, references, flags, said },
  };
}

/** As a line of the trace file. */
export function decisionRecord(promptId: string, decision: Decision): JsonObject {
  return { prompt_id: promptId, ...decision };
}
