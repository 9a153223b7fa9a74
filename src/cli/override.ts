import { type LoadedRecipe, recipeFault, schemaFault } from "../annotate/load-recipe.ts";
import { recipeSchema } from "../annotate/recipe.ts";
import { fromDirectory } from "./run-options.ts";

export interface OverrideFlags {
  readonly input?: string[];
  readonly seed?: number;
}

/** What the command line says takes the place of what the recipe says, in the manifest too. */
export function override(loaded: LoadedRecipe, flags: OverrideFlags, directory: string): LoadedRecipe {
  if (flags.input === undefined && flags.seed === undefined) return loaded;
  const raw = { ...(loaded.raw as Record<string, unknown>) };
  if (flags.seed !== undefined) raw.seed = flags.seed;
  const input = flags.input?.map((path) => fromDirectory(path, directory, loaded.directory));
  if (input) raw.input = { ...(raw.input as object), path: input.length === 1 ? input[0] : input };
  const recipe = recipeSchema.safeParse({
    ...loaded.recipe,
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    ...(input ? { input: { ...loaded.recipe.input, path: input } } : {}),
  });
  if (!recipe.success)
    throw schemaFault(
      recipe.error,
      raw,
      recipeFault("the command line", () => undefined),
    );
  return { ...loaded, raw, recipe: recipe.data };
}
