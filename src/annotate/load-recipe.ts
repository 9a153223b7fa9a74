import { readFile } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import { type Document, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { PrefkitError, reasonOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
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
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: "error",
  });
  const broken = document.errors[0];
  if (broken) {
    throw new PrefkitError(
      "bad_recipe",
      `not valid YAML: ${reasonOf(broken)}.`,
      "correct the YAML at that line.",
      {
        place: { file: options.label, line: lines.linePos(broken.pos[0]).line },
      },
    );
  }
  let raw: unknown;
  try {
    // Aliases may blow up exponentially; a hundred are plenty for a recipe.
    raw = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new PrefkitError("bad_recipe", `${options.label}: ${reasonOf(cause)}.`, "use fewer YAML aliases.", {
      cause,
    });
  }
  const line = (path: readonly PropertyKey[]): number | undefined => lineOf(document, lines, path);
  return check(raw, options, line);
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

type Fault = (path: readonly PropertyKey[], problem: string, fix: string) => PrefkitError;

/** Makes errors that name file, line and key. */
export function recipeFault(label: string, line: LoadedRecipe["line"]): Fault {
  return (path, problem, fix) => {
    const at = line(path);
    const key = formatPath(path);
    return new PrefkitError("bad_recipe", key === "" ? problem : `${key}: ${problem}`, fix, {
      place: { file: label, ...(at === undefined ? {} : { line: at }) },
    });
  };
}

/** The first fault that a schema found, as an error with place and fix. `prefix` is where the checked value stands. */
export function schemaFault(
  error: z.ZodError,
  value: unknown,
  fail: Fault,
  prefix: readonly PropertyKey[] = [],
): PrefkitError {
  // A mistyped key is also a missing one; the typo says more.
  const first = error.issues.find(({ code }) => code === "unrecognized_keys") ?? error.issues[0];
  const issue = deepest(first as z.core.$ZodIssue);
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const known = knownKeys(error, issue.path);
    const guess = nearest(key, known);
    return fail(
      [...path, key],
      "unknown key.",
      guess === null ? "remove it; the docs page of the recipe lists every key." : `did you mean "${guess}"?`,
    );
  }
  const got = describe(valueAt(value, issue.path));
  return fail(path, `${issue.message}; got ${got}.`, "see docs/recipe.md for what may stand here.");
}

/** Keys a strict object would have taken, as far as zod tells; empty when it does not. */
function knownKeys(_error: z.ZodError, path: readonly PropertyKey[]): string[] {
  let schema: unknown = recipeSchema;
  for (const step of path) schema = childOf(unwrap(schema), step);
  const shape = (unwrap(schema) as { shape?: object } | undefined)?.shape;
  return shape ? Object.keys(shape) : [];
}

function unwrap(schema: unknown): unknown {
  let current = schema as { def?: { innerType?: unknown; type?: string } } | undefined;
  while (current?.def?.innerType) current = current.def.innerType as typeof current;
  return current;
}

function childOf(schema: unknown, step: PropertyKey): unknown {
  const def =
    (schema as { shape?: Record<PropertyKey, unknown>; def?: Record<string, unknown> } | undefined) ?? {};
  return def.shape?.[step] ?? def.def?.element ?? def.def?.valueType;
}

/** Of a union's branches, the issue that went deepest says most about what was meant. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors
    .flatMap((branch) => branch.map((found) => deepest(found)))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (!inner || inner.path.length === 0) return issue;
  return { ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue;
}

/** What stands at a path of plain data; undefined when nothing does. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[step] : undefined,
    value,
  );
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // It holds itself, or a big integer.
    return Array.isArray(value) ? "a list" : `a ${typeof value}`;
  }
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    "",
  );
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

function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true) as
      | {
          items?: { key?: { value?: unknown; range?: number[] | null }; range?: number[] | null }[];
          range?: number[] | null;
        }
      | undefined;
    const last = path[length - 1];
    const item =
      typeof last === "number"
        ? parent?.items?.[last]
        : parent?.items?.find((pair) => pair.key?.value === last)?.key;
    const start = item?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return document.contents?.range ? lines.linePos(document.contents.range[0]).line : undefined;
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
    return { ...parseEnv(await readFile(resolve(directory, ".env"), "utf8")), ...process.env };
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
