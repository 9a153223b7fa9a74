import { z } from "zod";
import type { Scorer } from "../core/types.ts";

const share = z.number().gte(0).lte(1);
const name = z
  .string()
  .regex(/^[A-Za-z_][\w.-]*$/, "use letters, digits, '_', '-' and '.', starting with a letter");
const stringMap = z.union([z.array(z.string()), z.record(z.string(), z.string())]);

const responseMap = z
  .strictObject({
    text: z.string(),
    reasoning: z.string().optional(),
    role: z.string().optional(),
    model: z.string().optional(),
    finishReason: z.string().optional(),
    tokenCount: z.string().optional(),
    sumLogprob: z.string().optional(),
    metadata: stringMap.optional(),
    baseline: z.boolean().optional().describe("These responses are scored and referred to, never paired."),
  })
  .describe("Dotted paths, from the record (or from each list element).");

const fieldMap = z.strictObject({
  id: z.string().optional(),
  prompt: z.string().optional(),
  reference: z.string().optional(),
  responses: z
    .union([z.string(), responseMap, z.array(z.union([z.string(), responseMap])).min(1)])
    .optional(),
  tools: z.string().optional(),
  images: z.string().optional(),
  sibling: z.string().optional(),
  metadata: stringMap.optional(),
  toolMessages: z.boolean().optional(),
});

const input = z.strictObject({
  path: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe("Files or globs, from the recipe's folder."),
  format: z.enum(["jsonl", "json", "csv", "parquet", "arrow"]).optional(),
  map: fieldMap.optional(),
  groupBy: z.string().optional().describe("One response per row: the field that names the group."),
  sorted: z.boolean().optional().describe("With groupBy: rows of one group stand together."),
  onBadRow: z.enum(["fail", "skip"]).default("fail"),
  memoryLimitMb: z.number().int().positive().optional(),
});

const plugIn = z.looseObject({ use: z.string().min(1) });

/** What every scorer entry may say besides the scorer's own options. */
export const SCORER_KEYS = {
  timeoutMs: z
    .number()
    .int()
    .positive()
    .optional()
    .describe(
      "Longer than this for one group: failed, timeout. Default: a minute; none for scorers that call models.",
    ),
  maxFailedShare: share
    .default(0.01)
    .describe("A larger share of failed cells ends the run with exit code 3."),
  keepRaw: z.boolean().default(false).describe("Store the judge's reply in the column raw."),
  adapter: z.enum(["autoevals", "evalite"]).optional().describe("The shape of a foreign scorer function."),
  cost: z
    .enum(["free", "paid"])
    .optional()
    .describe("Own modules: paid scores are kept in the persistent cache."),
  cpuBound: z.boolean().optional().describe("Own modules: false runs on the main thread, many at a time."),
} as const;

const scorer = z.looseObject({
  use: z.union([
    z.string().min(1),
    z.custom<Scorer | InlineScorer>(isInline, "write a scorer's name or a module path"),
  ]),
  ...SCORER_KEYS,
});

const money = z.number().gte(0);

/** What every entry under `models` may say besides its provider's own options. */
export const MODEL_KEYS = {
  price: z
    .strictObject({ in: money, out: money })
    .optional()
    .describe("Money per million tokens; needed for --max-cost."),
  concurrency: z
    .number()
    .int()
    .positive()
    .default(64)
    .describe("Most calls in flight; fewer when the server refuses some."),
  requestsPerMinute: z.number().positive().optional().describe("Default: learned from the server."),
  tokensPerMinute: z.number().positive().optional().describe("Default: learned from the server."),
  timeoutMs: z.number().int().positive().default(120_000).describe("For one try of one call."),
  retries: z.number().int().gte(0).default(5).describe("Tries after the first."),
} as const;

const model = z.looseObject({ provider: z.string().min(1), ...MODEL_KEYS });

const sampling = {
  temperature: z.number().gte(0).default(1),
  topP: z.number().gt(0).lte(1).optional(),
  topK: z.number().int().positive().optional(),
  maxTokens: z.number().int().positive().default(1024).describe("Most tokens of one response."),
  stop: z.array(z.string().min(1)).max(16).optional(),
} as const;

