import { logSigmoid, refuse, sigmoid, smoothedLogistic } from "./numbers.ts";

/** One pair, summed over tokens. Δ of a side is `chosen − refChosen`, `rejected − refRejected`; the scores are f(Δ). */
export interface DpoSide {
  readonly chosen: number;
  readonly rejected: number;
  readonly refChosen: number;
  readonly refRejected: number;
  readonly chosenScore: number;
  readonly rejectedScore: number;
  readonly chosenTokens: number;
  readonly rejectedTokens: number;
}

export interface DpoTerms {
  readonly sides: readonly DpoSide[];
  /** Token-mean cross-entropy over the batch's chosen tokens. */
  readonly chosenNll: number;
  readonly beta: number;
  readonly labelSmoothing: number;
  readonly discopopTau: number;
}

type PairLoss = (terms: DpoTerms) => number[];

/** β(f(Δ_chosen) − f(Δ_rejected)). */
function margins({ sides, beta }: DpoTerms): number[] {
  return sides.map(({ chosenScore, rejectedScore }) => beta * (chosenScore - rejectedScore));
}

/** f(Δ_chosen) / tokens − f(Δ_rejected) / tokens, not yet times β. */
function meanMargins({ sides }: DpoTerms): number[] {
  return sides.map(
    ({ chosenScore, rejectedScore, chosenTokens, rejectedTokens }) =>
      chosenScore / chosenTokens - rejectedScore / rejectedTokens,
  );
}

