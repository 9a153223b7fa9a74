import type { z } from "zod";
import type { Pair, RewardedGroup } from "../core/types.ts";

/** Why a response stands in no pair. */
export type NoPairReason =
  | "tie"
  | "identical_text"
  | "below_margin"
  | "unscored"
  | "empty"
  | "single_candidate"
  | "length_mismatch"
  | "vetoed"
  | "baseline"
  | "not_selected";

export interface PairResult {
  readonly pairs: readonly Pair[];
  /** One entry per response of the group, in order: null when it stands in a pair. */
  readonly unpaired: readonly (NoPairReason | null)[];
}

export interface PairContext {
  readonly seed: number;
}

/** Turns one rewarded group into pairs. Pure and deterministic: same group and seed, same pairs. */
export interface PairBuilder {
  readonly name: string;
  readonly version: number;
  build(group: RewardedGroup, context: PairContext): PairResult;
}

export interface PairBuilderDefinition<Options = unknown> {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly options: z.ZodType<Options>;
  create(options: Options): PairBuilder;
}
