import { suggestion } from "../core/nearest.ts";
import type { ScorerDefinition } from "../core/scorer.ts";
import type { Json } from "../core/types.ts";
import type { ModelRuntime } from "../models/provider.ts";
import { pairBuilders } from "../pairs/index.ts";
import type { PairBuilder } from "../pairs/pair-builder.ts";
import type { CombinePlan } from "../shaping/combine.ts";
import { transforms } from "../shaping/index.ts";
import { type LoadedRecipe, recipeFault, valueAt } from "./load-recipe.ts";
import { closeModels, type ModelSet, modelFor, openModels } from "./models.ts";
import { inRecipe, optionFault } from "./option-fault.ts";
import type { Recipe } from "./recipe.ts";

import {
  type Catalog,
  type FoundScorer,
  findScorer,
  needsOf,
  type RunScorer,
  resolveScorer,
} from "./resolve-scorer.ts";

export interface ResolvedRecipe {
  readonly loaded: LoadedRecipe;
  readonly recipe: Recipe;
  /** Those that something names, made. Whoever resolved the recipe closes them. */
  readonly models: ModelSet;
  readonly scorers: readonly RunScorer[];
  /** null: no combine step; the dataset holds scores only. */
  readonly combine: CombinePlan | null;
  readonly pairs: { readonly builder: PairBuilder; readonly config: Json } | null;
  /** What the combine and pair steps are made of, for the manifest. */
  readonly rewardConfig: Json;
}

/**
 * Turns the recipe's names into models, scorers, transforms and a pair builder; every fault names file, line and key. The
 * caller closes the models.
 */
export async function resolveRecipe(
  loaded: LoadedRecipe,
  catalog: Catalog,
  runtime: ModelRuntime | null = null,
): Promise<ResolvedRecipe> {
  const { recipe } = loaded;
  if (Object.keys(recipe.scorers).length === 0) {
    const fail = recipeFault(loaded.label, loaded.line);
    throw fail(["scorers"], "there is no scorer.", "name at least one: `scorers: { my_score: { use: … } }`.");
  }
  const found = new Map<string, FoundScorer>();
  for (const [key, entry] of Object.entries(recipe.scorers))
    found.set(key, await findScorer(loaded, catalog, key, entry));
  const used = usedModels(recipe, found);
  const models = await openModels(loaded, used, catalog.providers, runtime);
  try {
    const scorers: RunScorer[] = [];
    for (const [key, entry] of Object.entries(recipe.scorers)) {
      const scorer = found.get(key);
      if (scorer) scorers.push(await resolveScorer(loaded, models, key, entry, scorer));
    }
    checkSampleModels(loaded, models);
    return { ...resolveFinish(loaded, Object.keys(recipe.scorers)), models, scorers };
  } catch (error) {
    await closeModels(models);
    throw error;
  }
}

/** The names of the models that scorers and the sample section name. */
function usedModels(recipe: Recipe, found: ReadonlyMap<string, FoundScorer>): Set<string> {
  const used = new Set(sampleModels(recipe.sample).map(({ model }) => model));
  for (const [key, scorer] of found) {
    for (const option of Object.keys(needsOf(scorer))) {
      for (const named of [recipe.scorers[key]?.[option]].flat())
        if (typeof named === "string") used.add(named);
    }
  }
  return used;
}

/** Where a sample section names models. */
function sampleModels(sample: Recipe["sample"]): { readonly model: string; readonly path: PropertyKey[] }[] {
  if (!sample) return [];
  const { model, from = [], rephrase } = sample;
  return [
    ...(model === undefined ? [] : [{ model, path: ["sample", "model"] }]),
    ...from.map((source, index) => ({ model: source.model, path: ["sample", "from", index, "model"] })),
    ...(rephrase ? [{ model: rephrase.model, path: ["sample", "rephrase", "model"] }] : []),
    ...(rephrase?.checkModel === undefined
      ? []
      : [{ model: rephrase.checkModel, path: ["sample", "rephrase", "checkModel"] }]),
  ];
}

function checkSampleModels(loaded: LoadedRecipe, models: ModelSet): void {
  for (const { model, path } of sampleModels(loaded.recipe.sample))
    modelFor(loaded, models, { port: "chat" }, model, path);
}

