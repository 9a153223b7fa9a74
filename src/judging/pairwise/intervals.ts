import { type Interval, wilsonInterval } from "../../core/stats.ts";

/**
 * 95 % interval of the difference of two shares of the same trials, at most one of which each trial can count for: the
 * distances of the two Wilson intervals' ends, squared and added with the shares' own correlation −√(pq / ((1 − p)(1 − q))).
 * Trials may count in part; the interval is then wide rather than narrow.
 *
 * Source: Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired data".
 * Worked: 1 and 0 of 1: p = 1 with [0.206549, 1], q = 0 with [0, 0.793451], no correlation: low 1 − √(0.793451² + 0.793451²) =
 * −0.122109, high 1.
 */
export function differenceInterval(more: number, less: number, trials: number): Interval | null {
  const p = wilsonInterval(more, trials);
  const q = wilsonInterval(less, trials);
  if (p === null || q === null) return null;
  const [a, b] = [more / trials, less / trials];
  const correlation = a < 1 && b < 1 ? -Math.sqrt((a * b) / ((1 - a) * (1 - b))) : 0;
  const reach = (x: number, y: number): number => Math.sqrt(x * x + y * y - 2 * correlation * x * y);
  return [Math.max(-1, a - b - reach(a - p[0], q[1] - b)), Math.min(1, a - b + reach(p[1] - a, b - q[0]))];
}
