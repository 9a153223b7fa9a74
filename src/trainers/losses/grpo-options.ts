import { refuse, requireFinite, requirePositive, type TokenLogprobs } from "./numbers.ts";

/** One completion of the batch. */
export interface GrpoSequence {
  /** Under the model being trained; logits divided by the temperature first, as in sampling. */
  readonly policy: TokenLogprobs;
  /** Under the model that sampled. Default: the policy's own, as in the first update after sampling, where the ratio is 1. */
  readonly old?: TokenLogprobs;
  /** Under the reference model; needed when beta is not 0. */
  readonly reference?: TokenLogprobs;
  /** From `grpoAdvantages`: 0 for an unscored completion. */
  readonly advantage: number;
  /** Which tokens count (not those a tool wrote, nor those of a completion that was cut off). Default: all. */
  readonly mask?: readonly boolean[];
}

export const GRPO_LOSS_TYPES = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "luspo"] as const;
export type GrpoLossType = (typeof GRPO_LOSS_TYPES)[number];

export interface GrpoOptions {
  /** By TRL's `loss_type`. Default "dapo", as in TRL. */
  readonly type?: GrpoLossType;
  /**
   * TRL's `importance_sampling_level`. "token" (default); "sequence": one ratio for the whole text, GSPO; "sequence_token":
   * GSPO-token, whose value is that of "sequence" while its gradient goes through each token.
   */
  readonly level?: "token" | "sequence" | "sequence_token";
  /** TRL's `epsilon`. Default 0.2. */
  readonly epsilonLow?: number;
  /** TRL's `epsilon_high`; for cispo the cap of the ratio itself. Default: epsilonLow. */
  readonly epsilonHigh?: number;
  /** TRL's `delta`: the cap of the unclipped ratio, above 1 + epsilonHigh to matter. Default null: none. */
  readonly delta?: number | null;
  /** The KL term's weight. Default 0. */
  readonly beta?: number;
  /** TRL's `use_bias_correction_kl`: the KL estimate times the ratio. Default true; GSPO-token has none. */
  readonly biasCorrectedKl?: boolean;
  /** dr_grpo alone: the constant it divides by, in tokens. */
  readonly maxCompletionLength?: number;
  /** dapo and cispo: what they divide by, in tokens. Default: the counted tokens of this batch. */
  readonly normalizer?: number;
  /** sapo's τ for A > 0, and otherwise. Default 1 and 1.05. */
  readonly sapoTemperatures?: readonly [positive: number, other: number];
}

export interface GrpoRules {
  readonly type: GrpoLossType;
  readonly level: "token" | "sequence" | "sequence_token";
  readonly epsilonLow: number;
  readonly epsilonHigh: number;
  readonly delta: number | null;
  readonly beta: number;
  readonly biasCorrectedKl: boolean;
  readonly sapoTemperatures: readonly [positive: number, other: number];
}

export function grpoRules(options: GrpoOptions): GrpoRules {
  const { type = "dapo", level = "token", epsilonLow = 0.2, delta = null, beta = 0 } = options;
  const { epsilonHigh = epsilonLow, sapoTemperatures = [1, 1.05] } = options;
  const { biasCorrectedKl = level !== "sequence_token" } = options;
  if (!GRPO_LOSS_TYPES.includes(type)) {
    refuse(`grpoLoss: there is no type "${type}".`, `write one of: ${GRPO_LOSS_TYPES.join(", ")}.`);
  }
  if (!["token", "sequence", "sequence_token"].includes(level)) {
    refuse(`grpoLoss: there is no level "${level}".`, "write token, sequence or sequence_token.");
  }
  if (!(Number.isFinite(epsilonLow) && epsilonLow >= 0)) {
    refuse(`grpoLoss: epsilonLow is ${epsilonLow}.`, "choose a finite number of at least 0.");
  }
  if (!(Number.isFinite(epsilonHigh) && epsilonHigh >= 0)) {
    refuse(`grpoLoss: epsilonHigh is ${epsilonHigh}.`, "choose a finite number of at least 0.");
  }
  if (delta !== null) requirePositive("grpoLoss: delta", delta);
  requireFinite("grpoLoss: beta", beta);
  for (const temperature of sapoTemperatures) requirePositive("grpoLoss: a sapo temperature", temperature);
  return { type, level, epsilonLow, epsilonHigh, delta, beta, biasCorrectedKl, sapoTemperatures };
}
