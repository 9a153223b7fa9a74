import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { joinMoments, type Moments, momentsOf, NO_MOMENTS } from "../core/stats.ts";
import type { Json } from "../core/types.ts";
import type { RunStatistics, TransformContext } from "./transform.ts";
import { scoredValues, type Values } from "./values.ts";

/** Over which values a transform takes its statistics: those of the group at hand, or of the whole run. */
export type Scope = "group" | "run";

export const scopeOption = z
  .enum(["group", "run"])
  .default("group")
  .describe("Take the statistics over the values of the group, or over those of the whole run.");

const momentsSchema = z.strictObject({
  count: z.number(),
  mean: z.number(),
  squares: z.number(),
  min: z.number(),
  max: z.number(),
});

/**
 * How a run's moments are gathered and frozen. As JSON: null while no value was seen (the empty minimum and maximum
 * are infinite, which JSON cannot say), else {count, mean, squares, min, max}.
 */
export function runMoments(transform: string): RunStatistics {
  const thaw = (json: Json): Moments => thawMoments(transform, json);
  return {
    empty: null,
    add: (sums, values, { group }) =>
      freezeMoments(joinMoments(thaw(sums), finiteMoments(transform, values, group.prompt.id))),
    join: (first, second) => freezeMoments(joinMoments(thaw(first), thaw(second))),
  };
}

/**
 * The moments that a transform of this scope works with.
 * Throws `need_unmet` when the scope is the run and its frozen statistics are absent, or hold no value although the
 * group does; `damaged_file` when they are not moments; `not_finite` when the values are too far apart for doubles.
 */
export function momentsFor(
  transform: string,
  scope: Scope,
  values: Values,
  { group, run }: TransformContext,
): Moments {
  if (scope === "group") return finiteMoments(transform, values, group.prompt.id);
  const moments = run === undefined ? NO_MOMENTS : thawMoments(transform, run);
  if (run === undefined || (moments.count === 0 && scoredValues(values).length > 0)) {
    throw new PrefkitError(
      "need_unmet",
      `${transform} with scope "run" ${run === undefined ? "got no statistics of the run" : "got statistics without a value"}.`,
      'give the frozen statistics of a finished run (run.json keeps them), or use scope "group".',
      { place: { promptId: group.prompt.id } },
    );
  }
  return moments;
}

function finiteMoments(transform: string, values: Values, promptId: string): Moments {
  const moments = momentsOf(scoredValues(values));
  if (moments.count > 0 && !(Number.isFinite(moments.mean) && Number.isFinite(moments.squares))) {
    throw new PrefkitError(
      "not_finite",
      `${transform}: the values reach from ${moments.min} to ${moments.max}, and their variance is not finite.`,
      "scale the scores down, or clip them first.",
      { place: { promptId } },
    );
  }
  return moments;
}

function freezeMoments(moments: Moments): Json {
  return moments.count === 0 ? null : { ...moments };
}

function thawMoments(transform: string, json: Json): Moments {
  if (json === null) return NO_MOMENTS;
  const result = momentsSchema.safeParse(json);
  if (result.success) return result.data;
  throw new PrefkitError(
    "damaged_file",
    `${transform}: the run's statistics are not moments (${result.error.issues[0]?.message ?? "not valid"}).`,
    "restore run.json, or run the finish step again.",
  );
}
