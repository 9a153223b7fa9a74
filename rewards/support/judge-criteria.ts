import { namedRubric } from "../../src/core/rubric/named-rubric.ts";
import type { Criterion } from "../../src/core/rubric/rubric.ts";
import { readyRubrics } from "../rubrics/index.ts";

const RUBRIC = { label: "rubric", what: "rubric", ready: readyRubrics, samplePath: "./my-rubric.yaml" };

/**
 * What a judge that compares is told to judge by: words as they are given, or the criteria of a rubric, one a line; null for
 * the usual. A rubric is named, or is a file whose path starts with "." or "/".
 *
 * Weights and scales are left out: a comparison asks which response is better on the whole. Throws `bad_option` for a rubric that does
 * not exist or cannot be parsed.
 */
export function criteriaOf({
  criteria,
  rubric,
}: {
  readonly criteria?: string | undefined;
  readonly rubric?: string | undefined;
}): string | null {
  if (rubric === undefined) return criteria ?? null;
  const { criteria: list } = namedRubric(rubric, RUBRIC);
  // Part of the prompts: other words here need new versions of pairwise-judge and listwise-judge.
  return `which response does better on the whole by these criteria.\n${list.map(criterionLine).join("\n")}`;
}

function criterionLine({ text, polarity }: Criterion): string {
  const line = text.replace(/\s+/g, " ").trim();
  return polarity === "negative" ? `- (a fault) ${line}` : `- ${line}`;
}
