import { levelled } from "../core/noise.ts";
import type { ScorerResults } from "./gold.ts";

/**
 * Scores among which those that differ by rounding alone are equal (`levelled`); null stays. A report compares nothing else, so
 * that its tables agree on what a tie is.
 *
 * Example: [0.30000000000000004, null, 0.3] -> [0.3, null, 0.3].
 */
export function levelScores(scores: readonly (number | null)[]): (number | null)[] {
  const levels = levelled(scores.filter((score) => score !== null)).values();
  return scores.map((score) => (score === null ? null : (levels.next().value ?? score)));
}

/** The same over all items of all scorers: ranks, unlike ties within an item, are taken across them. */
export function levelResults(scorers: readonly ScorerResults[]): readonly ScorerResults[] {
  const levels = levelScores(scorers.flatMap(({ scores }) => scores.flat())).values();
  return scorers.map((results) => ({
    ...results,
    scores: results.scores.map((item) => item.map((): number | null => levels.next().value ?? null)),
  }));
}
