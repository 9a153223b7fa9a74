import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { toScorer } from "../core/adapters.ts";
import { PrefkitError, reasonOf } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import { isPath } from "../core/paths.ts";
import type { ScorerDefinition } from "../core/scorer.ts";
import type { Scorer } from "../core/types.ts";
import { stripsTypes } from "./load-recipe.ts";

/**
 * How to make a scorer again in another thread: the module, the export, the options. A `list` module exports
 * `scorers`, a record of definitions by name; any other module is a user's own.
 */
export interface ScorerSource {
  readonly kind: "list" | "own";
  readonly module: string;
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly adapter?: "autoevals" | "evalite";
  /**
   * The files that it is made from, by absolute path, with the first hex digits of the sha256 that each had when the work
   * was planned: the module of one's own, and what options name. What a module imports in turn is not covered.
   */
  readonly planned?: Readonly<Record<string, string>>;
}

/** `models` are the ports for the options that name models; a thread has none, since such scorers are not made in threads. */
export async function makeScorer(
  source: ScorerSource,
  models: Readonly<Record<string, unknown>> = {},
): Promise<Scorer> {
  const module = await importModule(source);
  if (source.kind === "list") {
    const definition = (module.scorers as Record<string, ScorerDefinition> | undefined)?.[source.name];
    if (!definition)
      throw new PrefkitError("internal", `${source.module} lists no ${source.name}.`, "report this.");
    return definition.create(definition.options.parse(source.options), models);
  }
  return toScorer(ownExport(module, source), {
    name: source.name === "default" ? fileStem(source.module) : source.name,
    options: source.options,
    models,
    ...(source.adapter ? { adapter: source.adapter } : {}),
  });
}

/** The export a user's module was asked for; a definition tells more than a scorer, so callers may look at it first. */
export async function loadOwnExport(source: ScorerSource): Promise<unknown> {
  return ownExport(await importModule(source), source);
}

/** "./mine.mjs#name" from a recipe -> where it is; null when `use` names a scorer of ours. */
export function parseOwnUse(use: string, directory: string): { module: string; name: string } | null {
  const [path = "", name] = use.split("#", 2);
  if (!isPath(path)) return null;
  return { module: pathToFileURL(resolve(directory, path)).href, name: name || "default" };
}

/** Part of a paid score's cache key: the bytes of the user's module file. What it imports in turn is not covered. */
export async function moduleHash(module: string): Promise<string> {
  return sha256(await readFile(fileURLToPath(module)));
}

/**
 * Throws `plan_changed` when a file that the scorer is made from is not what it was when the work was planned: made again in
 * another thread, it would give other numbers under the same config hash.
 */
export async function checkPlanned({ planned = {} }: ScorerSource): Promise<void> {
  for (const [path, hash] of Object.entries(planned)) {
    const now = await readFile(path).then(sha256, () => null);
    if (now?.startsWith(hash)) continue;
    throw new PrefkitError(
      "plan_changed",
      `${path} ${now === null ? "cannot be read any more" : "was changed"} while scores were made with it.`,
      "undo the change and run the same command again: finished work is kept. Or start over with what it is now.",
    );
  }
}

async function importModule(source: ScorerSource): Promise<Record<string, unknown>> {
  try {
    return (await import(source.module)) as Record<string, unknown>;
  } catch (cause) {
    const path = source.module.startsWith("file:") ? fileURLToPath(source.module) : source.module;
    const typescript = path.endsWith("ts") && !stripsTypes();
    throw new PrefkitError(
      "unreadable_module",
      `the scorer module ${path} cannot be loaded: ${reasonOf(cause)}.`,
      typescript
        ? "this Node cannot strip types: use Node 22.18 or newer, or write the module as .mjs."
        : "check the path (it is resolved from the recipe's folder) and that the module loads with `node`.",
      { cause },
    );
  }
}

function ownExport(module: Record<string, unknown>, source: ScorerSource): unknown {
  const found = module[source.name];
  if (found === undefined) {
    const names = Object.keys(module).join(", ") || "nothing";
    throw new PrefkitError(
      "unreadable_module",
      `${fileURLToPath(source.module)} exports ${names}, but no "${source.name}".`,
      `write \`use: ./file.mjs#name\` with one of its exports, or add a default export.`,
    );
  }
  return found;
}

function fileStem(module: string): string {
  return (module.split("/").at(-1) ?? module).replace(/\.[cm]?[jt]s$/, "");
}
