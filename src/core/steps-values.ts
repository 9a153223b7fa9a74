import type { Score, Span } from "./types.ts";

/**
 * The spans of a score that are steps: those with label "step" or none, in the order they are stored.
 *
 * Null: a cell that is not scored, or one whose scorer marks no spans. A scored cell with an empty list has no steps: [].
 */
export function stepSpans(score: Score | undefined): readonly Span[] | null {
  if (score?.kind !== "scored" || !score.spans) return null;
  return score.spans.filter(({ label }) => label === null || label === "step");
}

/**
 * The values of a score's steps.
 *
 * Null: as `stepSpans`, and where a step has no value or one that is not finite: it would poison what is made of its
 * neighbours.
 */
export function stepValues(score: Score | undefined): readonly number[] | null {
  const values = stepSpans(score)?.map(({ value }) => value);
  if (!values) return null;
  const numbers = values.filter((value) => value !== null && Number.isFinite(value));
  return numbers.length === values.length ? (numbers as readonly number[]) : null;
}
