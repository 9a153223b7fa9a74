import { whitenedUniformWeights } from "../../core/rubric/weights.ts";
import type { Accepted } from "./candidate.ts";
import type { RefineSettings } from "./options.ts";
import type { Steps } from "./steps.ts";

/** How the criteria were weighted, for whoever reads the result. */
export interface Weighed {
  /** One per accepted criterion; at least 0, with sum 1. */
  readonly weights: readonly number[];
  readonly weighting: RefineSettings["weighting"];
  readonly estimator: RefineSettings["estimator"] | null;
  /** Largest over smallest eigenvalue of the covariance that was inverted; null where none was. */
  readonly conditionNumber: number | null;
  /** Responses that the covariance rests on, and those left out because one of their votes could not be read. */
  readonly responses: { readonly used: number; readonly leftOut: number } | null;
  /** Places of criteria whose votes are all equal. */
  readonly noVariance: readonly number[];
  /** Why the weights are uniform although others were asked for; null when they are not. */
  readonly note: string | null;
}

/**
 * Weights of the accepted criteria.
 *
 * A response on which some vote could not be read is left out of the covariance for all criteria: so every entry rests on the
 * same responses, and the matrix is a covariance. (Entries over what each two criteria share need not be one.)
 */
export async function weighCriteria(
  accepted: readonly Accepted[],
  { weighting, estimator }: RefineSettings,
  steps: Pick<Steps, "weigh">,
): Promise<Weighed> {
  const count = accepted.length;
  const facts = {
    weighting,
    estimator: weighting === "whitened-uniform" ? estimator : null,
    conditionNumber: null,
    responses: null,
    noVariance: [],
    note: null,
  };
  const uniform = accepted.map(() => 1 / count);
  if (weighting === "uniform" || count === 0) return { ...facts, weights: uniform };
  if (weighting === "llm") {
    const given = await steps.weigh(accepted.map(({ candidate }) => candidate.text));
    const total = given?.reduce((sum, weight) => sum + weight, 0) ?? 0;
    if (given !== null && total > 0 && Number.isFinite(total)) {
      return { ...facts, weights: given.map((weight) => weight / total) };
    }
    const note = given === null ? "the judge's weights could not be read" : "the judge's weights have no sum";
    return { ...facts, weights: uniform, note };
  }
  const responses = accepted[0]?.votes.length ?? 0;
  const rows = Array.from({ length: responses }, (_, row) =>
    accepted.flatMap(({ votes }) => votes[row] ?? []),
  ).filter((row) => row.length === count);
  const used = { used: rows.length, leftOut: responses - rows.length };
  if (rows.length === 0) {
    return {
      ...facts,
      weights: uniform,
      responses: used,
      note: "on every response some vote could not be read",
    };
  }
  const { weights, dropped, conditionNumber, note } = whitenedUniformWeights(rows, { estimator });
  return { ...facts, weights, responses: used, noVariance: dropped, conditionNumber, note };
}
