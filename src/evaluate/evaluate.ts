import { join } from "node:path";
import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import type { Catalog, RunScorer } from "../annotate/resolve-scorer.ts";
import { openScoreCache } from "../annotate/score-cache.ts";
import { enterPhase, newStatus } from "../annotate/status.ts";
import { withModels } from "../annotate/with-models.ts";
import { PrefkitError } from "../core/errors.ts";
import type { ScoreColumn } from "../core/types.ts";
import { firstAgainst } from "../judging/pairwise/parts.ts";
import type { ModelUsage } from "../models/usage.ts";
import type { Assessment } from "./assess.ts";
import { withExamples } from "./examples.ts";
import { betterOf, type GoldItem, type ScorerResults, type Verdict } from "./gold.ts";
import { type Gold, type GoldRow, openGold } from "./open-gold.ts";
import { presets } from "./presets/index.ts";
import type { Preset } from "./presets/preset.ts";
import type { PresetName } from "./report.ts";
import { type FailedCells, type GoldRunOptions, scoredValue, scoreGold } from "./score-gold.ts";
import { matchWarnings, readResults } from "./verdict-file.ts";

export interface EvaluateOptions extends GoldRunOptions {
  /** Files or globs in the preset's layout, from the base directory. */
  readonly path: string | readonly string[];
  readonly baseDirectory: string;
  readonly preset: PresetName;
  /** The column that names subsets; default: the preset's. */
  readonly by?: string;
  readonly limit?: number;
  readonly seed: number;
  readonly samples?: number;
  readonly generative?: boolean;
  /** Items per scorer to show with their texts. */
  readonly examples?: number;
  /** Files with scores that exist already, one per scorer. */
  readonly verdicts?: readonly string[];
}

export interface EvaluateOutcome {
  /** stopped, budget: ended early; the same command finds all replies that came in the cache. */
  readonly kind: "budget" | "done" | "stopped";
  /** What `assess` takes. null when it ended early: half a file would be another sample. */
  readonly assessment: Assessment | null;
  readonly usage: readonly ModelUsage[];
}

/**
 * Gathers what a report is made of: gold labels, and scores by the scorers of a recipe (null: none), then those of results
 * files. The recipe's input, reward and pairs are left aside, but for `input.map.metadata`.
 *
 * The whole gold file is read and checked before the first call. Labels and scores stay in memory, texts do not.
 * Throws those of `openGold`, `readResults` and `resolveRecipe`; `empty_input`; `bad_option` for two scorers of one name;
 * `failed_budget_exceeded` as a run does.
 */
export async function evaluate(
  loaded: LoadedRecipe | null,
  catalog: Catalog,
  options: EvaluateOptions,
): Promise<EvaluateOutcome> {
  const gold = await openGold(presets[options.preset].layout, {
    ...options,
    map: loaded?.recipe.input.map,
  });
  try {
    const items = await readItems(gold, options);
    if (options.stop?.aborted) return { kind: "stopped", assessment: null, usage: [] };
    const files = await Promise.all(
      (options.verdicts ?? []).map((path) =>
        readResults(path, options.baseDirectory, items, options.limit !== undefined),
      ),
    );
    checkNames(loaded ? Object.keys(loaded.recipe.scorers) : [], files);
    const scored = loaded
      ? await runScorers(loaded, catalog, gold, items, options)
      : { kind: "done" as const, results: [], usage: [] };
    if (scored.kind !== "done") return { kind: scored.kind, assessment: null, usage: scored.usage };
    const { preset, seed, samples, generative } = options;
    const assessment: Assessment = {
      preset,
      items,
      scorers: [...scored.results, ...files],
      files: gold.files,
      sha256: await gold.fingerprint(),
      by: gold.by,
      seed,
      ...(samples === undefined ? {} : { samples }),
      ...(generative === undefined ? {} : { generative }),
      warnings: [...files.flatMap(matchWarnings), ...lostVerdicts(presets[preset], scored.results)],
    };
    return {
      kind: "done",
      assessment: await withExamples(assessment, gold, options.examples ?? DEFAULT_EXAMPLES),
      usage: scored.usage,
    };
  } finally {
    await gold.close();
  }
}

export const DEFAULT_EXAMPLES = 5;

/** A column with more values than this names no subsets. */
const MAX_SUBSETS = 300;

/** Reads everything once, so that a bad row at the end is found before anything is paid. */
async function readItems(gold: Gold, { onPlanning, stop }: EvaluateOptions): Promise<readonly GoldItem[]> {
  const items: GoldItem[] = [];
  const subsets = new Set<string | null>();
  for await (const batch of gold.read()) {
    for (const { item } of batch) {
      items.push(item);
      subsets.add(item.subset);
    }
    if (subsets.size > MAX_SUBSETS) {
      throw new PrefkitError(
        "bad_option",
        `the column ${gold.by} has more than ${MAX_SUBSETS} values.`,
        "name a column with few values by --by.",
      );
    }
    onPlanning?.(items.length);
    if (stop?.aborted) return items;
  }
  if (items.length > 0) return items;
  throw new PrefkitError(
    "empty_input",
    `${gold.files.map(({ path }) => path).join(", ")} holds no gold row.`,
    "give rows in the preset's layout.",
  );
}

