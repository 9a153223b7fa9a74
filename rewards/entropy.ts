import { defineScorer } from "../src/core/scorer.ts";
import type { Scorer } from "../src/core/types.ts";
import {
  meanOverTokens,
  plannedTurns,
  type TurnScorerModels,
  type TurnScorerOptions,
  turnOptions,
} from "./support/turns.ts";

/**
 * Rewards responses that the model is sure of while it reads them: the negative mean entropy of its next-token
 * distributions.
 *
 *   r = −(1/|y|) Σ_t H[t]        H[t] = −Σ_v p_t(v) ln p_t(v)
 *
 * Source: Prabhudesai et al. 2025, RENT; a baseline of "Co-Reward" (arXiv 2508.00410).
 * Shape:  group of G responses -> G scores, same order, each by itself.
 * Range:  (−∞, 0], in nats; for a vocabulary of V tokens no lower than −ln V.
 * Parts:  `tokens`, and `joined`: 1 where prompt and response had to be tokenized apart, else 0.
 * Worked: logits [5, 1, 0, −1] at the only token -> −0.145721; [0, 0, 0, 0] -> −1.386294 = −ln 4.
 * Abstains on an empty response. Fails with the code of the model's call. Throws `bad_option` without a model, and with
 * one that gives a few top log-probs only: those bound the entropy and do not tell it.
 */
export function entropy(options: TurnScorerOptions, models: TurnScorerModels): Scorer {
  return meanOverTokens(
    { name: "entropy", version: 1, range: [-Infinity, 0] },
    options,
    models,
    ({ entropies }) => entropies.map((value) => 0 - value),
  );
}

export const definition = defineScorer<TurnScorerOptions, TurnScorerModels>({
  name: "entropy",
  version: 1,
  summary: "Minus the model's mean token entropy over the response, in nats (RENT).",
  options: turnOptions,
  cost: "paid",
  models: { model: { port: "logprobs" } },
  create: entropy,
  plannedCalls: plannedTurns,
});
