import type { Random } from "../core/random.ts";

/**
 * How many of `trials` succeed when each does with `probability`.
 *
 * Source: below a mean of 10 inversion by search (Kachitvichyanukul and Schmeiser 1988, "BINV"); from there on transformed
 * rejection (Hörmann 1993, "BTRS"), whose cost does not grow with `trials`. Both are exact but for rounding.
 * Shape:  trials an integer from 0 on, probability in [0, 1] -> integer in [0, trials].
 */
export function binomial(random: Random, trials: number, probability: number): number {
  if (trials === 0 || probability <= 0) return 0;
  if (probability >= 1) return trials;
  if (probability > 0.5) return trials - binomial(random, trials, 1 - probability);
  return trials * probability < 10
    ? bySearch(random, trials, probability)
    : byRejection(random, trials, probability);
}

function bySearch(random: Random, trials: number, probability: number): number {
  const odds = probability / (1 - probability);
  let term = (1 - probability) ** trials;
  let left = random.uniform();
  let count = 0;
  while (left > term && count < trials) {
    left -= term;
    count += 1;
    term *= (odds * (trials - count + 1)) / count;
  }
  return count;
}

function byRejection(random: Random, trials: number, probability: number): number {
  const odds = probability / (1 - probability);
  const spread = Math.sqrt(trials * probability * (1 - probability));
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * probability;
  const center = trials * probability + 0.5;
  const surelyBelow = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * spread;
  const mode = Math.floor((trials + 1) * probability);
  for (;;) {
    const u = random.uniform() - 0.5;
    const v = random.uniform();
    const edge = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / edge + b) * u + center);
    if (edge >= 0.07 && v <= surelyBelow) return count;
    if (!(count >= 0 && count <= trials)) continue;
    const height = Math.log((v * alpha) / (a / (edge * edge) + b));
    const bound =
      (mode + 0.5) * Math.log((mode + 1) / (odds * (trials - mode + 1))) +
      (trials + 1) * Math.log((trials - mode + 1) / (trials - count + 1)) +
      (count + 0.5) * Math.log((odds * (trials - count + 1)) / (count + 1)) +
      stirling(mode) +
      stirling(trials - mode) -
      stirling(count) -
      stirling(trials - count);
    if (height <= bound) return count;
  }
}

/** ln k! less Stirling's ln √(2π) + (k + ½) ln (k + 1) − (k + 1). */
const SMALL = [
  0.08106146679532726, 0.04134069595540929, 0.02767792568499834, 0.02079067210376509, 0.01664469118982119,
  0.01387612882307075, 0.01189670994589177, 0.01041126526197209, 0.009255462182712733, 0.008330563433362871,
];

function stirling(count: number): number {
  const small = SMALL[count];
  if (small !== undefined) return small;
  const square = (count + 1) ** 2;
  return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (count + 1);
}