function checkNames(keys: readonly string[], files: readonly ScorerResults[]): void {
  const names = [...keys, ...files.map(({ name }) => name)];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new PrefkitError(
    "bad_option",
    `two scorers are named "${twice}".`,
    "rename a results file: its name is the scorer's.",
  );
}

interface Scored {
  readonly kind: EvaluateOutcome["kind"];
  readonly results: readonly ScorerResults[];
  readonly usage: readonly ModelUsage[];
}

async function runScorers(
  loaded: LoadedRecipe,
  catalog: Catalog,
  gold: Gold,
  items: readonly GoldItem[],
  options: EvaluateOptions,
): Promise<Scored> {
  const ledger = join(options.scratch, "spending.jsonl");
  return withModels(loaded, catalog, ledger, options, async ({ resolved, access, stop, ending }) => {
    const keys = resolved.scorers.map(({ key }) => key);
    const status = newStatus(keys, access.usage);
    enterPhase(status, "score", items.length);
    options.onStart?.(status);
    const openCache = options.openCache ?? (() => openScoreCache(access.runtime.cacheDirectory));
    const columns = resolved.scorers.map(startColumn);
    const failed = await scoreGold(
      resolved,
      () => gold.read(),
      { ...options, openCache, stop, status },
      (row, given) => {
        for (const [index, column] of columns.entries()) column.add(row, given[index]);
      },
    );
    return {
      kind: stop.aborted ? ending() : "done",
      results: columns.map((column) => column.results(failed)),
      usage: access.usage(),
    };
  });
}

interface Column {
  add(row: GoldRow, column: ScoreColumn | undefined): void;
  results(failed: FailedCells): ScorerResults;
}

/** Gathers one scorer's numbers, back in the file's order. */
function startColumn({ key: name, scorer, config }: RunScorer): Column {
  const scores: (number | null)[][] = [];
  const said: Said[] = [];
  return {
    add: (row, column) => {
      scores.push(row.places.map((place) => scoredValue(column?.scores[place])));
      said.push(saidOf(row, column));
    },
    results: (failed) => {
      const verdicts = verdictsOf(said);
      return {
        name,
        scores,
        ...(verdicts.some(({ length }) => length > 0) && { verdicts }),
        failed: failed[name] ?? {},
        settings: { scorer: scorer.name, version: scorer.version, config },
      };
    },
  };
}

/** What a judge said of a pair in either order: undefined where the order left nothing; "lost" where the pair failed unread. */
type Said = "lost" | readonly (Verdict | undefined)[];

/** A judge of pairs leaves in a score's parts what it said when this response stood first, against the other one's place. */
function saidOf({ item, places }: GoldRow, column: ScoreColumn | undefined): Said {
  if (places.length !== 2 || betterOf(item) === null) return [];
  const cells = places.map((place) => column?.scores[place]);
  if (cells.every((score) => score?.kind === "failed" && score.code === "unread_verdict")) return "lost";
  const said = cells.map((score, index): Verdict | undefined => {
    const value = score?.kind === "scored" ? score.parts?.[firstAgainst(places[1 - index] ?? 0)] : undefined;
    if (value === undefined) return undefined;
    if (value === 0) return "tie";
    return value > 0 === (index === 0) ? "first" : "second";
  });
  return said.every((verdict) => verdict === undefined) ? [] : said;
}

/**
 * Verdicts by order, null for an unread one. Whether an order without a verdict was asked for is seen from the column: a judge
 * that answered both orders of any pair asks for both of all.
 */
function verdictsOf(said: readonly Said[]): (Verdict | null)[][] {
  const asksBoth = said.some((own) => own !== "lost" && own.length === 2 && !own.includes(undefined));
  return said.map((own) => {
    if (own === "lost") return asksBoth ? [null, null] : [];
    return asksBoth ? own.map((verdict) => verdict ?? null) : own.filter((verdict) => verdict !== undefined);
  });
}

/** Of a pair that failed because one order was not read, the other order's verdict is not known. */
function lostVerdicts({ name, countsEachOrder }: Preset, results: readonly ScorerResults[]): string[] {
  if (!countsEachOrder) return [];
  return results.flatMap(({ name: scorer, verdicts = [] }) => {
    const lost = verdicts.filter((own) => own.length > 0 && own.every((verdict) => verdict === null)).length;
    return lost === 0
      ? []
      : [
          `${scorer} failed on ${lost} pairs as unread, and ${name} counts an order that was read beside one that was not: give the scorer \`onUnread: other-order\`, so that such verdicts are not lost.`,
        ];
  });
}
