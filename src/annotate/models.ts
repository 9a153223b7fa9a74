// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what to write in a recipe.
import { PrefkitError } from "../core/errors.ts";
import { contentHash } from "../core/ids.ts";
import { suggestion } from "../core/nearest.ts";
import type { ModelNeed } from "../core/scorer.ts";
import type { Json, JsonObject } from "../core/types.ts";
import type { ModelPort, ModelPorts } from "../models/ports.ts";
import type { ModelHandle, ModelProvider, ModelRuntime, Price } from "../models/provider.ts";
import { type LoadedRecipe, recipeFault } from "./load-recipe.ts";
import { asRecipeFault, optionFault } from "./option-fault.ts";
import { MODEL_KEYS, type ModelEntry } from "./recipe.ts";

/** A model of the recipe, made. */
export interface RunModel {
  readonly key: string;
  readonly provider: ModelProvider;
  readonly handle: ModelHandle;
  readonly price: Price | null;
  /** What stands in the manifest for it: the entry as written, and a hash of what it turned out to be. */
  readonly config: Json;
}

export type ModelSet = ReadonlyMap<string, RunModel>;

/** Opens those models of the recipe that something names; the others are left alone. No paid call is made. */
export async function openModels(
  loaded: LoadedRecipe,
  used: ReadonlySet<string>,
  providers: Readonly<Record<string, ModelProvider>>,
  runtime: ModelRuntime | null,
): Promise<ModelSet> {
  refuseWrittenSecrets(loaded);
  const models = new Map<string, RunModel>();
  if (used.size === 0) return models;
  if (runtime === null)
    throw new PrefkitError(
      "internal",
      "models are named, and nothing was given to open them with.",
      "report this.",
    );
  try {
    for (const [key, entry] of Object.entries(loaded.recipe.models)) {
      if (used.has(key)) models.set(key, await openModel(loaded, key, entry, providers, runtime));
    }
  } catch (error) {
    await closeModels(models);
    throw error;
  }
  return models;
}

export async function closeModels(models: ModelSet): Promise<void> {
  await Promise.allSettled([...models.values()].map(({ handle }) => handle.close()));
}

async function openModel(
  loaded: LoadedRecipe,
  key: string,
  entry: ModelEntry,
  providers: Readonly<Record<string, ModelProvider>>,
  runtime: ModelRuntime,
): Promise<RunModel> {
  const fail = recipeFault(loaded.label, loaded.line);
  const path = ["models", key];
  const provider = Object.hasOwn(providers, entry.provider) ? providers[entry.provider] : undefined;
  if (!provider) {
    throw fail(
      [...path, "provider"],
      `there is no provider "${entry.provider}".`,
      suggestion(entry.provider, Object.keys(providers)),
    );
  }
  const options = Object.fromEntries(
    Object.entries(entry).filter(([name]) => name !== "provider" && !(name in MODEL_KEYS)),
  );
  const written = writtenEntry(loaded, key);
  const parsed = provider.options.safeParse(options);
  // Shown as written: what a variable stands for may be a secret.
  if (!parsed.success)
    throw optionFault(parsed.error, written, provider, Object.keys(MODEL_KEYS), fail, path);
  const opening = provider.open(
    parsed.data,
    {
      name: key,
      price: entry.price ?? null,
      concurrency: entry.concurrency,
      requestsPerMinute: entry.requestsPerMinute ?? null,
      tokensPerMinute: entry.tokensPerMinute ?? null,
      timeoutMs: entry.timeoutMs,
      retries: entry.retries,
    },
    runtime,
  );
  const handle = await opening.catch((error: unknown) => {
    throw asRecipeFault(error, fail, path);
  });
  return {
    key,
    provider,
    handle,
    price: entry.price ?? null,
    config: { ...withoutSpeed(written), identity: contentHash(handle.identity).slice(0, 16) },
  };
}

/** How fast a model may be asked, and what it costs, changes no number. */
export function withoutSpeed(written: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(written).filter(([name]) => !(name in MODEL_KEYS)));
}

export function writtenEntry(loaded: LoadedRecipe, key: string): JsonObject {
  const entry = (loaded.raw as { models?: Record<string, unknown> }).models?.[key];
  return JSON.parse(JSON.stringify(entry ?? {})) as JsonObject;
}

/** The recipe is written into the dataset as it stands, so a key must not stand in it. */
function refuseWrittenSecrets(loaded: LoadedRecipe): void {
  const fail = recipeFault(loaded.label, loaded.line);
  for (const key of Object.keys(loaded.recipe.models)) {
    const visit = (value: Json, path: readonly PropertyKey[], secret: boolean): void => {
      if (typeof value === "string") {
        if (secret && !/^([A-Za-z]+ )?\$\{\w+\}$/.test(value)) {
          throw fail(
            path,
            "a secret stands in the recipe, which is written into every dataset.",
            "put it into the environment or a .env file, and write ${THE_VARIABLE} here.",
          );
        }
        if (/^[a-z][a-z+.-]*:\/\/[^/?#]*@/i.test(value)) {
          throw fail(
            path,
            "the URL holds a user name or password.",
            "give the key by `key: ${THE_VARIABLE}`.",
          );
        }
        return;
      }
      if (typeof value !== "object" || value === null) return;
      for (const [name, inner] of Object.entries(value))
        visit(inner as Json, [...path, name], secret || SECRET_NAME.test(name));
    };
    visit(writtenEntry(loaded, key), ["models", key], false);
  }
}

const SECRET_NAME = /^(key|token|secret|password)$|authorization|api[-_]?key|[-_](token|secret|key)$|cookie/i;

/** The port of the model that an option names; null for an optional model that is not named. */
export function modelFor(
  loaded: LoadedRecipe,
  models: ModelSet,
  need: ModelNeed,
  named: unknown,
  path: readonly PropertyKey[],
): RunModel | null {
  const fail = recipeFault(loaded.label, loaded.line);
  if (named === undefined && need.optional) return null;
  const known = Object.keys(loaded.recipe.models);
  if (typeof named !== "string" || !known.includes(named)) {
    throw fail(
      path,
      named === undefined ? "names no model." : `there is no model "${String(named)}".`,
      known.length === 0
        ? "add a section `models` to the recipe, and name one of its entries here."
        : suggestion(String(named), known),
    );
  }
  const model = models.get(named);
  if (!model?.handle.ports[need.port]) {
    const able = known.filter((name) => models.get(name)?.handle.ports[need.port]);
    throw fail(
      path,
      `model "${named}" (provider ${model?.provider.name ?? loaded.recipe.models[named]?.provider}) cannot ${PORT_WORDS[need.port]}.`,
      able.length > 0
        ? `name one that can: ${able.join(", ")}.`
        : "see docs/models.md for providers that can.",
    );
  }
  return model;
}

/** The port itself, once `modelFor` has checked it. */
export function portOf<Port extends ModelPort>(model: RunModel, port: Port): ModelPorts[Port] {
  return model.handle.ports[port] as ModelPorts[Port];
}

const PORT_WORDS: Readonly<Record<ModelPort, string>> = {
  chat: "chat",
  logprobs: "give log-probs of a given response",
  embed: "embed texts",
  reward: "score as a reward model",
};
