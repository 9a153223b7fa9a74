import { PrefkitError } from "../core/errors.ts";
import { type Moments, momentsOf } from "../core/stats.ts";
import { scoredValues, type Values } from "./values.ts";

/**
 * What is taken off a reward, and what the rest is divided by.
 *
 *   grpo:      (r - mean) / (std + epsilon)        DeepSeekMath, arXiv 2402.03300
 *   dr-grpo:   r - mean                            "Understanding R1-Zero-like training", arXiv 2503.20783
 *   rloo:      r - mean of the others              arXiv 2402.14740; equals (r - mean) n / (n - 1)
 *   mean-only: r - mean                            HARMO, arXiv 2510.05283: the same numbers as dr-grpo
 */
export const ADVANTAGE_METHODS = {
  grpo: { divide: true, leaveOneOut: false },
  "dr-grpo": { divide: false, leaveOneOut: false },
  rloo: { divide: false, leaveOneOut: true },
  "mean-only": { divide: false, leaveOneOut: false },
} as const;

export type AdvantageMethod = keyof typeof ADVANTAGE_METHODS;

/** How trainers differ: the epsilon, the n of the deviation, and a group of one, which verl gives mean 0 and std 1. */
export interface AdvantageConvention {
  /** Added to the deviation, in units of the reward. */
  readonly epsilon: number;
  /** n - 1 (sample) or n (population) under the squares. */
  readonly deviation: "sample" | "population";
  /** A group of one: no advantage, or the reward itself as if mean were 0 and std 1. */
  readonly single: "zero" | "reward";
}

/** TRL 1.13, verl 0.8 and OpenRLHF 0.11. In OpenRLHF a group of one gives NaN or an error; here it gives 0. */
export const ADVANTAGE_CONVENTIONS = {
  trl: { epsilon: 1e-4, deviation: "sample", single: "zero" },
  verl: { epsilon: 1e-6, deviation: "sample", single: "reward" },
  openrlhf: { epsilon: 1e-9, deviation: "sample", single: "zero" },
} as const satisfies Record<string, AdvantageConvention>;

export type AdvantageConventionName = keyof typeof ADVANTAGE_CONVENTIONS;

export interface AdvantageOptions extends Partial<AdvantageConvention> {
  /** Default "grpo". */
  readonly method?: AdvantageMethod;
  /** Default "trl"; the fields of a convention given beside it go before. */
  readonly convention?: AdvantageConventionName;
  /** What an unscored response gets: null (default), or 0 as in trainers. */
  readonly unscored?: "null" | "zero";
}

/**
 * Turns the rewards of one group into group-relative advantages.
 *
 * Source: the methods above; TRL's GRPO trainer, verl's `compute_grpo_outcome_advantage` and
 *         `compute_rloo_outcome_advantage`, OpenRLHF's `group_norm`, `dr_grpo` and `rloo`.
 * Shape:  rewards [G] -> advantages [G], same order; G is the group size.
 * Units:  rewards in the combined-reward scale; advantages of grpo have no unit, the others that of the reward.
 * Null:   an unscored response is left out of mean and std; it gets null, or with `unscored: "zero"` 0.
 * Edges:  all equal -> all zeros, whatever epsilon (the group teaches nothing). One scored: zero, or, by verl's
 *         convention, the reward (divided by 1 + epsilon in grpo).
 * Example: [1, 1, 1, 0, 0, 0, 0, 0], verl -> 1.2076 three times, -0.7246 five times.
 * Throws: `bad_option` for a method or convention that does not exist; `not_finite` if a reward is NaN or infinite, or the rewards are too far apart for doubles.
 */
export function groupAdvantages(rewards: Values, options: AdvantageOptions = {}): (number | null)[] {
  const { method = "grpo", convention = "trl", unscored = "null" } = options;
  requireName("method", method, ADVANTAGE_METHODS);
  requireName("convention", convention, ADVANTAGE_CONVENTIONS);
  const usual: AdvantageConvention = ADVANTAGE_CONVENTIONS[convention];
  const { epsilon = usual.epsilon, deviation = usual.deviation, single = usual.single } = options;
  const rules = { epsilon, deviation, single };
  const { divide, leaveOneOut } = ADVANTAGE_METHODS[method];
  const moments = finiteMoments(scoredValues(rewards));
  const { count, mean } = moments;
  const scale = divide ? deviationOf(moments, rules.deviation) : 1;
  const stretch = leaveOneOut ? count / (count - 1) : 1;
  return rewards.map((reward) => {
    if (reward === null) return unscored === "zero" ? 0 : null;
    if (count === 1) return rules.single === "zero" ? 0 : reward / (divide ? 1 + rules.epsilon : 1);
    if (scale === 0) return 0;
    return ((reward - mean) * stretch) / (divide ? scale + rules.epsilon : 1);
  });
}

/** Code without types may misspell a name, and would get NaN for it. */
function requireName(option: string, name: string, known: object): void {
  if (Object.hasOwn(known, name)) return;
  throw new PrefkitError(
    "bad_option",
    `advantages: there is no ${option} "${name}".`,
    `write one of: ${Object.keys(known).join(", ")}.`,
  );
}

function deviationOf({ count, squares }: Moments, deviation: AdvantageConvention["deviation"]): number {
  return Math.sqrt(squares / Math.max(1, deviation === "sample" ? count - 1 : count));
}

function finiteMoments(rewards: readonly number[]): Moments {
  const moments = momentsOf(rewards);
  if (Number.isFinite(moments.mean) && Number.isFinite(moments.squares)) return moments;
  const wrong = rewards.find((reward) => !Number.isFinite(reward));
  throw new PrefkitError(
    "not_finite",
    wrong === undefined
      ? `advantages: the rewards reach from ${moments.min} to ${moments.max}, and their variance is not finite.`
      : `advantages: a reward is ${wrong}.`,
    "give null for a response without a reward, and keep rewards within a usual range.",
  );
}
