import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { takeLock } from "../annotate/lock.ts";
import { ioError, PrefkitError } from "../core/errors.ts";
import { type Files, namesIn } from "../core/files.ts";
import { sha256 } from "../core/ids.ts";
import { EXPORT_FILE, type ExportManifest, readExportManifest } from "./export-manifest.ts";

/** Where an export is made: aside, until it is whole. */
export interface ExportDirectory {
  /** Empty, next to the final place, so that a rename ends the export. */
  readonly aside: string;
  /** Puts what was made under the final name; with `force`, in place of an earlier export. */
  publish(): Promise<void>;
  /** Removes what is left aside and the lock; always to be called. */
  release(): Promise<void>;
}

/**
 * Prepares the making of an export. A killed one leaves its work under a dotted name beside `out`, which the next export
 * to the same place clears away, and nothing under `out`. Where `out` is a link, the directory it points to is filled.
 * Throws `not_this_run` for an `out` that holds other files (`force` replaces an earlier export, and never what is not of one
 * or what was edited in it) or is a link to nothing, `directory_locked` while another process exports to it.
 */
export async function openExportDirectory(
  files: Files,
  given: string,
  { force }: { readonly force: boolean },
): Promise<ExportDirectory> {
  const out = await linkedDirectory(given);
  await refuseForeign(files, out, force);
  const parent = dirname(out);
  const aside = join(parent, `.${basename(out)}.export`);
  const replaced = join(parent, `.${basename(out)}.replaced`);
  await files.makeDirectory(parent);
  const unlock = await takeLock(files, `${aside}.lock`);
  try {
    await restore(files, out, replaced);
    await files.remove(aside);
    await files.makeDirectory(aside);
  } catch (error) {
    await unlock();
    throw error;
  }
  return {
    aside,
    publish: async () => {
      // Looked at again: what came there meanwhile is not ours to replace.
      await refuseForeign(files, out, force);
      if (((await namesIn(files, out)) ?? []).length > 0) await files.rename(out, replaced);
      else await files.remove(out);
      await files.rename(aside, out);
      await files.remove(replaced);
    },
    release: async () => {
      try {
        await files.remove(aside);
      } finally {
        await unlock();
      }
    },
  };
}

/** The directory that a link points to, so that the link stays; what is no link, or not there yet, as it is. */
async function linkedDirectory(out: string): Promise<string> {
  try {
    if (!(await lstat(out)).isSymbolicLink()) return out;
    return await realpath(out);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && syscall === "lstat") return out;
    // Of a file among the parents `namesIn` tells.
    if (code === "ENOTDIR") return out;
    if (code !== "ENOENT") throw ioError("look at", out, error);
    throw new PrefkitError(
      "not_this_run",
      `${out} is a link to a directory that is not there.`,
      "make that directory, or choose another --out.",
      { cause: error },
    );
  }
}

/** A kill between the two renames of a replacement leaves the earlier export aside: it is put back. */
async function restore(files: Files, out: string, replaced: string): Promise<void> {
  if (!(await files.exists(replaced))) return;
  if (await files.exists(out)) await files.remove(replaced);
  else await files.rename(replaced, out);
}

async function refuseForeign(files: Files, out: string, force: boolean): Promise<void> {
  const names = (await namesIn(files, out)) ?? [];
  if (names.length === 0) return;
  const shown = `${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}`;
  if (!names.includes(EXPORT_FILE)) {
    throw new PrefkitError(
      "not_this_run",
      `the output directory ${out} holds other files (${shown}).`,
      "choose an empty --out.",
    );
  }
  if (!force) {
    throw new PrefkitError(
      "not_this_run",
      `${out} holds an export already.`,
      "choose another --out, or give --force to replace it.",
    );
  }
  const manifest = await readExportManifest(files, out);
  refuseLoss(out, "files that are not of the export there", await foreignFiles(files, out, manifest));
  refuseLoss(
    out,
    "files that were edited since the export was written",
    await editedFiles(files, out, manifest),
  );
}

function refuseLoss(out: string, what: string, paths: readonly string[]): void {
  if (paths.length === 0) return;
  throw new PrefkitError(
    "not_this_run",
    `${out} holds ${what} (${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ", …" : ""}), and replacing it would remove them.`,
    "move them away, or choose another --out.",
  );
}

/** Configs and scripts that are not as they were written: somebody's work. Data is not looked at: it is not edited by hand. */
async function editedFiles(files: Files, out: string, { files: entries }: ExportManifest): Promise<string[]> {
  const edited: string[] = [];
  for (const { path, split, sha256: written } of entries) {
    if (split !== null || path.startsWith("pair_ids/")) continue;
    const full = join(out, path);
    if ((await files.exists(full)) && sha256(await files.readAll(full)) !== written) edited.push(path);
  }
  return edited;
}

/** Files in an export's directory that its export.json does not name, relative to it. */
async function foreignFiles(files: Files, out: string, manifest: ExportManifest): Promise<string[]> {
  const known = new Set([EXPORT_FILE, ...manifest.files.map(({ path }) => path)]);
  const directories = new Set([...known].map((path) => posix.dirname(path)).filter((path) => path !== "."));
  const found = [...((await files.list(out)) ?? [])].filter((name) => !directories.has(name));
  for (const directory of directories)
    for (const name of (await files.list(join(out, directory))) ?? []) found.push(`${directory}/${name}`);
  return found.filter((path) => !known.has(path) && !directories.has(path));
}
