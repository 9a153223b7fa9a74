import { type Divergence, divergenceScore } from "./divergence.ts";
import { DPO_PAIR_LOSSES, type DpoLossType, type DpoTerms } from "./dpo-pair-losses.ts";
import {
  meanOf,
  refuse,
  requireFinite,
  requireNotEmpty,
  requirePositive,
  requireSmoothing,
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

/** A reference side: its tokens' log-probs, or their sum, as a `logprobs` row or `ref_chosen_logps` holds it. */
export type ReferenceLogprobs = TokenLogprobs | number;

export interface DpoPair {
  readonly policy: PairLogprobs;
  readonly reference: { readonly chosen: ReferenceLogprobs; readonly rejected: ReferenceLogprobs };
  /** The pair's weight, as WPO's: see `wpoWeight`. Default 1. */
  readonly weight?: number;
}

export interface DpoOptions {
  /** By TRL's `loss_type`; several are summed, each with its `loss_weights` entry. Default "sigmoid". */
  readonly type?: DpoLossType | readonly { readonly type: DpoLossType; readonly weight?: number }[];
  /** Default 0.1. */
  readonly beta?: number;
  /** ε of exo_pair (must be above 0), robust, aot and aot_unpaired. TRL's `sigmoid` has none. Default 0. */
  readonly labelSmoothing?: number;
  /** TRL's `f_divergence_type`. Default "reverse_kl". */
  readonly divergence?: Divergence;
  /** α of "alpha_divergence". Default 0.5. */
  readonly divergenceAlpha?: number;
  /** LD-DPO's weight of the tokens past the shorter side's length, in [0, 1]; null (default): all tokens weigh 1. */
  readonly ldAlpha?: number | null;
  /** τ of discopop. Default 0.05. */
  readonly discopopTau?: number;
}

/**
 * DPO's losses over a batch of pairs.
 *
 *   Δ = Σ logp − Σ ref of a side; δ = f(Δ_chosen) − f(Δ_rejected), f by `divergence`; sigmoid: −ln σ(β δ)
 *
 * Source: Rafailov et al. 2023, "DPO", arXiv 2305.18290; the other types, each with its paper and formula, in
 *         `dpo-pair-losses.ts`; all as TRL 1.13's DPOTrainer computes them. LD-DPO: arXiv 2409.06411.
 * Shape:  pairs [B], tokens [any length >= 1] -> loss, perPair [B]. aot and aot_unpaired sort within the batch, so their
 *         perPair is by rank, not by pair; sft is one number, the same for each pair.
 * Units:  log-probs in nats; rewards are βΔ, in nats.
 * Edges:  reference = policy -> ln 2 for sigmoid, whatever β.
 * Worked: policy sums −10 and −12, reference −11 and −11, β 0.1: Δ = 1 and −1, δ = 2, −ln σ(0.2) = 0.598139.
 * Throws: `not_finite`; `bad_option` for an empty batch or side, an option out of range, ldAlpha beside summed references.
 */
export function dpoLoss(pairs: readonly DpoPair[], options: DpoOptions = {}): PreferenceResult {
  requireNotEmpty("dpoLoss", pairs);
  const { type = "sigmoid", divergence = "reverse_kl", divergenceAlpha = 0.5, ldAlpha = null } = options;
  const { beta = 0.1, labelSmoothing = 0, discopopTau = 0.05 } = options;
  requirePositive("dpoLoss: beta", beta);
  requirePositive("dpoLoss: discopopTau", discopopTau);
  requireSmoothing("dpoLoss", labelSmoothing);
  requireFinite("dpoLoss: divergenceAlpha", divergenceAlpha);
  if (ldAlpha !== null && !(ldAlpha >= 0 && ldAlpha <= 1)) {
    refuse(`dpoLoss: ldAlpha is ${ldAlpha}.`, "choose 0 <= ldAlpha <= 1, or null.");
  }
  const sides = pairs.map((pair, index) => summed(`dpoLoss, pair ${index}`, pair, ldAlpha));
  const terms: DpoTerms = {
    sides: sides.map((side) => ({
      ...side,
      chosenScore: divergenceScore(side.chosen - side.refChosen, divergence, divergenceAlpha),
      rejectedScore: divergenceScore(side.rejected - side.refRejected, divergence, divergenceAlpha),
    })),
    chosenNll: tokenMeanNll(pairs.map(({ policy }) => policy.chosen)),
    beta,
    labelSmoothing,
    discopopTau,
  };
  const wanted = typeof type === "string" ? [{ type }] : type;
  if (wanted.length === 0) refuse("dpoLoss: the list of types is empty.", 'name at least one, as "sigmoid".');
  const perPair = new Array<number>(pairs.length).fill(0);
  for (const { type: name, weight = 1 } of wanted) {
    requireFinite(`dpoLoss: the weight of ${name}`, weight);
    if (!Object.hasOwn(DPO_PAIR_LOSSES, name)) {
      refuse(
        `dpoLoss: there is no type "${name}".`,
        `write one of: ${Object.keys(DPO_PAIR_LOSSES).join(", ")}.`,
      );
    }
    DPO_PAIR_LOSSES[name](terms).forEach((value, index) => {
      perPair[index] = (perPair[index] ?? 0) + weight * value * pairWeight(index, pairs[index]?.weight);
    });
  }
  const chosenRewards = sides.map((side) => beta * (side.chosen - side.refChosen));
  const rejectedRewards = sides.map((side) => beta * (side.rejected - side.refRejected));
  return preferenceResult("dpoLoss", meanOf(perPair), perPair, chosenRewards, rejectedRewards);
}

function pairWeight(index: number, weight = 1): number {
  return requireFinite(`dpoLoss, pair ${index}: the weight`, weight);
}

function summed(what: string, { policy, reference }: DpoPair, ldAlpha: number | null) {
  requirePair(`${what}, policy`, policy);
  const shared = ldAlpha === null ? null : Math.min(policy.chosen.length, policy.rejected.length);
  const total = (tokens: TokenLogprobs): number =>
    shared === null || ldAlpha === null
      ? sumOf(tokens)
      : sumOf(tokens.slice(0, shared)) + ldAlpha * sumOf(tokens.slice(shared));
  const referenceTotal = (side: "chosen" | "rejected"): number => {
    const given = reference[side];
    if (typeof given === "number") {
      if (ldAlpha !== null)
        refuse(`${what}: the reference's ${side} side is a sum.`, "give its tokens with ldAlpha.");
      return requireFinite(`${what}: the reference's ${side} sum`, given);
    }
    if (given.length !== policy[side].length) {
      refuse(
        `${what}: the reference has ${given.length} tokens on the ${side} side, the policy ${policy[side].length}.`,
        "score the same token ids with both models.",
      );
    }
    given.forEach((value, token) => {
      requireFinite(`${what}, reference, ${side}, token ${token}: the log-prob`, value);
    });
    return total(given);
  };
  return {
    chosen: total(policy.chosen),
    rejected: total(policy.rejected),
    refChosen: referenceTotal("chosen"),
    refRejected: referenceTotal("rejected"),
    chosenTokens: policy.chosen.length,
    rejectedTokens: policy.rejected.length,
  };
}

/**
 * WPO's weight of one side: how likely the policy itself would be to write this text.
 *
 *   w = exp(mean over tokens of (logp_t − ln Σ_v p_t(v)²))        a pair weighs w_chosen · w_rejected
 *
 * Source: Zhou et al. 2024, "WPO", arXiv 2406.11827, eq. 2; TRL's `use_weighting`.
 * Shape:  logprobs [T], logCollisions [T] (ln of the sum of squared probabilities of the whole vocabulary at that
 *         place, at most 0) -> a number above 0.
 * Worked: one token of probability ½ in a distribution (½, ½): ln ½ − ln ½ = 0, so 1.
 * Throws: `not_finite`; `bad_option` for lists of different lengths.
 */
export function wpoWeight(logprobs: TokenLogprobs, logCollisions: readonly number[]): number {
  requireNotEmpty("wpoWeight", logprobs);
  if (logprobs.length !== logCollisions.length) {
    refuse(
      `wpoWeight got ${logprobs.length} log-probs and ${logCollisions.length} collisions.`,
      "give one for each token.",
    );
  }
  const aligned = logprobs.map((logprob, index) => logprob - (logCollisions[index] ?? Number.NaN));
  return requireFinite("wpoWeight: the weight", Math.exp(meanOf(aligned)));
}
