import type { Files } from "../core/files.ts";
import type { JsonObject, ScoredGroup } from "../core/types.ts";
import { PrefkitError } from "../core/errors.ts";
import { join } from "node:path";
import { type Manifest, tableFiles } from "../store/manifest.ts";
import { openTable } from "../store/parquet-reader.ts";
import { groupFromRow } from "../store/row-sets.ts";
import type { Row } from "../store/table.ts";
import { type FinishFacts, type FinishOptions, finishDataset, type ScoredSource } from "./finish.ts";
import { groupScoreRows } from "./parts.ts";
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
}

const GROUPS_PER_SHARD = 2000;

/** New rewards and pairs for a finished dataset, from its own groups and scores; no scorer runs. */
export async function refinish(options: RefinishOptions): Promise<Manifest | null> {
  const { files, from, out, manifest, resolved, status, stop } = options;
  return finishDataset({
    files,
    out,
    source: tablesSource(files, from, manifest),
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
    scoreInfo: Object.entries(manifest.scorers).map(([key, { configHash, config }]) => {
      const { scorer, version } = config as JsonObject;
      return { key, scorer: String(scorer), version: Number(version), configHash };
    }),
  };
}

/** The groups and scores of a finished dataset, split by split, in the order they were written. */
export function tablesSource(files: Files, directory: string, manifest: Manifest): ScoredSource {
  return async function* () {
    const scores = groupScoreRows(tableRows(files, directory, manifest, "scores"));
    let count = 0;
    try {
      for await (const rows of tableRows(files, directory, manifest, "groups")) {
        const shard = Math.floor(count / GROUPS_PER_SHARD);
        const groups: ScoredGroup[] = [];
        for (const row of rows) {
          const { group } = groupFromRow(row);
          if (group.responses.length === 0) {
            groups.push({ group, columns: Object.keys(manifest.scorers).map((name) => ({ name, scores: [] })) });
            continue;
          }
          const next = await scores.next();
          if (next.done || next.value.promptId !== group.prompt.id) throw tablesDisagree(directory, group.prompt.id);
          groups.push({ group, columns: next.value.columns });
        }
        count += groups.length;
        yield { shard, groups };
      }
    } finally {
      await scores.return(undefined);
    }
  };
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

function tablesDisagree(directory: string, promptId: string): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `in ${directory} the scores table has no rows where the groups table has prompt ${promptId}.`,
    "run `prefkit check` on it, and restore it from a copy or run the recipe again.",
  );
}
