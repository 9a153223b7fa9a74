import type { z } from "zod";
import type { Group, Json, JsonObject, ScoreColumn } from "../core/types.ts";

export interface TransformContext {
  readonly group: Group;
  readonly scores: readonly ScoreColumn[];
  /** The frozen numbers of the whole run; present for transforms that declare `statistics`. */
  readonly run?: Json;
}

/**
 * Reshapes one term's values within a group: one value per response, null where the response has none.
 * A null stays null: a transform never invents a value.
 */
export interface Transform {
  readonly name: string;
  readonly version: number;
  apply(values: readonly (number | null)[], context: TransformContext): (number | null)[];
  /**
   * True: a response's value hangs on that response alone (and on the run's frozen numbers), so that it is the same in a group
   * that came only in part. Absent: it may compare the responses of the group.
   */
  readonly perResponse?: boolean;
  /** Other score columns that it looks at, and under which option each is named: a recipe that has none such is refused. */
  readonly reads?: readonly ColumnRead[];
  /** Present for per-run transforms: how a run's numbers are gathered. JSON in, JSON out, so that they can be frozen. */
  readonly statistics?: RunStatistics;
}

export interface ColumnRead {
  /** The recipe's key of the scorer. */
  readonly score: string;
  /** Where the options name it: ["conciseness"], or ["aspects", 0, "score"]. */
  readonly option: readonly PropertyKey[];
}

export interface RunStatistics {
  readonly empty: Json;
  /** Adds one group's values. */
  add(sums: Json, values: readonly (number | null)[], context: Omit<TransformContext, "run">): Json;
  /** Joins the sums of two consecutive shards. */
  join(first: Json, second: Json): Json;
}

export interface TransformDefinition<Options = unknown> {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly options: z.ZodType<Options>;
  /** Options of the example that `prefkit list NAME` shows, where the required ones alone would not do. */
  readonly example?: JsonObject;
  create(options: Options): Transform;
}
