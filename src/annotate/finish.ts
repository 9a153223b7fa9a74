import { join } from "node:path";
import { stringify } from "yaml";
import { PrefkitError } from "../core/errors.ts";
import { type Files, writeWhole } from "../core/files.ts";
import { sha256 } from "../core/ids.ts";
import { hashUnit } from "../core/random.ts";
import type { Diagnosis } from "../core/scorer.ts";
import type { Group, Json, JsonObject, RewardedGroup, ScoredGroup } from "../core/types.ts";
import { VERSION } from "../core/version.ts";
import type { PairResult } from "../pairs/pair-builder.ts";
import {
  type CombinePlan,
  combine,
  emptySums,
  gather,
  joinSums,
  type RunNumbers,
  statisticsDepth,
} from "../shaping/combine.ts";
import { datasetCard } from "../store/dataset-card.ts";
import {
  CARD_FILE,
  type DatasetSummary,
  type FileEntry,
  MANIFEST_FILE,
  type Manifest,
  readManifest,
  type ScorerSummary,
  TABLES,
  type TableName,
} from "../store/manifest.ts";
import { createParquetSink } from "../store/parquet-sink.ts";
import { createParquetjsSink } from "../store/parquetjs-sink.ts";
import { createRollingTable, type RollingTable } from "../store/rolling-table.ts";
import {
  groupRow,
  groupsRowSet,
  pairRow,
  pairsRowSet,
  type ScorerInfo,
  scoreRows,
  scoresRowSet,
} from "../store/row-sets.ts";
import type { RowSet, TableSink } from "../store/table.ts";
import { workPaths } from "./journal.ts";
import { type JudgeModel, startOwnAnswers } from "./own-answers.ts";
import type { Plan } from "./plan.ts";
import type { ResolvedRecipe } from "./resolve.ts";
import { chargedStream, chargeStage, enterPhase, type RunStatus } from "./status.ts";
import { startSummary } from "./summary.ts";

/** The scored groups of a whole run in input order, shard by shard; can be read as often as needed. */
export type ScoredSource = () => AsyncGenerator<{
  readonly shard: number;
  readonly groups: readonly ScoredGroup[];
}>;

/** What the finish needs to know of a run; taken from its plan, or from the manifest of a finished dataset. */
export interface FinishFacts {
  readonly planId: string;
  readonly input: JsonObject;
  readonly seed: number;
  readonly codec: Plan["codec"];
  readonly shards: number;
  readonly groups: number;
  readonly extras: Plan["extras"];
  readonly failedCells: number;
  readonly scorers: Manifest["scorers"];
  /** The scorers in the recipe's order, as they are written into the scores table. */
  readonly scoreInfo: readonly {
    readonly key: string;
    readonly scorer: string;
    readonly version: number;
    readonly configHash: string;
  }[];
  /** What a scorer finds wrong with the whole of its scores, one sentence each, by the recipe's key. Default: nothing. */
  readonly alarmsOf?: (key: string, summary: ScorerSummary) => readonly string[];
  /** The models that judge for scorers, by the recipe's key. Default: none. */
  readonly judges?: ReadonlyMap<string, readonly JudgeModel[]>;
  /** Begins to measure a scorer over the dataset, by the recipe's key; null for one that does not. Default: none does. */
  readonly diagnosisOf?: (key: string) => Diagnosis | null;
  /**
   * The summary of the dataset whose scores these are: its part statistics, alarms and diagnoses stand, since tables in several splits
   * no longer tell the order of the input.
   */
  readonly earlier?: Pick<DatasetSummary, "scorers" | "alarms" | "diagnoses">;
}

export interface FinishOptions {
  readonly files: Files;
  readonly out: string;
  readonly source: ScoredSource;
  readonly facts: FinishFacts;
  readonly resolved: Pick<ResolvedRecipe, "combine" | "pairs" | "rewardConfig"> & {
    readonly loaded: Pick<ResolvedRecipe["loaded"], "raw">;
    readonly recipe: Pick<ResolvedRecipe["recipe"], "output">;
  };
  readonly status: RunStatus;
  readonly stop: AbortSignal;
}

