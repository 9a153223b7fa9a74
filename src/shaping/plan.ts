import { PrefkitError } from "../core/errors.ts";
import type { Json } from "../core/types.ts";
import type { Transform } from "./transform.ts";

/** What an unscored cell does to its response: no reward at all, or a reward without this term. */
export type OnUnscored = "null" | "drop-term";

export interface Term {
  /** The recipe's key of the scorer. */
  readonly score: string;
  readonly weight: number;
  /** Applied in order to the score's values within the group. */
  readonly transforms: readonly Transform[];
  readonly onUnscored: OnUnscored;
}

/** Replaces the reward of a response whose raw score is strictly below, or strictly above, the one bound given. */
export interface Gate {
  readonly score: string;
  readonly below?: number | undefined;
  readonly above?: number | undefined;
  readonly reward: number;
}

export interface CombinePlan {
  readonly terms: readonly Term[];
  readonly gates: readonly Gate[];
}

/**
 * Frozen numbers of a run, for its per-run transforms, keyed "term.transform" by index ("0.1": the second transform of
 * the first term). JSON, so that run.json can keep it.
 */
export type RunNumbers = Readonly<Record<string, Json>>;

/**
 * A checked plan from what a recipe says; weight 1, no transform, `onUnscored` "null" and no gate where nothing is
 * said. The reward of one scorer alone is `combinePlan({ terms: [{ score: "correct" }] })`.
 *
 * Throws: `bad_option` without a term, when a weight, bound or gate's reward is not finite, or when a gate
 *         has not exactly one bound.
 */
export function combinePlan(given: {
  readonly terms: readonly (Pick<Term, "score"> & Partial<Term>)[];
  readonly gates?: readonly Gate[];
}): CombinePlan {
  const { terms, gates = [] } = given;
  if (terms.length === 0) throw badPlan("has no term", "name at least one score under reward.terms.");
  for (const { score, weight = 1 } of terms) {
    if (!Number.isFinite(weight)) {
      throw badPlan(`has weight ${weight} for "${score}"`, "give a finite weight.");
    }
  }
  for (const gate of gates) {
    const bounds = [gate.below, gate.above].filter((bound) => bound !== undefined);
    if (bounds.length !== 1 || ![...bounds, gate.reward].every(Number.isFinite)) {
      throw badPlan(
        `has a gate on "${gate.score}" with below ${gate.below}, above ${gate.above} and reward ${gate.reward}`,
        "give exactly one finite bound, below or above, and a finite reward.",
      );
    }
  }
  return {
    terms: terms.map((term) => ({ weight: 1, transforms: [], onUnscored: "null", ...term })),
    gates,
  };
}

function badPlan(problem: string, fix: string): PrefkitError {
  return new PrefkitError("bad_option", `the reward ${problem}.`, fix);
}
