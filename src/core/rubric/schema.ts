import { z } from "zod";
import { nearest } from "../nearest.ts";
import { oneScale, weightOf } from "./counting.ts";
import type { Criterion, Rubric } from "./rubric.ts";

const text = z.string().regex(/\S/, "must not be blank");
const id = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
    "must be of letters, digits, `_` and `-`, the first a letter or digit",
  )
  .max(100);
const weight = z.number().min(0);
const nullRule = z.enum(["satisfied", "unsatisfied", "skip", "fail"]);

const scale = z.strictObject({
  min: z.int().describe("Lowest rating."),
  max: z.int().describe("Highest rating."),
  anchors: z.record(z.string(), text).exactOptional().describe("What a rating means, by the rating."),
});

const criterion = z.strictObject({
  id: id.describe("Unique in the rubric; the name of the score's part."),
  text: text.describe("What the judge is asked about the response."),
  polarity: z
    .enum(["positive", "negative"])
    .exactOptional()
    .describe("`negative`: being met is bad. When absent, the sign of `points`, else positive."),
  points: z.number().exactOptional().describe("For weighting `points`; may be negative."),
  category: z.string().exactOptional().describe("For weighting `category`: a key of `categories`."),
  weight: weight.exactOptional().describe("For weighting `weights` and `whitened-uniform`; at least 0."),
  scale: scale.exactOptional().describe("Whole ratings; without it the criterion is met or not met."),
  tags: z.array(text).default([]),
  depth: z.int().min(0).exactOptional().describe("How often it was taken apart."),
  parentId: id.exactOptional().describe("The criterion it was taken from."),
  provenance: text.exactOptional().describe("Where it comes from."),
});

const file = z.strictObject({
  rubric: z.literal(1).exactOptional().describe("Version of the format; first in a file."),
  name: id,
  version: z.int().min(1).describe("Raised whenever numbers can change."),
  source: text.exactOptional().describe("The paper or project that it follows."),
  about: text.exactOptional().describe("One line on what it judges."),
  weighting: z.enum(["uniform", "points", "category", "weights", "whitened-uniform"]).default("uniform"),
  categories: z.record(text, weight).default({}).describe("Weights by category."),
  denominator: z
    .enum(["none", "weights", "positive-points"])
    .exactOptional()
    .describe("When absent, `positive-points` for weighting `points`, else `weights`."),
  ratings: z.enum(["raw", "normalised"]).exactOptional().describe("The unit in which verdicts are summed."),
  notApplicable: nullRule.default("skip").describe("What a criterion that does not apply counts as."),
  unread: nullRule.default("fail").describe("What a criterion whose verdict could not be read counts as."),
  criteria: z.array(criterion).min(1, "must hold at least one criterion"),
});

/**
 * A rubric as it stands in a file or a recipe, checked, with its defaults filled. A `Rubric` passes unchanged. In a file
 * the first key is `rubric: 1`; `parseRubric` asks for it.
 */
export const rubricSchema: z.ZodType<Rubric, z.input<typeof file>> = file
  .transform(
    ({ rubric: _, ...given }): Rubric => ({
      ...given,
      denominator: given.denominator ?? (given.weighting === "points" ? "positive-points" : "weights"),
      criteria: given.criteria.map((one) => ({
        ...one,
        polarity: one.polarity ?? ((one.points ?? 0) < 0 ? "negative" : "positive"),
      })),
    }),
  )
  .superRefine((rubric, context) => {
    for (const { path, problem, fix } of rubricProblems(rubric)) {
      context.addIssue({ code: "custom", path: [...path], message: problem, params: { fix } });
    }
  });

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
  readonly fix: string;
}

/** What no single key can be blamed for; in the order of the file. */
function rubricProblems(rubric: Rubric): Problem[] {
  const { criteria, weighting, ratings } = rubric;
  const found = criteria.flatMap((one, index) =>
    [...criterionProblems(rubric, one, index), ...scaleProblems(one)].map((problem) => ({
      ...problem,
      path: ["criteria", index, ...problem.path],
    })),
  );
  if (found.length > 0) return found;
  if (ratings === "raw" && oneScale(criteria) === null) {
    const problem = "the criteria have different scales, so their ratings have no common unit.";
    found.push({ path: ["ratings"], problem, fix: "write normalised, or give all criteria one scale." });
  }
  if (criteria.every((one) => weightOf(rubric, one) === 0)) {
    const problem = `no criterion counts: by weighting ${weighting} each has weight 0.`;
    found.push({ path: ["criteria"], problem, fix: "give at least one criterion another weight." });
  }
  return found;
}

function criterionProblems(rubric: Rubric, one: Criterion, index: number): Problem[] {
  const { weighting, categories, criteria } = rubric;
  const found: Problem[] = [];
  const twin = criteria.findIndex((other) => other.id === one.id);
  if (twin !== index) {
    const problem = `"${one.id}" is the id of criterion ${twin + 1} already.`;
    found.push({ path: ["id"], problem, fix: "give each criterion an id of its own." });
  }
  if (one.points !== undefined && one.points * (one.polarity === "negative" ? 1 : -1) > 0) {
    const problem = `polarity ${one.polarity} with ${one.points} points.`;
    const fix = "give what is bad to meet negative points, and leave the polarity out.";
    found.push({ path: ["polarity"], problem, fix });
  }
  if (weighting === "points" && one.points === undefined) {
    const problem = `criterion "${one.id}" has no points, and the weighting is points.`;
    found.push({ path: ["points"], problem, fix: "add `points`, or choose another weighting." });
  }
  if ((weighting === "weights" || weighting === "whitened-uniform") && one.weight === undefined) {
    const problem = `criterion "${one.id}" has no weight, and the weighting is ${weighting}.`;
    found.push({ path: ["weight"], problem, fix: "add `weight`, or choose another weighting." });
  }
  if (weighting === "category" && one.category === undefined) {
    const problem = `criterion "${one.id}" has no category, and the weighting is category.`;
    found.push({ path: ["category"], problem, fix: "add `category`, or choose another weighting." });
  }
  if (one.category !== undefined && weighting === "category" && !Object.hasOwn(categories, one.category)) {
    const guess = nearest(one.category, Object.keys(categories));
    const fix = guess === null ? "add it to `categories`, with its weight." : `did you mean "${guess}"?`;
    found.push({ path: ["category"], problem: `"${one.category}" is not among the categories.`, fix });
  }
  return found;
}

function scaleProblems({ scale: given }: Criterion): Problem[] {
  if (!given) return [];
  const { min, max, anchors = {} } = given;
  if (min >= max) {
    return [{ path: ["scale"], problem: `min ${min} is not below max ${max}.`, fix: "choose min < max." }];
  }
  return Object.keys(anchors)
    .filter((key) => !/^(0|-?[1-9]\d*)$/.test(key) || Number(key) < min || Number(key) > max)
    .map((key) => ({
      path: ["scale", "anchors", key],
      problem: `"${key}" is no rating of the scale from ${min} to ${max}.`,
      fix: "give anchors to whole ratings of the scale.",
    }));
}
