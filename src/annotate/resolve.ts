import { toScorer } from "../core/adapters.ts";
import { isPrefkitError, type PrefkitError } from "../core/errors.ts";
import { contentHash, sha256 } from "../core/ids.ts";
import { nearest, suggestion } from "../core/nearest.ts";
import type { ScorerDefinition } from "../core/scorer.ts";
import type { Json, Scorer } from "../core/types.ts";
import { pairBuilders } from "../pairs/index.ts";
import type { PairBuilder } from "../pairs/pair-builder.ts";
import type { CombinePlan } from "../shaping/combine.ts";
import { transforms } from "../shaping/index.ts";
import { type LoadedRecipe, recipeFault, schemaFault, valueAt } from "./load-recipe.ts";
import { type InlineScorer, type Recipe, SCORER_KEYS, type ScorerEntry } from "./recipe.ts";
import { loadOwnExport, makeScorer, moduleHash, parseOwnUse, type ScorerSource } from "./scorer-source.ts";

/** The scorers a recipe may name, and the module that lists them, so that a thread can make them again. */
export interface Catalog {
  readonly scorers: Readonly<Record<string, ScorerDefinition>>;
  /** URL of a module that exports the same record as `scorers`. */
  readonly module: string;
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
  /** How a thread makes it; null for scorers given in code, which run on the main thread. */
  readonly source: ScorerSource | null;
}

export interface ResolvedRecipe {
  readonly loaded: LoadedRecipe;
  readonly recipe: Recipe;
  readonly scorers: readonly RunScorer[];
  /** null: no combine step; the dataset holds scores only. */
  readonly combine: CombinePlan | null;
  readonly pairs: { readonly builder: PairBuilder; readonly config: Json } | null;
  /** What the combine and pair steps are made of, for the manifest. */
  readonly rewardConfig: Json;
}

/** Turns the recipe's names into scorers, transforms and a pair builder; every fault names file, line and key. */
export async function resolveRecipe(loaded: LoadedRecipe, catalog: Catalog): Promise<ResolvedRecipe> {
  const { recipe } = loaded;
  const scorers: RunScorer[] = [];
  for (const [key, entry] of Object.entries(recipe.scorers)) {
    scorers.push(await resolveScorer(loaded, catalog, key, entry));
  }
  return { ...resolveFinish(loaded, Object.keys(recipe.scorers)), scorers };
}

/** The part of a recipe that comes after scoring. `keys` are the scores there are. */
export function resolveFinish(
  loaded: LoadedRecipe,
  keys: readonly string[],
): Omit<ResolvedRecipe, "scorers"> {
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

async function resolveScorer(
  loaded: LoadedRecipe,
  catalog: Catalog,
  key: string,
  entry: ScorerEntry,
): Promise<RunScorer> {
  const fail = recipeFault(loaded.label, loaded.line);
  const { use, ...rest } = entry;
  const options = Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in SCORER_KEYS)));
  const rawOptions = writtenOptions(loaded.raw, key);
  const common = {
    key,
    timeoutMs: entry.timeoutMs,
    maxFailedShare: entry.maxFailedShare,
    keepRaw: entry.keepRaw,
  };
  if (typeof use !== "string") {
    const scorer = inRecipe(fail, ["scorers", key], () =>
      toScorer(use, { name: key, options, ...(entry.adapter ? { adapter: entry.adapter } : {}) }),
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
        code: sha256(sourceText(use)),
      },
      source: null,
    };
  }
  const own = parseOwnUse(use, loaded.directory);
  if (own) {
    const source: ScorerSource = {
      kind: "own",
      ...own,
      options,
      ...(entry.adapter ? { adapter: entry.adapter } : {}),
    };
    const exported = await loadOwnExport(source);
    const traits = (
      typeof exported === "object" && exported !== null ? exported : {}
    ) as Partial<ScorerDefinition>;
    const scorer = await makeScorer(source).catch((error: unknown) => {
      throw asRecipeFault(error, fail, ["scorers", key]);
    });
    const code = await moduleHash(own.module);
    const config = { use, scorer: scorer.name, version: scorer.version, options: rawOptions, module: code };
    const cost = entry.cost ?? traits.cost ?? "free";
    return {
      ...common,
      scorer,
      // A paid scorer waits for somebody else's machine; a free one of unknown kind may block the thread.
      cpuBound: entry.cpuBound ?? traits.cpuBound ?? cost === "free",
      cost,
      orderSensitive: traits.orderSensitive ?? false,
      configHash: contentHash(config).slice(0, 16),
      config,
      cacheIdentity: { ...config, options: options as Json, seed: loaded.recipe.seed },
      source,
    };
  }
  const definition = Object.hasOwn(catalog.scorers, use) ? catalog.scorers[use] : undefined;
  if (!definition) {
    throw fail(
      ["scorers", key, "use"],
      `there is no scorer "${use}".`,
      `${suggestion(use, Object.keys(catalog.scorers))} A module of your own is written \`./file.mjs#name\`.`,
    );
  }
  const parsed = definition.options.safeParse(options);
  // The value is shown as written: what a variable stands for may be a secret.
  if (!parsed.success) throw optionFault(parsed.error, rawOptions, definition, fail, ["scorers", key]);
  const config = { use, scorer: definition.name, version: definition.version, options: rawOptions };
  return {
    ...common,
    scorer: inRecipe(fail, ["scorers", key], () => definition.create(parsed.data)),
    cpuBound: definition.cpuBound,
    cost: definition.cost,
    orderSensitive: definition.orderSensitive,
    configHash: contentHash(config).slice(0, 16),
    config,
    cacheIdentity: {
      ...config,
      options: options as Json,
      ...(definition.usesSeed ? { seed: loaded.recipe.seed } : {}),
    },
    source: { kind: "list", module: catalog.module, name: use, options },
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
  if (!parsed.success) throw optionFault(parsed.error, valueAt(loaded.raw, path), definition, fail, path);
  return inRecipe(fail, path, () => definition.create(parsed.data));
}

function optionFault(
  error: Parameters<typeof schemaFault>[0],
  options: unknown,
  definition: { readonly options: unknown },
  fail: Fault,
  path: readonly PropertyKey[],
): PrefkitError {
  const issue = error.issues.find(({ code }) => code === "unrecognized_keys");
  if (issue?.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const shape = (definition.options as { shape?: object }).shape ?? {};
    const names = [...Object.keys(shape), ...(path[0] === "scorers" ? Object.keys(SCORER_KEYS) : [])];
    const guess = nearest(key, names);
    return fail(
      [...path, ...issue.path, key],
      "unknown option.",
      `${guess === null ? "" : `did you mean "${guess}"? `}Options: ${names.join(", ")}.`,
    );
  }
  return schemaFault(error, options, fail, path);
}

/** An option that only the factory can check (a pattern, a schema) is a fault of the recipe all the same. */
function inRecipe<Made>(fail: Fault, path: readonly PropertyKey[], make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    throw asRecipeFault(error, fail, path);
  }
}

function asRecipeFault(error: unknown, fail: Fault, path: readonly PropertyKey[]): unknown {
  if (!isPrefkitError(error) || error.code !== "bad_option") return error;
  return fail(path, error.message.split("\nFix:")[0] ?? error.message, error.fix);
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