/** From Δ of both sides, without f. */
function fromRatios(formula: (chosen: number, rejected: number, terms: DpoTerms) => number): PairLoss {
  return (terms) =>
    terms.sides.map(({ chosen, refChosen, rejected, refRejected }) =>
      formula(chosen - refChosen, rejected - refRejected, terms),
    );
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** Both lists sorted, then compared place by place: the batch's distributions, not its pairs. */
function transported(upper: readonly number[], lower: readonly number[], terms: DpoTerms): number[] {
  const below = ascending(lower);
  return ascending(upper).map((value, rank) =>
    smoothedLogistic(terms.beta * (value - (below[rank] ?? 0)), terms.labelSmoothing),
  );
}

/**
 * Each DPO loss by TRL's `loss_type`, one number per pair. x = β(f(Δc) − f(Δr)), ε = label smoothing. The numbers stand for
 * the one pair Δc = 1, Δr = −1 (policy −10 and −12, reference −11 and −11), 2 and 4 tokens, β = 0.1, so x = 0.2, unless said.
 */
export const DPO_PAIR_LOSSES = {
  /** −ln σ(x) = 0.598139. Rafailov et al. 2023, arXiv 2305.18290. */
  sigmoid: (terms) => margins(terms).map((x) => -logSigmoid(x)),
  /** max(0, 1 − x) = 0.8. SLiC, Zhao et al. 2023, arXiv 2305.10425. */
  hinge: (terms) => margins(terms).map((x) => Math.max(0, 1 - x)),
  /** (Δc/2 − Δr/4 − 1/(2β))² = (0.75 − 5)² = 18.0625, per token as the authors meant. Azar et al. 2023, arXiv 2310.12036. */
  ipo: (terms) => meanMargins(terms).map((difference) => (difference - 1 / (2 * terms.beta)) ** 2),
  /** −ln σ(β(Δc/2 − Δr/4)) = −ln σ(0.075) = 0.656350. Length-normalised DPO, as in Tülu 3, arXiv 2411.15124. */
  sigmoid_norm: (terms) => meanMargins(terms).map((difference) => -logSigmoid(terms.beta * difference)),
  /** σ(x)(ln σ(x) − ln(1−ε)) + σ(−x)(ln σ(−x) − ln ε); ε = 0.1: 0.406304. Ji et al. 2024, arXiv 2402.00856, eq. 16. */
  exo_pair: (terms) => {
    const smoothing = terms.labelSmoothing;
    if (smoothing === 0)
      refuse("dpoLoss: exo_pair with labelSmoothing 0.", "choose 0 < labelSmoothing < 0.5.");
    return margins(terms).map(
      (x) =>
        sigmoid(x) * (logSigmoid(x) - Math.log1p(-smoothing)) +
        sigmoid(-x) * (logSigmoid(-x) - Math.log(smoothing)),
    );
  },
  /** −ln σ(βΔc) − ½ ln σ(−βΔc) − ½ ln σ(−βΔr) = 1.338793. Chen et al. 2024, arXiv 2402.05369. */
  nca_pair: fromRatios(
    (chosen, rejected, { beta }) =>
      -logSigmoid(beta * chosen) - 0.5 * logSigmoid(-beta * chosen) - 0.5 * logSigmoid(-beta * rejected),
  ),
  /** (−(1−ε) ln σ(x) + ε ln σ(−x)) / (1−2ε); ε = 0.1: 0.573139. Ray Chowdhury et al. 2024, arXiv 2403.00409. */
  robust: (terms) => {
    const smoothing = terms.labelSmoothing;
    return margins(terms).map(
      (x) => (-(1 - smoothing) * logSigmoid(x) + smoothing * logSigmoid(-x)) / (1 - 2 * smoothing),
    );
  },
  /** −ln σ(βΔc) − ln σ(−βΔr) = 1.288793; TRL's pair form, without the running shift. Jung et al. 2024, arXiv 2404.04656. */
  bco_pair: fromRatios(
    (chosen, rejected, { beta }) => -logSigmoid(beta * chosen) - logSigmoid(-beta * rejected),
  ),
  /** (Δc − ½/β)² + (Δr + ½/β)² = 16 + 16 = 32. Wu et al. 2024, "SPPO", arXiv 2405.00675, eq. 4.7 with P = 1 and 0. */
  sppo_hard: fromRatios(
    (chosen, rejected, { beta }) => (chosen - 0.5 / beta) ** 2 + (rejected + 0.5 / beta) ** 2,
  ),
  /** Sorted logp_c − logp_r beside sorted ref_c − ref_r, then logistic; one pair: 0.598139. Melnyk et al. 2024, arXiv 2406.05882. */
  aot: (terms) =>
    transported(
      terms.sides.map(({ chosen, rejected }) => chosen - rejected),
      terms.sides.map(({ refChosen, refRejected }) => refChosen - refRejected),
      terms,
    ),
  /** Sorted Δc beside sorted Δr, then logistic; one pair: 0.598139. arXiv 2406.05882. */
  aot_unpaired: (terms) =>
    transported(
      terms.sides.map(({ chosen, refChosen }) => chosen - refChosen),
      terms.sides.map(({ rejected, refRejected }) => rejected - refRejected),
      terms,
    ),
  /** 1 − σ(βΔc) + σ(βΔr) = 0.950042. D'Oosterlinck et al. 2024, "APO", arXiv 2408.06266, eq. 7. */
  apo_zero: fromRatios((chosen, rejected, { beta }) => sigmoid(-beta * chosen) + sigmoid(beta * rejected)),
  /** σ(βΔc) + 1 − σ(β(Δc − Δr)) = 0.975145. arXiv 2408.06266, eq. 8. */
  apo_down: fromRatios(
    (chosen, rejected, { beta }) => sigmoid(beta * chosen) + sigmoid(-beta * (chosen - rejected)),
  ),
  /** m = σ(x/τ): (1−m)(−ln σ(x)) + m e^(−x); τ = 0.05: 0.814763. Lu et al. 2024, "DiscoPOP", arXiv 2406.08414, eq. 5. */
  discopop: (terms) =>
    margins(terms).map((x) => {
      const mix = sigmoid(x / terms.discopopTau);
      // m e^(−x) as one power: far below 0 it is 0 times infinity otherwise.
      return (1 - mix) * -logSigmoid(x) + Math.exp(logSigmoid(x / terms.discopopTau) - x);
    }),
  /** Cross-entropy of the chosen side, token mean over the batch: here 10 / 2 = 5. */
  sft: (terms) => terms.sides.map(() => terms.chosenNll),
} as const satisfies Record<string, PairLoss>;

export type DpoLossType = keyof typeof DPO_PAIR_LOSSES;
export const DPO_LOSS_TYPES = Object.keys(DPO_PAIR_LOSSES) as readonly DpoLossType[];
