import { countsOf } from "../../src/core/rubric/counting.ts";
import type { Criterion, NullRule, Rubric } from "../../src/core/rubric/rubric.ts";

// Changing any text of this file changes what judges answer: raise the scorer's version with it.

/** The one rating of `aggregate: implicit`; the name of its part. */
const OVERALL = "overall";
const SCALE = {
  min: 1,
  max: 10,
  anchors: { 1: "It meets nothing of what counts.", 10: "It meets all of it." },
} as const;

const TASK =
  "How well does the response meet these criteria, all taken together, each as far as its weight goes? To have a fault counts against it.";

const NOT_APPLICABLE: Readonly<Record<NullRule, string>> = {
  satisfied: " What cannot apply here counts as done well.",
  unsatisfied: " What cannot apply here counts as done badly.",
  skip: " What cannot apply here is left out.",
  fail: "",
};

/**
 * A rubric of one rating from 1 to 10, in which the judge itself weighs all criteria of the given one; its score is
 * (rating - 1) / 9.
 *
 * The rule `notApplicable` is told to the judge in words; `denominator` and `ratings` have nothing to say here.
 *
 * Source: Gunjal et al. 2025, "Rubrics as Rewards", implicit aggregation: a rating from 1 to 10, brought to [0, 1]. That it is
 *         (x - 1) / 9 and not x / 10 follows a public re-implementation. The words are our own.
 */
export function implicitRubric(rubric: Rubric): Rubric {
  const { name, version, criteria, notApplicable } = rubric;
  const counts = countsOf(rubric);
  const lines = criteria.flatMap((criterion, index) => {
    const { weight = 0, bad = false } = counts[index] ?? {};
    return weight === 0 ? [] : [criterionLine(criterion, Math.abs(weight), bad, rubric)];
  });
  const text = [`${TASK}${NOT_APPLICABLE[notApplicable]}`, ...lines].join("\n");
  return {
    ...{ name, version },
    criteria: [{ id: OVERALL, text, polarity: "positive", scale: SCALE, tags: [] }],
    weighting: "uniform",
    categories: {},
    denominator: "weights",
    ratings: "normalised",
    // There is no other criterion beside it that the score could rest on.
    notApplicable: "fail",
    unread: "fail",
  };
}

/** One line: a criterion, which a model may have written, cannot add another to the list. */
function criterionLine(
  { text, category, scale }: Criterion,
  weight: number,
  bad: boolean,
  { weighting }: Rubric,
): string {
  const traits = [
    ...(bad && !scale ? ["a fault"] : []),
    ...(weighting === "category" && category !== undefined ? [category] : []),
    `weight ${Number(weight.toPrecision(3))}`,
    ...(scale ? [`from ${scale.min} to ${scale.max}${bad ? ", less being better" : ""}`] : []),
  ];
  const anchors = Object.entries(scale?.anchors ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([rating, meaning]) => ` ${rating}: ${meaning}`);
  return `- (${traits.join(", ")}) ${[text, ...anchors].join("")}`.replace(/\s+/g, " ").trim();
}
