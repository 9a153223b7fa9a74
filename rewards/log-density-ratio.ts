import { z } from "zod";
import { PrefkitError } from "../src/core/errors.ts";
import { contentHash } from "../src/core/ids.ts";
import { randomFor } from "../src/core/random.ts";
import { abstained, defineScorer, failedCall, type PlannedCalls, parseOptions } from "../src/core/scorer.ts";
import { estimateTokens, messageTokens } from "../src/core/token-estimate.ts";
import type { Group, Message, Prompt, Score, ScoreContext, Scorer } from "../src/core/types.ts";
import type { ChatModel, LogprobModel } from "../src/models/ports.ts";
import {
  type CustomizationOptions,
  customizationSchema,
  customized,
  type Domains,
  domainsOf,
} from "./customization/domains.ts";
import { type Route, routeTo } from "./customization/router.ts";
import { ratioOf } from "./density-ratio/ratio.ts";

export interface LogDensityRatioOptions {
  /** `sum` (default): the paper's. `tokens`: divided by the strong model's token count. `bytes`: by the text's UTF-8 bytes. */
  readonly normalization?: "bytes" | "sum" | "tokens";
  /** `strong` (default): both models read the strong model's rendering. `own`: each reads its own template's. */
  readonly template?: "own" | "strong";
  /** Whether the token that ends the turn counts, as in the paper. Default true. */
  readonly countEnd?: boolean;
  /** A span with its ratio for each token, where both models cut the response into the same tokens. Default false. */
  readonly perToken?: boolean;
  /** The rendered prompt's last so many tokens are kept, by the strong model's tokenizer. Only with template `strong`. */
  readonly maxPromptTokens?: number;
  /** The response's first so many tokens are kept, by the strong model's tokenizer. */
  readonly maxResponseTokens?: number;
  /** Wraps prompts by domain before both models read them. Default: prompts stay as they are. */
  readonly customization?: CustomizationOptions;
}

/** The models that are compared, and the chat model that sorts prompts into domains. */
export interface LogDensityRatioModels {
  readonly strong: LogprobModel;
  readonly weak: LogprobModel;
  readonly router?: ChatModel;
}

const shape = {
  normalization: z
    .enum(["sum", "tokens", "bytes"])
    .default("sum")
    .describe("What the difference of the sums is divided by."),
  template: z.enum(["strong", "own"]).default("strong").describe("Whose chat template the weak model reads."),
  countEnd: z.boolean().default(true).describe("Whether the token that ends the turn counts."),
  perToken: z.boolean().default(false).describe("Store the ratio of each token as spans."),
  maxPromptTokens: z.int().positive().exactOptional().describe("Keep the rendered prompt's last N tokens."),
  maxResponseTokens: z.int().positive().exactOptional().describe("Keep the response's first N tokens."),
  customization: customizationSchema
    .exactOptional()
    .describe("System texts and exemplar blocks, by the prompt's domain."),
};
const codeSchema = z.strictObject(shape);
const recipeSchema = z.strictObject({
  strong: z.string().describe("The better aligned model: one of `models`, with log-probs."),
  weak: z.string().describe("The less aligned model: one of `models`, with log-probs."),
  router: z.string().exactOptional().describe("The chat model that finds each prompt's domain."),
  ...shape,
});

const NAME = "log-density-ratio";
type Checked = z.output<typeof codeSchema>;

