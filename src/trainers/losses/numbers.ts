import { PrefkitError } from "../../core/errors.ts";

/** Natural logs, in nats, one per completion token, in order. */
export type TokenLogprobs = readonly number[];

/**
 * ln σ(x) = −ln(1 + e^(−x)), without overflow: -800 -> -800, 0 -> -0.6931 (−ln 2), 800 -> 0 (−e^(−800) is below the
 * smallest double).
 */
export function logSigmoid(x: number): number {
  return Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
}

/** σ(x) = 1 / (1 + e^(−x)): 0 -> 0.5, 2 -> 0.8808. Range [0, 1]. */
export function sigmoid(x: number): number {
  const small = Math.exp(-Math.abs(x));
  return (x < 0 ? small : 1) / (1 + small);
}

/**
 * ln(1 − e^x) for x < 0, without cancellation: −0.5 -> −0.9328. Changes its formula at −ln 2, as TRL's `log1mexp` does.
 * x = 0 gives −∞, x > 0 NaN: the callers refuse both.
 */
export function log1mExp(x: number): number {
  return x < -Math.LN2 ? Math.log1p(-Math.exp(x)) : Math.log(-Math.expm1(x));
}

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The mean; of nothing it is NaN, so callers ask for a number first. */
export function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}

/** A number of the caller's: NaN, ±∞ and what is no number are refused with `not_finite`, and the place is named. */
export function requireFinite(what: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new PrefkitError("not_finite", `${what} is ${value}.`, "give finite numbers, in nats for log-probs.");
}

/** Throws `bad_option`: what was got, and what to write. */
export function refuse(problem: string, fix: string): never {
  throw new PrefkitError("bad_option", problem, fix);
}

/**
 * The log-probs of one text: at least one, each finite and at most 0. Float32 sums of softmaxes overshoot 0 by an ulp or
 * so; up to 1e-5 above 0 is let through.
 */
export function requireLogprobs(what: string, logprobs: TokenLogprobs): TokenLogprobs {
  if (logprobs.length === 0)
    refuse(`${what} has no token.`, "leave empty texts out: their mean would be 0/0.");
  return requireAnyLogprobs(what, logprobs);
}

/** As `requireLogprobs`, but no token at all is a text too. */
export function requireAnyLogprobs(what: string, logprobs: TokenLogprobs): TokenLogprobs {
  for (let index = 0; index < logprobs.length; index++) {
    const value = logprobs[index] ?? Number.NaN;
    requireFinite(`${what}, token ${index}: the log-prob`, value);
    if (value > 1e-5) {
      refuse(
        `${what}, token ${index}: the log-prob is ${value}.`,
        "give natural logs of probabilities: at most 0.",
      );
    }
  }
  return logprobs;
}

export function requireNotEmpty(what: string, rows: readonly unknown[]): void {
  if (rows.length === 0)
    refuse(`${what} got an empty batch.`, "give at least one row: a mean of none is no number.");
}

export function requirePositive(what: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  return refuse(`${what} is ${value}.`, "choose a finite number above 0.");
}

/** Label smoothing: the share of labels taken to be wrong, in [0, 0.5). */
export function requireSmoothing(what: string, value: number): number {
  if (value >= 0 && value < 0.5) return value;
  return refuse(`${what}: labelSmoothing is ${value}.`, "choose 0 <= labelSmoothing < 0.5.");
}

/** The logistic loss with smoothing ε: −(1−ε) ln σ(x) − ε ln σ(−x). x = 0 gives ln 2 whatever ε. */
export function smoothedLogistic(x: number, smoothing: number): number {
  return -(1 - smoothing) * logSigmoid(x) - (smoothing === 0 ? 0 : smoothing * logSigmoid(-x));
}
