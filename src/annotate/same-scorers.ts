import { PrefkitError, reasonOf } from "../core/errors.ts";
import { canonicalJson } from "../core/ids.ts";
import type { Json, JsonObject } from "../core/types.ts";
import type { Manifest } from "../store/manifest.ts";
import { type LoadedRecipe, recipeFault } from "./load-recipe.ts";
import { withoutSpeed, writtenEntry } from "./models.ts";
import type { ScorerEntry } from "./recipe.ts";
import { type Catalog, writtenOptions } from "./resolve-scorer.ts";
import { namedFiles } from "./scorer-options.ts";
import { moduleHash, parseOwnUse } from "./scorer-source.ts";

/** What a scorer was made from, as `run.json` has it. */
interface MadeFrom {
  readonly use?: string;
  readonly version?: number;
  readonly options?: Json;
  readonly module?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly models?: Readonly<Record<string, JsonObject>>;
}

/**
 * Throws `plan_changed` when a key of the recipe's scorers stands for other scores in the dataset: another scorer or version of
 * it, other options, or other bytes of the module and files it rests on. Nothing is made or opened for that, so models count as
 * they are written. A recipe without `scorers` takes the scores as they are.
 */
export async function refuseOtherScores(
  loaded: LoadedRecipe,
  catalog: Catalog,
  { scorers }: Pick<Manifest, "scorers">,
  directory: string,
): Promise<void> {
  for (const [key, entry] of Object.entries(loaded.recipe.scorers)) {
    const made = scorers[key];
    const difference = made ? await differenceOf(loaded, catalog, key, entry, made.config as MadeFrom) : null;
    if (difference === null) continue;
    throw new PrefkitError(
      "plan_changed",
      `${loaded.label}: scorers.${key}: the scores of "${key}" in ${directory} were made otherwise: ${difference}.`,
      "run this recipe (`prefkit run`) for scores of its own; or leave the section `scorers` out, to use the dataset's scores as they are.",
    );
  }
}

async function differenceOf(
  loaded: LoadedRecipe,
  catalog: Catalog,
  key: string,
  entry: ScorerEntry,
  made: MadeFrom,
): Promise<string | null> {
  const use = typeof entry.use === "string" ? entry.use : "inline";
  const [own, earlier] = [use, made.use ?? ""].map((text) => parseOwnUse(text, loaded.directory));
  // The same module may be written as another path from another folder.
  const isSame = own && earlier ? own.name === earlier.name : use === made.use;
  if (!isSame) return `by ${made.use ?? "another scorer"}, and not by ${use}`;
  if (own) {
    const now = await moduleHash(own.module).catch((error: unknown) => {
      throw recipeFault(loaded.label, loaded.line)(
        ["scorers", key, "use"],
        `the module ${use} cannot be read: ${reasonOf(error)}.`,
        "check the path: it is resolved from the recipe's folder.",
      );
    });
    if (now !== made.module) return `the module ${use} has changed`;
  }
  const version = Object.hasOwn(catalog.scorers, use) ? catalog.scorers[use]?.version : made.version;
  if (version !== made.version) return `by version ${made.version} of ${use}, and this is version ${version}`;
  const options = writtenOptions(loaded.raw, key);
  if (canonicalJson(options) !== canonicalJson(made.options ?? {}))
    return `with options ${JSON.stringify(made.options ?? {})}, and not ${JSON.stringify(options)}`;
  const { hashes } = await namedFiles(Object.keys(made.files ?? {}), entry, loaded.directory, (option, why) =>
    recipeFault(loaded.label, loaded.line)(["scorers", key, option], why, "check the path."),
  );
  const file = Object.entries(made.files ?? {}).find(([option, hash]) => hashes[option] !== hash);
  if (file) return `the file of option ${file[0]} has changed`;
  for (const [place, { identity: _identity, ...written }] of Object.entries(made.models ?? {})) {
    const name = nameAt(options, place);
    if (canonicalJson(withoutSpeed(writtenEntry(loaded, name))) !== canonicalJson(written))
      return `with another model ${name}`;
  }
  return null;
}

/** The model that an option names: `judge`, or `judges.0` of a list. */
function nameAt(options: Json, place: string): string {
  const [option = "", index] = place.split(".");
  const given = (options as JsonObject)[option];
  return String(index === undefined ? given : (given as readonly Json[] | undefined)?.[Number(index)]);
}
