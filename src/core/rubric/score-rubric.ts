import { PrefkitError } from "../errors.ts";
import { ratioOnPaper } from "../on-paper.ts";
import { abstained, failed, scored } from "../scorer.ts";
import type { Failed, Score } from "../types.ts";
import { type Count, countsOf } from "./counting.ts";
import type { Criterion, CriterionVerdict, Denominator, NullRule, Rubric } from "./rubric.ts";

/**
 * The score of a response from one verdict per criterion.
 *
 *   value = sum_k w_k v_k / denominator, over the criteria that are counted
 *
 * w_k:    by the rubric's weighting. v_k: 1 or 0 for met and not met, or the rating, raw or (r - min) / (max - min).
 *         Where being met is bad: negative points are added as they are; with every other weighting v_k is turned over
 *         (1 - v, or min + max - r), so that a negative criterion counts as satisfied when it is not met.
 * Source: HealthBench (points over positive points), Rubrics as Rewards (weights by category), AutoRule (uniform), Prometheus
 *         and PsychoCounsel (mean of ratings).
 * Ties:   sums that are equal on paper are equal scores, whatever criteria they come from (see `ratioOnPaper`).
 * Parts:  by criterion id, what the judge said, not turned over; none for a criterion without a verdict.
 * Null:   `not_applicable` and null follow the rubric's rules. `skip` leaves the criterion out of sum and of the denominator
 *         `weights`; `fail` makes the score `failed`: `not_applicable` or `unread_verdict`.
 * Abstains when nothing is counted, or the denominator is 0 (HealthBench: no positive points).
 * Fails:  `out_of_range` for a verdict outside the criterion's scale.
 * Example: points [5, 3, -2], verdicts [1, 0, 1] -> (5 - 2) / 8 = 0.375.
 * Throws: `contract_broken` for a wrong number of verdicts.
 */
export function scoreRubric(rubric: Rubric, verdicts: readonly CriterionVerdict[]): Score {
  const { criteria, denominator } = rubric;
  checkVerdicts(rubric, verdicts);
  const counts = countsOf(rubric);
  const counted: { readonly weight: number; readonly value: number }[] = [];
  for (const [index, count] of counts.entries()) {
    const settled = settle(rubric, criteria[index] as Criterion, count, verdicts[index] ?? null);
    if (typeof settled === "object") return settled;
    if (settled !== "skip") counted.push({ weight: count.weight, value: count.unit(settled) });
  }
  if (counted.length === 0) return abstained("no criterion is left to count");
  const terms = counted.map(({ weight, value }) => [weight, value] as const);
  const ratio = ratioOnPaper(terms, divisorsOf(denominator, counted, counts));
  if (ratio === null) {
    return abstained(
      denominator === "weights"
        ? "the criteria that are left have weight 0"
        : "no criterion has positive points",
    );
  }
  // It may round to a hair beyond what can be reached.
  const [min, max] = rubricRange(rubric);
  const why = withoutVerdict(criteria, verdicts);
  return scored(plus(Math.min(Math.max(ratio, min), max)), {
    ...(why === "" ? {} : { why }),
    parts: partsOf(criteria, verdicts),
  });
}

/** Throws `contract_broken` for a wrong number of verdicts. */
export function checkVerdicts({ name, criteria }: Rubric, verdicts: readonly CriterionVerdict[]): void {
  if (verdicts.length === criteria.length) return;
  throw new PrefkitError(
    "contract_broken",
    `rubric "${name}" got ${verdicts.length} verdicts for ${criteria.length} criteria.`,
    "give one verdict per criterion, null for one that could not be read.",
  );
}

