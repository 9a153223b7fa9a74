import { realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileDigest } from "../../core/digest.ts";
import { ioError, PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";

/**
 * Reads every file again and compares.
 *
 * @param hashes sha256 by path, absolute or relative to `run`
 * Throws `damaged_file` for the first that is not there or was changed.
 */
export async function requireUnchanged(
  files: Files,
  run: string,
  hashes: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, expected] of Object.entries(hashes)) {
    const full = resolve(run, path);
    const isThere = await files.exists(full);
    if (isThere && (await fileDigest(files, full)).sha256 === expected) continue;
    throw new PrefkitError(
      "damaged_file",
      `${full} is ${isThere ? "not what the training was begun with" : "gone"}: the checkpoints come from other rows.`,
      "put the file back, or start the training over with --force.",
    );
  }
}

/** Whether `path` is `directory` or stands in it, links followed. */
export async function isWithin(path: string, directory: string): Promise<boolean> {
  const between = relative(await realPlace(directory), await realPlace(path));
  return between === "" || (!isAbsolute(between) && between.split(/[\\/]/)[0] !== "..");
}

/** The path without links; of what is not there yet, as much of it as there is. */
async function realPlace(path: string): Promise<string> {
  const full = resolve(path);
  try {
    return await realpath(full);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw ioError("look at", full, error);
    return dirname(full) === full ? full : join(await realPlace(dirname(full)), basename(full));
  }
}