/**
 * How much likelier a response is to the strong model than to the weak one: what alignment added, read as a reward.
 *
 *   sum    = Σ log p_strong(y_t | T(x), y_<t) − Σ log p_weak(y_t | T(x), y_<t)
 *   tokens = sum / max(1, the strong model's tokens of y)           bytes = sum / UTF-8 bytes of y
 *
 * T(x) is the prompt, customised by domain where the options say so; both models are always given the same text.
 *
 * Source: "CDR: Customizable Density Ratios of Strong-over-weak LLMs" (2024); the division by tokens is reward_hub's.
 * Shape:  group of G responses -> G scores, same order. One call of each model per response, one of the router per group.
 * Range:  (−∞, ∞); nats, nats per token, or nats per byte. Only differences within one prompt mean anything.
 * Parts:  `sum_strong`, `sum_weak` in nats; `tokens_strong`, `tokens_weak` (with the turn's end where counted); `bytes`;
 *         `span_joined` 1 when prompt and response were tokenized apart, for both models; `truncated` 1 when either was cut.
 * Worked: strong −0.2, −1.1, −0.05, −2.0 and weak −0.5, −1.4, −0.3, −1.6 -> sum −3.35 + 3.80 = 0.45, tokens 0.1125.
 * Abstains on an empty response, and on prompts with images, which these models are not shown.
 * Fails:  with the code of the model call that failed (that response alone; all of them when it was the router's):
 *         `span_impossible`, `span_merged`, `not_finite`, `too_long`, … An unsure span is never a number.
 * Throws: `bad_option` for options out of range, models that are one and the same, and what the models cannot do.
 */
export function logDensityRatio(given: LogDensityRatioOptions, models: LogDensityRatioModels): Scorer {
  const { customization, ...others } = given;
  const { route, ...plain } = customization ?? {};
  const inCode = typeof route === "function" ? route : null;
  const options = parseOptions(NAME, codeSchema, {
    ...others,
    ...(customization && {
      customization: route === undefined || inCode ? plain : { ...plain, route },
    }),
  });
  checkModels(models, options);
  const prepare = customizer(models, options, inCode);
  return {
    name: NAME,
    version: 1,
    range: [-Infinity, Infinity],
    async score({ prompt, responses }, context) {
      const why = prompt.images?.length ? "prompt has images, which log-prob models are not shown" : null;
      const reasons = responses.map(({ text }) => why ?? (text === "" ? "response is empty" : null));
      if (reasons.every((reason) => reason !== null)) return reasons.map((reason) => abstained(reason ?? ""));
      const wrapped = await prepare(prompt, context).catch(failedCall);
      const tools = prompt.tools === undefined ? {} : { tools: prompt.tools };
      return Promise.all(
        responses.map(async ({ text }, index): Promise<Score> => {
          const reason = reasons[index] ?? null;
          if (reason !== null) return abstained(reason);
          if ("kind" in wrapped) return wrapped;
          try {
            const ratio = await ratioOf(models, wrapped.messages, text, { ...options, ...tools }, context);
            return wrapped.why === null ? ratio : { ...ratio, why: wrapped.why };
          } catch (error) {
            return failedCall(error);
          }
        }),
      );
    },
  };
}

type RecipeOptions = z.output<typeof recipeSchema>;

export const definition = defineScorer<RecipeOptions, LogDensityRatioModels>({
  name: NAME,
  version: 1,
  summary: "How much likelier a response is to a strong model than to a weak one (CDR), in nats.",
  options: recipeSchema,
  cost: "paid",
  usesSeed: true,
  // A domain's exemplar is drawn by the prompt's.
  usesIds: true,
  models: {
    strong: { port: "logprobs" },
    weak: { port: "logprobs" },
    router: { port: "chat", optional: true },
  },
  fingerprint: ({ customization }) =>
    customization ? contentHash(domainsOf(customization)).slice(0, 16) : null,
  create: ({ strong: _strong, weak: _weak, router: _router, ...options }, models) =>
    logDensityRatio(options, models),
  plannedCalls,
});

function checkModels({ strong, weak, router }: LogDensityRatioModels, options: Checked): void {
  const refuse = (problem: string, fix: string): never => {
    throw new PrefkitError("bad_option", `${NAME}: ${problem}`, fix);
  };
  // Two servers may serve their models under one name, so names do not tell.
  if (strong === weak) {
    refuse(`strong and weak are the same model, ${strong.id}.`, "name two models: every ratio would be 0.");
  }
  if (strong.templateHash === null) {
    refuse(`the strong model, ${strong.id}, has no chat template.`, "give it one, or name another model.");
  }
  if (options.template === "own" && weak.templateHash === null) {
    refuse(`the weak model, ${weak.id}, has no chat template.`, "use template: strong (the default).");
  }
  if (options.template === "own" && options.maxPromptTokens !== undefined) {
    refuse(
      "maxPromptTokens is given with template own.",
      "use template: strong: two renderings have no common place to be cut at.",
    );
  }
  const asking = (["maxPromptTokens", "maxResponseTokens", "perToken"] as const).find(
    (name) => options[name],
  );
  if (asking !== undefined && strong.tokenStarts === undefined) {
    refuse(
      `${asking} is given, and the client of ${strong.id} cannot say where tokens start.`,
      `leave ${asking} out, or use another provider for the strong model.`,
    );
  }
  if (router && !options.customization) {
    refuse("a router is named, and there is no customization.", "add customization, or remove router.");
  }
}

