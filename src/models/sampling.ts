import type { Random } from "../core/random.ts";
import type { Sampling } from "./ports.ts";

/** Log-probs of all tokens, in nats. */
export function logSoftmax(logits: Float32Array): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  const total = highest + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - total);
}

/** The `count` likeliest tokens, likeliest first; of equals the one with the lower id. */
export function likeliest(logits: ArrayLike<number>, count: number): number[] {
  const ids = Array.from({ length: logits.length }, (_, id) => id);
  return ids.sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b).slice(0, count);
}

/**
 * Draws the next token. Temperature 0 takes the likeliest (of equals, the lower id). Otherwise logits are divided by the
 * temperature (default 1), cut to the `topK` likeliest, then to the fewest of those whose probabilities add up to `topP`.
 *
 * Worked: logits ln 1, ln 2, ln 1 have probabilities 1/4, 1/2, 1/4; topP 0.6 keeps ids 1 and 0, then 2/3 and 1/3; a uniform
 * draw below 2/3 gives 1.
 */
export function drawToken(
  logits: Float32Array,
  { temperature = 1, topP = 1, topK = 0 }: Pick<Sampling, "temperature" | "topP" | "topK">,
  random: Random,
): number {
  if (temperature === 0)
    return logits.reduce((best, logit, id) => (logit > (logits[best] ?? 0) ? id : best), 0);
  const ranked = likeliest(logits, topK > 0 ? topK : logits.length);
  const highest = (logits[ranked[0] ?? 0] ?? 0) / temperature;
  const weights = ranked.map((id) => Math.exp((logits[id] ?? 0) / temperature - highest));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  let mass = 0;
  while (kept < ranked.length && (kept === 0 || mass < topP * whole)) mass += weights[kept++] ?? 0;
  let left = random.uniform() * mass;
  for (let at = 0; at < kept; at++) {
    left -= weights[at] ?? 0;
    if (left < 0) return ranked[at] ?? 0;
  }
  return ranked[kept - 1] ?? 0;
}
