import { toScorer } from "../core/adapters.ts";
import { contentHash, sha256 } from "../core/ids.ts";
import { suggestion } from "../core/nearest.ts";
import type { PlannedCalls, ScorerDefinition, ScorerFacts } from "../core/scorer.ts";
import type { Group, Json, Scorer } from "../core/types.ts";
import type { ModelProvider, ModelRuntime } from "../models/provider.ts";
import { pairBuilders } from "../pairs/index.ts";
import type { PairBuilder } from "../pairs/pair-builder.ts";
import type { CombinePlan } from "../shaping/combine.ts";
import { transforms } from "../shaping/index.ts";
import { type LoadedRecipe, recipeFault, valueAt } from "./load-recipe.ts";
import { closeModels, type ModelSet, modelFor, openModels, portOf } from "./models.ts";
import { asRecipeFault, optionFault } from "./option-fault.ts";
import { type InlineScorer, type Recipe, SCORER_KEYS, type ScorerEntry } from "./recipe.ts";
import { loadOwnExport, makeScorer, moduleHash, parseOwnUse, type ScorerSource } from "./scorer-source.ts";

/** The scorers a recipe may name, and the module that lists them, so that a thread can make them again. */
export interface Catalog {
  readonly scorers: Readonly<Record<string, ScorerDefinition>>;
  /** URL of a module that exports the same record as `scorers`. */
  readonly module: string;
  /** The model clients a recipe may name. */
  readonly providers: Readonly<Record<string, ModelProvider>>;
}

/** A scorer as a run uses it, under the recipe's key. */
export interface RunScorer {
  readonly key: string;
  readonly scorer: Scorer;
  readonly cpuBound: boolean;
  readonly cost: "free" | "paid";
  readonly orderSensitive: boolean;
  readonly timeoutMs: number;
  readonly maxFailedShare: number;
  readonly keepRaw: boolean;
  /** Travels with every score; `run.json` resolves it to `config`. */
  readonly configHash: string;
  /** What made the numbers: name, version, options as written (never interpolated). */
  readonly config: Json;
  /** What determines a paid score besides the group. */
  readonly cacheIdentity: Json;
  /** How a thread makes it; null for scorers given in code and those that call models, which run on the main thread. */
  readonly source: ScorerSource | null;
  /** What it will ask of the recipe's models for one group, `model` being the model's name. */
  plannedCalls(group: Group): readonly PlannedCalls[];
  /** What its numbers over a whole run give cause to warn of. */
  alarms(facts: ScorerFacts): readonly string[];
}

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

/** What a scorer entry's `use` leads to. */
type FoundScorer =
  | { readonly kind: "inline"; readonly given: InlineScorer | Scorer }
  | { readonly kind: "own"; readonly source: ScorerSource; readonly traits: Partial<ScorerDefinition> }
  | { readonly kind: "listed"; readonly definition: ScorerDefinition; readonly module: string };

async function findScorer(
  loaded: LoadedRecipe,
  catalog: Catalog,
  key: string,
  entry: ScorerEntry,
): Promise<FoundScorer> {
  const { use } = entry;
  if (typeof use !== "string") return { kind: "inline", given: use };
  const own = parseOwnUse(use, loaded.directory);
  if (own) {
    const source: ScorerSource = {
      kind: "own",
      ...own,
      options: ownOptions(entry),
      ...(entry.adapter ? { adapter: entry.adapter } : {}),
    };
    const exported = await loadOwnExport(source);
    const traits = typeof exported === "object" && exported !== null ? exported : {};
    return { kind: "own", source, traits };
  }
  const definition = Object.hasOwn(catalog.scorers, use) ? catalog.scorers[use] : undefined;
  if (definition) return { kind: "listed", definition, module: catalog.module };
  throw recipeFault(loaded.label, loaded.line)(
    ["scorers", key, "use"],
    `there is no scorer "${use}".`,
    `${suggestion(use, Object.keys(catalog.scorers))} A module of your own is written \`./file.mjs#name\`.`,
  );
}

function needsOf(found: FoundScorer): ScorerDefinition["models"] {
  if (found.kind === "inline") return {};
  return (found.kind === "own" ? found.traits.models : found.definition.models) ?? {};
}

