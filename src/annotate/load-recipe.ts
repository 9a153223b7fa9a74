import { readFile } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import type { z } from "zod";
import { PrefkitError, reasonOf } from "../core/errors.ts";
import { type Fault, faultIn, schemaFault as faultOf } from "../core/schema-fault.ts";
import { readYaml } from "../core/yaml-source.ts";
import { type Recipe, recipeSchema } from "./recipe.ts";

/** A recipe that passed the schema, with what is needed to say where something stands in it. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  /** As written: `${VAR}` stays as it is. This, and nothing interpolated, goes into files. */
  readonly raw: unknown;
  /** What paths in the recipe are resolved from. */
  readonly directory: string;
  /** File name, or "recipe" for one given in code. */
  readonly label: string;
  /** What `${VAR}` and keys are looked up in. Never stored. */
  readonly environment: Environment;
  /** The 1-based line of a key; undefined for recipes in code. */
  line(path: readonly PropertyKey[]): number | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export { valueAt } from "../core/schema-fault.ts";

/** Reads a recipe from YAML, or from a JavaScript module's default export. */
export async function loadRecipe(
  path: string,
  environment: Environment = process.env,
): Promise<LoadedRecipe> {
  const file = resolve(path);
  if (/\.[cm]?[jt]s$/.test(extname(file)))
    return recipeFromCode(await importRecipe(file), dirname(file), environment);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new PrefkitError(
      "bad_recipe",
      missing ? `there is no recipe at ${path}.` : `the recipe ${path} cannot be read: ${reasonOf(cause)}.`,
      "check the path; `prefkit init` writes a recipe to start from.",
      { cause },
    );
  }
  return parseRecipe(text, { directory: dirname(file), label: basename(file), environment });
}

/** Checks YAML text. `environment` is what `${VAR}` is looked up in. */
export function parseRecipe(
  text: string,
  options: { readonly directory: string; readonly label: string; readonly environment: Environment },
): LoadedRecipe {
  const { value, line } = readYaml(text, options.label, "bad_recipe");
  return check(value, options, line);
}

/** Checks a recipe given in code. */
export function recipeFromCode(
  given: unknown,
  directory: string = process.cwd(),
  environment: Environment = process.env,
): LoadedRecipe {
  return check(given, { directory, label: "recipe", environment }, () => undefined);
}

function check(
  raw: unknown,
  options: { readonly directory: string; readonly label: string; readonly environment: Environment },
  line: LoadedRecipe["line"],
): LoadedRecipe {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new PrefkitError(
      "bad_recipe",
      `${options.label} holds ${raw === null ? "nothing" : Array.isArray(raw) ? "a list" : `a ${typeof raw}`}.`,
      "write a map with at least `input` and `scorers`; `prefkit init` writes one to start from.",
    );
  }
  const fail = recipeFault(options.label, line);
  const interpolated = interpolate(raw, options.environment, [], fail);
  const result = recipeSchema.safeParse(interpolated);
  // The value is shown as written: what a variable stands for may be a secret.
  if (!result.success) throw schemaFault(result.error, raw, fail);
  return { recipe: result.data, raw, ...options, line };
}

/** Makes errors that name file, line and key. */
export function recipeFault(label: string, line: LoadedRecipe["line"]): Fault {
  return faultIn("bad_recipe", label, line);
}

/** The first fault that a schema found, as an error with place and fix. `prefix` is where the checked value stands, `docs` what lists what may. */
export function schemaFault(
  error: z.ZodError,
  value: unknown,
  fail: Fault,
  prefix: readonly PropertyKey[] = [],
  docs = "docs/recipe.md",
): PrefkitError {
  return faultOf(error, fail, { value, schema: recipeSchema, docs, prefix });
}

/** Deeper than any schema that is an option; a YAML alias of what it stands in has no end at all. */
const MAX_DEPTH = 100;

function interpolate(
  value: unknown,
  environment: Environment,
  path: readonly PropertyKey[],
  fail: Fault,
): unknown {
  if (path.length > MAX_DEPTH) {
    throw fail(
      path.slice(0, 3),
      `nests more than ${MAX_DEPTH} levels deep, or holds itself.`,
      "nest less deeply.",
    );
  }
  // A scorer given in code is used as it is.
  if (path.at(-1) === "use" && typeof value === "object") return value;
  if (typeof value === "string") {
    return value.replace(/\$\{(\w+)\}/g, (_, variable: string) => {
      const found = environment[variable];
      if (found === undefined) {
        throw fail(
          path,
          `the environment has no variable ${variable}.`,
          `set ${variable}, or write it to a .env file.`,
        );
      }
      return found;
    });
  }
  if (Array.isArray(value))
    return value.map((item, index) => interpolate(item, environment, [...path, index], fail));
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, interpolate(item, environment, [...path, key], fail)]),
    );
  }
  return value;
}

async function importRecipe(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    if (module.default === undefined) {
      throw new PrefkitError(
        "bad_recipe",
        `${file} has no default export.`,
        "write `export default defineRecipe({ … })`.",
      );
    }
    return module.default;
  } catch (cause) {
    if (cause instanceof PrefkitError) throw cause;
    const typescript = file.endsWith("ts") && !stripsTypes();
    throw new PrefkitError(
      "bad_recipe",
      `the recipe module ${file} cannot be loaded: ${reasonOf(cause)}.`,
      typescript
        ? "this Node cannot strip types: use Node 22.18 or newer, or write the recipe as .mjs."
        : "correct the module.",
      { cause },
    );
  }
}

/** The process's environment over what a `.env` file in the working directory says. */
export async function environmentWithDotenv(directory: string = process.cwd()): Promise<Environment> {
  try {
    const text = await readFile(resolve(directory, ".env"), "utf8");
    // Editors on Windows begin a file with a byte-order mark, which would be part of the first variable's name.
    return { ...parseEnv(text.replace(/^\uFEFF/, "")), ...process.env };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return process.env;
    throw new PrefkitError(
      "io",
      `.env cannot be read: ${reasonOf(cause)}.`,
      "make it readable or remove it.",
      { cause },
    );
  }
}

/** Node 22.18 and newer run TypeScript files by stripping types. */
export function stripsTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}
