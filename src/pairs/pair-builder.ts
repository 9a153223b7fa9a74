import type { z } from "zod";
import type { JsonObject, Pair, RewardedGroup } from "../core/types.ts";

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
  /** The scores that it looks up beside the reward, and the option that names each: checked when a recipe is planned. */
  readonly reads?: readonly { readonly score: string; readonly option: readonly (string | number)[] }[];
  build(group: RewardedGroup, context: PairContext): PairResult;
}

export interface PairBuilderDefinition<Options = unknown> {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly options: z.ZodType<Options>;
  /** Options of the example that `prefkit list NAME` shows, where the required ones alone would not do. */
  readonly example?: JsonObject;
  create(options: Options): PairBuilder;
}
