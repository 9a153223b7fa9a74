import { logSigmoid, refuse } from "./numbers.ts";

export const DIVERGENCES = ["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"] as const;
export type Divergence = (typeof DIVERGENCES)[number];

/** TRL keeps the exponent of the alpha divergence representable in float32. */
const MAX_EXPONENT = 80;

/**
 * f′ of an f-divergence at t = π/π_ref, from Δ = ln t: what stands in DPO for the log-ratio.
 *
 *   reverse_kl: Δ    forward_kl: 1 − e^(−Δ)    js_divergence: ln 2 + ln σ(Δ)
 *   alpha_divergence: (e^((α−1)Δ) − 1) / (α − 1), exponent at most 80; α = 1 (within 1e-6) is its limit Δ
 *
 * Source: Wang et al. 2023, "Beyond reverse KL", arXiv 2309.16240; TRL 1.13's `f_divergence_type`.
 * Worked: Δ = 1: 1; 0.632121; 0.379885; with α ½ (e^(−½) − 1) / (−½) = 0.786939.
 * Throws: `bad_option` for another name.
 */
export function divergenceScore(logRatio: number, divergence: Divergence, alpha: number): number {
  switch (divergence) {
    case "reverse_kl":
      return logRatio;
    case "forward_kl":
      return -Math.expm1(-logRatio);
    case "js_divergence":
      return Math.LN2 + logSigmoid(logRatio);
    case "alpha_divergence":
      if (Math.abs(alpha - 1) < 1e-6) return logRatio;
      return Math.expm1(Math.min(MAX_EXPONENT, (alpha - 1) * logRatio)) / (alpha - 1);
    default:
      return refuse(`there is no divergence "${divergence}".`, `write one of: ${DIVERGENCES.join(", ")}.`);
  }
}