/**
 * The second phase of a run: one streaming pass over groups and scores that combines, pairs and writes the dataset (and
 * one pass before it for each level of per-run statistics). The tables are written aside and take their final names
 * only when all of them are whole; `run.json` comes last and marks the dataset as finished.
 * Returns null when it was stopped.
 */
export async function finishDataset(options: FinishOptions): Promise<Manifest | null> {
  const { files, out, resolved, facts, status } = options;
  const work = workPaths(out).finish;
  await files.remove(work);
  await files.makeDirectory(work);
  const runNumbers = await gatherStatistics(options);
  if (runNumbers === null) return null;

  const { split = {} } = resolved.recipe.output;
  const splitNames = ["train", ...Object.keys(split)];
  const tables = await openTables(options, splitNames);
  const summary = startSummary(
    facts.scoreInfo.map(({ key }) => key),
    facts.groups,
    diagnosesOf(facts),
  );
  const ownAnswers = startOwnAnswers(facts.judges ?? new Map());
  enterPhase(status, "finish", facts.groups);
  try {
    for await (const { groups } of chargedStream(status, "read", options.source())) {
      if (options.stop.aborted) {
        await abortTables(tables);
        return null;
      }
      const started = performance.now();
      const rewarded = groups.map((scored) => rewardGroup(resolved.combine, scored, runNumbers));
      const combined = chargeStage(status, "combine", started);
      const results = rewarded.map(
        (group) => resolved.pairs?.builder.build(group, { seed: facts.seed }) ?? null,
      );
      const paired = chargeStage(status, "pair", combined);
      for (const [index, group] of rewarded.entries()) {
        summary.add(group, results[index] ?? null);
        ownAnswers.add(group);
      }
      const summed = chargeStage(status, "summary", paired);
      await writeGroups(tables, rewarded, results, options, split);
      chargeStage(status, "store", summed);
      status.done += groups.length;
    }
  } catch (error) {
    await abortTables(tables);
    throw error;
  }
  const entries: FileEntry[] = [];
  for (const name of TABLES) entries.push(...((await tables.get(name)?.close()) ?? []));

  const manifest: Omit<Manifest, "files"> = {
    prefkit: VERSION,
    manifestVersion: 1,
    planId: facts.planId,
    recipe: writtenRecipe(resolved.loaded.raw),
    input: facts.input,
    seed: facts.seed,
    codec: facts.codec,
    shards: facts.shards,
    scorers: facts.scorers,
    reward: resolved.rewardConfig,
    pairs: resolved.pairs?.config ?? null,
    split,
    runStatistics: runNumbers,
    extras: facts.extras,
    failedCells: facts.failedCells,
    summary: withAlarms(summary.build(), facts, ownAnswers.alarms(), resolved.combine),
  };
  const card = datasetCard(manifest, entries, {
    license: resolved.recipe.output.license,
    recipe: stringify(manifest.recipe),
  });
  entries.push(textEntry(CARD_FILE, card));
  const whole: Manifest = { ...manifest, files: entries };
  await publish(files, out, card, whole);
  return whole;
}

/** Nothing is measured anew where an earlier dataset's figures stand. */
function diagnosesOf({ scoreInfo, diagnosisOf, earlier }: FinishFacts): Map<string, Diagnosis> {
  if (earlier || !diagnosisOf) return new Map();
  return new Map(
    scoreInfo.flatMap(({ key }) => {
      const diagnosis = diagnosisOf(key);
      return diagnosis ? [[key, diagnosis] as const] : [];
    }),
  );
}

