import {
  log1mExp,
  logSigmoid,
  meanOf,
  refuse,
  requireAnyLogprobs,
  requireNotEmpty,
  requirePositive,
  type TokenLogprobs,
} from "./numbers.ts";
import {
  type PairLogprobs,
  type PreferenceResult,
  preferenceResult,
  requirePair,
  tokenMeanNll,
} from "./preference.ts";

export interface OrpoPair extends PairLogprobs {
  /**
   * The prompt's own tokens under the policy, from the second on: TRL's cross-entropy covers the prompt too.
   * Default none, as in the paper, where it covers the answer alone.
   */
  readonly prompt?: TokenLogprobs;
}

export interface OrpoOptions {
  /** λ in the paper. Default 0.1. */
  readonly beta?: number;
}

/**
 * ORPO's loss over a batch of pairs.
 *
 *   a = mean logp;  odds = ln(p / (1 − p)), p = e^a;  z = (a_c − a_r) − (ln(1 − e^(a_c)) − ln(1 − e^(a_r)))
 *   loss = cross-entropy of prompt and chosen answer − β · mean ln σ(z)
 *
 * Source: Hong et al. 2024, "ORPO", arXiv 2403.07691, eqs. 4 and 7; TRL 1.13's `trl.experimental.orpo`.
 * Shape:  pairs [B], tokens [any length >= 1] -> loss, perPair [B] (−β ln σ(z)).
 * Units:  rewards are β a, in nats.
 * Worked: means −0.5 and −0.8: z = 0.636134, −ln σ(z) = 0.424833; β 0.1, one token a side: 0.5 + 0.042483 = 0.542483.
 * Throws: `not_finite`; `bad_option` for an empty batch or side, and a side of probability 1, whose odds are infinite.
 */
export function orpoLoss(pairs: readonly OrpoPair[], { beta = 0.1 }: OrpoOptions = {}): PreferenceResult {
  requireNotEmpty("orpoLoss", pairs);
  requirePositive("orpoLoss: beta", beta);
  const means = pairs.map((pair, index) => {
    requirePair(`orpoLoss, pair ${index}`, pair);
    requireAnyLogprobs(`orpoLoss, pair ${index}, prompt`, pair.prompt ?? []);
    const [chosen, rejected] = [meanOf(pair.chosen), meanOf(pair.rejected)];
    if (chosen >= 0 || rejected >= 0) {
      refuse(
        `orpoLoss, pair ${index}: a side has probability 1.`,
        "leave such a pair out: its odds are infinite.",
      );
    }
    return { chosen, rejected };
  });
  const perPair = means.map(
    ({ chosen, rejected }) => -beta * logSigmoid(chosen - rejected - (log1mExp(chosen) - log1mExp(rejected))),
  );
  const nll = tokenMeanNll(pairs.map(({ prompt = [], chosen }) => [...prompt, ...chosen]));
  return preferenceResult(
    "orpoLoss",
    nll + meanOf(perPair),
    perPair,
    means.map(({ chosen }) => beta * chosen),
    means.map(({ rejected }) => beta * rejected),
  );
}
