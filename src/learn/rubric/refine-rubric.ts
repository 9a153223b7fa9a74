import { contentHash } from "../../core/ids.ts";
import type { Criterion, Rubric } from "../../core/rubric/rubric.ts";
import type { Memo } from "../memo.ts";
import type { Pace } from "../rules/in-parallel.ts";
import { type AskingCounts, createAsker } from "./asking.ts";
import type { Accepted, Candidate } from "./candidate.ts";
import { refineCriteria, type StopReason } from "./flow.ts";
import { type RefineOptions, type RefineSettings, refineSettings } from "./options.ts";
import { type RefineInput, type RefineModels, refineSteps } from "./steps.ts";
import { type Decision, decisionOn } from "./trace.ts";
import { type Weighed, weighCriteria } from "./weigh.ts";

export interface RefineCounts extends AskingCounts {
  readonly accepted: number;
  readonly decomposed: number;
  readonly rejected: number;
}

export interface RefinedRubric {
  /** null: no criterion was found. */
  readonly rubric: Rubric | null;
  /** What two responses to this prompt are to be told apart by: the rubric, or, without one, a judge that compares them. */
  readonly decisionSource: "direct" | "rubric";
  readonly stop: StopReason;
  /** Of all accepted criteria, in the order of `accepted`. */
  readonly weights: Weighed;
  readonly accepted: readonly Accepted[];
  /** Every decision, in order. */
  readonly trace: readonly Decision[];
  readonly counts: RefineCounts;
}

const SOURCE = "recursive rubric decomposition (RRD), arXiv 2602.05125";

/**
 * Finds the criteria by which responses to one prompt are judged: proposes some, takes apart those that too many of the
 * responses meet, filters out what is misaligned, redundant or contradictory, and weights what is left by the votes.
 *
 *   reward of a response = sum_k w_k g_k         g_k: 1 when it meets criterion k, w_k >= 0 with sum 1
 *
 * Source: RRD (arXiv 2602.05125); its two public re-implementations differ, and are the two modes; see docs/rrd.md.
 * Null:   without responses, for a prompt with images (models are not shown them), or when no criterion is found, there is
 *         no rubric, and `decisionSource` is `direct`.
 * Unread: a vote that cannot be read is null: it counts neither way. A criterion with more than half of its votes null is
 *         turned down. A filter that cannot be read lets pass, with a flag; a decomposition leaves the criterion as it is.
 * Calls:  1 for the proposal; for each criterion that is looked at one per response, and up to 4 filters and 1 decomposition.
 *         With memo, none for what an earlier run of the same work was answered.
 * Rejects with `CallFailure` when a call fails: nothing that failed is kept, so that the same work goes on from there.
 * Throws `bad_option`.
 */
export async function refineRubric(
  input: RefineInput,
  models: RefineModels,
  options: RefineOptions,
  memo: Memo,
  pace: Pace,
): Promise<RefinedRubric> {
  const settings = refineSettings(options);
  const asker = createAsker(memo, pace, settings.tries);
  const steps = refineSteps(input, models, settings, asker);
  const nothing = nothingToRefine(input);
  const { accepted, trace, stop } =
    nothing === null ? await refineCriteria(steps, settings) : { accepted: [], trace: [], stop: nothing };
  const weights = await weighCriteria(accepted, settings, steps);
  const rubric = rubricOf(input.prompt.id, accepted, weights, settings);
  const many = (decision: Decision["decision"]): number =>
    trace.filter((one) => one.decision === decision).length;
  return {
    rubric,
    decisionSource: rubric === null ? "direct" : "rubric",
    stop,
    weights,
    accepted,
    trace: [...trace, ...weightless(accepted, weights)],
    counts: {
      accepted: many("accepted"),
      decomposed: many("decomposed"),
      rejected: many("rejected"),
      ...asker.counts(),
    },
  };
}

function nothingToRefine({ prompt, responses }: RefineInput): StopReason | null {
  if (prompt.images?.length) return "images";
  return responses.length === 0 ? "no_responses" : null;
}

/** A criterion that counts nothing is not in it: nobody should pay for its verdicts. */
function rubricOf(
  promptId: string,
  accepted: readonly Accepted[],
  { weights }: Weighed,
  { weighting, mode }: RefineSettings,
): Rubric | null {
  const criteria = accepted.flatMap(({ candidate }, index): Criterion[] => {
    const weight = weights[index] ?? 0;
    return weight === 0 ? [] : [criterionOf(candidate, weighting === "uniform" ? null : weight)];
  });
  if (criteria.length === 0) return null;
  return {
    name: `rrd-${contentHash(promptId.toWellFormed()).slice(0, 12)}`,
    version: 1,
    source: SOURCE,
    about: `Refined for one prompt, mode ${mode}.`,
    criteria,
    weighting: weighting === "llm" ? "weights" : weighting,
    categories: {},
    denominator: "weights",
    // Votes were yes or no: no third answer is offered when responses are scored.
    notApplicable: "fail",
    unread: "fail",
  };
}

function criterionOf({ id, text, depth, parentId, round }: Candidate, weight: number | null): Criterion {
  return {
    id,
    text,
    polarity: "positive",
    ...(weight === null ? {} : { weight }),
    tags: [],
    depth,
    ...(parentId === null ? {} : { parentId }),
    provenance: parentId === null ? "proposed" : `decomposed in round ${round}`,
  };
}

function weightless(accepted: readonly Accepted[], { weights, noVariance }: Weighed): Decision[] {
  return accepted.flatMap(({ candidate, votes }, index) => {
    if (weights[index] !== 0) return [];
    const reason = noVariance.includes(index) ? "no_variance" : "zero_weight";
    return [decisionOn(candidate, "weightless", reason, { votes })];
  });
}
