import type { Criterion, RatingUnit, Rubric, Scale } from "./rubric.ts";

/** A criterion that is met or not met has the scale from 0 to 1. */
const MET: Scale = { min: 0, max: 1 };

/** The scale that all criteria share; null when they differ. */
export function oneScale(criteria: readonly Criterion[]): Scale | null {
  const first = criteria[0]?.scale ?? MET;
  const same = criteria.every(({ scale = MET }) => scale.min === first.min && scale.max === first.max);
  return same ? first : null;
}

/** The unit in which a rubric sums its verdicts, given or by its criteria's scales. */
export function unitOf({ ratings, criteria }: Rubric): RatingUnit {
  return ratings ?? (oneScale(criteria) === null ? "normalised" : "raw");
}

/** How much a criterion counts by the rubric's weighting. Negative only for negative points. */
export function weightOf({ weighting, categories }: Rubric, { points, category, weight }: Criterion): number {
  switch (weighting) {
    case "uniform":
      return 1;
    case "points":
      return points ?? 0;
    case "category":
      return categories[category ?? ""] ?? 0;
    case "weights":
    case "whitened-uniform":
      return weight ?? 0;
  }
}

/** How one criterion is counted. */
export interface Count {
  readonly weight: number;
  readonly scale: Scale;
  /** Being met lowers the score. */
  readonly bad: boolean;
  /** Lowest and highest of `unit`. */
  readonly span: readonly [number, number];
  /** A verdict in the unit in which the rubric sums; turned over where meeting is bad and the weight does not say so. */
  unit(verdict: number): number;
}

/** How each criterion is counted, in order. */
export function countsOf(rubric: Rubric): Count[] {
  const { criteria, weighting } = rubric;
  const raw = unitOf(rubric) === "raw";
  return criteria.map((criterion) => {
    const weight = weightOf(rubric, criterion);
    const scale = criterion.scale ?? MET;
    const { min, max } = scale;
    // Points say by their sign what is bad.
    const bad = weighting === "points" ? weight < 0 : criterion.polarity === "negative";
    const turned = bad && weighting !== "points";
    return {
      weight,
      scale,
      bad,
      span: raw ? [min, max] : [0, 1],
      unit: (verdict) => {
        const good = turned ? min + max - verdict : verdict;
        return raw ? good : (good - min) / (max - min);
      },
    };
  });
}
