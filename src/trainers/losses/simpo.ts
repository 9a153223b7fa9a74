import { type CpoOptions, cpoLoss } from "./cpo.ts";
import { meanOf, refuse, requireFinite, requireNotEmpty, requirePositive } from "./numbers.ts";
import { type PairLogprobs, type PreferenceResult, preferenceResult, tokenMeanNll } from "./preference.ts";

/** SimPO's target margin, in one of its two conventions; which one is never guessed. */
export type SimpoMargin =
  /** γ, in nats: TRL's and LLaMA-Factory's `simpo_gamma`. */
  | { readonly gamma: number; readonly gammaBetaRatio?: never }
  /** γ/β: the authors' `gamma_beta_ratio`. */
  | { readonly gammaBetaRatio: number; readonly gamma?: never };

export type SimpoOptions = SimpoMargin & {
  /** No default: TRL has 0.1, the authors 2, and 2 to 10 in what they publish. */
  readonly beta: number;
  /** sigmoid (default), or the authors' hinge. */
  readonly type?: "sigmoid" | "hinge";
  /** ε, sigmoid alone. Default 0. */
  readonly labelSmoothing?: number;
  /** Weight of the chosen side's token-mean cross-entropy: CPO-SimPO. Default 0; TRL's `cpo_alpha` is 1 unless set. */
  readonly sftWeight?: number;
};

/** γ from the authors' ratio: γ = (γ/β)·β. Worked: 0.55 with β 2.5 is 1.375; 0.3 with β 10 is 3. */
export function simpoGamma(gammaBetaRatio: number, beta: number): number {
  return gammaBetaRatio * beta;
}

/**
 * SimPO's loss over a batch of pairs.
 *
 *   a = Σ logp / tokens;   −ln σ(β(a_c − a_r) − γ),   γ = (γ/β)·β;   hinge: max(0, 1 − β(a_c − a_r) + γ)
 *
 * Source: Meng et al. 2024, "SimPO", arXiv 2405.14734; the authors' trainer (`gamma_beta_ratio`, hinge, `sft_weight`)
 *         and TRL 1.13's CPOTrainer (`simpo_gamma`). CPOTrainer ends every answer with an EOS token: count it.
 * Shape:  pairs [B], tokens [any length >= 1] -> loss, perPair [B]. No reference model.
 * Units:  rewards are β a, in nats, without γ.
 * Worked: chosen [−0.1, −0.4, −1.0], rejected [−0.3, −0.9], β 2, γ/β 0.25 (γ 0.5): a = −0.5 and −0.6,
 *         −ln σ(0.2 − 0.5) = 0.854355; with sftWeight 0.05, 0.05 · 0.5 more: 0.879355.
 * Throws: `not_finite`; `bad_option` for both margins or none, an empty batch or side, an option out of range.
 */
export function simpoLoss(pairs: readonly PairLogprobs[], options: SimpoOptions): PreferenceResult {
  requireNotEmpty("simpoLoss", pairs);
  const { beta, type = "sigmoid", labelSmoothing = 0, sftWeight = 0 } = options;
  requirePositive("simpoLoss: beta", beta);
  const gamma = gammaOf(options);
  if (type === "sigmoid") {
    return cpoLoss(pairs, { type: "simpo", beta, gamma, labelSmoothing, cpoAlpha: sftWeight });
  }
  if (type !== "hinge") refuse(`simpoLoss: there is no type "${type}".`, 'write "sigmoid" or "hinge".');
  if (labelSmoothing !== 0)
    refuse("simpoLoss: labelSmoothing beside hinge.", "leave it out: hinge reads none.");
  requireFinite("simpoLoss: sftWeight", sftWeight);
  const { perPair: logistic, ...rest } = cpoLoss(pairs, { type: "simpo", beta, gamma, cpoAlpha: 0 });
  const perPair = logistic.map((_, index) =>
    Math.max(0, 1 - ((rest.chosenRewards[index] ?? 0) - (rest.rejectedRewards[index] ?? 0)) + gamma),
  );
  const nll = sftWeight === 0 ? 0 : sftWeight * tokenMeanNll(pairs.map(({ chosen }) => chosen));
  return preferenceResult(
    "simpoLoss",
    meanOf(perPair) + nll,
    perPair,
    rest.chosenRewards,
    rest.rejectedRewards,
  );
}

function gammaOf({ gamma, gammaBetaRatio, beta }: SimpoOptions): number {
  if (gamma !== undefined && gammaBetaRatio === undefined) return requireFinite("simpoLoss: gamma", gamma);
  if (gammaBetaRatio !== undefined && gamma === undefined) {
    return simpoGamma(requireFinite("simpoLoss: gammaBetaRatio", gammaBetaRatio), beta);
  }
  return refuse(
    `simpoLoss got ${gamma === undefined ? "neither" : "both"} gamma and gammaBetaRatio.`,
    "give one of them: gamma = gammaBetaRatio · beta.",
  );
}

export interface AlphaPoOptions extends Pick<CpoOptions, "labelSmoothing"> {
  /** α of the reward (1 − p^(−α)) / α; not 0, where it is SimPO. */
  readonly alpha: number;
  readonly beta: number;
  /** γ itself, as TRL's `simpo_gamma`. */
  readonly gamma: number;
}

/**
 * AlphaPO: SimPO with the reward (1 − p^(−α)) / α of the mean probability p = e^a in the place of a.
 *
 * Source: Gupta et al. 2025, "AlphaPO", arXiv 2501.03884; TRL's CPOTrainer, loss_type "alphapo".
 * Worked: a = −0.5 and −0.6, β 2, γ 0.5, α 0.25: rewards −0.532594 and −0.647337, −ln σ(0.229487 − 0.5) = 0.837523.
 * Throws: as `simpoLoss`; `bad_option` for α 0.
 */
export function alphaPoLoss(pairs: readonly PairLogprobs[], options: AlphaPoOptions): PreferenceResult {
  if (options.alpha === 0) refuse("alphaPoLoss got alpha 0.", "choose another alpha, or use simpoLoss.");
  return cpoLoss(pairs, { ...options, type: "simpo", cpoAlpha: 0 });
}
