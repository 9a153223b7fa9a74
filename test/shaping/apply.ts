import type { Json } from "../../src/core/types.ts";
import type { Transform } from "../../src/shaping/transform.ts";
import { rewardedGroupOf } from "../../src/testing/rewarded-group.ts";

type Values = readonly (number | null)[];

/** Applies a transform to the values of a group of as many responses. */
export function applyTo(transform: Transform, values: Values, run?: Json): (number | null)[] {
  const { group, columns } = rewardedGroupOf(values);
  return transform.apply(values, { group, scores: columns, ...(run === undefined ? {} : { run }) });
}

/** The statistics of a run over these groups. */
export function statisticsOf(transform: Transform, groups: readonly Values[]): Json {
  const { statistics } = transform;
  if (!statistics) throw new Error(`${transform.name} has no statistics.`);
  return groups.reduce((sums: Json, values) => {
    const { group, columns } = rewardedGroupOf(values);
    return statistics.add(sums, values, { group, scores: columns });
  }, statistics.empty);
}
