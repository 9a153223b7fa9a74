import { join, resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { nodeFiles } from "../core/files.ts";
import type { ModelUsage } from "../models/usage.ts";
import { workPaths } from "./journal.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import { takeLock } from "./lock.ts";
import { makePlan } from "./plan.ts";
import { openRecipeInput, planOptions } from "./plan-file.ts";
import type { Catalog } from "./resolve-scorer.ts";
import type { RunOptions } from "./run.ts";
import { type SampleCounts, samplePhase } from "./sample.ts";
import { SAMPLE_CONCURRENCY } from "./sample-first.ts";
import { newStatus } from "./status.ts";
import { withModels } from "./with-models.ts";

export interface SampleOutcome {
  readonly kind: "done" | "stopped" | "budget";
  readonly out: string;
  readonly counts: SampleCounts | null;
  readonly usage: readonly ModelUsage[];
}

/**
 * Draws a recipe's samples into a directory of their own: `train-*.parquet` of the groups row set, and `sample.json`.
 * An empty directory, or one that the same samples were begun in, is taken; `force` replaces other samples.
 */
export async function drawSamples(
  loaded: LoadedRecipe,
  catalog: Catalog,
  directory: string,
  options: RunOptions = {},
): Promise<SampleOutcome> {
  if (!loaded.recipe.sample) {
    throw new PrefkitError(
      "bad_recipe",
      `${loaded.label} has no section \`sample\`.`,
      "add `sample: { model: …, n: … }` and the model under `models`.",
    );
  }
  const files = options.files ?? nodeFiles;
  const out = resolve(directory);
  const { root } = workPaths(out);
  return withModels(loaded, catalog, join(root, "spending.jsonl"), options, async (opened) => {
    const { resolved, access, stop, ending } = opened;
    await files.makeDirectory(root);
    const unlock = await takeLock(files, join(root, "lock"));
    const input = await openRecipeInput(resolved, workPaths(out).input);
    try {
      const status = newStatus([], access.usage);
      const plan = await makePlan(resolved, input, {
        ...planOptions(resolved, options),
        beforeSampling: true,
      });
      options.onStart?.(status, plan);
      const counts = await samplePhase({
        files,
        directory: out,
        input,
        plan,
        resolved,
        concurrency: options.concurrency ?? SAMPLE_CONCURRENCY,
        acceptFailed: options.acceptFailed ?? false,
        force: options.force ?? false,
        stop,
        status,
      });
      return { kind: counts === null ? ending() : "done", out, counts, usage: access.usage() };
    } finally {
      await input.close();
      await unlock();
    }
  });
}