/** The verdict that a criterion counts with, "skip", or why the score fails. */
function settle(
  { notApplicable, unread }: Rubric,
  { id }: Criterion,
  { scale: { min, max }, bad }: Count,
  verdict: CriterionVerdict,
): number | "skip" | Failed {
  if (typeof verdict === "number") {
    if (verdict >= min && verdict <= max) return verdict;
    return failed("out_of_range", `the verdict on "${id}" is ${verdict}, outside [${min}, ${max}]`);
  }
  const rule: NullRule = verdict === null ? unread : notApplicable;
  if (rule === "skip") return "skip";
  if (rule === "fail") {
    return verdict === null
      ? failed("unread_verdict", `the verdict on "${id}" could not be read`)
      : failed("not_applicable", `"${id}" does not apply`);
  }
  return (rule === "satisfied") === bad ? min : max;
}

/** What the weighted sum is divided by, in parts. */
function divisorsOf(
  denominator: Denominator,
  counted: readonly { readonly weight: number }[],
  all: readonly { readonly weight: number }[],
): number[] {
  switch (denominator) {
    case "none":
      return [1];
    case "weights":
      return counted.map(({ weight }) => Math.abs(weight));
    case "positive-points":
      return all.map(({ weight }) => Math.max(weight, 0));
  }
}

function partsOf(
  criteria: readonly Criterion[],
  verdicts: readonly CriterionVerdict[],
): Record<string, number> {
  return Object.fromEntries(
    criteria.flatMap(({ id }, index) => {
      const verdict = verdicts[index];
      return typeof verdict === "number" ? [[id, verdict]] : [];
    }),
  );
}

function withoutVerdict(criteria: readonly Criterion[], verdicts: readonly CriterionVerdict[]): string {
  const ids = (kind: CriterionVerdict): string[] =>
    criteria.filter((_, index) => verdicts[index] === kind).map(({ id }) => id);
  const lists = { "not applicable": ids("not_applicable"), unread: ids(null) };
  return Object.entries(lists)
    .filter(([, list]) => list.length > 0)
    .map(([kind, list]) => `${kind}: ${list.join(", ")}`)
    .join("; ");
}

/**
 * The lowest and highest value that verdicts can give, both reached by some: skipped criteria are thought of where a rule
 * of the rubric skips.
 *
 * Example: points [5, 3, -2] -> [-0.25, 1]; a mean of ratings from 1 to 5 -> [1, 5]. A rubric that can only abstain
 * -> [0, 0].
 */
export function rubricRange(rubric: Rubric): readonly [min: number, max: number] {
  const skips = rubric.notApplicable === "skip" || rubric.unread === "skip";
  const counts = countsOf(rubric);
  const ends = counts.map(({ weight, span: [low, high] }): [number, number] =>
    weight < 0 ? [weight * high, weight * low] : [weight * low, weight * high],
  );
  const low = lowest(
    ends.map(([end]) => end),
    counts,
    rubric.denominator,
    skips,
  );
  const high = -lowest(
    ends.map(([, end]) => -end),
    counts,
    rubric.denominator,
    skips,
  );
  return [plus(low), plus(high)];
}

/** The lowest value, where each criterion adds its lowest or, with `skips`, nothing at all; at least one is counted. */
function lowest(
  ends: readonly number[],
  counts: readonly Count[],
  denominator: Denominator,
  skips: boolean,
): number {
  const divisors = divisorsOf(denominator, counts, counts);
  const added = (values: readonly number[]): number =>
    ratioOnPaper(
      values.map((value) => [1, value] as const),
      divisors,
    ) ?? 0;
  if (divisors.every((divisor) => divisor === 0)) return 0;
  if (!skips) return added(ends);
  if (denominator === "weights") {
    // A mean of several is never beyond the furthest of them.
    const means = ends.flatMap((end, index) => {
      const weight = Math.abs(counts[index]?.weight ?? 0);
      return weight === 0 ? [] : [end / weight];
    });
    return Math.min(...means);
  }
  const least = Math.min(...ends);
  return added(least > 0 ? [least] : ends.map((end) => Math.min(end, 0)));
}

/** Without the sign of -0. */
function plus(value: number): number {
  return value === 0 ? 0 : value;
}
