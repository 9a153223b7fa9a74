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

/** One completion under both models; a reference may be given as its sum. */
export interface KtoLogprobs {
  readonly policy: TokenLogprobs;
  readonly reference: TokenLogprobs | number;
}

export interface KtoExample extends KtoLogprobs {
  /** true: desirable. */
  readonly label: boolean;
}

export interface KtoOptions {
  /** TRL's `loss_type`. Default "kto". */
  readonly type?: "kto" | "apo_zero_unpaired";
  /** Default 0.1. */
  readonly beta?: number;
  /** Default 1. */
  readonly desirableWeight?: number;
  /** Default 1. */
  readonly undesirableWeight?: number;
  /** The KL estimate, in nats, from `ktoKl`; "kto" needs it, "apo_zero_unpaired" reads none. */
  readonly kl?: number;
}

export interface KtoResult {
  readonly loss: number;
  /** In the order given, weights applied. */
  readonly perExample: readonly number[];
  /** β(Σ logp − Σ ref), in nats. */
  readonly rewards: readonly number[];
}

/**
 * KTO's KL estimate of a batch: the mean log-ratio of completions that stand beside the wrong prompt, not below 0.
 *
 *   kl = max(0, mean over rows of (Σ logp(y'|x) − Σ ref(y'|x)))
 *
 * TRL rotates the completions by one within each device's batch to get y', so a batch of one has no estimate.
 *
 * Source: Ethayarajh et al. 2024, "KTO", arXiv 2402.01306; TRL 1.13's KTOTrainer.
 * Shape:  mismatched rows [B] -> nats, at least 0.
 * Worked: sums −3 and −5 under the policy, −4 and −4.5 under the reference: mean(1, −0.5) = 0.25.
 * Throws: `not_finite`; `bad_option` for no row, or for tokens of different counts.
 */
export function ktoKl(mismatched: readonly KtoLogprobs[]): number {
  requireNotEmpty("ktoKl", mismatched);
  return Math.max(0, meanOf(mismatched.map((row, index) => logRatio(`ktoKl, row ${index}`, row))));
}

/**
 * KTO's loss over a batch of single, labelled completions.
 *
 *   Δ = Σ logp − Σ ref;  desirable: w_d (1 − σ(β(Δ − kl)));  undesirable: w_u (1 − σ(β(kl − Δ)));  the mean of all
 *   apo_zero_unpaired: w_d (1 − σ(βΔ)) and w_u σ(βΔ), without kl (arXiv 2408.06266, eq. 7)
 *
 * Source: Ethayarajh et al. 2024, "KTO", arXiv 2402.01306, eq. 7; TRL 1.13's KTOTrainer.
 * Shape:  examples [B] -> loss, perExample [B], rewards [B].
 * Edges:  reference = policy and kl 0 -> 0.5 for each.
 * Worked: Δ = 1 desirable and −1 undesirable, kl 0.25, β 0.1: 1 − σ(0.075) = 0.481259 and 1 − σ(0.125) = 0.468791,
 *         mean 0.475025.
 * Throws: `not_finite`; `bad_option` for an empty batch, tokens of different counts, a kl that is missing or below 0.
 */
export function ktoLoss(examples: readonly KtoExample[], options: KtoOptions = {}): KtoResult {
  requireNotEmpty("ktoLoss", examples);
  const { type = "kto", beta = 0.1, desirableWeight = 1, undesirableWeight = 1 } = options;
  requirePositive("ktoLoss: beta", beta);
  requireFinite("ktoLoss: desirableWeight", desirableWeight);
  requireFinite("ktoLoss: undesirableWeight", undesirableWeight);
  const kl = klOf(type, options.kl);
  const ratios = examples.map((example, index) => logRatio(`ktoLoss, example ${index}`, example));
  const perExample = examples.map(({ label }, index) => {
    const gain = beta * ((ratios[index] ?? 0) - kl);
    return label ? desirableWeight * sigmoid(-gain) : undesirableWeight * sigmoid(gain);
  });
  return { loss: meanOf(perExample), perExample, rewards: ratios.map((ratio) => beta * ratio) };
}

function klOf(type: string, kl: number | undefined): number {
  if (type === "apo_zero_unpaired") {
    if (kl !== undefined)
      refuse("ktoLoss: kl beside apo_zero_unpaired.", "leave kl out: this type reads none.");
    return 0;
  }
  if (type !== "kto") refuse(`ktoLoss: there is no type "${type}".`, 'write "kto" or "apo_zero_unpaired".');
  if (kl === undefined) return refuse("ktoLoss got no kl.", "estimate it with ktoKl, or write 0.");
  if (requireFinite("ktoLoss: kl", kl) < 0)
    refuse(`ktoLoss: kl is ${kl}.`, "give an estimate of at least 0.");
  return kl;
}

function logRatio(what: string, { policy, reference }: KtoLogprobs): number {
  requireAnyLogprobs(`${what}, policy`, policy);
  if (typeof reference === "number") {
    return sumOf(policy) - requireFinite(`${what}: the reference's sum`, reference);
  }
  if (reference.length !== policy.length) {
    refuse(
      `${what}: the reference has ${reference.length} tokens, the policy ${policy.length}.`,
      "score the same token ids with both models.",
    );
  }
  requireAnyLogprobs(`${what}, reference`, reference);
  return sumOf(policy) - sumOf(reference);
}