function withAlarms(
  summary: DatasetSummary,
  { alarmsOf = () => [], earlier }: FinishFacts,
  ofJudges: readonly string[],
  plan: CombinePlan | null,
): DatasetSummary {
  const scorers = Object.fromEntries(
    Object.entries(summary.scorers).map(([key, own]) => {
      const { parts, uncountedParts } = earlier?.scorers[key] ?? {};
      if (parts === undefined) return [key, own];
      return [key, { ...own, parts, ...(uncountedParts === undefined ? {} : { uncountedParts }) }];
    }),
  );
  const ofScorers =
    earlier?.alarms?.filter((text) => !text.startsWith(REWARD_ALARM)) ??
    Object.entries(scorers).flatMap(([key, own]) => alarmsOf(key, own).map((text) => `${key}: ${text}`));
  const alarms = [...ofScorers, ...ofJudges, ...rewardAlarms(summary, plan)];
  const diagnoses = earlier?.diagnoses ?? summary.diagnoses;
  return {
    ...summary,
    scorers,
    ...(diagnoses === undefined ? {} : { diagnoses }),
    ...(alarms.length === 0 ? {} : { alarms }),
  };
}

/** The frozen numbers that per-run transforms need: per-shard sums, joined in shard order. Null when stopped. */
async function gatherStatistics({
  resolved,
  source,
  facts,
  status,
  stop,
}: FinishOptions): Promise<RunNumbers | null> {
  const plan = resolved.combine;
  let known: RunNumbers = {};
  if (!plan) return known;
  for (let depth = 0; depth < statisticsDepth(plan); depth++) {
    enterPhase(status, "statistics", facts.groups);
    let joined = emptySums(plan, depth);
    let sums = emptySums(plan, depth);
    let current = 0;
    for await (const { shard, groups } of chargedStream(status, "read", source())) {
      if (stop.aborted) return null;
      if (shard !== current) {
        joined = joinSums(plan, depth, joined, sums);
        sums = emptySums(plan, depth);
        current = shard;
      }
      const started = performance.now();
      for (const scored of groups) sums = gather(plan, known, depth, sums, scored);
      chargeStage(status, "combine", started);
      status.done += groups.length;
    }
    known = { ...known, ...joinSums(plan, depth, joined, sums) };
  }
  return known;
}

function rewardGroup(
  plan: FinishOptions["resolved"]["combine"],
  scored: ScoredGroup,
  run: RunNumbers,
): RewardedGroup {
  const rewards = plan ? combine(plan, scored, run).rewards : scored.group.responses.map(() => null);
  return { ...scored, rewards };
}

const REWARD_ALARM = "reward: ";

/** Scores that are there and rewards that are not: a transform took every value away, for want of baselines, say. */
function rewardAlarms({ reward, scorers }: DatasetSummary, plan: CombinePlan | null): readonly string[] {
  if (plan === null || reward.count > 0) return [];
  if (!plan.terms.every(({ score }) => (scorers[score]?.scored ?? 0) > 0)) return [];
  const transforms = [...new Set(plan.terms.flatMap((term) => term.transforms.map(({ name }) => name)))];
  const suspects =
    transforms.length > 0
      ? `the transforms ${transforms.join(", ")} may lack what they work with`
      : "see the terms' unscored cells";
  return [`${REWARD_ALARM}no response has a reward, although every term has scores: ${suspects}.`];
}

type Tables = ReadonlyMap<TableName, RollingTable>;

async function openTables(
  { files, out, resolved, facts }: FinishOptions,
  splits: readonly string[],
): Promise<Tables> {
  const { format, fileMb } = resolved.recipe.output;
  const createSink = (path: string, rowSet: RowSet): Promise<TableSink> =>
    format === "parquetjs"
      ? createParquetjsSink(files, path, rowSet)
      : createParquetSink(files, path, rowSet, { codec: facts.codec });
  const rowSets: [TableName, RowSet][] = [
    ["groups", groupsRowSet(facts.extras)],
    ["scores", scoresRowSet],
  ];
  if (resolved.pairs) rowSets.unshift(["pairs", pairsRowSet(facts.extras)]);
  const tables = new Map<TableName, RollingTable>();
  for (const [table, rowSet] of rowSets) {
    const directory = join(workPaths(out).finish, table);
    await files.makeDirectory(directory);
    tables.set(
      table,
      createRollingTable({
        files,
        directory,
        table,
        rowSet,
        splits,
        fileBytes: fileMb * 2 ** 20,
        createSink,
      }),
    );
  }
  return tables;
}

async function abortTables(tables: Tables): Promise<void> {
  for (const table of tables.values()) await table.abort();
}

