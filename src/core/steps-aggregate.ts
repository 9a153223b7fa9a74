export const STEP_AGGREGATES = ["min", "product", "last", "mean"] as const;

export type StepAggregate = (typeof STEP_AGGREGATES)[number];

/**
 * One value for a solution from the values of its steps.
 *
 * Source: min: Wang et al. 2024, "Math-Shepherd"; product: Lightman et al. 2023, "Let's Verify Step by Step"; last: the
 *         default of reward_hub; mean: ours to offer, it lets many good steps hide a bad one.
 * Shape:  values [K] -> one value. In [0, 1] when all values are.
 * Null:   no steps, nothing to say.
 * NaN:    when any value is not finite, also for `last`: a value that is missing in the middle is a fault to be seen.
 * Worked: [0.9, 0.4, 0.7, 0.95] -> min 0.4, product 0.9 * 0.4 * 0.7 * 0.95 = 0.2394, last 0.95, mean 2.95 / 4 = 0.7375.
 */
export function aggregateSteps(values: readonly number[], by: StepAggregate): number | null {
  const last = values.at(-1);
  if (last === undefined) return null;
  if (!values.every(Number.isFinite)) return Number.NaN;
  switch (by) {
    case "min":
      return least(values);
    case "product":
      return values.reduce((product, value) => product * value, 1);
    case "last":
      return last;
    case "mean":
      // Rounding would else lift the mean of three times 0.1 above 0.1, and so out of a scorer's range.
      return Math.min(most(values), Math.max(least(values), sum(values) / values.length));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function least(values: readonly number[]): number {
  return values.reduce((lowest, value) => Math.min(lowest, value));
}

function most(values: readonly number[]): number {
  return values.reduce((highest, value) => Math.max(highest, value));
}
