import { join } from "node:path";
import { isPrefkitError, PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import type {
  Json,
  JsonObject,
  Message,
  SampledResponse,
  Score,
  ScoreColumn,
  ScoredGroup,
} from "../core/types.ts";
import { type CombinePlan, combine } from "../shaping/combine.ts";
import {
  type FileEntry,
  type Manifest,
  readManifest,
  type TableName,
  tableFiles,
} from "../store/manifest.ts";
import { openTable } from "../store/parquet-reader.ts";
import { groupFromRow, scoresFromRows } from "../store/row-sets.ts";
import type { Row } from "../store/table.ts";
import { recipeFromCode } from "./load-recipe.ts";
import { resolveFinish } from "./resolve.ts";

/** Where a row stands: file relative to the dataset, row from 0 within it. */
export interface RowPlace {
  readonly file: string;
  readonly row: number;
}

/** One of the two responses of a pair, and what made its reward. */
export interface ExplainedSide {
  readonly response: SampledResponse;
  /** As the pairs table has it. */
  readonly reward: number;
  /** Scores and gates again, from the scores table; null when the combine step cannot be repeated. */
  readonly recomputedReward: number | null;
}

export interface ExplainedScore {
  /** The recipe's key. */
  readonly name: string;
  readonly scorer: string;
  readonly version: number;
  readonly configHash: string;
  /** What the hash stands for: name, version, options as written; null when run.json does not say. */
  readonly config: Json;
  readonly chosen: Score;
  readonly rejected: Score;
}

/** A term of the reward for both responses. */
export interface ExplainedTerm {
  readonly score: string;
  readonly weight: number;
  /** Names of the transforms, in order. */
  readonly transforms: readonly string[];
  readonly chosen: TermPart;
  readonly rejected: TermPart;
}

/** After the transforms, and times the weight; null where the response has no value. */
export interface TermPart {
  readonly value: number | null;
  readonly contribution: number | null;
}

export interface ExplainedGate {
  readonly gate: {
    readonly score: string;
    readonly below?: number;
    readonly above?: number;
    readonly reward: number;
  };
  readonly decided: readonly ("chosen" | "rejected")[];
}

/** How a pair came about. */
export interface PairExplanation {
  readonly pairId: string;
  readonly promptId: string;
  readonly split: string | null;
  readonly place: RowPlace;
  readonly rule: string;
  /** The recipe's `pairs` section. */
  readonly pairsConfig: Json;
  readonly prompt: readonly Message[];
  readonly reference: string | null;
  readonly rewardMargin: number;
  readonly chosen: ExplainedSide;
  readonly rejected: ExplainedSide;
  readonly scores: readonly ExplainedScore[];
  /** null when the combine step cannot be repeated; `note` says why. */
  readonly terms: readonly ExplainedTerm[] | null;
  readonly gates: readonly ExplainedGate[] | null;
  /** The rewards of the whole group, in response order: what the rule chose from. */
  readonly group: readonly {
    readonly responseId: string;
    readonly role: string;
    readonly reward: number | null;
  }[];
  readonly note: string | null;
}

/** A pair in a line, for finding ids. */
export interface PairHead {
  readonly pairId: string;
  readonly promptId: string;
  readonly rewardMargin: number;
}

/**
 * Explains one pair of a finished dataset from its tables and `run.json`. `id` is a pair id or the beginning of one.
 *
 * Only the id columns are scanned, one row group at a time; of the three files that hold the pair's rows the hash is
 * checked before anything of them is shown.
 * Throws `unknown_name` when no pair, or more than one, begins with `id`; `dataset_incomplete` without a dataset or pairs;
 * `damaged_file`.
 */
export async function explainPair(files: Files, directory: string, id: string): Promise<PairExplanation> {
  const manifest = await readManifest(files, directory);
  const found = await findPair(files, directory, manifest, id);
  const [pair] = await readRows(files, directory, found.entry, found.row, found.row + 1);
  if (!pair) throw lost(found.entry, `row ${found.row}`);
  const promptId = String(pair.prompt_id);
  const { split } = found.entry;
  const groupRows = await rowsOfPrompt(files, directory, inSplit(manifest, "groups", split), promptId);
  const [groupRow] = groupRows;
  if (!groupRow) throw missing("groups", promptId);
  const { group, rewards } = groupFromRow(groupRow);
  const scoreRows = await rowsOfPrompt(files, directory, inSplit(manifest, "scores", split), promptId);
  const columns = scoresFromRows(
    scoreRows,
    group.responses.map(({ id: responseId }) => responseId),
  );
  const scored: ScoredGroup = { group, columns };
  const { plan, note } = combinePlanOf(manifest);
  const combined = plan === null ? null : combine(plan, scored, manifest.runStatistics);

  const placeOf = (side: "chosen" | "rejected"): number => {
    const place = group.responses.findIndex(({ id: responseId }) => responseId === pair[`${side}_id`]);
    if (place === -1) throw missing("groups", promptId);
    return place;
  };
  const places = { chosen: placeOf("chosen"), rejected: placeOf("rejected") };
  const side = (name: "chosen" | "rejected"): ExplainedSide => ({
    response: group.responses[places[name]] as SampledResponse,
    reward: Number(pair[`score_${name}`]),
    recomputedReward: combined?.rewards[places[name]] ?? null,
  });
  return {
    pairId: String(pair.pair_id),
    promptId,
    split,
    place: { file: found.entry.path, row: found.row },
    rule: String(pair.rule),
    pairsConfig: manifest.pairs,
    prompt: group.prompt.messages,
    reference: group.prompt.reference,
    rewardMargin: Number(pair.reward_margin),
    chosen: side("chosen"),
    rejected: side("rejected"),
    scores: columns.map((column) => explainScore(column, scoreRows, manifest, places)),
    terms:
      plan?.terms.map(({ score, weight, transforms }, index) => {
        const part = (place: number): TermPart => {
          const value = combined?.terms[index]?.values[place] ?? null;
          return { value, contribution: value === null ? null : weight * value };
        };
        return {
          score,
          weight,
          transforms: transforms.map(({ name }) => name),
          chosen: part(places.chosen),
          rejected: part(places.rejected),
        };
      }) ?? null,
    gates:
      plan?.gates.map(({ score, below, above, reward }, index) => ({
        gate: {
          score,
          ...(below === undefined ? {} : { below }),
          ...(above === undefined ? {} : { above }),
          reward,
        },
        decided: (["chosen", "rejected"] as const).filter((name) => combined?.gates[places[name]] === index),
      })) ?? null,
    group: group.responses.map(({ id: responseId, role }, index) => ({
      responseId,
      role,
      reward: rewards[index] ?? null,
    })),
    note,
  };
}

/** The first pairs of a dataset, in the order they stand in it. */
export async function firstPairs(
  files: Files,
  directory: string,
  limit: number,
): Promise<readonly PairHead[]> {
  const manifest = await readManifest(files, directory);
  const heads: PairHead[] = [];
  for (const { path } of pairFiles(manifest, directory)) {
    const table = await openTable(files, join(directory, path));
    try {
      const columns = ["pair_id", "prompt_id", "reward_margin"];
      for await (const rows of table.read({ columns, rowEnd: limit - heads.length })) {
        for (const row of rows) {
          heads.push({
            pairId: String(row.pair_id),
            promptId: String(row.prompt_id),
            rewardMargin: Number(row.reward_margin),
          });
        }
      }
    } finally {
      await table.close();
    }
    if (heads.length >= limit) break;
  }
  return heads;
}

const SHOWN_IDS = 5;
const WHOLE_ID = 32;

async function findPair(
  files: Files,
  directory: string,
  manifest: Manifest,
  wanted: string,
): Promise<{ readonly entry: FileEntry; readonly row: number }> {
  const id = wanted.toLowerCase();
  const matches: { entry: FileEntry; row: number; id: string }[] = [];
  let nearest: readonly { readonly id: string; readonly shared: number }[] = [];
  scan: for (const entry of pairFiles(manifest, directory)) {
    for await (const { value, row } of columnOf(files, directory, entry, "pair_id")) {
      if (value.startsWith(id)) {
        matches.push({ entry, row, id: value });
        if (id.length >= WHOLE_ID || matches.length > SHOWN_IDS) break scan;
      }
      const shared = sharedPrefix(id, value);
      const worst = nearest[SHOWN_IDS - 1];
      if (worst === undefined || shared > worst.shared) {
        nearest = [...nearest, { id: value, shared }].sort((a, b) => b.shared - a.shared).slice(0, SHOWN_IDS);
      }
    }
  }
  const [match, ...others] = matches;
  if (match && others.length === 0) return match;
  const list = `\`prefkit why ${directory}\` lists the first ids; they stand in the column pair_id of the pairs table.`;
  if (!match) {
    const ids = nearest.map((near) => near.id).join(", ");
    throw new PrefkitError(
      "unknown_name",
      `no pair of ${directory} has the id "${wanted}"${ids === "" ? ": it has no pairs" : `; the nearest are ${ids}`}.`,
      list,
    );
  }
  const ids = matches.slice(0, SHOWN_IDS).map((each) => each.id);
  throw new PrefkitError(
    "unknown_name",
    `more than one pair id begins with "${wanted}": ${ids.join(", ")}${matches.length > SHOWN_IDS ? ", …" : ""}.`,
    `give more of its digits. ${list}`,
  );
}

function sharedPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

function pairFiles(manifest: Manifest, directory: string): FileEntry[] {
  const entries = tableFiles(manifest, "pairs");
  if (entries.length > 0) return entries;
  throw new PrefkitError(
    "dataset_incomplete",
    `${directory} has no pairs table: its recipe makes no pairs.`,
    "make some with `prefkit pair DIR --use best-vs-worst`.",
  );
}

function inSplit(manifest: Manifest, table: TableName, split: string | null): FileEntry[] {
  return tableFiles(manifest, table).filter((entry) => entry.split === split);
}

/** The rows of one prompt, which stand together. */
async function rowsOfPrompt(
  files: Files,
  directory: string,
  entries: readonly FileEntry[],
  promptId: string,
): Promise<Row[]> {
  for (const entry of entries) {
    let start: number | null = null;
    let end = 0;
    for await (const { value, row } of columnOf(files, directory, entry, "prompt_id")) {
      if (value === promptId) {
        start ??= row;
        end = row + 1;
      } else if (start !== null) break;
    }
    if (start !== null) return readRows(files, directory, entry, start, end);
  }
  return [];
}

/** One text column, a row group at a time. The file's hash is not checked: what is shown is read by `readRows`. */
async function* columnOf(
  files: Files,
  directory: string,
  { path }: FileEntry,
  column: string,
): AsyncGenerator<{ readonly value: string; readonly row: number }> {
  const table = await openTable(files, join(directory, path));
  try {
    let row = 0;
    for await (const rows of table.read({ columns: [column] })) {
      for (const values of rows) {
        yield { value: String(values[column]), row };
        row += 1;
      }
    }
  } finally {
    await table.close();
  }
}

async function readRows(
  files: Files,
  directory: string,
  entry: FileEntry,
  rowStart: number,
  rowEnd: number,
): Promise<Row[]> {
  const table = await openTable(files, join(directory, entry.path), { expectedSha256: entry.sha256 });
  const found: Row[] = [];
  try {
    for await (const rows of table.read({ rowStart, rowEnd })) found.push(...rows);
  } finally {
    await table.close();
  }
  return found;
}

function explainScore(
  { name, scores }: ScoreColumn,
  rows: readonly Row[],
  { scorers }: Manifest,
  places: { readonly chosen: number; readonly rejected: number },
): ExplainedScore {
  const row = rows.find((candidate) => candidate.name === name);
  const configHash = String(row?.config_hash);
  const known = Object.hasOwn(scorers, name) ? scorers[name] : undefined;
  return {
    name,
    scorer: String(row?.scorer),
    version: Number(row?.version),
    configHash,
    config: known?.configHash === configHash ? known.config : null,
    chosen: scores[places.chosen] as Score,
    rejected: scores[places.rejected] as Score,
  };
}

/** The combine step as the dataset was finished with; a reason instead when it cannot be made again here. */
function combinePlanOf(manifest: Manifest): {
  readonly plan: CombinePlan | null;
  readonly note: string | null;
} {
  if (manifest.reward === null)
    return { plan: null, note: "the recipe has no reward, so nothing was combined." };
  const keys = Object.keys(manifest.scorers);
  // Only the reward is made again; its scorers and input stand for themselves.
  const raw = {
    input: { path: "-" },
    scorers: Object.fromEntries(keys.map((key) => [key, { use: "-" }])),
    reward: manifest.reward as JsonObject,
  };
  try {
    const { combine: plan } = resolveFinish(recipeFromCode(raw, ".", {}), keys);
    return { plan, note: null };
  } catch (error) {
    if (!isPrefkitError(error)) throw error;
    const reason = error.message.split("\nFix:")[0];
    return { plan: null, note: `the reward cannot be made again with this version of prefkit: ${reason}` };
  }
}

function missing(table: TableName, promptId: string): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `the ${table} table does not have what the pair refers to.`,
    "run `prefkit check` on the dataset.",
    { place: { promptId } },
  );
}

function lost(entry: FileEntry, what: string): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `${entry.path} has no ${what}.`,
    "run `prefkit check` on the dataset.",
  );
}