const sample = z
  .strictObject({
    model: name.optional().describe("One of `models`, with the chat port."),
    ...sampling,
    from: z
      .array(
        z.strictObject({
          model: name,
          temperature: sampling.temperature.optional(),
          topP: sampling.topP,
          topK: sampling.topK,
          maxTokens: sampling.maxTokens.optional(),
          stop: sampling.stop,
        }),
      )
      .min(1)
      .optional()
      .describe("Several sources instead of `model`; missing responses are taken from them in turn."),
    n: z.number().int().positive().max(1024).describe("Groups are filled up to this many candidates."),
    system: z
      .string()
      .min(1)
      .optional()
      .describe("Put before prompts that have no system turn, for sampling only."),
    sendSeed: z.boolean().default(true).describe("Send each sample a seed of its own."),
    maxFailedShare: share
      .default(0.01)
      .describe("A larger share of failed samples ends the run with exit code 3."),
    rephrase: z
      .strictObject({
        model: name,
        temperature: z.number().gte(0).default(0.7),
        topP: z.number().gt(0).lte(1).default(0.8),
        maxTokens: z.number().int().positive().default(2048),
        attempts: z
          .number()
          .int()
          .positive()
          .max(20)
          .default(2)
          .describe("Calls until one answer can be read."),
        checkModel: name
          .optional()
          .describe("Answers both questions; a rephrasing whose answer differs is dropped."),
      })
      .optional()
      .describe("Gives each prompt a twin that asks the same in other words (Co-Reward)."),
  })
  .refine(
    (value) => (value.model === undefined) !== (value.from === undefined),
    "give exactly one of model and from",
  );

const term = z.strictObject({
  score: name,
  weight: z.number().default(1),
  transform: z.array(plugIn).default([]),
  onUnscored: z
    .enum(["null", "drop-term"])
    .nullable()
    .default("null")
    .describe("null: no reward; drop-term: the rest sums."),
});

const gate = z
  .strictObject({
    score: name,
    below: z.number().optional(),
    above: z.number().optional(),
    reward: z.number(),
  })
  .refine(
    (value) => (value.below === undefined) !== (value.above === undefined),
    "give exactly one of below and above",
  );

const reward = z.strictObject({ terms: z.array(term).min(1), gates: z.array(gate).default([]) });

const lowerCase = (text: string): string => text.toLowerCase();

const output = z.strictObject({
  dir: z.string().min(1).optional().describe("From the recipe's folder; --out says another one."),
  split: z
    .record(z.string().regex(/^\w+$/, "use letters, digits and '_'"), share)
    .refine(
      (shares) => !Object.keys(shares).map(lowerCase).includes("train"),
      "leave train out, in whatever case: it is what remains",
    )
    .refine(
      (shares) => !("all" in shares),
      "name it otherwise: `datasets` takes all for every split together",
    )
    .refine(
      (shares) => new Set(Object.keys(shares).map(lowerCase)).size === Object.keys(shares).length,
      "two names differ only in case, and so would their files",
    )
    .refine(
      (shares) => Object.values(shares).reduce((sum, part) => sum + part, 0) <= 1,
      "the shares sum to more than 1",
    )
    .optional()
    .describe("Shares by name; what remains is train."),
  format: z.enum(["parquet", "parquetjs"]).default("parquet"),
  codec: z.enum(["zstd", "snappy"]).optional().describe("Default: zstd where Node has it, else snappy."),
  fileMb: z
    .number()
    .positive()
    .default(256)
    .describe("A file is closed and the next begun at about this size."),
  license: z.string().optional().describe("For the dataset card's front matter."),
});

/** The recipe, as YAML gives it. Options of plug-ins stand beside `use` and are checked by the plug-in's own schema. */
export const recipeSchema = z.strictObject({
  input,
  models: z.record(name, model).default({}).describe("By the name that scorers and `sample` use."),
  sample: sample.optional().describe("Fills groups with sampled responses before they are scored."),
  scorers: z
    .record(name, scorer)
    .default({})
    .describe("What scores the responses; only commands that score none do without."),
  reward: reward.optional(),
  pairs: plugIn.optional(),
  output: output.default({ format: "parquet", fileMb: 256 }),
  seed: z.number().int().gte(0).lte(0xffffffff).default(0),
  shardSize: z.number().int().positive().default(2000).describe("Groups in a shard: the unit of resuming."),
});

export type Recipe = z.output<typeof recipeSchema>;
/** A recipe as one writes it: defaults may be left out. */
export type RecipeInput = z.input<typeof recipeSchema>;
export type ScorerEntry = Recipe["scorers"][string];
export type ModelEntry = Recipe["models"][string];
export type SampleSection = NonNullable<Recipe["sample"]>;

/** A function given in a recipe written in code. Runs on the main thread. */
// biome-ignore lint/complexity/noBannedTypes: any function shape is accepted here and checked when it is wrapped.
export type InlineScorer = Function;

function isInline(value: unknown): boolean {
  return typeof value === "function" || (typeof value === "object" && value !== null && "score" in value);
}

/** The recipe in TypeScript: checks the shape at compile time and returns it as it is. */
export function defineRecipe(recipe: RecipeInput): RecipeInput {
  return recipe;
}
