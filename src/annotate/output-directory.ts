import { join, resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, namesIn } from "../core/files.ts";
import { CARD_FILE, MANIFEST_FILE, STATS_FILE, TABLES } from "../store/manifest.ts";
import { type ShardSlice, sliceName, WORK_DIRECTORY, workPaths } from "./journal.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import { refuseHeld } from "./lock.ts";

export function outputDirectory(loaded: LoadedRecipe, out: string | undefined): string {
  if (out !== undefined) return resolve(out);
  const { dir } = loaded.recipe.output;
  if (dir !== undefined) return resolve(loaded.directory, dir);
  throw new PrefkitError(
    "bad_recipe",
    `${loaded.label} names no output directory.`,
    "add `output: { dir: … }` or give --out DIR.",
  );
}

/** A directory of ours is gone on with; an empty one is taken; any other is left alone. */
export async function checkDirectory(files: Files, out: string): Promise<void> {
  const names = await namesIn(files, out);
  if (names === null || names.length === 0) return;
  if (names.includes(WORK_DIRECTORY) || names.includes(MANIFEST_FILE)) return;
  throw new PrefkitError(
    "not_this_run",
    `the output directory ${out} holds other files (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}).`,
    "choose an empty --out, or give --force: it leaves foreign files where they are and replaces prefkit's own.",
  );
}

/** Slices of one division may share a directory; a whole run, another division or a start from scratch may not. */
export async function refuseOthers(
  files: Files,
  out: string,
  slice: ShardSlice | null,
  force: boolean,
): Promise<void> {
  const { root } = workPaths(out);
  for (const name of (await files.list(root)) ?? []) {
    const held = /^lock(?:-\d+-of-(\d+))?$/.exec(name);
    if (!held || name === sliceName("lock", slice)) continue;
    if (!force && slice !== null && Number(held[1]) === slice.count) continue;
    await refuseHeld(files, join(root, name));
  }
}

/** Removes what is ours, but for the lock held: the mark of a whole dataset first, so that no kill leaves it on half of one. */
export async function clearDirectory(files: Files, out: string, lock: string): Promise<void> {
  const { root } = workPaths(out);
  for (const name of [MANIFEST_FILE, CARD_FILE, STATS_FILE, ...TABLES]) await files.remove(join(out, name));
  for (const name of (await files.list(root)) ?? []) if (name !== lock) await files.remove(join(root, name));
}

/** What a killed grouping of rows left; nobody else works here while the lock is held. */
export async function removeTornWork(files: Files, directory: string): Promise<void> {
  for (const name of (await files.list(directory)) ?? []) {
    if (name.startsWith(".")) await files.remove(join(directory, name));
  }
}

export async function removeParts(files: Files, out: string): Promise<void> {
  const { root, parts, input } = workPaths(out);
  for (const name of (await files.list(root)) ?? []) {
    if (/^journal.*\.jsonl$/.test(name)) await files.remove(join(root, name));
  }
  await files.remove(parts);
  await files.remove(input);
}
