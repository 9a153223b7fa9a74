import { join } from "node:path";
import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import type { Catalog } from "../annotate/resolve-scorer.ts";
import { openScoreCache } from "../annotate/score-cache.ts";
import { enterPhase, newStatus } from "../annotate/status.ts";
import { withModels } from "../annotate/with-models.ts";
import { PrefkitError } from "../core/errors.ts";
import type { ModelUsage } from "../models/usage.ts";
import { type GoldOptions, type GoldPairs, openGoldPairs } from "./gold-pairs.ts";
import { type Picking, startPicking } from "./pick-models.ts";
import { type GoldRunOptions, scoredValue, scoreGold } from "./score-gold.ts";

export interface PickOptions extends GoldRunOptions {
  readonly gold: GoldOptions;
}

export interface PickOutcome {
  /** stopped, budget: ended early; the same command finds all replies that came in the cache. */
  readonly kind: "budget" | "done" | "stopped";
  /** null when it ended early: half a file would be another sample. */
  readonly picking: Picking | null;
  /** Cells that failed, by scorer and code. */
  readonly failed: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly usage: readonly ModelUsage[];
}

/**
 * Runs every scorer of a recipe on gold pairs, and compares how often each prefers what people prefer. Typically the scorers
 * are several `log-density-ratio` with other model pairs. The recipe's input, reward and pairs are left aside.
 *
 * The whole file is read and checked before the first call. Nothing holds it in memory.
 * Throws those of `openGoldPairs` and `resolveRecipe`; `empty_input`; `failed_budget_exceeded` when a scorer failed on more than
 * its `maxFailedShare`, since an accuracy of what is left may be another one.
 */
export async function pick(
  loaded: LoadedRecipe,
  catalog: Catalog,
  options: PickOptions,
): Promise<PickOutcome> {
  return withModels(loaded, catalog, join(options.scratch, "spending.jsonl"), options, async (opened) => {
    const { resolved, access, stop, ending } = opened;
    const gold = await openGoldPairs(loaded, options.gold);
    try {
      const pairs = await countPairs(gold, options);
      const status = newStatus(
        resolved.scorers.map(({ key }) => key),
        access.usage,
      );
      enterPhase(status, "score", pairs);
      options.onStart?.(status);
      const openCache = options.openCache ?? (() => openScoreCache(access.runtime.cacheDirectory));
      const picker = startPicking(resolved.scorers.map(({ key }) => key));
      const failed = await scoreGold(
        resolved,
        () => gold.read(),
        { ...options, openCache, stop, status },
        ({ domain, chosen }, columns) =>
          picker.add({
            domain,
            chosen: columns.map(({ scores }) => scoredValue(scores[chosen])),
            rejected: columns.map(({ scores }) => scoredValue(scores[1 - chosen])),
          }),
      );
      const kind = stop.aborted ? ending() : "done";
      return {
        kind,
        picking: kind === "done" ? picker.result() : null,
        failed,
        usage: access.usage(),
      };
    } finally {
      await gold.close();
    }
  });
}

/** Reads everything once, so that a bad row at the end is found before anything is paid. */
async function countPairs(gold: GoldPairs, { onPlanning, stop }: PickOptions): Promise<number> {
  let pairs = 0;
  for await (const batch of gold.read()) {
    pairs += batch.length;
    onPlanning?.(pairs);
    if (stop?.aborted) return pairs;
  }
  if (pairs > 0) return pairs;
  throw new PrefkitError(
    "empty_input",
    `${gold.files.map(({ path }) => path).join(", ")} holds no gold pair.`,
    "give rows with prompt, chosen and rejected.",
  );
}
