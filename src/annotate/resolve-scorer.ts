import { fileURLToPath } from "node:url";
import { toScorer } from "../core/adapters.ts";
import { contentHash, sha256 } from "../core/ids.ts";
import { suggestion } from "../core/nearest.ts";
import type { Diagnosis, PlannedCalls, ScorerDefinition, ScorerFacts } from "../core/scorer.ts";
import type { Group, Json, SampledResponse, Scorer } from "../core/types.ts";
import type { ModelProvider } from "../models/provider.ts";
import { type LoadedRecipe, recipeFault } from "./load-recipe.ts";
import { type ModelSet, modelFor } from "./models.ts";
import { asRecipeFault, inRecipe, optionFault } from "./option-fault.ts";
import { type JudgeModel, judgeModels } from "./own-answers.ts";
import { type InlineScorer, SCORER_KEYS, type ScorerEntry } from "./recipe.ts";
import { namedFiles, namedModels, portsByOption } from "./scorer-options.ts";
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
  /** Whether ids are part of what determines a paid score. */
  readonly usesIds: boolean;
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
  /** Throws `bad_option` for a group that its options do not fit; null for a scorer that takes any. */
  readonly checkGroup: ((group: Group) => void) | null;
  /** What it will ask of the recipe's models for one group, `model` being the model's name. */
  plannedCalls(group: Group): readonly PlannedCalls[];
  /** What its numbers over a whole run give cause to warn of. */
  alarms(facts: ScorerFacts): readonly string[];
  /** The models that judge responses for it. */
  readonly judges: readonly JudgeModel[];
  /** Begins to measure it over a dataset; null for a scorer that does not. */
  diagnose(): Diagnosis | null;
}

/** What a scorer entry's `use` leads to. */
export type FoundScorer =
  | { readonly kind: "inline"; readonly given: InlineScorer | Scorer }
  | { readonly kind: "own"; readonly source: ScorerSource; readonly traits: Partial<ScorerDefinition> }
  | { readonly kind: "listed"; readonly definition: ScorerDefinition; readonly module: string };

export async function findScorer(
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

export function needsOf(found: FoundScorer): ScorerDefinition["models"] {
  if (found.kind === "inline") return {};
  return (found.kind === "own" ? found.traits.models : found.definition.models) ?? {};
}

/** An entry's options for the scorer itself. */
function ownOptions(entry: ScorerEntry): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry).filter(([name]) => name !== "use" && !(name in SCORER_KEYS)),
  );
}

