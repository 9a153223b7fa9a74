import { readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { recipeSchema, SCORER_KEYS } from "../../src/annotate/recipe.ts";
import { optionsSchema, recipeJsonSchema } from "../../src/annotate/recipe-json-schema.ts";
import { resolveRecipe } from "../../src/annotate/resolve.ts";
import { catalog } from "../../src/catalog.ts";
import type { JsonObject } from "../../src/core/types.ts";
import { pairBuilders } from "../../src/pairs/index.ts";
import { transforms } from "../../src/shaping/index.ts";

const root = new URL("../../", import.meta.url);
const textAt = (path: string): string => readFileSync(new URL(path, root), "utf8");
const schema = recipeJsonSchema(catalog);
const ajv = new Ajv({ strict: false, logger: false });
const validate = ajv.compile(schema);

const input = { path: "a.jsonl" };
const correct = { use: "math-answer" };

describe("recipeJsonSchema", () => {
  it("is a draft-07 schema", () => {
    expect(schema.$schema).toBe("http://json-schema.org/draft-07/schema#");
    expect(ajv.validateSchema(schema)).toBe(true);
  });

  it("is what docs/recipe.schema.json holds; `node scripts/recipe-schema.mjs` writes it after a build", () => {
    expect(textAt("docs/recipe.schema.json")).toBe(`${JSON.stringify(schema, null, 2)}\n`);
  });

  it.each(readdirSync(new URL("datasets/recipes/", root)))("takes the ready recipe %s", (name) => {
    const recipe: unknown = parse(textAt(`datasets/recipes/${name}`));
    expect({ valid: validate(recipe), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });

  it.each([
    {
      note: "a module of one's own with any options",
      recipe: { input, scorers: { mine: { use: "./a.mjs#b", depth: 2 } } },
    },
    { note: "an absolute path", recipe: { input, scorers: { mine: { use: "/opt/a.mjs" } } } },
    {
      note: "common keys beside a scorer's own",
      recipe: { input, scorers: { c: { ...correct, timeoutMs: 10, tolerance: 0 } } },
    },
    { note: "several paths", recipe: { input: { path: ["a", "b"] }, scorers: { correct } } },
    {
      note: "lists of transforms and vetoes",
      recipe: {
        input,
        scorers: { correct },
        reward: { terms: [{ score: "correct", transform: [{ use: "rank" }, { use: "clip", min: 0 }] }] },
        pairs: { use: "all-pairs", veto: [{ score: "correct" }] },
      },
    },
  ])("takes $note", ({ recipe }) => {
    expect({ valid: validate(recipe), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });

  const refused = [
    { note: "no input", recipe: { scorers: { correct } } },
    { note: "no scorer", recipe: { input, scorers: {} } },
    { note: "an unknown key at the top", recipe: { input, scorers: { correct }, sede: 1 } },
    { note: "an unknown scorer", recipe: { input, scorers: { c: { use: "math-anwser" } } } },
    { note: "a misspelt option", recipe: { input, scorers: { c: { ...correct, tolerence: 0 } } } },
    { note: "an option out of range", recipe: { input, scorers: { c: { ...correct, tolerance: 2 } } } },
    { note: "a required option left out", recipe: { input, scorers: { c: { use: "regex" } } } },
    {
      note: "an unknown transform",
      recipe: {
        input,
        scorers: { correct },
        reward: { terms: [{ score: "correct", transform: [{ use: "log" }] }] },
      },
    },
    {
      note: "an option that a transform has not",
      recipe: {
        input,
        scorers: { correct },
        reward: { terms: [{ score: "correct", transform: [{ use: "rank", scope: "run" }] }] },
      },
    },
    {
      note: "a gate with both bounds",
      recipe: {
        input,
        scorers: { correct },
        reward: {
          terms: [{ score: "correct" }],
          gates: [{ score: "correct", below: 0, above: 1, reward: 0 }],
        },
      },
    },
    {
      note: "a gate without a bound",
      recipe: {
        input,
        scorers: { correct },
        reward: { terms: [{ score: "correct" }], gates: [{ score: "correct", reward: 0 }] },
      },
    },
    {
      note: "an unknown pair builder",
      recipe: { input, scorers: { correct }, pairs: { use: "best-vs-best" } },
    },
    { note: "a share above 1", recipe: { input, scorers: { correct }, output: { split: { test: 2 } } } },
    { note: "a negative seed", recipe: { input, scorers: { correct }, seed: -1 } },
  ];
  it.each(refused)("refuses $note, as a run does", async ({ recipe }) => {
    expect(validate(recipe)).toBe(false);
    const load = async () => resolveRecipe(recipeFromCode(recipe, ".", {}), catalog);
    await expect(load()).rejects.toMatchObject({ code: "bad_recipe" });
  });

  it("describes every scorer, transform and pair builder at its `use`", () => {
    const text = JSON.stringify(schema);
    for (const { name, summary } of [
      ...Object.values(catalog.scorers),
      ...Object.values(transforms),
      ...Object.values(pairBuilders),
    ]) {
      expect(text).toContain(JSON.stringify({ const: name, description: summary }));
    }
  });

  it("leaves no option without a description", () => {
    for (const definition of [
      ...Object.values(catalog.scorers),
      ...Object.values(transforms),
      ...Object.values(pairBuilders),
    ]) {
      for (const [name, option] of Object.entries(optionsSchema(definition.options).properties)) {
        expect(option.description, `${definition.name}.${name}`).toBeTypeOf("string");
      }
    }
  });
});

describe("docs/recipe.md", () => {
  const page = textAt("docs/recipe.md");

  /** Names of all properties at any depth. */
  function keysIn(node: unknown): string[] {
    if (typeof node !== "object" || node === null) return [];
    const { properties = {} } = node as { properties?: JsonObject };
    return [...Object.keys(properties), ...Object.values(node).flatMap(keysIn)];
  }

  it("names every key of a recipe", () => {
    const own = keysIn(recipeJsonSchema({ ...catalog, scorers: {}, providers: {} })).filter(
      (key) =>
        ![...Object.values(transforms), ...Object.values(pairBuilders)].some(({ options }) =>
          keysIn(optionsSchema(options)).includes(key),
        ),
    );
    expect(own).toEqual(
      expect.arrayContaining([...Object.keys(recipeSchema.shape), ...Object.keys(SCORER_KEYS)]),
    );
    for (const key of new Set(own)) expect(page, key).toMatch(new RegExp(`\`(?:[\\w.]+\\.)?${key}\``));
  });
});