interface Wrapped {
  readonly messages: readonly Message[];
  /** What was done to the prompt, in words; null when nothing. */
  readonly why: string | null;
}

/** Makes what turns a prompt into what both models read; made once per scorer, so that options are checked then. */
function customizer(
  { router }: LogDensityRatioModels,
  { customization }: Checked,
  inCode: Extract<Route, { kind: "function" }>["route"] | null,
): (prompt: Prompt, context: ScoreContext) => Promise<Wrapped> {
  if (!customization) return async ({ messages }) => ({ messages, why: null });
  const domains = domainsOf(customization);
  const route = routeOf(customization.route, router, inCode);
  return async (prompt, context) => {
    const { domain, unread } = await routeTo(prompt, route, domains, customization.default, context);
    const { system = null, exemplars = [] } = domains[domain] ?? {};
    const pool = customization.exemplars ? exemplars : [];
    // One draw per prompt: candidates that saw other exemplars could not be compared.
    const drawn =
      pool.length === 0 ? null : randomFor(context.seed, "exemplar", prompt.id).below(pool.length);
    const messages = customized(prompt.messages, {
      system: customization.system ? system : null,
      block: drawn === null ? null : (pool[drawn] ?? null),
    });
    const chosen = drawn === null ? "" : `, exemplars ${drawn + 1}`;
    return { messages, why: `domain ${domain}${unread ? " (router unread)" : ""}${chosen}` };
  };
}

function routeOf(
  given: "model" | { readonly column: string } | undefined,
  router: ChatModel | undefined,
  inCode: Extract<Route, { kind: "function" }>["route"] | null,
): Route {
  const route = given ?? (router && !inCode ? "model" : undefined);
  if (route === "model" && router) return { kind: "model", model: router };
  if (route === "model" || router) {
    throw new PrefkitError(
      "bad_option",
      `${NAME}: ${router ? "a router is named, and customization.route does not ask it" : "customization.route is model, and no router is named"}.`,
      "name a chat model as `router` and leave route out, or remove router.",
    );
  }
  if (inCode) return { kind: "function", route: inCode };
  return route === undefined ? { kind: "fixed" } : { kind: "column", ...route };
}

/** Estimated: a token for every four characters, and four for every message; customised by the longest domain. */
function plannedCalls(options: RecipeOptions, { prompt, responses }: Group): readonly PlannedCalls[] {
  const texts = responses.map(({ text }) => text).filter((text) => text !== "");
  if (texts.length === 0) return [];
  const own = messageTokens(prompt.messages);
  const domains: Domains = options.customization ? domainsOf(options.customization) : {};
  const added = Math.max(
    0,
    ...Object.values(domains).map(({ system = "", exemplars = [] }) =>
      Math.max(
        estimateTokens(system),
        ...exemplars.map((block) => estimateTokens(system) + estimateTokens(block)),
      ),
    ),
  );
  const before = Math.min(own + added, options.maxPromptTokens ?? Infinity);
  const promptTokens = texts.reduce(
    (total, text) => total + before + Math.min(estimateTokens(text), options.maxResponseTokens ?? Infinity),
    0,
  );
  const sides = ["strong", "weak"].map((model) => ({
    model,
    calls: texts.length,
    promptTokens,
    outputTokens: 0,
  }));
  if (options.router === undefined) return sides;
  const about = Object.values(domains).reduce(
    (total, { about = "" }) => total + estimateTokens(about) + 4,
    120,
  );
  return [...sides, { model: "router", calls: 1, promptTokens: own + about, outputTokens: 16 }];
}
