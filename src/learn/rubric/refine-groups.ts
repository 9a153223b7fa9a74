import { isCallFailure, PrefkitError } from "../../core/errors.ts";
import type { Group } from "../../core/types.ts";
import type { Memo } from "../memo.ts";
import { inOrder } from "../rules/in-order.ts";
import type { Pace } from "../rules/in-parallel.ts";
import { type RefineOptions, refineSettings } from "./options.ts";
import { type ReferenceSource, referencesFor } from "./references.ts";
import { type RefinedRubric, refineRubric } from "./refine-rubric.ts";
import type { RefineModels } from "./steps.ts";

/** What became of one prompt. */
export type GroupOutcome =
  | {
      readonly kind: "refined";
      readonly promptId: string;
      readonly refined: RefinedRubric;
      readonly hasReferences: boolean;
    }
  /** One of its calls failed: the same work goes on from there. */
  | { readonly kind: "failed"; readonly promptId: string; readonly code: string; readonly why: string };

export interface RefineGroups {
  readonly models: RefineModels;
  readonly references: ReferenceSource;
  readonly options: RefineOptions;
  readonly memo: Memo;
  readonly pace: Pace;
  readonly onDone?: () => void;
}

/** Failures that are no fault of one call: the whole work is ending, or cannot know. */
const ENDINGS: readonly string[] = ["budget", "cancelled", "not_cached"];

/**
 * Refines a rubric for each prompt, in the order in which groups come, `pace.concurrency` at a time.
 *
 * A call that fails fails its prompt alone. Throws `CallFailure` "budget", "cancelled" or "not_cached" when the work is to end,
 * once nothing is under way; `duplicate_id` for a prompt that comes twice; `bad_option`.
 */
export async function* refineGroups(
  groups: AsyncIterable<readonly Group[]>,
  { models, references, options, memo, pace, onDone }: RefineGroups,
): AsyncGenerator<readonly GroupOutcome[]> {
  refineSettings(options);
  const refine = async (group: Group): Promise<GroupOutcome> => {
    const { prompt, responses } = group;
    try {
      const given = await referencesFor(group, references, memo, pace);
      const refined = await refineRubric(
        { prompt, responses, references: given },
        models,
        options,
        memo,
        pace,
      );
      onDone?.();
      return { kind: "refined", promptId: prompt.id, refined, hasReferences: given !== null };
    } catch (error) {
      if (!isCallFailure(error) || ENDINGS.includes(error.code)) throw error;
      onDone?.();
      return { kind: "failed", promptId: prompt.id, code: error.code, why: error.message };
    }
  };
  for await (const outcome of inOrder(oneByOne(groups), pace, refine)) yield [outcome];
}

async function* oneByOne(groups: AsyncIterable<readonly Group[]>): AsyncGenerator<Group> {
  const seen = new Set<string>();
  for await (const batch of groups) {
    for (const group of batch) {
      const { id } = group.prompt;
      if (seen.has(id)) {
        throw new PrefkitError(
          "duplicate_id",
          `prompt ${id} comes twice.`,
          "give each prompt an id of its own, or gather its responses into one row.",
        );
      }
      seen.add(id);
      yield group;
    }
  }
}