/** The names of the models that scorers and the sample section name. */
function usedModels(recipe: Recipe, found: ReadonlyMap<string, FoundScorer>): Set<string> {
  const used = new Set(sampleModels(recipe.sample).map(({ model }) => model));
  for (const [key, scorer] of found) {
    for (const option of Object.keys(needsOf(scorer))) {
      const named = recipe.scorers[key]?.[option];
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

/** An entry's options for the scorer itself. */
function ownOptions(entry: ScorerEntry): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry).filter(([name]) => name !== "use" && !(name in SCORER_KEYS)),
  );
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
      ? {
          builder: create(pairBuilders, "pair builder", recipe.pairs, ["pairs"], loaded),
          config: written(loaded, "pairs"),
        }
      : null,
    rewardConfig: recipe.reward ? written(loaded, "reward") : ((reward ?? null) as Json),
  };
}

/** A section as the recipe's author wrote it: what `${VAR}` stands for is never stored. */
function written(loaded: LoadedRecipe, section: "reward" | "pairs"): Json {
  return JSON.parse(JSON.stringify((loaded.raw as Record<string, unknown>)[section] ?? null)) as Json;
}

type Reward = NonNullable<Recipe["reward"]>;

/** With one scorer and no `reward`, that score is the reward. */
function defaultReward(keys: readonly string[]): Reward | null {
  const [only, ...others] = keys;
  if (only === undefined || others.length > 0) return null;
  return { terms: [{ score: only, weight: 1, transform: [], onUnscored: "null" }], gates: [] };
}

