import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { suggestion } from "../core/nearest.ts";
import { parseOptions } from "../core/scorer.ts";
import { stepValues } from "../core/steps-values.ts";
import { binOf, emptyBins, joinBins, quantileOf, thawBins } from "./process-quantile.ts";
import type { RunStatistics, Transform, TransformContext, TransformDefinition } from "./transform.ts";

export const PROCESS_MODES = ["none", "clip", "delta", "clip-delta"] as const;
export type ProcessMode = (typeof PROCESS_MODES)[number];

export interface ShapeOptions {
  readonly mode: ProcessMode;
  /** Clip's threshold, in [0, 1]; needed by `clip` and `clip-delta`, looked at by no other mode. */
  readonly eta?: number;
  /** Weight of the steps' sum against success. */
  readonly alpha: number;
  /** 1 for a right answer, 0 for a wrong one; any finite number is taken. */
  readonly success: number;
}

export interface ShapedSteps {
  /** One per step; a trainer gives it to the step's last token. */
  readonly stepRewards: readonly number[];
  /** alpha * Σ stepRewards + success. */
  readonly total: number;
}

/**
 * Process rewards that a policy cannot collect by writing more steps (delta: from the second step on).
 *
 *   none        r_k = p_k                                     Σ grows with the number of steps: length hacking pays
 *   clip        r_k = min(p_k - eta, 0)                       in [-eta, 0]
 *   delta       r_k = p_k - p_(k+1);  r_(K-1) = p_(K-1);  r_K = 0
 *   clip-delta  clip first, then delta of the clipped values
 *   total       = alpha * Σ r_k + success
 *
 * Source: Gao et al. 2024, "On Designing Effective RL Reward at Training Time for LLM Reasoning" (arXiv 2410.15115), PR-Clip
 *         and PR-Delta. The last step has no reward of its own under delta: success covers it.
 * Shape:  step values p [K], each in [0, 1] -> stepRewards [K], total.
 * Null:   when a step value is NaN or infinite: the response is unscored, since the value would poison its neighbours.
 * Edges:  K = 0 -> [] and success; K = 1 -> delta [0]. For K >= 2, Σ delta = p_1, however many steps.
 * Worked: [0.9, 0.4, 0.7, 0.95], eta 0.5: clip [0, -0.1, 0, 0]; delta [0.5, -0.3, 0.7, 0], Σ 0.9; clip-delta
 *         [0.1, -0.1, 0, 0], Σ 0. With alpha 0.02 and success 1: delta 0.02 * 0.9 + 1 = 1.018.
 * Throws: `bad_option` for a step value outside [0, 1], an eta outside [0, 1] or none where it is needed, and an alpha or
 *         success that is not finite.
 */
export function shapeProcessRewards(scores: readonly number[], options: ShapeOptions): ShapedSteps | null {
  const { mode, eta, alpha, success } = options;
  const clips = mode === "clip" || mode === "clip-delta";
  if (!PROCESS_MODES.includes(mode))
    refuse(`there is no mode "${mode}"`, `write one of: ${PROCESS_MODES.join(", ")}.`);
  if (!Number.isFinite(alpha) || !Number.isFinite(success)) {
    refuse(`alpha is ${alpha} and success ${success}`, "give finite numbers.");
  }
  if (clips && !(eta !== undefined && eta >= 0 && eta <= 1)) {
    refuse(`mode ${mode} got eta ${eta}`, "give an eta in [0, 1].");
  }
  if (!scores.every(Number.isFinite)) return null;
  const outside = scores.findIndex((score) => score < 0 || score > 1);
  if (outside >= 0) {
    refuse(`step ${outside + 1} has the value ${scores[outside]}, outside [0, 1]`, SQUASH);
  }
  const clipped = clips ? scores.map((score) => Math.min(score - (eta ?? 0), 0)) : scores;
  const stepRewards = mode === "delta" || mode === "clip-delta" ? deltas(clipped) : clipped;
  return { stepRewards, total: alpha * sum(stepRewards) + success };
}

/**
 * What is still to come at each step, the step itself included: R_k = r_k + r_(k+1) + … + r_K.
 *
 * Worked: the delta rewards [0.5, -0.3, 0.7, 0] -> [0.9, 0.4, 0.7, 0]: the step values themselves, but for the last.
 */
export function returnsToGo(stepRewards: readonly number[]): readonly number[] {
  const returns: number[] = [];
  for (const reward of stepRewards.toReversed()) returns.push((returns.at(-1) ?? 0) + reward);
  return returns.reverse();
}

const unit = z.number().min(0).max(1);
const options = z
  .strictObject({
    score: z.string().min(1).describe("The recipe's key of the scorer whose spans hold the step values."),
    mode: z.enum(PROCESS_MODES).default("clip-delta").describe("How step values become step rewards."),
    eta: unit.exactOptional().describe("Clip's threshold: steps below it are penalised."),
    etaQuantile: unit.exactOptional().describe("eta is this quantile of the run's step values."),
    alpha: z.number().default(0.02).describe("Weight of the steps' sum against the term's own value."),
  })
  .superRefine(({ mode, eta, etaQuantile }, { addIssue }) => {
    const given = [eta, etaQuantile].filter((value) => value !== undefined).length;
    const wanted = mode === "clip" || mode === "clip-delta" ? 1 : 0;
    if (given === wanted) return;
    const message = wanted === 1 ? "needs eta or etaQuantile, one of them" : "looks at no eta: leave it out";
    addIssue({ code: "custom", path: ["mode"], message: `${mode} ${message}` });
  });

