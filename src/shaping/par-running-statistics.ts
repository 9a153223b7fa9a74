import { PrefkitError } from "../core/errors.ts";

/** What the official PAR code keeps while it trains; plain JSON, so that it can be written and taken up again. */
export interface RunningStatistics {
  readonly n: number;
  readonly mean: number;
  /** Sum of squared deviations from the mean. */
  readonly m2: number;
  readonly min: number;
  readonly max: number;
}

/** Where the official code starts: its minimum never exceeds 10000, and its maximum is never below -10000. */
export const NO_RUNNING_STATISTICS: RunningStatistics = { n: 0, mean: 0, m2: 0, min: 10000, max: -10000 };

export type RunningMethod = "mean-std" | "clip" | "min-max";

/**
 * The statistics with one more batch of rewards, merged as the official code does (population variance).
 *
 * Source: arXiv 2502.18770, code `RunningStats.update`.
 * Edges:  an empty batch changes nothing.
 * Example: [1, 2, 3, 4] -> n 4, mean 2.5, m2 5, min 1, max 4.
 * Throws: `not_finite` for a reward that is NaN or infinite.
 */
export function updateRunning(before: RunningStatistics, batch: readonly number[]): RunningStatistics {
  const wrong = batch.find((reward) => !Number.isFinite(reward));
  if (wrong !== undefined) {
    throw new PrefkitError(
      "not_finite",
      `running statistics got the reward ${wrong}.`,
      "leave out the responses that have no reward.",
    );
  }
  if (batch.length === 0) return before;
  const n = before.n + batch.length;
  const mean = batch.reduce((sum, reward) => sum + reward, 0) / batch.length;
  const squares = batch.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  const delta = mean - before.mean;
  return {
    n,
    mean: before.mean + (delta * batch.length) / n,
    m2: before.m2 + squares + (delta * delta * before.n * batch.length) / n,
    min: batch.reduce((low, reward) => Math.min(low, reward), before.min),
    max: batch.reduce((high, reward) => Math.max(high, reward), before.max),
  };
}

/**
 * Shapes one batch as the official code does while it trains: the batch is added to the statistics first, and then
 * shaped by them. They are never reset.
 *
 *   mean-std: (r - mean) / std, std 1 where it is 0        clip: r held to mean +- std        std with n
 *   min-max:  (r - min) / (max - min)
 *
 * Source: arXiv 2502.18770, code `RunningStats`. A recipe's per-run transforms (`standardize`, `deviation-clip`,
 *         `min-max` with scope "run") use the frozen numbers of a finished run instead, so that a reward does not depend
 *         on the order of the rows.
 * Edges:  min-max while min and max are equal -> 0.5 (our choice; the official code gives NaN).
 * Example: [1, 2, 3, 4], then [10, 0], mean-std: mean 3.3333, std 3.2489 -> [2.0520, -1.0260].
 * Throws: `not_finite` for a reward that is NaN or infinite.
 */
export function shapeRunning(
  method: RunningMethod,
  before: RunningStatistics,
  batch: readonly number[],
): { readonly rewards: readonly number[]; readonly statistics: RunningStatistics } {
  const statistics = updateRunning(before, batch);
  return { rewards: batch.map((reward) => shaped(method, statistics, reward)), statistics };
}

function shaped(method: RunningMethod, { n, mean, m2, min, max }: RunningStatistics, reward: number): number {
  const deviation = Math.sqrt(m2 / n);
  switch (method) {
    case "mean-std":
      return (reward - mean) / (deviation > 0 ? deviation : 1);
    case "clip":
      return Math.min(mean + deviation, Math.max(mean - deviation, reward));
    case "min-max":
      return min === max ? 0.5 : (reward - min) / (max - min);
  }
}
