import type { z } from "zod";
import { isPrefkitError, type PrefkitError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { type recipeFault, schemaFault } from "./load-recipe.ts";

/**
 * What is wrong with a plug-in's options, with place and fix. `given` is shown as it was written; `common` are keys that
 * every entry of this kind may have.
 */
export function optionFault(
  error: z.ZodError,
  given: unknown,
  definition: { readonly name: string; readonly options: unknown },
  common: readonly string[],
  fail: ReturnType<typeof recipeFault>,
  path: readonly PropertyKey[],
): PrefkitError {
  const issue = error.issues.find(({ code }) => code === "unrecognized_keys");
  if (issue?.code !== "unrecognized_keys")
    return schemaFault(error, given, fail, path, `\`prefkit list ${definition.name}\``);
  const key = issue.keys[0] ?? "";
  const shape = (definition.options as { shape?: object }).shape ?? {};
  const names = [...Object.keys(shape), ...common];
  const guess = nearest(key, names);
  return fail(
    [...path, ...issue.path, key],
    "unknown option.",
    `${guess === null ? "" : `did you mean "${guess}"? `}Options: ${names.join(", ")}.`,
  );
}

/** An option that only the making finds wrong is a fault of the recipe all the same; other errors stay as they are. */
export function asRecipeFault(
  error: unknown,
  fail: ReturnType<typeof recipeFault>,
  path: readonly PropertyKey[],
): unknown {
  if (!isPrefkitError(error) || error.code !== "bad_option") return error;
  return fail(path, error.message.split("\nFix:")[0] ?? error.message, error.fix);
}

/** An option that only the factory can check (a pattern, a schema) is a fault of the recipe all the same. */
export function inRecipe<Made>(
  fail: ReturnType<typeof recipeFault>,
  path: readonly PropertyKey[],
  make: () => Made,
): Made {
  try {
    return make();
  } catch (error) {
    throw asRecipeFault(error, fail, path);
  }
}
