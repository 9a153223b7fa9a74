import { join } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import type { Group, JsonObject, ScoreColumn, ScoredGroup } from "../core/types.ts";
import type { Input } from "../store/input/types.ts";
import { type Manifest, tableFiles } from "../store/manifest.ts";
import { openTable } from "../store/parquet-reader.ts";
import { groupFromRow } from "../store/row-sets.ts";
import type { Row } from "../store/table.ts";
import { type FinishFacts, type FinishOptions, finishDataset, type ScoredSource, splitOf } from "./finish.ts";
import { groupScoreRows } from "./parts.ts";
import { type Plan, shardGroups } from "./plan.ts";
import type { RunStatus } from "./status.ts";

export interface RefinishOptions {
  readonly files: Files;
  /** The finished dataset that is read. */
  readonly from: string;
  /** Where the new one goes; may be the same directory: the old tables stand until the new ones are whole. */
  readonly out: string;
  readonly manifest: Manifest;
  readonly resolved: FinishOptions["resolved"];
  readonly status: RunStatus;
  readonly stop: AbortSignal;
  /** The input the dataset was made from, where it is at hand: the new dataset then has the bytes of a run from the start. */
  readonly origin?: { readonly input: Input; readonly plan: Plan };
}

/** What a recipe that says nothing cuts shards by. */
const DEFAULT_SHARD_SIZE = 2000;

/** New rewards and pairs for a finished dataset, from its own groups and scores; no scorer runs. */
export async function refinish(options: RefinishOptions): Promise<Manifest | null> {
  const { files, from, out, manifest, resolved, status, stop, origin } = options;
  return finishDataset({
    files,
    out,
    source: origin ? originSource(files, from, manifest, origin) : tablesSource(files, from, manifest),
    facts: factsOfManifest(manifest),
    resolved,
    status,
    stop,
  });
}

export function factsOfManifest(manifest: Manifest): FinishFacts {
  return {
    planId: manifest.planId,
    input: manifest.input,
    seed: manifest.seed,
    codec: manifest.codec,
    shards: manifest.shards,
    groups: manifest.summary.groups,
    extras: manifest.extras,
    failedCells: manifest.failedCells,
    scorers: manifest.scorers,
    earlier: manifest.summary,
    scoreInfo: Object.entries(manifest.scorers).map(([key, { configHash, config }]) => {
      const { scorer, version } = config as JsonObject;
      return { key, scorer: String(scorer), version: Number(version), configHash };
    }),
  };
}

type Scores = ReturnType<typeof groupScoreRows>;

/** The scores that come next, when they are this group's, by its texts too; else null. A group without responses has no rows. */
async function columnsOf(
  scores: Scores,
  { prompt, responses }: Group,
  manifest: Manifest,
): Promise<readonly ScoreColumn[] | null> {
  if (responses.length === 0) return Object.keys(manifest.scorers).map((name) => ({ name, scores: [] }));
  const next = await scores.next();
  if (next.done || next.value.promptId !== prompt.id) return null;
  const { columns, responseIds } = next.value;
  const isWhole = responseIds.length === responses.length;
  return isWhole && responses.every(({ id }, index) => id === responseIds[index]) ? columns : null;
}

/**
 * The groups of the input, shard by shard, with the scores of the dataset that was made from it. The tables alone do not
 * tell how the groups of several splits followed each other; within one split they stand in the input's order.
 */
function originSource(
  files: Files,
  directory: string,
  manifest: Manifest,
  { input, plan }: NonNullable<RefinishOptions["origin"]>,
): ScoredSource {
  const split = manifest.split as Readonly<Record<string, number>>;
  return async function* () {
    const bySplit = new Map<string, Scores>();
    const scoresOf = (name: string): Scores => {
      const known = bySplit.get(name);
      if (known) return known;
      const ofSplit = { ...manifest, files: manifest.files.filter((file) => file.split === name) };
      const scores = groupScoreRows(tableRows(files, directory, ofSplit, "scores"));
      bySplit.set(name, scores);
      return scores;
    };
    try {
      const all = plan.shards.map((_, shard) => shard);
      for await (const { shard, groups } of shardGroups(input, plan.shards, all)) {
        const scored: ScoredGroup[] = [];
        for (const group of groups) {
          const scores = scoresOf(splitOf(group, split, manifest.seed));
          const columns = await columnsOf(scores, group, manifest);
          if (columns === null) throw notTheInput(directory, group.prompt.id);
          scored.push({ group, columns });
        }
        yield { shard, groups: scored };
      }
    } finally {
      for (const scores of bySplit.values()) await scores.return(undefined);
    }
  };
}

/**
 * The groups and scores of a finished dataset, split by split, in the order they were written, cut into shards as the run
 * cut them: sums over shards, joined in the same order, then have the same last bits (with one split, that is).
 */
export function tablesSource(files: Files, directory: string, manifest: Manifest): ScoredSource {
  return async function* () {
    const scores = groupScoreRows(tableRows(files, directory, manifest, "scores"));
    const size = shardSizeOf(manifest);
    let shard = 0;
    let inShard = 0;
    let previous: string | null = null;
    try {
      for await (const rows of tableRows(files, directory, manifest, "groups")) {
        let groups: ScoredGroup[] = [];
        for (const row of rows) {
          const { group } = groupFromRow(row);
          if (inShard >= size && group.siblingId !== previous) {
            if (groups.length > 0) yield { shard, groups };
            groups = [];
            shard += 1;
            inShard = 0;
          }
          const columns = await columnsOf(scores, group, manifest);
          if (columns === null) throw tablesDisagree(directory, group.prompt.id);
          groups.push({ group, columns });
          inShard += 1;
          previous = group.prompt.id;
        }
        if (groups.length > 0) yield { shard, groups };
      }
    } finally {
      await scores.return(undefined);
    }
  };
}

function shardSizeOf({ recipe }: Manifest): number {
  const { shardSize } = recipe as { readonly shardSize?: unknown };
  return typeof shardSize === "number" ? shardSize : DEFAULT_SHARD_SIZE;
}

/** The rows of one table over all its files, each file's hash checked before its first row. */
export async function* tableRows(
  files: Files,
  directory: string,
  manifest: Manifest,
  table: "pairs" | "groups" | "scores",
  columns?: readonly string[],
): AsyncGenerator<readonly Row[]> {
  for (const entry of tableFiles(manifest, table)) {
    const opened = await openTable(files, join(directory, entry.path), { expectedSha256: entry.sha256 });
    try {
      yield* opened.read(columns === undefined ? {} : { columns });
    } finally {
      await opened.close();
    }
  }
}

function notTheInput(directory: string, promptId: string): PrefkitError {
  return new PrefkitError(
    "plan_changed",
    `the scores in ${directory} do not belong to prompt ${promptId} as the input has it.`,
    "restore the input that the dataset was made from, or make new rewards from the dataset alone with `prefkit combine`.",
  );
}

function tablesDisagree(directory: string, promptId: string): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `in ${directory} the scores table has no rows, or those of other responses, where the groups table has prompt ${promptId}.`,
    "run `prefkit check` on it, and restore it from a copy or run the recipe again.",
  );
}
