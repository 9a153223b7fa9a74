import { logSigmoid, meanOf, refuse, requireFinite, requireNotEmpty } from "./numbers.ts";

/** What a reward model says of both sides of one pair. */
export interface RewardPair {
  readonly chosen: number;
  readonly rejected: number;
  /** How much better the chosen side is said to be, by `use`: in the model's reward units, or a count of repetitions. */
  readonly margin?: number;
}

export interface RewardLossOptions {
  /**
   * What a pair's margin m does. "shift" (default): −ln σ(Δ − m), TRL's `margin` column, also Llama 2's. "scale":
   * −m ln σ(Δ), HelpSteer2's scaled loss. "ignore": −ln σ(Δ).
   */
  readonly use?: "shift" | "scale" | "ignore";
  /** TRL's `center_rewards_coefficient`: keeps the rewards' sum near 0. Default 0. */
  readonly centering?: number;
}

export interface RewardLossResult {
  readonly loss: number;
  /** In the order given, without the centering term. */
  readonly perPair: readonly number[];
  /** Share of pairs with chosen > rejected, in [0, 1]. */
  readonly accuracy: number;
}

/**
 * A reward model's loss over a batch of pairs: Bradley and Terry's, with a margin that shifts or scales it.
 *
 *   Δ = r_c − r_r;  −ln σ(Δ), −ln σ(Δ − m) or −m ln σ(Δ);  mean + centering · mean (r_c + r_r)²
 *
 * Source: Touvron et al. 2023, "Llama 2", arXiv 2307.09288 (shift); Wang et al. 2024, "HelpSteer2-Preference",
 *         arXiv 2410.01257 (scale); Eisenstein et al. 2023, arXiv 2312.09244 (centering); TRL 1.13's RewardTrainer.
 * Shape:  pairs [B] -> loss, perPair [B].
 * Edges:  without a margin, "shift" takes m = 0 and "scale" m = 1. HelpSteer2's pairs of strength 0 are no pairs: leave them out.
 * Worked: r_c 1.3, r_r 0.4, m 2: 0.341154, shifted 1.387335, scaled 0.682308.
 * Throws: `not_finite`; `bad_option` for an empty batch, a negative m where it scales, a negative centering.
 */
export function rewardLoss(pairs: readonly RewardPair[], options: RewardLossOptions = {}): RewardLossResult {
  requireNotEmpty("rewardLoss", pairs);
  const { use = "shift", centering = 0 } = options;
  if (!(Number.isFinite(centering) && centering >= 0)) {
    refuse(`rewardLoss: centering is ${centering}.`, "choose a finite number of at least 0.");
  }
  const perPair = pairs.map((pair, index) => pairLoss(`rewardLoss, pair ${index}`, pair, use));
  const spread =
    centering === 0 ? 0 : centering * meanOf(pairs.map((pair) => (pair.chosen + pair.rejected) ** 2));
  const loss = requireFinite("rewardLoss: the loss", meanOf(perPair) + spread);
  return {
    loss,
    perPair,
    accuracy: pairs.filter(({ chosen, rejected }) => chosen > rejected).length / pairs.length,
  };
}

function pairLoss(what: string, pair: RewardPair, use: "shift" | "scale" | "ignore"): number {
  const difference =
    requireFinite(`${what}: the chosen reward`, pair.chosen) -
    requireFinite(`${what}: the rejected reward`, pair.rejected);
  switch (use) {
    case "ignore":
      return -logSigmoid(difference);
    case "shift":
      return -logSigmoid(difference - requireFinite(`${what}: the margin`, pair.margin ?? 0));
    case "scale": {
      const scale = requireFinite(`${what}: the margin`, pair.margin ?? 1);
      if (scale < 0)
        refuse(`${what}: the margin is ${scale}.`, "give a strength of at least 0, the better side chosen.");
      return scale === 0 ? 0 : -scale * logSigmoid(difference);
    }
    default:
      return refuse(`rewardLoss: there is no use "${use}".`, 'write "shift", "scale" or "ignore".');
  }
}