export type ProcessShapingOptions = z.input<typeof options>;

const NAME = "process-shaping";
const SQUASH = "give step values in [0, 1]: set `squash: sigmoid` on the scorer when they are logits.";

/**
 * Adds shaped process rewards to a term: the term's own value is the success reward, the step values are the spans of
 * another score.
 *
 *   y = alpha * Σ r_k + x        r_k by `mode`, see `shapeProcessRewards`
 *
 * Source: as `shapeProcessRewards`; the paper states neither alpha nor eta. Our choice: alpha 0.02, so that success weighs
 *         more; eta without a default, or by quantile, so that most steps are not penalised, as the paper wants it.
 * Range:  x + [0, alpha] for delta, x + [-alpha * eta, 0] for clip-delta, x + [-alpha * eta * K, 0] for clip, alpha >= 0.
 * Null:   stays null; also where the named score is not scored, marks no spans, or has a step without a value.
 * Run:    `etaQuantile` counts the run's step values (every response that has them) in bins 0.001 wide; eta is the lower edge
 *         of the bin of the nearest-rank quantile, so that at most this share of the steps lies below it.
 * Worked: x 1, step values [0.9, 0.4, 0.7, 0.95], delta, alpha 0.02 -> 0.02 * 0.9 + 1 = 1.018.
 * Throws: `bad_option` for options that contradict each other and step values outside [0, 1]; `unknown_name` when no score
 *         has that name; `need_unmet` with `etaQuantile` and no frozen statistics.
 */
export function processShaping(given: ProcessShapingOptions): Transform {
  const { score, mode, eta, etaQuantile, alpha } = parseOptions(NAME, options, given);
  return {
    name: NAME,
    version: 1,
    perResponse: true,
    reads: [{ score, option: ["score"] }],
    apply: (values, context) => {
      const steps = stepValuesOf(score, context);
      // A run without a single step has no quantile, and needs none.
      const anyStep = values.some((success, index) => success !== null && (steps[index]?.length ?? 0) > 0);
      const quantile = (q: number): number => (anyStep ? quantileOf(NAME, q, context) : 0);
      const threshold = etaQuantile === undefined ? eta : quantile(etaQuantile);
      return values.map((success, index) => {
        const scores = steps[index] ?? null;
        if (success === null || scores === null) return null;
        const shape = { mode, alpha, success, ...(threshold === undefined ? {} : { eta: threshold }) };
        return shapeProcessRewards(scores, shape)?.total ?? null;
      });
    },
    ...(etaQuantile === undefined ? {} : { statistics: stepBins(score) }),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: NAME,
  version: 1,
  summary: "Adds clipped or delta process rewards of another score's steps to the term's value.",
  options,
  example: { score: "steps", eta: 0.5 },
  create: processShaping,
};

/** How often step values fall into each bin. */
function stepBins(score: string): RunStatistics {
  return {
    empty: emptyBins(),
    add: (sums, _values, context) => {
      const counts = [...thawBins(NAME, sums)];
      for (const value of stepValuesOf(score, context).flatMap((steps) => steps ?? [])) {
        const bin = binOf(value);
        counts[bin] = (counts[bin] ?? 0) + 1;
      }
      return counts;
    },
    join: (first, second) => joinBins(thawBins(NAME, first), thawBins(NAME, second)),
  };
}

/** The step values of each response, null where it has none; those outside [0, 1] are refused with their place. */
function stepValuesOf(
  name: string,
  { group, scores }: Pick<TransformContext, "group" | "scores">,
): readonly (readonly number[] | null)[] {
  const place = { promptId: group.prompt.id, scorer: name };
  const column = scores.find((candidate) => candidate.name === name);
  if (!column) {
    throw new PrefkitError(
      "unknown_name",
      `${NAME} looks for a score "${name}", which this group does not have.`,
      suggestion(
        name,
        scores.map((each) => each.name),
      ),
      { place: { promptId: group.prompt.id } },
    );
  }
  return group.responses.map((_, index) => {
    const steps = stepValues(column.scores[index]);
    const outside = steps?.find((value) => value < 0 || value > 1);
    if (outside !== undefined) refuse(`got the step value ${outside}, outside [0, 1]`, SQUASH, place);
    return steps;
  });
}

function deltas(values: readonly number[]): readonly number[] {
  const last = values.length - 1;
  return values.map((value, index) => {
    if (index === last) return 0;
    return index === last - 1 ? value : value - (values[index + 1] ?? 0);
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function refuse(problem: string, fix: string, place: { promptId?: string; scorer?: string } = {}): never {
  throw new PrefkitError("bad_option", `${NAME}: ${problem}.`, fix, { place });
}
