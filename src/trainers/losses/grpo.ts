import {
  type GrpoLossType,
  type GrpoOptions,
  type GrpoRules,
  type GrpoSequence,
  grpoRules,
} from "./grpo-options.ts";
import {
  meanOf,
  refuse,
  requireAnyLogprobs,
  requireFinite,
  requireNotEmpty,
  requirePositive,
  sigmoid,
  sumOf,
  type TokenLogprobs,
} from "./numbers.ts";

export interface GrpoResult {
  readonly loss: number;
  /** The loss at each token, KL included, 0 where the mask is false: [B][tokens]. */
  readonly perToken: readonly (readonly number[])[];
  /** Mean KL estimate over counted tokens, in nats; null without a KL term. */
  readonly kl: number | null;
  /** Share of counted tokens whose ratio was clipped from below (A < 0), and from above (A > 0), in [0, 1]. */
  readonly clippedLow: number;
  readonly clippedHigh: number;
}

/**
 * The losses of the GRPO family over one local batch, as TRL 1.13's GRPOTrainer computes them.
 *
 *   ρ_t = e^(logp_t − old_t); at level "sequence" one ρ = e^(mean over counted tokens of it), GSPO
 *   grpo, bnpo, dr_grpo, dapo, luspo:  ℓ_t = −min(min(ρ, delta) A, clip(ρ, 1 − ε_low, 1 + ε_high) A)
 *   cispo:  ℓ_t = −min(ρ, ε_high) A logp_t            sapo: ℓ_t = −(4/τ) σ(τ(ρ − 1)) A, τ by the sign of A
 *   with beta: ℓ_t += beta · k3, k3 = e^(ref − logp) − (ref − logp) − 1, times ρ when bias-corrected
 *
 *   grpo, sapo: mean over texts of the mean over tokens      bnpo: mean over all counted tokens
 *   dr_grpo:    Σ / (texts · maxCompletionLength)            dapo, cispo: Σ / normalizer        luspo: mean over texts of Σ
 *
 * Source: GRPO arXiv 2402.03300; Dr. GRPO 2503.20783; DAPO 2503.14476; GSPO 2507.18071; CISPO 2506.13585;
 *         SAPO 2511.20347; LUSPO 2602.05261; delta: INTELLECT-2, 2505.07291; k3: Schulman 2020, "Approximating KL".
 *         TRL divides all but dapo and cispo by its gradient accumulation steps too: do so beside it.
 * Shape:  sequences [B], tokens [any length] -> loss, perToken [B][tokens].
 * Null:   an unscored completion has advantage 0: its ratio teaches nothing, its tokens still count in the denominators.
 * Edges:  no token counted in a text or batch -> it adds 0. ρ = 1 -> grpo's loss is −mean A.
 * Worked: logp [−1, −2], old [−1.5, −2], A 1, ε 0.2: ρ = 1.648721 -> 1.2, and 1; grpo −(1.2 + 1) / 2 = −1.1.
 * Throws: `not_finite`; `bad_option` for an empty batch, lists of different lengths, a missing reference or
 *         maxCompletionLength, an option out of range.
 */
export function grpoLoss(sequences: readonly GrpoSequence[], options: GrpoOptions = {}): GrpoResult {
  requireNotEmpty("grpoLoss", sequences);
  const rules = grpoRules(options);
  const texts = sequences.map((sequence, index) => lossesOf(`grpoLoss, sequence ${index}`, sequence, rules));
  const counted = texts.reduce((sum, text) => sum + text.counted, 0);
  const share = (pick: (text: TextLosses) => readonly number[]): number =>
    texts.reduce((sum, text) => sum + sumOf(pick(text)), 0) / Math.max(1, counted);
  const sums = texts.map(({ losses }) => sumOf(losses));
  return {
    loss: requireFinite("grpoLoss: the loss", aggregated(rules.type, sums, texts, counted, options)),
    perToken: texts.map(({ losses }) => losses),
    kl: rules.beta === 0 ? null : share(({ kl }) => kl),
    clippedLow: share(({ low }) => low),
    clippedHigh: share(({ high }) => high),
  };
}

function aggregated(
  type: GrpoLossType,
  sums: readonly number[],
  texts: readonly TextLosses[],
  counted: number,
  { maxCompletionLength, normalizer = Math.max(1, counted) }: GrpoOptions,
): number {
  switch (type) {
    case "grpo":
    case "sapo":
      return meanOf(sums.map((sum, index) => sum / Math.max(1, texts[index]?.counted ?? 0)));
    case "bnpo":
      return sumOf(sums) / Math.max(1, counted);
    case "dr_grpo":
      if (maxCompletionLength === undefined) {
        return refuse(
          "grpoLoss: dr_grpo without maxCompletionLength.",
          "give the trainer's max_completion_length.",
        );
      }
      return (
        sumOf(sums) / (sums.length * requirePositive("grpoLoss: maxCompletionLength", maxCompletionLength))
      );
    case "dapo":
    case "cispo":
      return sumOf(sums) / requirePositive("grpoLoss: normalizer", normalizer);
    case "luspo":
      return meanOf(sums);
  }
}

