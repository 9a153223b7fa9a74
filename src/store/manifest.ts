import { join } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import type { Figure, PartSummary } from "../core/scorer.ts";
import type { Json, JsonObject } from "../core/types.ts";
import type { Codec } from "./table.ts";

/** A file of the dataset, relative to its directory. `rows` is null for files that are not tables. */
export interface FileEntry {
  readonly path: string;
  readonly table: TableName | null;
  readonly split: string | null;
  readonly rows: number | null;
  readonly bytes: number;
  readonly sha256: string;
}

export type TableName = "pairs" | "groups" | "scores";
export const TABLES: readonly TableName[] = ["pairs", "groups", "scores"];

export interface ScorerSummary {
  readonly scored: number;
  readonly abstained: number;
  readonly failed: number;
  /** Failed cells by code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly mean: number | null;
  /** With n − 1. */
  readonly deviation: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** The named parts of the scores, by name; absent when there are none, and in datasets of older versions. */
  readonly parts?: Readonly<Record<string, PartSummary>>;
  /** Parts' numbers that are in no statistic, since only so many names are kept; absent when there are none. */
  readonly uncountedParts?: number;
}

/** What a finished dataset holds, in numbers. */
export interface DatasetSummary {
  readonly groups: number;
  readonly responses: number;
  readonly pairs: number;
  readonly groupsWithPairs: number;
  /** Responses that stand in no pair, by reason. */
  readonly unpaired: Readonly<Record<string, number>>;
  readonly groupsWithEqualTexts: number;
  readonly scorers: Readonly<Record<string, ScorerSummary>>;
  /** What scorers find wrong with the dataset as a whole, each sentence after the scorer's key; absent when nothing. */
  readonly alarms?: readonly string[];
  /** What scorers that watch themselves measured over the dataset, by the recipe's key; absent when none does. */
  readonly diagnoses?: Readonly<Record<string, readonly Figure[]>>;
  readonly reward: {
    readonly count: number;
    readonly mean: number | null;
    readonly deviation: number | null;
  };
  readonly rewardMargin: {
    readonly mean: number | null;
    readonly min: number | null;
    readonly max: number | null;
  };
  /** Pearson's r between two scorers over the responses that both scored; null when one of them does not vary. */
  readonly agreement: readonly {
    readonly between: readonly [string, string];
    readonly responses: number;
    readonly r: number | null;
  }[];
  readonly length: {
    /** Share of pairs whose chosen text is longer, in UTF-16 code units. null: no pairs. */
    readonly chosenLongerShare: number | null;
    /** Share of pairs whose texts are equally long. */
    readonly equalLengthShare: number | null;
    /** Pearson's r between a response's length and its reward. */
    readonly rewardCorrelation: number | null;
  };
}

/** `run.json`: all it takes to know how a dataset came about, and nothing that depends on the day or holds a secret. */
export interface Manifest {
  readonly prefkit: string;
  readonly manifestVersion: 1;
  /** The id of the plan: input, scorers, seed, codec. Directories with the same id hold the same scores. */
  readonly planId: string;
  /** As written, `${VAR}` and all. */
  readonly recipe: Json;
  readonly input: JsonObject;
  readonly seed: number;
  readonly codec: Codec;
  readonly shards: number;
  /** By the recipe's key: what `config_hash` in the scores table stands for. */
  readonly scorers: Readonly<Record<string, { readonly configHash: string; readonly config: Json }>>;
  readonly reward: Json;
  readonly pairs: Json;
  readonly split: Json;
  /** Frozen numbers of per-run transforms, as `serve` uses them. */
  readonly runStatistics: JsonObject;
  readonly extras: { readonly tools: boolean; readonly images: boolean; readonly toolMessages: boolean };
  readonly failedCells: number;
  readonly summary: DatasetSummary;
  readonly files: readonly FileEntry[];
}

export const MANIFEST_FILE = "run.json";
export const CARD_FILE = "README.md";
export const STATS_FILE = "stats.json";

export async function readManifest(files: Files, directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST_FILE);
  if (!(await files.exists(path))) {
    throw new PrefkitError(
      "dataset_incomplete",
      `${directory} holds no ${MANIFEST_FILE}, so it is no finished dataset of prefkit.`,
      "check the path, or run the recipe again to finish it.",
    );
  }
  const text = Buffer.from(await files.readAll(path)).toString("utf8");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new PrefkitError(
      "damaged_file",
      `${path} is not JSON.`,
      "restore it from a copy, or run the recipe again.",
      {
        cause,
      },
    );
  }
  const manifest = parsed as Partial<Manifest> | null;
  if (manifest?.manifestVersion !== 1 || !Array.isArray(manifest.files)) {
    throw new PrefkitError(
      "damaged_file",
      `${path} is not a manifest this version of prefkit reads (manifestVersion ${String(manifest?.manifestVersion)}).`,
      "use the version of prefkit that wrote it, or run the recipe again.",
    );
  }
  return manifest as Manifest;
}

/** The manifest's table files, in the order they are read: train first, then the other splits by name. */
export function tableFiles(manifest: Manifest, table: TableName): FileEntry[] {
  return manifest.files.filter((file) => file.table === table);
}
