import { heedCheckups } from "../annotate/doctor.ts";
import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import { type ModelAccess, openModelAccess } from "../annotate/model-access.ts";
import { closeModels, modelFor, openModels, portOf, type RunModel } from "../annotate/models.ts";
import { catalog } from "../catalog.ts";
import { PrefkitError } from "../core/errors.ts";
import { nodeFiles } from "../core/files.ts";
import type { Json } from "../core/types.ts";
import type { ChatModel } from "../models/ports.ts";

export interface ChatModelsWish {
  /** By part, the recipe's name of the model that plays it. */
  readonly names: Readonly<Record<string, string>>;
  /** Where spent money is written down. */
  readonly ledger: string;
  readonly offline?: boolean | undefined;
  readonly maxCost?: number | undefined;
  readonly onWarning: (warning: string) => void;
}

/** A chat model of the recipe, and what it is. */
export interface NamedChatModel {
  readonly model: ChatModel;
  readonly run: RunModel;
}

/** Throws `bad_recipe` for a name that the recipe does not have: before anything is opened or written. */
export function requireNames(loaded: LoadedRecipe, names: ChatModelsWish["names"]): void {
  const unknown = Object.values(names).find((name) => !Object.hasOwn(loaded.recipe.models, name));
  if (unknown !== undefined) modelFor(loaded, new Map(), { port: "chat" }, unknown, ["models"]);
}

/**
 * Opens those chat models of a recipe that a command names, and closes them behind the work. Prices and what `doctor` found are
 * looked at first; the recipe's scorers are left aside.
 */
export async function withChatModels<Result>(
  loaded: LoadedRecipe,
  { names, ledger, offline = false, maxCost, onWarning }: ChatModelsWish,
  work: (models: ReadonlyMap<string, NamedChatModel>, access: ModelAccess) => Promise<Result>,
): Promise<Result> {
  const access = openModelAccess(loaded, {
    offline,
    budget: maxCost === undefined ? null : { maxCost, ledger },
  });
  try {
    const wanted = new Set(Object.values(names));
    const models = await openModels(loaded, wanted, catalog.providers, access.runtime);
    try {
      const found = new Map<string, NamedChatModel>();
      for (const [part, name] of Object.entries(names)) {
        const run = modelFor(loaded, models, { port: "chat" }, name, ["models"]);
        if (run) found.set(part, { run, model: portOf(run, "chat") });
      }
      access.requirePrices(models);
      if (!offline) {
        const warnings = await heedCheckups(models, nodeFiles, access.runtime.cacheDirectory);
        for (const warning of warnings) onWarning(warning);
      }
      return await work(found, access);
    } finally {
      await closeModels(models);
    }
  } finally {
    await access.close();
  }
}

export function partOf(models: ReadonlyMap<string, NamedChatModel>, part: string): NamedChatModel {
  const found = models.get(part);
  if (!found) throw new PrefkitError("internal", `no model plays the ${part}.`, "report this.");
  return found;
}

/** Something about each model, by the part it plays. */
export function describeParts(
  models: ReadonlyMap<string, NamedChatModel>,
  say: (found: NamedChatModel) => Json,
): Record<string, Json> {
  return Object.fromEntries([...models].map(([part, found]) => [part, say(found)]));
}
