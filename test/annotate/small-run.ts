import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { z } from "zod";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { type ResolvedRecipe, resolveRecipe } from "../../src/annotate/resolve.ts";
import type { Catalog } from "../../src/annotate/resolve-scorer.ts";
import { isPrefkitError, type PrefkitError } from "../../src/core/errors.ts";
import { defineScorer, perGroup, perResponse, scored } from "../../src/core/scorer.ts";
import type { Needs } from "../../src/core/types.ts";

const root = mkdtempSync(join(tmpdir(), "prefkit-annotate-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;

/** A fresh directory with these files; lists are written as JSON Lines. */
export async function directoryOf(
  files: Readonly<Record<string, string | readonly unknown[]>> = {},
): Promise<string> {
  directories += 1;
  const directory = join(root, String(directories));
  await mkdir(directory);
  for (const [name, content] of Object.entries(files)) {
    const text =
      typeof content === "string" ? content : content.map((record) => `${JSON.stringify(record)}\n`).join("");
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return directory;
}

const lengthOptions = z.strictObject({
  scale: z.number().min(0).default(1),
  unit: z.enum(["characters", "words"]).default("characters"),
});

function needing(name: string, needs: Needs) {
  return defineScorer({
    name,
    version: 1,
    summary: `Needs ${Object.keys(needs).join(", ")}.`,
    options: z.strictObject({}),
    create: () => perResponse({ name, version: 1, range: [0, 1], needs }, () => scored(1)),
  });
}

/** Scorers for tests of the engine: the engine names none of its own. */
export const testCatalog: Catalog = {
  providers: {},
  scorers: {
    length: defineScorer({
      name: "length",
      version: 3,
      summary: "How long a text is.",
      options: lengthOptions,
      create: ({ scale }) =>
        perResponse({ name: "length", version: 3, range: [0, Infinity] }, ({ text }) =>
          scored(text.length * scale),
        ),
    }),
    place: defineScorer({
      name: "place",
      version: 1,
      summary: "Where a response stands.",
      options: z.strictObject({}),
      usesSeed: true,
      orderSensitive: true,
      cpuBound: true,
      create: () =>
        perGroup({ name: "place", version: 1, range: [0, 1] }, ({ responses }) =>
          responses.map((_, index) => scored(1 / (index + 1))),
        ),
    }),
    gold: needing("gold", { reference: true }),
    three: needing("three", { minResponses: 3 }),
    twin: needing("twin", { sibling: true }),
    tokens: needing("tokens", { tokenCounts: true, logprobs: true }),
  },
  module: "file:///nowhere/scorers.js",
};

/** A recipe resolved against the test scorers; what is not given is a small default. */
export function resolved(
  recipe: Partial<RecipeInput> = {},
  directory = root,
  environment: Readonly<Record<string, string>> = {},
): Promise<ResolvedRecipe> {
  const whole = { input: { path: "in.jsonl" }, scorers: { length: { use: "length" } }, ...recipe };
  return resolveRecipe(recipeFromCode(whole, directory, environment), testCatalog);
}

/** The PrefkitError that the work ends in. */
export async function errorOf(work: () => unknown): Promise<PrefkitError> {
  try {
    await work();
  } catch (error) {
    if (isPrefkitError(error)) return error;
    throw error;
  }
  throw new Error("no error");
}
