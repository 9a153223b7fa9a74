import { z } from "zod";
import type { Json, JsonObject } from "../core/types.ts";
import { pairBuilders } from "../pairs/index.ts";
import { transforms } from "../shaping/index.ts";
import { MODEL_KEYS, recipeSchema, SCORER_KEYS } from "./recipe.ts";
import type { Catalog } from "./resolve-scorer.ts";

/** What the schema of a plug-in's options says of one option. */
export type OptionSchema = JsonObject & { readonly description?: string; readonly default?: Json };

export interface OptionsSchema {
  readonly properties: Readonly<Record<string, OptionSchema>>;
  readonly required: readonly string[];
}

interface Described {
  readonly summary: string;
  readonly options: z.ZodType;
}

/**
 * The JSON schema (draft-07, which editors know best) of a recipe in YAML: the recipe's own keys, and behind each `use`
 * the options of that scorer, transform or pair builder, and those of each model provider. What zod checks in code (that a pattern compiles, that a gate's
 * score exists) is beyond it; `prefkit validate` says the rest. A `${VAR}` is text to it, as it is to the recipe.
 */
export function recipeJsonSchema(catalog: Catalog): JsonObject {
  const { $schema, ...root } = jsonSchemaOf(recipeSchema);
  const scorer = withPlugIns(catalog.scorers, optionsSchema(z.object(SCORER_KEYS)).properties, OWN_MODULE);
  const model = withPlugIns(
    catalog.providers,
    optionsSchema(z.object(MODEL_KEYS)).properties,
    undefined,
    "provider",
  );
  const changed: JsonObject = replaced(root as JsonObject, [
    [["models", "additionalProperties"], model],
    [["scorers", "minProperties"], 1],
    [["scorers", "additionalProperties"], scorer],
    [["reward", "terms", "items", "transform", "items"], withPlugIns(transforms, {})],
    [
      ["reward", "gates", "items", "oneOf"],
      [{ required: ["below"] }, { required: ["above"] }],
    ],
    [["pairs"], withPlugIns(pairBuilders, {})],
  ]);
  return {
    $schema: $schema as Json,
    title: "prefkit recipe",
    description: "What to read, how to score it, how scores become a reward, and how rewards become pairs.",
    ...changed,
  };
}

/** The options of a plug-in as JSON schema, by name. */
export function optionsSchema(options: z.ZodType): OptionsSchema {
  const { properties = {}, required = [] } = jsonSchemaOf(options) as Partial<OptionsSchema>;
  return { properties, required };
}

const OWN_MODULE: JsonObject = {
  type: "string",
  pattern: "^(\\.|/|[A-Za-z]:[\\\\/])",
  description: "A module of your own, from the recipe's folder: ./mine.mjs#name",
};

function withPlugIns(
  definitions: Readonly<Record<string, Described>>,
  common: JsonObject,
  other?: JsonObject,
  named: "use" | "provider" = "use",
): JsonObject {
  const names = Object.entries(definitions).map(([name, { summary }]) => ({
    const: name,
    description: summary,
  }));
  return {
    type: "object",
    required: [named],
    properties: { [named]: { anyOf: [...names, ...(other ? [other] : [])] }, ...common },
    allOf: Object.entries(definitions).map(([name, definition]) => {
      const { properties, required } = optionsSchema(definition.options);
      return {
        if: { properties: { [named]: { const: name } }, required: [named] },
        // The names of all keys again: `additionalProperties` sees only those that stand beside it.
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema.
        then: {
          properties: { [named]: true, ...common, ...properties },
          required,
          additionalProperties: false,
        },
      };
    }),
  };
}

function jsonSchemaOf(schema: z.ZodType): JsonObject {
  const made = z.toJSONSchema(schema, { target: "draft-7", io: "input", unrepresentable: "any" });
  return withoutNoise(made as unknown as Json) as JsonObject;
}

/**
 * Leaves out the bounds of safe integers: every whole number that one writes is inside them. A value that may be any JSON
 * refers to a definition of itself beside the schema's root; in a schema that is put into another one it says nothing.
 */
function withoutNoise(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNoise);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, inner]) =>
      Math.abs(Number(inner)) !== Number.MAX_SAFE_INTEGER &&
      !(key === "$ref" && typeof inner === "string" && inner.startsWith("#/definitions/__schema")) &&
      !(key === "definitions" && typeof inner === "object" && inner !== null && "__schema0" in inner),
  );
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNoise(inner)]));
}

type Change = readonly [path: readonly string[], value: Json];

/** The schema with some parts replaced. A path names properties; `items` and other keywords stand for themselves. */
function replaced(schema: JsonObject, changes: readonly Change[]): JsonObject {
  return changes.reduce((changed, [path, value]) => replacedAt(changed, path, value) as JsonObject, schema);
}

function replacedAt(node: Json, [step, ...rest]: readonly string[], value: Json): Json {
  if (step === undefined) return value;
  const here = node as JsonObject;
  const properties = here.properties as JsonObject | undefined;
  if (properties && Object.hasOwn(properties, step)) {
    return {
      ...here,
      properties: { ...properties, [step]: replacedAt(properties[step] ?? null, rest, value) },
    };
  }
  return { ...here, [step]: replacedAt(here[step] ?? null, rest, value) };
}
