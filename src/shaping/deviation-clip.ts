import { z } from "zod";
import { parseOptions } from "../core/scorer.ts";
import { momentsFor, runMoments } from "./moments.ts";
import type { Transform, TransformDefinition } from "./transform.ts";
import { mapScored } from "./values.ts";

const options = z.strictObject({
  scope: z
    .enum(["group", "run"])
    .default("run")
    .describe("Take mean and deviation over the values of the whole run, or over those of the group."),
  deviations: z
    .number()
    .positive()
    .default(1)
    .describe("How many standard deviations from the mean a value may lie; the published value is 1."),
});

export type DeviationClipOptions = z.input<typeof options>;

/**
 * Holds the values within some standard deviations of the mean.
 *
 *   y = min(mean + d std, max(mean - d std, x))        std with n, as published
 *
 * Source: the "clip" that is compared with PAR in arXiv 2502.18770 (code: `RunningStats.clip`, d 1). The paper's mean
 *         and deviation run along with training, each batch added before it is clipped; ours are those of the whole
 *         finished run, frozen. `updateRunning` reproduces the running ones.
 * Range:  [mean - d std, mean + d std].
 * Null:   stays null, and takes no part in mean and std. A baseline counts like any other response.
 * Edges:  no spread -> the mean.
 * Example: run [1, 2, 3, 4]: mean 2.5, std 1.1180 -> [1.3820, 2, 3, 3.6180].
 * Throws: `bad_option`; `need_unmet` with scope "run" and no frozen statistics.
 */
export function deviationClip(given: DeviationClipOptions = {}): Transform {
  const { scope, deviations } = parseOptions("deviation-clip", options, given);
  return {
    name: "deviation-clip",
    version: 1,
    apply: (values, context) => {
      const { count, mean, squares } = momentsFor("deviation-clip", scope, values, context);
      const reach = count === 0 ? 0 : deviations * Math.sqrt(squares / count);
      return mapScored(values, (x) => Math.min(mean + reach, Math.max(mean - reach, x)));
    },
    ...(scope === "run" ? { perResponse: true, statistics: runMoments("deviation-clip") } : {}),
  };
}

export const definition: TransformDefinition<z.output<typeof options>> = {
  name: "deviation-clip",
  version: 1,
  summary: "Holds the values within some standard deviations of the run's mean.",
  options,
  create: deviationClip,
};
