import { readFile, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { glob } from "tinyglobby";
import { ioError, isPrefkitError, PrefkitError } from "../../core/errors.ts";
import { linePlaces } from "./line-places.ts";
import type { SourceFile } from "./source.ts";
import type { InputFormat } from "./types.ts";

/**
 * The files that the paths and globs match, each once: in the order of the patterns, a glob's matches sorted by name.
 * Throws `no_input_file` for a pattern without a match, or a directory; `unreadable_input` for a Git LFS pointer.
 *
 * @param named what the user calls the patterns, for messages
 */
export async function findFiles(
  patterns: string | readonly string[],
  baseDirectory: string,
  named = "input.path",
): Promise<readonly SourceFile[]> {
  const list = typeof patterns === "string" ? [patterns] : patterns;
  const found = new Map<string, SourceFile>();
  for (const pattern of list) {
    for (const file of await matchesOf(pattern, baseDirectory, named)) {
      if (!found.has(file.absolute)) found.set(file.absolute, file);
    }
  }
  if (found.size > 0) return [...found.values()];
  throw noPath(named);
}

function noPath(named: string): PrefkitError {
  return new PrefkitError(
    "no_input_file",
    `${named} names no file.`,
    "write a path or a glob, as in data/*.jsonl.",
  );
}

async function matchesOf(
  pattern: string,
  baseDirectory: string,
  named: string,
): Promise<readonly SourceFile[]> {
  if (pattern === "") throw noPath(named);
  // A path that exists is taken as it is, so that names with brackets or stars need no escapes.
  const literal = await sourceFile(resolve(baseDirectory, pattern), baseDirectory);
  if (literal === "directory") {
    throw new PrefkitError(
      "no_input_file",
      `${named} "${pattern}" is a directory.`,
      `name the files in it, as in ${pattern.replace(/[/\\]+$/, "")}/*.jsonl.`,
    );
  }
  if (literal) return [literal];
  const slashed = process.platform === "win32" ? pattern.replaceAll("\\", "/") : pattern;
  const paths = await expanded(slashed, baseDirectory);
  const files = await Promise.all(
    paths.map((path) => sourceFile(resolve(baseDirectory, path), baseDirectory)),
  );
  const readable = files.filter((file) => file !== null && file !== "directory");
  if (readable.length > 0) return readable.sort((a, b) => (a.path < b.path ? -1 : 1));
  throw new PrefkitError(
    "no_input_file",
    `no file matches ${named} "${pattern}" in ${baseDirectory}.`,
    "check the path; a relative one is taken from that directory.",
  );
}

async function expanded(pattern: string, baseDirectory: string): Promise<readonly string[]> {
  try {
    return await glob(pattern, {
      cwd: baseDirectory,
      expandDirectories: false,
      absolute: isAbsolute(pattern),
      onlyFiles: true,
    });
  } catch (error) {
    throw ioError("search", baseDirectory, error);
  }
}

async function sourceFile(absolute: string, baseDirectory: string): Promise<SourceFile | "directory" | null> {
  try {
    const stats = await stat(absolute);
    if (stats.isDirectory()) return "directory";
    const path = relative(baseDirectory, absolute).replaceAll("\\", "/");
    if (stats.isFile() && stats.size < POINTER_BYTES) await refusePointer(absolute, path);
    return { absolute, path, bytes: stats.size, places: linePlaces() };
  } catch (error) {
    if (isPrefkitError(error)) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    // Globs may hold characters or lengths that no name can have; they then name no file as they stand.
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG", "EINVAL", "ERR_INVALID_ARG_VALUE"].includes(code)) return null;
    throw ioError("look at", absolute, error);
  }
}

/** Pointers are shorter than this, by Git LFS's specification. */
const POINTER_BYTES = 1024;

/** A clone without Git LFS holds a few lines in the place of each large file. */
async function refusePointer(absolute: string, path: string): Promise<void> {
  if (!(await readFile(absolute, "latin1")).startsWith("version https://git-lfs.github.com/spec/")) return;
  throw new PrefkitError(
    "unreadable_input",
    `${path} is a Git LFS pointer, not the file itself.`,
    "run `git lfs pull` in that clone, or download the file.",
  );
}

const EXTENSIONS: Readonly<Record<string, InputFormat>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  csv: "csv",
  parquet: "parquet",
  arrow: "arrow",
  arrows: "arrow",
  feather: "arrow",
  ipc: "arrow",
};

/** The format that the file's extension says. Throws `bad_recipe` when it says none. */
export function formatOf(path: string): InputFormat {
  const name = path.toLowerCase().replace(/\.gz$/, "");
  const extension = /\.([^./]+)$/.exec(name)?.[1] ?? "";
  const format = Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
  if (format) return format;
  throw new PrefkitError(
    "bad_recipe",
    `the name ${path} does not say its format.`,
    "rename it to end in .jsonl, .json, .csv, .parquet or .arrow, or say which of these it is in a recipe (input.format).",
  );
}
