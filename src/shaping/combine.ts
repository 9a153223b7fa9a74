import { PrefkitError } from "../core/errors.ts";
import type { ScoredGroup } from "../core/types.ts";
import { transformed, valuesOf } from "./chain.ts";
import type { CombinePlan, Gate, RunNumbers } from "./plan.ts";
import type { Values } from "./values.ts";

export type { CombinePlan, Gate, OnUnscored, RunNumbers, Term } from "./plan.ts";
export { combinePlan } from "./plan.ts";
export { emptySums, gather, gatherAll, joinSums, statisticsDepth } from "./run-statistics.ts";

export interface Combined {
  /** One per response: finite, or null. */
  readonly rewards: readonly (number | null)[];
  /** Per term, its values after the transforms and before the weight. */
  readonly terms: readonly { readonly score: string; readonly values: Values }[];
  /** Per response, the index of the gate that decided, be it by firing or by being unscored; null when none did. */
  readonly gates: readonly (number | null)[];
}

/**
 * The one place where scores become a reward.
 *
 *   reward = sum over terms of weight * transformed score, then the gates
 *
 * Shape:  G responses -> G rewards, same order; baselines get theirs too.
 * Null:   a cell that is abstained, failed or missing, or that a transform made null, gives reward null, or, with
 *         `onUnscored: "drop-term"`, leaves its term out of that response's sum. The other weights stay as they are,
 *         and with every term left out the reward is null.
 * Gates:  looked at in order, on the raw score; the first that fires sets the reward. One that comes upon an unscored
 *         cell before any has fired makes the reward null: it is never skipped. A null sum stays null.
 * Example: terms 1 * correct and 0.2 * style, scores 1 and 0.5 -> 1.1; with a gate "format below 0.5 -> 0" and format
 *         0.3 -> 0.
 * Throws: `not_finite` (with prompt and term), `contract_broken` when a transform invents or loses values,
 *         `need_unmet` when a per-run transform has no entry in `run`.
 */
export function combine(plan: CombinePlan, scored: ScoredGroup, run: RunNumbers = {}): Combined {
  const terms = plan.terms.map((term, index) => ({
    score: term.score,
    values: transformed(term, index, term.transforms.length, scored, run),
  }));
  const gateValues = plan.gates.map((gate) => valuesOf(scored, gate.score));
  const gates = scored.group.responses.map((_, response) => {
    const decided = plan.gates.findIndex(
      (gate, index) => fires(gate, gateValues[index]?.[response]) !== false,
    );
    return decided === -1 ? null : decided;
  });
  const rewards = scored.group.responses.map((_, response) => {
    const sum = weightedSum(plan, terms, response, scored);
    const decided = gates[response] ?? null;
    if (sum === null || decided === null) return sum;
    return (gateValues[decided]?.[response] ?? null) === null ? null : (plan.gates[decided]?.reward ?? null);
  });
  return { rewards, terms, gates };
}

function weightedSum(
  plan: CombinePlan,
  terms: Combined["terms"],
  response: number,
  scored: ScoredGroup,
): number | null {
  let sum = 0;
  let counted = 0;
  for (const [index, { score, weight, onUnscored }] of plan.terms.entries()) {
    const value = terms[index]?.values[response] ?? null;
    if (value === null) {
      if (onUnscored === "null") return null;
      continue;
    }
    sum += weight * value;
    counted += 1;
    if (!Number.isFinite(sum)) {
      throw new PrefkitError(
        "not_finite",
        `term "${score}" with weight ${weight} and value ${value} makes the reward of response ${response + 1} ${sum}.`,
        "choose smaller weights, or clip the score.",
        { place: { promptId: scored.group.prompt.id } },
      );
    }
  }
  return counted === 0 ? null : sum;
}

/** Whether a gate fires; null when it cannot be told, because the cell is unscored. */
function fires({ below, above }: Gate, value: number | null | undefined): boolean | null {
  if (value === null || value === undefined) return null;
  return (below !== undefined && value < below) || (above !== undefined && value > above);
}
