import { join } from "node:path";
import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import type { Catalog } from "../annotate/resolve-scorer.ts";
import { openScoreCache } from "../annotate/score-cache.ts";
import { enterPhase, newStatus } from "../annotate/status.ts";
import { withModels } from "../annotate/with-models.ts";
import { PrefkitError } from "../core/errors.ts";
import type { ModelUsage } from "../models/usage.ts";
import type { Assessment } from "./assess.ts";
import { withExamples } from "./examples.ts";
import type { GoldItem, ScorerResults } from "./gold.ts";
import { type Gold, openGold } from "./open-gold.ts";
import { presets } from "./presets/index.ts";
import type { PresetName } from "./report.ts";
import { lostVerdicts, startColumn } from "./score-column.ts";
import { type GoldRunOptions, scoreGold } from "./score-gold.ts";
import { matchWarnings, type ResultsFile, readResults } from "./verdict-file.ts";

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
  /** Files with scores that exist already, one per scorer: a path, whose name is the scorer's, or a path and a name. */
  readonly verdicts?: readonly (ResultsFile | string)[];
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
      (options.verdicts ?? []).map((file) =>
        readResults(typeof file === "string" ? { path: file } : file, options.baseDirectory, items, {
          isLimited: options.limit !== undefined,
          hasIds: gold.hasIds,
        }),
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
    "give a results file another name: --verdicts NAME=FILE.",
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