/** The part of a recipe that comes after scoring. `keys` are the scores there are. */
export function resolveFinish(
  loaded: LoadedRecipe,
  keys: readonly string[],
): Omit<ResolvedRecipe, "scorers" | "models"> {
  const { recipe } = loaded;
  const reward = recipe.reward ?? defaultReward(keys);
  if (recipe.pairs && !reward) {
    throw recipeFault(loaded.label, loaded.line)(
      ["pairs"],
      `pairs need a reward, and there are ${keys.length} scorers and no \`reward\`.`,
      "add `reward: { terms: [{ score: … }] }`.",
    );
  }
  return {
    loaded,
    recipe,
    combine: reward ? resolveCombine(loaded, reward, keys) : null,
    pairs: recipe.pairs
      ? { builder: resolvePairs(loaded, recipe.pairs, keys), config: written(loaded, "pairs") }
      : null,
    rewardConfig: recipe.reward ? written(loaded, "reward") : ((reward ?? null) as Json),
  };
}

/** A section as the recipe's author wrote it: what `${VAR}` stands for is never stored. */
function written(loaded: LoadedRecipe, section: "reward" | "pairs"): Json {
  return JSON.parse(JSON.stringify((loaded.raw as Record<string, unknown>)[section] ?? null)) as Json;
}

function resolvePairs(loaded: LoadedRecipe, pairs: NonNullable<Recipe["pairs"]>, keys: readonly string[]) {
  const builder = create(pairBuilders, "pair builder", pairs, ["pairs"], loaded);
  for (const { score, option } of builder.reads ?? []) checkKnown(loaded, keys, ["pairs", ...option], score);
  return builder;
}

function checkKnown(
  loaded: LoadedRecipe,
  keys: readonly string[],
  path: readonly PropertyKey[],
  score: string,
): void {
  if (keys.includes(score)) return;
  throw recipeFault(loaded.label, loaded.line)(
    path,
    `no scorer has the key "${score}".`,
    suggestion(score, keys),
  );
}

type Reward = NonNullable<Recipe["reward"]>;

/** With one scorer and no `reward`, that score is the reward. */
function defaultReward(keys: readonly string[]): Reward | null {
  const [only, ...others] = keys;
  if (only === undefined || others.length > 0) return null;
  return { terms: [{ score: only, weight: 1, transform: [], onUnscored: "null" }], gates: [] };
}

function resolveCombine(loaded: LoadedRecipe, reward: Reward, keys: readonly string[]): CombinePlan {
  const known = (path: readonly PropertyKey[], score: string): void => checkKnown(loaded, keys, path, score);
  return {
    terms: reward.terms.map((term, index) => {
      const path = ["reward", "terms", index];
      known([...path, "score"], term.score);
      return {
        score: term.score,
        weight: term.weight,
        onUnscored: term.onUnscored ?? "null",
        transforms: term.transform.map((entry, place) => {
          const where = [...path, "transform", place];
          const made = create(transforms, "transform", entry, where, loaded);
          for (const { score, option } of made.reads ?? []) known([...where, ...option], score);
          return made;
        }),
      };
    }),
    gates: reward.gates.map((gate, index) => {
      known(["reward", "gates", index, "score"], gate.score);
      return gate;
    }),
  };
}

interface Creatable<Made> {
  readonly name: string;
  readonly options: ScorerDefinition["options"];
  create(options: unknown): Made;
}

function create<Made>(
  known: Readonly<Record<string, Creatable<Made>>>,
  kind: string,
  entry: { readonly use: string; readonly [option: string]: unknown },
  path: readonly PropertyKey[],
  loaded: LoadedRecipe,
): Made {
  const fail = recipeFault(loaded.label, loaded.line);
  const { use, ...options } = entry;
  const definition = Object.hasOwn(known, use) ? known[use] : undefined;
  if (!definition) {
    throw fail([...path, "use"], `there is no ${kind} "${use}".`, suggestion(use, Object.keys(known)));
  }
  const parsed = definition.options.safeParse(options);
  if (!parsed.success) throw optionFault(parsed.error, valueAt(loaded.raw, path), definition, [], fail, path);
  return inRecipe(fail, path, () => definition.create(parsed.data));
}

/** What is written beside each score. */
export function scoreInfos(scorers: readonly RunScorer[]): readonly {
  readonly key: string;
  readonly scorer: string;
  readonly version: number;
  readonly configHash: string;
}[] {
  return scorers.map(({ key, scorer, configHash }) => ({
    key,
    scorer: scorer.name,
    version: scorer.version,
    configHash,
  }));
}
