import { deviationOf, momentsOf } from "../../core/stats.ts";
import { ADVANTAGE_CONVENTIONS, groupAdvantages } from "../../shaping/advantages.ts";
import { refuse, requireFinite } from "./numbers.ts";

/** TRL adds this to every deviation it divides by. */
const EPSILON = ADVANTAGE_CONVENTIONS.trl.epsilon;

/** One row per completion, the completions of one prompt in a row; one column per reward function; null: no score. */
export type RewardTable = readonly (readonly (number | null)[])[];

export interface GrpoAdvantageOptions {
  /** Completions per prompt, at least 2. */
  readonly groupSize: number;
  /** One weight per reward function. Default: all 1. */
  readonly weights?: readonly number[];
  /** TRL's `scale_rewards`: what the deviation is taken over. Default "group". Not read by normalize_then_sum. */
  readonly scale?: "group" | "batch" | "none";
  /** TRL's `multi_objective_aggregation`. Default "sum_then_normalize". */
  readonly aggregation?: "sum_then_normalize" | "normalize_then_sum";
}

/**
 * The advantages of one generation batch, as TRL 1.13's GRPOTrainer computes them from its reward functions.
 *
 *   sum_then_normalize: R = Σ_k w_k r_k, nulls left out;  A = (R − mean of its group) / (std + 1e-4)
 *                       std over the group, over the batch, or no division (none: Dr. GRPO)
 *   normalize_then_sum: z_k = (r_k − mean_k) / (std_k + 1e-4) within each group;  S = Σ_k w_k z_k;
 *                       A = (S − mean of all S) / (std of all S + 1e-4)         (GDPO)
 *   std with n − 1 throughout.
 *
 * Source: Shao et al. 2024, "DeepSeekMath", arXiv 2402.03300; Liu et al. 2025, arXiv 2503.20783 (none); Liu et al. 2026,
 *         "GDPO", arXiv 2601.05242. The group's own formula is `groupAdvantages`.
 * Shape:  rewards [B][K] -> advantages [B], same order; B a multiple of groupSize.
 * Null:   a row whose every entry is null is unscored: left out of means and deviations, advantage 0.
 * Edges:  fewer than two scored where a deviation is taken -> 0. All equal -> 0.
 * Worked: [[1], [0], [null], [0]], groupSize 4: mean 1/3, std 0.577350: 1.154501, −0.577250, 0, −0.577250.
 * Throws: `not_finite`; `bad_option` for a batch that is no multiple of groupSize, rows of different widths, other weights.
 */
export function grpoAdvantages(rewards: RewardTable, options: GrpoAdvantageOptions): number[] {
  const { groupSize, scale = "group", aggregation = "sum_then_normalize" } = options;
  const columns = rewards[0]?.length ?? 0;
  const weights = options.weights ?? new Array<number>(columns).fill(1);
  requireTable(rewards, groupSize, columns, weights);
  if (aggregation === "normalize_then_sum") return whitened(normalizedSums(rewards, groupSize, weights));
  if (aggregation !== "sum_then_normalize") {
    refuse(
      `grpoAdvantages: there is no aggregation "${aggregation}".`,
      "write sum_then_normalize or normalize_then_sum.",
    );
  }
  const totals = rewards.map((row) => weightedSum(row, weights));
  const groups = grouped(totals, groupSize);
  switch (scale) {
    case "group":
      return groups.flatMap((group) => groupwise(group, "grpo"));
    case "none":
      return groups.flatMap((group) => groupwise(group, "dr-grpo"));
    case "batch": {
      const deviation = deviationOf(momentsOf(totals.filter((total) => total !== null)));
      const centered = groups.flatMap((group) => groupwise(group, "dr-grpo"));
      return centered.map((value) => (deviation === null ? 0 : value / (deviation + EPSILON)));
    }
    default:
      return refuse(`grpoAdvantages: there is no scale "${scale}".`, "write group, batch or none.");
  }
}

function groupwise(group: readonly (number | null)[], method: "grpo" | "dr-grpo"): number[] {
  return groupAdvantages(group, { method, convention: "trl", unscored: "zero" }).map((value) => value ?? 0);
}

/** Null when every entry is. */
function weightedSum(row: readonly (number | null)[], weights: readonly number[]): number | null {
  if (row.every((value) => value === null)) return null;
  return row.reduce<number>((sum, value, column) => sum + (value ?? 0) * (weights[column] ?? 0), 0);
}

/** Per function and group; a function that scored fewer than two of a group says nothing about it and adds 0. */
function normalizedSums(
  rewards: RewardTable,
  groupSize: number,
  weights: readonly number[],
): (number | null)[] {
  const columns = weights.map((_, column) =>
    grouped(
      rewards.map((row) => row[column] ?? null),
      groupSize,
    ).flatMap((group) => groupwise(group, "grpo")),
  );
  return rewards.map((row, index) =>
    row.every((value) => value === null)
      ? null
      : weightedSum(
          columns.map((column) => column[index] ?? 0),
          weights,
        ),
  );
}

function whitened(values: readonly (number | null)[]): number[] {
  return groupwise(values, "grpo");
}

function grouped<Value>(values: readonly Value[], size: number): Value[][] {
  return Array.from({ length: values.length / size }, (_, group) =>
    values.slice(group * size, (group + 1) * size),
  );
}

function requireTable(
  rewards: RewardTable,
  groupSize: number,
  columns: number,
  weights: readonly number[],
): void {
  if (!Number.isSafeInteger(groupSize) || groupSize < 2) {
    refuse(`grpoAdvantages: groupSize is ${groupSize}.`, "give the completions per prompt, at least 2.");
  }
  if (rewards.length === 0 || rewards.length % groupSize !== 0) {
    refuse(
      `grpoAdvantages got ${rewards.length} rows in groups of ${groupSize}.`,
      "give whole groups, one or more.",
    );
  }
  if (columns === 0)
    refuse("grpoAdvantages got rows without an entry.", "give one entry per reward function.");
  if (weights.length !== columns) {
    refuse(
      `grpoAdvantages got ${weights.length} weights for ${columns} reward functions.`,
      "give one for each.",
    );
  }
  weights.forEach((weight, column) => {
    requireFinite(`grpoAdvantages: weight ${column}`, weight);
  });
  rewards.forEach((row, index) => {
    if (row.length !== columns) {
      refuse(
        `grpoAdvantages: row ${index} has ${row.length} entries, row 0 ${columns}.`,
        "give one per reward function.",
      );
    }
    row.forEach((value, column) => {
      if (value !== null) requireFinite(`grpoAdvantages: reward ${column} of row ${index}`, value);
    });
  });
}
