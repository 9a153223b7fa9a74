import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import type { Transform, TransformDefinition } from "./transform.ts";
import { mapScored } from "./values.ts";

const options = z
  .strictObject({
    min: z.number().exactOptional().describe("Values below become this."),
    max: z.number().exactOptional().describe("Values above become this."),
  })
  .refine(({ min, max }) => min !== undefined || max !== undefined, "give min, max or both")
  .refine(({ min = -Infinity, max = Infinity }) => min <= max, "min must not be above max");

export type ClipOptions = z.input<typeof options>;

/**
 * Holds the values within bounds.
 *
 *   y = min(max, max(min, x))
 *
 * Range:  [min, max]; an end that is not given is open.
 * Null:   stays null.
 * Example: min -1, max 1: [-3, 0.5, 2] -> [-1, 0.5, 1].
 * Throws: `bad_option` without a bound, or with min above max.
 */
export function clip(given: ClipOptions): Transform {
  const { min = -Infinity, max = Infinity } = parseOptions("clip", options, given);
  return {
    name: "clip",
    version: 1,
    perResponse: true,
    apply: (values) => mapScored(values, (x) => Math.min(max, Math.max(min, x))),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "clip",
  version: 1,
  summary: "Holds the values between min and max.",
  options,
  create: clip,
};
