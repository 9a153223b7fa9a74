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
 * Rewards responses at whose tokens the model's distribution is far from uniform.
 *
 *   r = (1/|y|) Σ_t KL(U ‖ p_t)        KL(U ‖ p) = −ln V − (1/V) Σ_v ln p(v)
 *
 * Source: Zhao et al. 2025, INTUITOR; a baseline of "Co-Reward" (arXiv 2508.00410). Training code
 *         takes logsumexp(z) − mean(z), which is this plus ln V: the same order and advantages, other thresholds.
 * Shape:  group of G responses -> G scores, same order, each by itself.
 * Range:  [0, ∞), in nats; 0 for uniform distributions.
 * Parts:  `tokens`, and `joined`: 1 where prompt and response had to be tokenized apart, else 0.
 * Worked: logits [5, 1, 0, −1] at the only token -> 2.390866 (the code form: 3.777160, ln 4 more).
 * Abstains on an empty response. Fails with the code of the model's call. Throws `bad_option` without a model, and with
 * one that gives a few top log-probs only: those bound the number and do not tell it.
 */
export function selfCertainty(options: TurnScorerOptions, models: TurnScorerModels): Scorer {
  return meanOverTokens(
    { name: "self-certainty", version: 1, range: [0, Infinity] },
    options,
    models,
    ({ selfCertainties }) => selfCertainties,
  );
}

export const definition = defineScorer<TurnScorerOptions, TurnScorerModels>({
  name: "self-certainty",
  version: 1,
  summary: "Mean KL divergence of the model's token distributions from uniform, in nats (INTUITOR).",
  options: turnOptions,
  cost: "paid",
  models: { model: { port: "logprobs" } },
  create: selfCertainty,
  plannedCalls: plannedTurns,
});
