export { alphaReward, CPO_LOSS_TYPES, type CpoLossType, type CpoOptions, cpoLoss } from "./cpo.ts";
export { DIVERGENCES, type Divergence, divergenceScore } from "./divergence.ts";
export { type DpoOptions, type DpoPair, dpoLoss, type ReferenceLogprobs, wpoWeight } from "./dpo.ts";
export { DPO_LOSS_TYPES, type DpoLossType } from "./dpo-pair-losses.ts";
export { type GrpoResult, grpoLoss } from "./grpo.ts";
export { type GrpoAdvantageOptions, grpoAdvantages, type RewardTable } from "./grpo-advantages.ts";
export { GRPO_LOSS_TYPES, type GrpoLossType, type GrpoOptions, type GrpoSequence } from "./grpo-options.ts";
export { type KtoExample, type KtoLogprobs, type KtoOptions, type KtoResult, ktoKl, ktoLoss } from "./kto.ts";
export type { TokenLogprobs } from "./numbers.ts";
export { type OrpoOptions, type OrpoPair, orpoLoss } from "./orpo.ts";
export type { PairLogprobs, PreferenceResult } from "./preference.ts";
export { type RewardLossOptions, type RewardLossResult, type RewardPair, rewardLoss } from "./reward.ts";
export {
  type AlphaPoOptions,
  alphaPoLoss,
  type SimpoMargin,
  type SimpoOptions,
  simpoGamma,
  simpoLoss,
} from "./simpo.ts";