async function writeGroups(
  tables: Tables,
  groups: readonly RewardedGroup[],
  results: readonly (PairResult | null)[],
  { resolved, facts }: FinishOptions,
  split: Readonly<Record<string, number>>,
): Promise<void> {
  const infoOf = scoreInfoOf(facts.scoreInfo);
  const bySplit = new Map<string, number[]>();
  for (const [index, { group }] of groups.entries()) {
    const name = splitOf(group, split, facts.seed);
    const members = bySplit.get(name);
    if (members) members.push(index);
    else bySplit.set(name, [index]);
  }
  for (const [name, members] of bySplit) {
    const rule = resolved.pairs?.builder.name ?? "";
    const pairRows = members.flatMap((index) => {
      const group = groups[index];
      return group
        ? (results[index]?.pairs ?? []).map((pair) => pairRow(group.group.prompt, pair, rule, facts.extras))
        : [];
    });
    const chosen = members.flatMap((index) => groups[index] ?? []);
    if (pairRows.length > 0) await tables.get("pairs")?.write(name, pairRows);
    await tables.get("groups")?.write(
      name,
      chosen.map((group) => groupRow(group, facts.extras)),
    );
    await tables.get("scores")?.write(
      name,
      chosen.flatMap((group) => scoreRows(group, infoOf)),
    );
  }
}

/** Looks up what is written beside each score, by the recipe's key. */
export function scoreInfoOf(infos: FinishFacts["scoreInfo"]): (key: string) => ScorerInfo {
  const byKey = new Map(infos.map((info) => [info.key, info]));
  return (key) => {
    const info = byKey.get(key);
    if (!info)
      throw new PrefkitError("dataset_incomplete", `no scorer has the key "${key}".`, "run `prefkit check`.");
    return info;
  };
}

/**
 * The split a group belongs to, by a hash of its prompt id: the same for every table and every run. Twins go together.
 */
export function splitOf(group: Group, split: Readonly<Record<string, number>>, seed: number): string {
  const ids = [group.prompt.id, group.siblingId ?? group.prompt.id].sort();
  let remaining = hashUnit("split", seed, ids[0] ?? "");
  for (const [name, share] of Object.entries(split)) {
    if (remaining < share) return name;
    remaining -= share;
  }
  return "train";
}

export function writtenRecipe(raw: unknown): Json {
  // Scorers given in code are named, not written.
  return JSON.parse(
    JSON.stringify(raw, (key, value: unknown) =>
      key === "use" && typeof value !== "string" ? "inline" : value,
    ),
  ) as Json;
}

function textEntry(path: string, text: string): FileEntry {
  return { path, table: null, split: null, rows: null, bytes: Buffer.byteLength(text), sha256: sha256(text) };
}

/**
 * Moves a finished dataset to its final names. The manifest is written into the work directory last and is the mark that
 * all beside it is whole: from then on `rollForward` can complete the move, however often it is killed.
 */
async function publish(files: Files, out: string, card: string, manifest: Manifest): Promise<void> {
  const work = workPaths(out).finish;
  await writeWhole(files, join(work, CARD_FILE), card);
  await writeWhole(files, join(work, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  await rollForward(files, out);
}

/** Completes a move that a kill interrupted; does nothing when there is none. */
export async function rollForward(files: Files, out: string): Promise<void> {
  const work = workPaths(out).finish;
  if (!(await files.exists(join(work, MANIFEST_FILE)))) return;
  const { files: entries } = await readManifest(files, work);
  await files.remove(join(out, MANIFEST_FILE));
  for (const table of TABLES) {
    const isWaiting = await files.exists(join(work, table));
    const isWanted = entries.some((entry) => entry.table === table);
    if (isWaiting || !isWanted) await files.remove(join(out, table));
    if (isWaiting) await files.rename(join(work, table), join(out, table));
  }
  if (await files.exists(join(work, CARD_FILE)))
    await files.rename(join(work, CARD_FILE), join(out, CARD_FILE));
  await files.rename(join(work, MANIFEST_FILE), join(out, MANIFEST_FILE));
  await files.remove(work);
}
