import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { cacheDirectory } from "../core/disk-cache.ts";
import { PrefkitError } from "../core/errors.ts";
import { createBudget } from "../models/budget.ts";
import { type CallPath, createCallPath } from "../models/call-path.ts";
import { openClaims } from "../models/claims.ts";
import { openLimitStore } from "../models/limit-store.ts";
import type { ModelRuntime } from "../models/provider.ts";
import { openReplyCache } from "../models/reply-cache.ts";
import { openSpendingLedger } from "../models/spending-ledger.ts";
import type { ModelUsage } from "../models/usage.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import type { ModelSet } from "./models.ts";

export interface ModelAccessOptions {
  readonly offline: boolean;
  /** The limit on money, and the file where what was spent is written down, made by the first call. null: no limit. */
  readonly budget: { readonly maxCost: number; readonly ledger: string } | null;
}

/** What models are opened with, and the one path that all their calls take. */
export interface ModelAccess {
  readonly runtime: ModelRuntime;
  /** Aborts once the money is spent. */
  readonly exhausted: AbortSignal;
  readonly usage: () => readonly ModelUsage[];
  /** Throws `missing_price` when money is limited and a model that may cost some has no price. */
  requirePrices(models: ModelSet): void;
  close(): Promise<void>;
}

/** Nothing is opened before the first call: most recipes call no model. */
export function openModelAccess(
  { directory, environment }: LoadedRecipe,
  { offline, budget }: ModelAccessOptions,
): ModelAccess {
  const exhausted = new AbortController();
  // What the recipe was loaded with says first; a library user may have given it next to nothing.
  const cache = cacheDirectory({ ...process.env, ...environment });
  let path: ReturnType<typeof createCallPath> | null = null;
  const open = (): CallPath => {
    path ??= createCallPath({
      cache: openReplyCache(cache),
      limits: offline ? null : openLimitStore(cache),
      claims: offline ? null : openClaims(cache),
      budget: budget && limitedTo(budget),
      offline,
    });
    return path;
  };
  const limitedTo = ({ maxCost, ledger }: NonNullable<typeof budget>) => {
    mkdirSync(dirname(ledger), { recursive: true });
    return createBudget({
      maxCost,
      ledger: openSpendingLedger(ledger),
      onExhausted: () => exhausted.abort(),
    });
  };
  return {
    runtime: {
      path: { call: (endpoint, call, context) => open().call(endpoint, call, context) },
      cacheDirectory: cache,
      environment,
      directory,
      offline,
    },
    exhausted: exhausted.signal,
    usage: () => path?.usage() ?? [],
    requirePrices: (models) => {
      if (budget === null) return;
      for (const { key, price, provider } of models.values()) {
        if (price !== null || provider.isFree) continue;
        throw new PrefkitError(
          "missing_price",
          `money is limited to ${budget.maxCost}, and model "${key}" has no price.`,
          `add \`price: { in: …, out: … }\` (money per million tokens) to models.${key}; write 0 and 0 for a server of your own.`,
        );
      }
    },
    close: async () => {
      await path?.drain();
      await path?.close();
    },
  };
}
