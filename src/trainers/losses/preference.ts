import { meanOf, requireFinite, requireLogprobs, type TokenLogprobs } from "./numbers.ts";

/** The log-probs of both sides of one pair, under one model: completion tokens alone, as the trainer's template ends them. */
export interface PairLogprobs {
  readonly chosen: TokenLogprobs;
  readonly rejected: TokenLogprobs;
}

/** What a trainer logs beside the loss. */
export interface PreferenceResult {
  /** The batch's loss: the mean over pairs, plus what the method adds. */
  readonly loss: number;
  /** The loss of each pair, in order, before the mean and without the added term. */
  readonly perPair: readonly number[];
  /** Implicit rewards, one per pair; the method says of what. */
  readonly chosenRewards: readonly number[];
  readonly rejectedRewards: readonly number[];
  /** Share of pairs whose chosen reward is the larger; equal rewards count as wrong, as in TRL. In [0, 1]. */
  readonly accuracy: number;
  /** Mean of chosen minus rejected reward. */
  readonly margin: number;
}

export function requirePair(what: string, { chosen, rejected }: PairLogprobs): void {
  requireLogprobs(`${what}, chosen`, chosen);
  requireLogprobs(`${what}, rejected`, rejected);
}

/**
 * Cross-entropy over all chosen tokens of the batch, each token weighing the same: −Σ logp / number of tokens.
 * Worked: [[-1], [-2, -3]] -> 2, where a mean over texts would give 1.75.
 */
export function tokenMeanNll(texts: readonly TokenLogprobs[]): number {
  return -meanOf(texts.flat());
}

export function preferenceResult(
  what: string,
  loss: number,
  perPair: readonly number[],
  chosenRewards: readonly number[],
  rejectedRewards: readonly number[],
): PreferenceResult {
  requireFinite(`${what}: the loss`, loss);
  const margins = chosenRewards.map((reward, index) => reward - (rejectedRewards[index] ?? 0));
  const accuracy = margins.filter((margin) => margin > 0).length / margins.length;
  return { loss, perPair, chosenRewards, rejectedRewards, accuracy, margin: meanOf(margins) };
}
