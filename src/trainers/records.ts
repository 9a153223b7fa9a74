import { groupScoreRows } from "../annotate/parts.ts";
import { tableRows } from "../annotate/rework.ts";
import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import type { JsonObject, Message, RewardedGroup, ScoreColumn } from "../core/types.ts";
import { type Manifest, type TableName, tableFiles } from "../store/manifest.ts";
import { groupFromRow } from "../store/row-sets.ts";
import type { Row } from "../store/table.ts";
import { messageFrom } from "./layout-support.ts";
import type { PairRecord } from "./trainer-adapter.ts";

/** The splits that a table has files of, in the order they stand in: train first. */
export function splitsOf(manifest: Manifest, table: TableName): readonly string[] {
  return [...new Set(tableFiles(manifest, table).map(({ split }) => split ?? "train"))];
}

/** How many rows a table has, over all splits. */
export function rowCountOf(manifest: Manifest, table: TableName): number {
  return tableFiles(manifest, table).reduce((sum, { rows }) => sum + (rows ?? 0), 0);
}

function withSplit(manifest: Manifest, split: string): Manifest {
  return { ...manifest, files: manifest.files.filter((file) => (file.split ?? "train") === split) };
}

/** The pairs of one split of a finished dataset, in order, a row group at a time; each file's hash is checked first. */
export async function* pairRecords(
  files: Files,
  directory: string,
  manifest: Manifest,
  split: string,
): AsyncGenerator<readonly PairRecord[]> {
  for await (const rows of tableRows(files, directory, withSplit(manifest, split), "pairs"))
    yield rows.map(pairRecord);
}

/** A row of `pairs` as the layouts read it. */
export function pairRecord(row: Row): PairRecord {
  // A pair's prompt stands in the same columns as a group's.
  const { prompt } = groupFromRow({ ...row, responses: [], sibling_id: null }).group;
  return {
    pairId: row.pair_id as string,
    promptId: prompt.id,
    prompt: prompt.messages,
    chosen: turns(row.chosen),
    rejected: turns(row.rejected),
    chosenReward: row.score_chosen as number,
    rejectedReward: row.score_rejected as number,
    rewardMargin: row.reward_margin as number,
    chosenId: row.chosen_id as string,
    rejectedId: row.rejected_id as string,
    ...(prompt.tools === undefined ? {} : { tools: prompt.tools }),
    ...(prompt.images === undefined ? {} : { images: prompt.images }),
    metadata: prompt.metadata as JsonObject,
  };
}

function turns(value: unknown): readonly Message[] {
  return (value as readonly Row[]).map(messageFrom);
}

/**
 * Why a pair can train nothing, or null when it can: an empty side, or two sides of the same text. Such a pair is left out of
 * every export.
 */
export function pairFault({ chosen, rejected }: PairRecord): string | null {
  if (isEmpty(chosen)) return "the chosen side is empty";
  if (isEmpty(rejected)) return "the rejected side is empty";
  const same =
    chosen.length === rejected.length &&
    chosen.every(({ role, content }, index) => {
      const other = rejected[index];
      return role === other?.role && content === other.content;
    });
  return same ? "both sides have the same text" : null;
}

function isEmpty(side: readonly Message[]): boolean {
  return side.every(({ content }) => content.trim() === "");
}

/** The groups of one split with their rewards, in order, a row group at a time; with `columns` only when `withScores`. */
export async function* groupRecords(
  files: Files,
  directory: string,
  manifest: Manifest,
  { split, withScores }: { readonly split: string; readonly withScores: boolean },
): AsyncGenerator<readonly RewardedGroup[]> {
  const ofSplit = withSplit(manifest, split);
  const scores = withScores ? groupScoreRows(tableRows(files, directory, ofSplit, "scores")) : null;
  try {
    for await (const rows of tableRows(files, directory, ofSplit, "groups")) {
      const groups: RewardedGroup[] = [];
      for (const row of rows) {
        const { group, rewards } = groupFromRow(row);
        const columns =
          scores && group.responses.length > 0 ? await nextColumns(scores, directory, group.prompt.id) : [];
        groups.push({ group, rewards, columns });
      }
      yield groups;
    }
  } finally {
    await scores?.return(undefined);
  }
}

async function nextColumns(
  scores: ReturnType<typeof groupScoreRows>,
  directory: string,
  promptId: string,
): Promise<readonly ScoreColumn[]> {
  const next = await scores.next();
  if (!next.done && next.value.promptId === promptId) return next.value.columns;
  throw new PrefkitError(
    "damaged_file",
    `in ${directory} the scores table has no rows where the groups table has prompt ${promptId}.`,
    "run `prefkit check` on it, and restore it from a copy or run the recipe again.",
  );
}
