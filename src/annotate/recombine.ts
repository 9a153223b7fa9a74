import { join, resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, nodeFiles } from "../core/files.ts";
import type { Json, JsonObject } from "../core/types.ts";
import { MANIFEST_FILE, type Manifest, readManifest } from "../store/manifest.ts";
import { rollForward } from "./finish.ts";
import { workPaths } from "./journal.ts";
import { type LoadedRecipe, recipeFromCode } from "./load-recipe.ts";
import { takeLock } from "./lock.ts";
import { resolveFinish } from "./resolve.ts";
import { refinish } from "./rework.ts";
import { enterPhase, newStatus, type RunStatus } from "./status.ts";

export interface RecombineOptions {
  /** Default: in place; the old tables stand until the new ones are whole. */
  readonly out?: string;
  readonly files?: Files;
  readonly stop?: AbortSignal;
  readonly onStart?: (status: RunStatus) => void;
  /** Looks at the dataset before anything is made of it; what it throws ends the work, and the dataset is as it was. */
  readonly check?: (manifest: Manifest) => void | Promise<void>;
}

/** What takes the place of a finished dataset's reward, pairs and split. */
export interface FinishChange {
  readonly reward?: Json;
  readonly pairs?: Json;
  readonly output?: Json;
}

/** The parts of a recipe that the combine and pair steps read. */
export function finishOf(loaded: LoadedRecipe): FinishChange {
  const { reward, pairs, output } = loaded.raw as { reward?: Json; pairs?: Json; output?: Json };
  return {
    ...(reward === undefined ? {} : { reward }),
    ...(pairs === undefined ? {} : { pairs }),
    ...(output === undefined ? {} : { output }),
  };
}

/**
 * New rewards and pairs for a finished dataset, from its own tables; no scorer runs and nothing is paid.
 * Returns null when it was stopped; the dataset is then as it was.
 * Throws `dataset_incomplete` when the directory holds no finished dataset.
 */
export async function recombine(
  directory: string,
  change: FinishChange,
  label: string,
  options: RecombineOptions = {},
): Promise<{ readonly manifest: Manifest; readonly out: string } | null> {
  const files = options.files ?? nodeFiles;
  const from = resolve(directory);
  const out = resolve(options.out ?? directory);
  if (out !== from) await refuseOccupied(files, out);
  const isPending = await files.exists(join(workPaths(from).finish, MANIFEST_FILE));
  if (!isPending) await readManifest(files, from);
  await files.makeDirectory(workPaths(out).root);
  const unlock = await takeLock(files, join(workPaths(out).root, "lock"));
  try {
    if (isPending) await rollForward(files, from);
    const manifest = await readManifest(files, from);
    await options.check?.(manifest);
    const raw = changedRecipe(manifest.recipe as JsonObject, change);
    const loaded = { ...recipeFromCode(raw, from, leniently), label };
    const resolved = resolveFinish(loaded, Object.keys(manifest.scorers));
    const status = newStatus([]);
    options.onStart?.(status);
    const stop = options.stop ?? new AbortController().signal;
    const made = await refinish({ files, from, out, manifest, resolved, status, stop });
    enterPhase(status, "done", manifest.summary.groups);
    return made === null ? null : { manifest: made, out };
  } finally {
    await unlock();
    if (out !== from && !(await files.exists(join(out, MANIFEST_FILE))))
      await files.remove(workPaths(out).root);
  }
}

/** A finished recipe is read for its reward and pairs only: its variables may stay as they are written. */
const leniently: Readonly<Record<string, string>> = new Proxy(
  {},
  { get: (_, variable) => `\${${String(variable)}}` },
);

function changedRecipe(recipe: JsonObject, change: FinishChange): JsonObject {
  // Scorers given in code stand in a manifest by the word "inline"; they are not made again here.
  return { ...recipe, ...change } as JsonObject;
}

async function refuseOccupied(files: Files, out: string): Promise<void> {
  const names = await files.list(out);
  if (names === null || names.length === 0) return;
  throw new PrefkitError(
    "not_this_run",
    `${out} is not empty.`,
    "choose an empty --out, or leave --out away to change the dataset in place.",
  );
}
