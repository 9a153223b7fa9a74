import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { curve, curveOptions } from "./references.ts";
import type { Transform, TransformDefinition } from "./transform.ts";

const options = z.strictObject({
  ...curveOptions,
  clamp: z
    .boolean()
    .default(false)
    .describe("Hold the polynomial to [0, 1], which it leaves by up to 0.011 near its ends."),
});

export type FittedPolynomialOptions = z.input<typeof options>;

/** Least squares of degree 5 to the logistic curve on 100 even points of [-5, 5]; by symmetry the even powers vanish. */
const FIFTH = 0.00020266916983218444;
const THIRD = -0.010130912056492032;
const FIRST = 0.2287885117782609;

/**
 * A polynomial that was fitted to the logistic curve, of the distance to the references, or of the value itself.
 *
 *   f(d) = 0 for d <= -5; 1 for d >= 5; else 0.5 + 0.228789 d - 0.0101309 d^3 + 0.000202669 d^5
 *   relative: y = (1 / M) * sum over m of f(x - reference_m)        pure: y = f(x)
 *
 * Source: compared with PAR in arXiv 2502.18770 (code: `calculate_fitted_poly`, M 10), which fits it anew in each run;
 *         its optimiser leaves terms of about 1e-7 in the even powers.
 * Range:  (-0.0110, 1.0110): f overshoots (f(4.99) = 1.0099) and then jumps to 1, as published; [0, 1] with `clamp`.
 * Null:   stays null, and in relative form a response without references becomes null. Baselines as in `par`.
 * Example: x 2, references 0.5, 1, -0.5 -> 0.8210.
 * Throws: `bad_option`; `bad_row` when the metadata's list is not one of numbers.
 */
export function fittedPolynomial(given: FittedPolynomialOptions = {}): Transform {
  const { clamp, ...rest } = parseOptions("fitted-polynomial", options, given);
  return curve(
    "fitted-polynomial",
    rest,
    clamp ? (x) => Math.min(1, Math.max(0, polynomial(x))) : polynomial,
  );
}

function polynomial(x: number): number {
  if (x <= -5) return 0;
  if (x >= 5) return 1;
  return 0.5 + FIRST * x + THIRD * x ** 3 + FIFTH * x ** 5;
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "fitted-polynomial",
  version: 1,
  summary:
    "A polynomial fitted to the logistic curve, of the distance to reference responses or of the value.",
  options,
  create: fittedPolynomial,
};
