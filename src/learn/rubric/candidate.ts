import { contentHash } from "../../core/ids.ts";

/** Whether a response meets a criterion; null: the judge's answer could not be read. */
export type Vote = 0 | 1 | null;

/** A criterion that is looked at. */
export interface Candidate {
  readonly id: string;
  readonly text: string;
  /** How often it and its ancestors were taken apart. */
  readonly depth: number;
  readonly parentId: string | null;
  /** The round in which it was proposed, from 1. */
  readonly round: number;
}

/** A candidate that is in, with one vote per response. */
export interface Accepted {
  readonly candidate: Candidate;
  readonly votes: readonly Vote[];
}

/** The same text, but for case, spaces and closing stops, has the same id, whatever the run. */
export function criterionId(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\s.;!]+$/, "");
  return `c-${contentHash(plain).slice(0, 12)}`;
}

export function initialCandidate(text: string): Candidate {
  return { id: criterionId(text), text, depth: 0, parentId: null, round: 1 };
}

export function childOf(parent: Candidate, text: string, round: number): Candidate {
  return { id: criterionId(text), text, depth: parent.depth + 1, parentId: parent.id, round };
}

/** Responses that meet it. */
export function yesCount(votes: readonly Vote[]): number {
  return votes.filter((vote) => vote === 1).length;
}
