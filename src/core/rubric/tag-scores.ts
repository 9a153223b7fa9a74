import { unitOf } from "./counting.ts";
import type { CriterionVerdict, Rubric } from "./rubric.ts";
import { checkVerdicts, scoreRubric } from "./score-rubric.ts";

/**
 * The score over the criteria of each tag alone, by the rubric's own rules and in its unit, in the order in which tags first
 * stand in the rubric.
 *
 * Source: HealthBench's scores by tag.
 * Shape:  one verdict per criterion -> one number per tag; a criterion with several tags counts for each.
 * Null:   a tag has no number where its criteria give no score: nothing of it is counted, or none has positive points.
 * Example: points 5 (a), 3 (b), -2 (a), -4 (c), verdicts 1, 0, 1, 0 -> a (5 - 2) / 5 = 0.6, b 0 / 3 = 0; c has none.
 * Throws: `contract_broken` for a wrong number of verdicts.
 */
export function tagScores(
  rubric: Rubric,
  verdicts: readonly CriterionVerdict[],
): Readonly<Record<string, number>> {
  const { criteria } = rubric;
  checkVerdicts(rubric, verdicts);
  const tags = [...new Set(criteria.flatMap((criterion) => criterion.tags))];
  // Of some criteria that share a scale the unit would be another than of all.
  const ratings = unitOf(rubric);
  return Object.fromEntries(
    tags.flatMap((tag) => {
      const has = criteria.map((criterion) => criterion.tags.includes(tag));
      const score = scoreRubric(
        { ...rubric, ratings, criteria: criteria.filter((_, index) => has[index]) },
        verdicts.filter((_, index) => has[index]),
      );
      return score.kind === "scored" ? [[tag, score.value]] : [];
    }),
  );
}
