import { nodeFiles } from "../core/files.ts";
import { heedCheckups } from "./doctor.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import { type ModelAccess, openModelAccess } from "./model-access.ts";
import { closeModels } from "./models.ts";
import { type ResolvedRecipe, resolveRecipe } from "./resolve.ts";
import type { Catalog } from "./resolve-scorer.ts";

export interface ModelWish {
  /** No model is called: replies come from the cache alone. */
  readonly offline?: boolean;
  /** Most money to spend, in the currency of the models' prices. */
  readonly maxCost?: number;
  readonly stop?: AbortSignal;
  readonly onWarning?: (warning: string) => void;
}

/** A recipe with its models open, and what ends the work before it is done. */
export interface OpenedRecipe {
  readonly resolved: ResolvedRecipe;
  readonly access: ModelAccess;
  /** Aborts when the caller says so, or the money is spent. */
  readonly stop: AbortSignal;
  /** Which of the two it was. */
  readonly ending: () => "budget" | "stopped";
}

/**
 * Resolves a recipe for work that pays: prices and what `doctor` found are looked at first, and all is closed behind it.
 * `ledger` is where spent money is written down.
 */
export async function withModels<Result>(
  loaded: LoadedRecipe,
  catalog: Catalog,
  ledger: string,
  { offline = false, maxCost, stop, onWarning }: ModelWish,
  work: (opened: OpenedRecipe) => Promise<Result>,
): Promise<Result> {
  const access = openModelAccess(loaded, {
    offline,
    budget: maxCost === undefined ? null : { maxCost, ledger },
  });
  try {
    const resolved = await resolveRecipe(loaded, catalog, access.runtime);
    try {
      access.requirePrices(resolved.models);
      if (!offline) {
        const { cacheDirectory } = access.runtime;
        for (const warning of await heedCheckups(resolved.models, nodeFiles, cacheDirectory))
          onWarning?.(warning);
      }
      return await work({
        resolved,
        access,
        stop: AbortSignal.any([access.exhausted, ...(stop ? [stop] : [])]),
        ending: () => (access.exhausted.aborted && !stop?.aborted ? "budget" : "stopped"),
      });
    } finally {
      await closeModels(resolved.models);
    }
  } finally {
    await access.close();
  }
}
