import {
  meanOf,
  refuse,
  requireFinite,
  requireNotEmpty,
  requirePositive,
  requireSmoothing,
  smoothedLogistic,
  sumOf,
  type TokenLogprobs,
} from "./numbers.ts";
import {
  type PairLogprobs,
  type PreferenceResult,
  preferenceResult,
  requirePair,
  tokenMeanNll,
} from "./preference.ts";

export const CPO_LOSS_TYPES = ["sigmoid", "hinge", "ipo", "simpo"] as const;
export type CpoLossType = (typeof CPO_LOSS_TYPES)[number];

export interface CpoOptions {
  /** By TRL's `loss_type`; sigmoid and hinge read summed log-probs, ipo and simpo their means. Default "sigmoid". */
  readonly type?: CpoLossType;
  /** Default 0.1. */
  readonly beta?: number;
  /** γ itself, as TRL's `simpo_gamma`, not γ/β. Read by simpo alone. Default 0.5. */
  readonly gamma?: number;
  /** ε of sigmoid and simpo. Default 0. */
  readonly labelSmoothing?: number;
  /** Weight of the chosen side's token-mean cross-entropy. Default 1, as in TRL: 0 for plain SimPO. */
  readonly cpoAlpha?: number;
  /** AlphaPO's α; 0 (default) leaves log-probs as they are. */
  readonly alpha?: number;
}

/**
 * CPO's losses over a batch of pairs, as TRL 1.13's `trl.experimental.cpo` computes them.
 *
 *   x = r_c − r_r, r the summed (sigmoid, hinge) or mean (ipo, simpo) log-prob, or AlphaPO's reward of it
 *   sigmoid: −(1−ε) ln σ(βx) − ε ln σ(−βx)    hinge: max(0, 1 − βx)    ipo: (x − 1/(2β))²
 *   simpo:   as sigmoid, with x − γ/β for x
 *   loss:    mean over pairs + cpoAlpha · cross-entropy of the chosen side
 *
 * Source: Xu et al. 2024, "CPO", arXiv 2401.08417; SimPO arXiv 2405.14734; AlphaPO arXiv 2501.03884.
 * Shape:  pairs [B], tokens [any length >= 1] -> loss, perPair [B]. No reference model.
 * Units:  rewards are β r, in nats.
 * Worked: sums −10 and −12, β 0.1, cpoAlpha 0: −ln σ(0.2) = 0.598139.
 * Throws: `not_finite`; `bad_option` for an empty batch or side or an option out of range.
 */
export function cpoLoss(pairs: readonly PairLogprobs[], options: CpoOptions = {}): PreferenceResult {
  requireNotEmpty("cpoLoss", pairs);
  const { type = "sigmoid", beta = 0.1, gamma = 0.5, labelSmoothing = 0, cpoAlpha = 1, alpha = 0 } = options;
  requirePositive("cpoLoss: beta", beta);
  requireFinite("cpoLoss: gamma", gamma);
  requireFinite("cpoLoss: cpoAlpha", cpoAlpha);
  requireFinite("cpoLoss: alpha", alpha);
  requireSmoothing("cpoLoss", labelSmoothing);
  if (!CPO_LOSS_TYPES.includes(type)) {
    refuse(`cpoLoss: there is no type "${type}".`, `write one of: ${CPO_LOSS_TYPES.join(", ")}.`);
  }
  const total = type === "ipo" || type === "simpo" ? meanOf : sumOf;
  const reward = (tokens: TokenLogprobs): number => alphaReward(total(tokens), alpha);
  const perPair = pairs.map((pair, index) => {
    requirePair(`cpoLoss, pair ${index}`, pair);
    const difference = reward(pair.chosen) - reward(pair.rejected);
    switch (type) {
      case "hinge":
        return Math.max(0, 1 - beta * difference);
      case "ipo":
        return (difference - 1 / (2 * beta)) ** 2;
      case "simpo":
        return smoothedLogistic(beta * difference - gamma, labelSmoothing);
      default:
        return smoothedLogistic(beta * difference, labelSmoothing);
    }
  });
  const nll = cpoAlpha === 0 ? 0 : cpoAlpha * tokenMeanNll(pairs.map(({ chosen }) => chosen));
  return preferenceResult(
    "cpoLoss",
    meanOf(perPair) + nll,
    perPair,
    pairs.map(({ chosen }) => beta * reward(chosen)),
    pairs.map(({ rejected }) => beta * reward(rejected)),
  );
}

/**
 * AlphaPO's reward of a log-prob a = ln p: (1 − p^(−α)) / α; α = 0 is its limit, a itself.
 * Worked: a = −0.5, α = 0.25: (1 − e^0.125) / 0.25 = −0.532594.
 */
export function alphaReward(logprob: number, alpha: number): number {
  return alpha === 0 ? logprob : -Math.expm1(-alpha * logprob) / alpha;
}