/** Waiting for servers is timed call by call; a scorer that calls models is only timed when its entry says so. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
const SCORER_TIMEOUT_MS = 60_000;

async function resolveScorer(
  loaded: LoadedRecipe,
  models: ModelSet,
  key: string,
  entry: ScorerEntry,
  found: FoundScorer,
): Promise<RunScorer> {
  const fail = recipeFault(loaded.label, loaded.line);
  const path = ["scorers", key];
  const options = ownOptions(entry);
  const rawOptions = writtenOptions(loaded.raw, key);
  const needs = needsOf(found);
  const plainOptions = Object.fromEntries(Object.entries(options).filter(([option]) => !(option in needs)));
  const named = Object.entries(needs).flatMap(([option, need]) => {
    const model = modelFor(loaded, models, need, options[option], [...path, option]);
    return model ? [{ option, model, port: portOf(model, need.port) }] : [];
  });
  const ports = Object.fromEntries(named.map(({ option, port }) => [option, port]));
  // The names of models are the recipe's own affair: what determines a score is what they stand for.
  const modelConfig =
    named.length === 0
      ? {}
      : { models: Object.fromEntries(named.map(({ option, model }) => [option, model.config])) };
  const modelIdentity =
    named.length === 0
      ? {}
      : { models: Object.fromEntries(named.map(({ option, model }) => [option, model.handle.identity])) };
  const common = {
    key,
    timeoutMs: entry.timeoutMs ?? (named.length > 0 ? NO_TIMEOUT_MS : SCORER_TIMEOUT_MS),
    maxFailedShare: entry.maxFailedShare,
    keepRaw: entry.keepRaw,
    plannedCalls: () => [],
    alarms: () => [],
  };
  const planned = (definition: Partial<ScorerDefinition>, parsed: unknown) => (group: Group) =>
    (definition.plannedCalls?.(parsed, group) ?? []).map((calls) => ({
      ...calls,
      model: named.find(({ option }) => option === calls.model)?.model.key ?? calls.model,
    }));
  if (found.kind === "inline") {
    const scorer = inRecipe(fail, path, () =>
      toScorer(found.given, { name: key, options, ...(entry.adapter ? { adapter: entry.adapter } : {}) }),
    );
    const config = { use: "inline", scorer: scorer.name, version: scorer.version, options: rawOptions };
    return {
      ...common,
      scorer,
      cpuBound: false,
      cost: entry.cost ?? "free",
      orderSensitive: false,
      configHash: contentHash(config).slice(0, 16),
      config,
      // A function has no version of its own: its source text stands for it, and what it closes over is not covered.
      cacheIdentity: {
        ...config,
        options: options as Json,
        seed: loaded.recipe.seed,
        code: sha256(sourceText(found.given)),
      },
      source: null,
    };
  }
  if (found.kind === "own") {
    const { source, traits } = found;
    const scorer = await makeScorer(source, ports).catch((error: unknown) => {
      throw asRecipeFault(error, fail, path);
    });
    const config = {
      use: String(entry.use),
      scorer: scorer.name,
      version: scorer.version,
      options: rawOptions,
      module: await moduleHash(source.module),
      ...modelConfig,
    };
    const cost = entry.cost ?? traits.cost ?? "free";
    return {
      ...common,
      scorer,
      // A paid scorer waits for somebody else's machine; a free one of unknown kind may block the thread.
      cpuBound: named.length === 0 && (entry.cpuBound ?? traits.cpuBound ?? cost === "free"),
      cost,
      orderSensitive: traits.orderSensitive ?? false,
      configHash: contentHash(config).slice(0, 16),
      config,
      cacheIdentity: { ...config, options: plainOptions as Json, seed: loaded.recipe.seed, ...modelIdentity },
      source: named.length === 0 ? source : null,
      alarms: (facts) => traits.alarms?.(facts) ?? [],
      plannedCalls: traits.options ? planned(traits, traits.options.parse(options)) : common.plannedCalls,
    };
  }
  const { definition, module } = found;
  const parsed = definition.options.safeParse(options);
  // The value is shown as written: what a variable stands for may be a secret.
  if (!parsed.success)
    throw optionFault(parsed.error, rawOptions, definition, Object.keys(SCORER_KEYS), fail, path);
  const config = {
    use: definition.name,
    scorer: definition.name,
    version: definition.version,
    options: rawOptions,
    ...modelConfig,
  };
  return {
    ...common,
    scorer: inRecipe(fail, path, () => definition.create(parsed.data, ports)),
    cpuBound: definition.cpuBound,
    cost: definition.cost,
    orderSensitive: definition.orderSensitive,
    configHash: contentHash(config).slice(0, 16),
    config,
    cacheIdentity: {
      ...config,
      options: plainOptions as Json,
      ...(definition.usesSeed ? { seed: loaded.recipe.seed } : {}),
      ...modelIdentity,
    },
    source: named.length === 0 ? { kind: "list", module, name: definition.name, options } : null,
    alarms: (facts) => definition.alarms?.(facts) ?? [],
    plannedCalls: planned(definition, parsed.data),
  };
}

function resolveCombine(loaded: LoadedRecipe, reward: Reward, keys: readonly string[]): CombinePlan {
  const fail = recipeFault(loaded.label, loaded.line);
  const known = (path: readonly PropertyKey[], score: string): void => {
    if (!keys.includes(score)) throw fail(path, `no scorer has the key "${score}".`, suggestion(score, keys));
  };
  return {
    terms: reward.terms.map((term, index) => {
      const path = ["reward", "terms", index];
      known([...path, "score"], term.score);
      return {
        score: term.score,
        weight: term.weight,
        onUnscored: term.onUnscored ?? "null",
        transforms: term.transform.map((entry, place) =>
          create(transforms, "transform", entry, [...path, "transform", place], loaded),
        ),
      };
    }),
    gates: reward.gates.map((gate, index) => {
      known(["reward", "gates", index, "score"], gate.score);
      return gate;
    }),
  };
}

type Fault = ReturnType<typeof recipeFault>;
interface Creatable<Made> {
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

/** An option that only the factory can check (a pattern, a schema) is a fault of the recipe all the same. */
function inRecipe<Made>(fail: Fault, path: readonly PropertyKey[], make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    throw asRecipeFault(error, fail, path);
  }
}

function sourceText(given: InlineScorer | Scorer): string {
  return String(typeof given === "function" ? given : given.score);
}

/** A scorer's options as the recipe's author wrote them, before interpolation. */
function writtenOptions(raw: unknown, key: string): Json {
  const entry = (raw as { scorers?: Record<string, unknown> }).scorers?.[key];
  if (typeof entry !== "object" || entry === null) return {};
  return JSON.parse(
    JSON.stringify(
      Object.fromEntries(Object.entries(entry).filter(([name]) => name !== "use" && !(name in SCORER_KEYS))),
    ),
  ) as Json;
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