interface TextLosses {
  readonly counted: number;
  readonly losses: readonly number[];
  readonly kl: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

function lossesOf(what: string, sequence: GrpoSequence, rules: GrpoRules): TextLosses {
  const { policy, advantage } = sequence;
  requireAnyLogprobs(`${what}, policy`, policy);
  requireFinite(`${what}: the advantage`, advantage);
  const old = sameLength(what, "old", policy, sequence.old ?? policy);
  const mask = sequence.mask ?? policy.map(() => true);
  if (mask.length !== policy.length)
    refuse(`${what}: the mask has ${mask.length} entries.`, "give one per token.");
  const counted = mask.filter(Boolean).length;
  const counts = (token: number): number => (mask[token] === true ? 1 : 0);
  const ratios = ratiosOf(policy, old, counts, counted, rules.level);
  const kl =
    rules.beta === 0 ? [] : klOf(what, sequence, ratios, rules).map((value, token) => value * counts(token));
  const losses = policy.map((logprob, token) => {
    const loss = tokenLoss(ratios[token] ?? 1, logprob, advantage, rules);
    return counts(token) === 0 ? 0 : loss + rules.beta * (kl[token] ?? 0);
  });
  const clipped = (is: (ratio: number) => boolean): number[] =>
    ratios.map((ratio, token) => (is(ratio) ? counts(token) : 0));
  const byClip = rules.type !== "sapo" && rules.type !== "cispo";
  return {
    counted,
    losses,
    kl,
    low: clipped((ratio) => byClip && ratio < 1 - rules.epsilonLow && advantage < 0),
    high: clipped((ratio) => ratio > highBound(rules) && advantage > 0),
  };
}

function highBound({ type, epsilonHigh }: GrpoRules): number {
  if (type === "sapo") return Number.POSITIVE_INFINITY;
  return type === "cispo" ? epsilonHigh : 1 + epsilonHigh;
}

function ratiosOf(
  policy: TokenLogprobs,
  old: TokenLogprobs,
  counts: (token: number) => number,
  counted: number,
  level: GrpoRules["level"],
): number[] {
  const logRatios = policy.map((logprob, token) => logprob - (old[token] ?? 0));
  if (level === "token") return logRatios.map(Math.exp);
  const mean = sumOf(logRatios.map((value, token) => value * counts(token))) / Math.max(1, counted);
  return policy.map(() => Math.exp(mean));
}

function tokenLoss(ratio: number, logprob: number, advantage: number, rules: GrpoRules): number {
  const { type, epsilonLow, epsilonHigh, delta } = rules;
  if (type === "cispo") return -Math.min(ratio, epsilonHigh) * advantage * logprob;
  if (type === "sapo") {
    const temperature = rules.sapoTemperatures[advantage > 0 ? 0 : 1];
    return -(4 / temperature) * sigmoid(temperature * (ratio - 1)) * advantage;
  }
  const clipped = Math.min(Math.max(ratio, 1 - epsilonLow), 1 + epsilonHigh);
  const unclipped = delta === null ? ratio : Math.min(ratio, delta);
  return -Math.min(unclipped * advantage, clipped * advantage);
}

/** Schulman's k3, never below 0, in nats. */
function klOf(
  what: string,
  { policy, reference }: GrpoSequence,
  ratios: readonly number[],
  { biasCorrectedKl }: GrpoRules,
): number[] {
  if (reference === undefined) return refuse(`${what} has no reference.`, "give its log-probs, or beta 0.");
  sameLength(what, "reference", policy, reference);
  return policy.map((logprob, token) => {
    const difference = (reference[token] ?? 0) - logprob;
    return (Math.expm1(difference) - difference) * (biasCorrectedKl ? (ratios[token] ?? 1) : 1);
  });
}

function sameLength(what: string, name: string, policy: TokenLogprobs, other: TokenLogprobs): TokenLogprobs {
  requireAnyLogprobs(`${what}, ${name}`, other);
  if (other.length === policy.length) return other;
  return refuse(
    `${what}: ${name} has ${other.length} tokens, the policy ${policy.length}.`,
    "score the same token ids with every model.",
  );
}