/** Waiting for servers is timed call by call; a scorer that calls models is only timed when its entry says so. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
const SCORER_TIMEOUT_MS = 60_000;

export async function resolveScorer(
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
  const named = namedModels(needs, options, (need, name, steps) =>
    modelFor(loaded, models, need, name, [...path, ...steps]),
  );
  const ports = portsByOption(needs, named);
  // The names of models are the recipe's own affair: what determines a score is what they stand for.
  const modelConfig =
    named.length === 0
      ? {}
      : { models: Object.fromEntries(named.map(({ place, model }) => [place, model.config])) };
  const modelIdentity =
    named.length === 0
      ? {}
      : { models: Object.fromEntries(named.map(({ place, model }) => [place, model.handle.identity])) };
  const judges = judgeModels(loaded, named);
  const isOwn = (response: SampledResponse): boolean => judges.some((judge) => judge.isOwn(response));
  const common = {
    key,
    judges,
    timeoutMs:
      entry.timeoutMs ?? (named.length > 0 || timesItself(found) ? NO_TIMEOUT_MS : SCORER_TIMEOUT_MS),
    maxFailedShare: entry.maxFailedShare,
    keepRaw: entry.keepRaw,
    checkGroup: null,
    plannedCalls: () => [],
    alarms: () => [],
    diagnose: () => null,
  };
  const planned = (definition: Partial<ScorerDefinition>, parsed: unknown) => (group: Group) =>
    (definition.plannedCalls?.(parsed, group) ?? []).map((calls) => ({
      ...calls,
      model: named.find(({ place }) => place === calls.model)?.model.key ?? calls.model,
    }));
  const checked = (definition: Partial<ScorerDefinition>, parsed: unknown): RunScorer["checkGroup"] =>
    definition.checkGroup ? (group) => definition.checkGroup?.(parsed, group) : null;
  const filesOf = (names: readonly string[]) =>
    namedFiles(names, options, loaded.directory, (option, why) =>
      fail([...path, option], why, "check the path: it is resolved from the recipe's folder."),
    );
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
      // What a function looks at is not known.
      usesIds: true,
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
    const { traits } = found;
    const files = await filesOf(Array.isArray(traits.files) ? traits.files : []);
    const resolved = { ...options, ...files.paths };
    const module = await moduleHash(found.source.module);
    const source: ScorerSource = {
      ...found.source,
      options: resolved,
      planned: { ...files.planned, [fileURLToPath(found.source.module)]: module },
    };
    const scorer = await makeScorer(source, ports).catch((error: unknown) => {
      throw asRecipeFault(error, fail, path);
    });
    const config = {
      use: String(entry.use),
      scorer: scorer.name,
      version: scorer.version,
      options: rawOptions,
      module,
      ...(Object.keys(files.hashes).length > 0 && { files: files.hashes }),
      ...inRecipe(fail, path, () =>
        fingerprintOf(traits, traits.options ? traits.options.parse(resolved) : resolved),
      ),
      ...modelConfig,
    };
    const cost = entry.cost ?? traits.cost ?? "free";
    return {
      ...common,
      scorer,
      // A paid scorer waits for somebody else's machine; a free one of unknown kind may block the thread.
      cpuBound: named.length === 0 && (entry.cpuBound ?? traits.cpuBound ?? cost === "free"),
      cost,
      // What code looks at that does not say so is not known.
      usesIds: traits.usesIds ?? true,
      orderSensitive: traits.orderSensitive ?? false,
      configHash: contentHash(config).slice(0, 16),
      config,
      cacheIdentity: { ...config, options: plainOptions as Json, seed: loaded.recipe.seed, ...modelIdentity },
      source: named.length === 0 ? source : null,
      alarms: (facts) => traits.alarms?.(facts) ?? [],
      diagnose: () =>
        traits.diagnose?.(traits.options ? traits.options.parse(resolved) : resolved, isOwn) ?? null,
      checkGroup: traits.options ? checked(traits, traits.options.parse(resolved)) : null,
      plannedCalls: traits.options ? planned(traits, traits.options.parse(resolved)) : common.plannedCalls,
    };
  }
  const { definition, module } = found;
  const parsed = definition.options.safeParse(options);
  // The value is shown as written: what a variable stands for may be a secret.
  if (!parsed.success)
    throw optionFault(parsed.error, rawOptions, definition, Object.keys(SCORER_KEYS), fail, path);
  const files = await filesOf(definition.files ?? []);
  const resolved = { ...options, ...files.paths };
  const config = {
    use: definition.name,
    scorer: definition.name,
    version: definition.version,
    options: rawOptions,
    ...(Object.keys(files.hashes).length > 0 && { files: files.hashes }),
    ...inRecipe(fail, path, () => fingerprintOf(definition, definition.options.parse(resolved))),
    ...modelConfig,
  };
  return {
    ...common,
    scorer: inRecipe(fail, path, () => definition.create(definition.options.parse(resolved), ports)),
    cpuBound: definition.cpuBound,
    cost: definition.cost,
    usesIds: definition.usesIds,
    orderSensitive: definition.orderSensitive,
    configHash: contentHash(config).slice(0, 16),
    config,
    cacheIdentity: {
      ...config,
      options: plainOptions as Json,
      ...(definition.usesSeed ? { seed: loaded.recipe.seed } : {}),
      ...modelIdentity,
    },
    source:
      named.length === 0
        ? { kind: "list", module, name: definition.name, options: resolved, planned: files.planned }
        : null,
    alarms: (facts) => definition.alarms?.(facts) ?? [],
    diagnose: () => definition.diagnose?.(definition.options.parse(resolved), isOwn) ?? null,
    checkGroup: checked(definition, definition.options.parse(resolved)),
    plannedCalls: planned(definition, definition.options.parse(resolved)),
  };
}

/** Nothing where the scorer rests on its code and its options alone. */
function fingerprintOf(definition: Partial<ScorerDefinition>, options: unknown): { fingerprint?: string } {
  const fingerprint = definition.fingerprint?.(options) ?? null;
  return fingerprint === null ? {} : { fingerprint };
}

function timesItself(found: FoundScorer): boolean {
  if (found.kind === "inline") return false;
  return (found.kind === "own" ? found.traits : found.definition).timesItself === true;
}

function sourceText(given: InlineScorer | Scorer): string {
  return String(typeof given === "function" ? given : given.score);
}

/** A scorer's options as the recipe's author wrote them, before interpolation. */
export function writtenOptions(raw: unknown, key: string): Json {
  const entry = (raw as { scorers?: Record<string, unknown> }).scorers?.[key];
  if (typeof entry !== "object" || entry === null) return {};
  return JSON.parse(
    JSON.stringify(
      Object.fromEntries(Object.entries(entry).filter(([name]) => name !== "use" && !(name in SCORER_KEYS))),
    ),
  ) as Json;
}
