import { z } from "zod";
import { PrefkitError } from "../src/core/errors.ts";
import {
  abstained,
  defineScorer,
  failed,
  failedCall,
  type PlannedCalls,
  parseOptions,
  perResponse,
  scored,
} from "../src/core/scorer.ts";
import {
  namesOneRule,
  ONE_RULE,
  type StepOptions,
  type StepRange,
  stepOptionFields,
  stepSplitter,
} from "../src/core/steps.ts";
import { aggregateSteps, STEP_AGGREGATES, type StepAggregate } from "../src/core/steps-aggregate.ts";
import { estimateTokens, messageTokens } from "../src/core/token-estimate.ts";
import type { Failed, Group, SampledResponse, Score, Scorer } from "../src/core/types.ts";
import type { RewardModel } from "../src/models/ports.ts";
import { metadataSteps } from "./process-reward/metadata-steps.ts";
import { MARKER, markedText, markerValues, prefixes, prefixValues } from "./process-reward/model-steps.ts";

export interface ProcessRewardOptions extends StepOptions {
  /** The recipe's name of the model; in code the model itself is given beside the options. */
  readonly model?: string;
  /** Where each response's metadata holds a list with one value per step: a key, or a dotted path. Instead of a model. */
  readonly field?: string;
  /** Where the metadata holds the texts of these steps, in order. Without it the response is split. Only with `field`. */
  readonly stepsField?: string;
  /** A text that the model reads after each step, and at which it gives a value for each. Only with a model. */
  readonly marker?: string;
  /** How the steps' values become the score's. Default `min`. */
  readonly aggregate?: StepAggregate;
  /** `sigmoid` makes logits numbers in (0, 1). Default `none`. */
  readonly squash?: "none" | "sigmoid";
  /** Closed interval of the step values when they are not squashed; default [0, 1]. */
  readonly range?: readonly [min: number, max: number];
  /** A response of more steps is abstained on, before a call is made. Default 200. Only with a model. */
  readonly maxSteps?: number;
}

/** The model that values the steps; absent where the metadata holds the values. */
export interface ProcessRewardModels {
  readonly model?: RewardModel;
}

const schema = z
  .strictObject({
    model: z.string().min(1).exactOptional().describe("A reward model: one of `models`."),
    field: z.string().min(1).exactOptional().describe("A list of step values in the response's metadata."),
    stepsField: z.string().min(1).exactOptional().describe("The steps' texts, in the response's metadata."),
    marker: z
      .string()
      .max(100)
      .regex(MARKER, "must hold more than spaces, or be line ends alone")
      .exactOptional()
      .describe("What the model reads after each step."),
    aggregate: z.enum(STEP_AGGREGATES).default("min").describe("How step values become one value."),
    squash: z.enum(["none", "sigmoid"]).default("none").describe("sigmoid for a model that gives logits."),
    range: z
      .tuple([z.number(), z.number()])
      .refine(([min, max]) => min <= max, "must be [min, max] with min <= max")
      .exactOptional()
      .describe("Closed interval of step values that are not squashed; default [0, 1]."),
    maxSteps: z.int().min(1).default(200).describe("More steps than this are abstained on."),
    ...stepOptionFields,
  })
  .refine(namesOneRule, ONE_RULE)
  .refine(
    ({ stepsField, field }) => stepsField === undefined || field !== undefined,
    "stepsField goes with field",
  )
  .refine(
    ({ marker, field }) => marker === undefined || field === undefined,
    "marker goes with a model, not with field",
  )
  .refine(
    ({ range, squash }) => range === undefined || squash === "none",
    "range is given, and squash: sigmoid makes it [0, 1]: leave range out",
  )
  .refine(
    ({ range, aggregate }) => aggregate !== "product" || !range || (range[0] >= 0 && range[1] <= 1),
    "product needs step values within [0, 1]: use another aggregate, or squash: sigmoid",
  );

const NAME = "process-reward";
type Checked = z.output<typeof schema>;

/**
 * Values the steps of a response, and the response by its steps.
 *
 *   v_k   = squash(model(prompt, the response up to and with step k))        one call per step
 *         = squash(the model's value at the marker after step k)             one call per response, with `marker`
 *         = squash(the k-th number of the metadata's list)                   no call, with `field`
 *   value = aggregate(v_1, …, v_K)                                           min, product, last or mean
 *
 * Source: Lightman et al. 2023, "Let's Verify Step by Step"; Wang et al. 2024, "Math-Shepherd". Marker reading is that of
 *         Qwen2.5-Math-PRM and reward_hub. How the text is split is our choice, see `splitSteps`.
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [0, 1]; with squash `none` and `range`, that range.
 * Spans:  one per step with label "step", in code points of the response's text. Parts: `steps`, K.
 * Worked: step values 0.9, 0.4, 0.7, 0.95 -> min 0.4, product 0.2394, last 0.95, mean 0.7375.
 * Abstains on a response without steps, one with more than `maxSteps`, prompts with images (the model is not shown them),
 *         and metadata without the list or with a null in it.
 * Fails:  with the code of the first step's call that failed, that response alone; `wrong_length` when the number of
 *         values is not that of the steps; `not_finite`; `out_of_range` for a step value outside the range (a logit that
 *         is not squashed, for instance); `not_a_list`, `not_a_number`, `steps_differ` for unreadable metadata.
 * Throws: `bad_option` for options that contradict each other, and unless exactly one of a model and `field` is given.
 */
export function processReward(given: ProcessRewardOptions, models: ProcessRewardModels): Scorer {
  const options = parseOptions(NAME, schema, given);
  const { model } = models;
  const { field, aggregate, marker } = options;
  if ((model === undefined) === (field === undefined)) {
    throw new PrefkitError(
      "bad_option",
      `${NAME} got ${model ? "both a model and field" : "neither a model nor field"}.`,
      "name a reward model, or the metadata field that holds the step values; not both.",
    );
  }
  const split = splitterOf(options);
  const [low, high] = options.range ?? [0, 1];
  const range = [low, high] as const;
  // A product of values in [0.5, 1] may lie below 0.5.
  const valueRange = aggregate === "product" ? ([0, high] as const) : range;

  const finish = (steps: readonly StepRange[], raw: readonly number[]): Score => {
    const values = options.squash === "sigmoid" ? raw.map(sigmoid) : raw;
    const fault = faultIn(values, steps.length, range);
    if (fault) return fault;
    const value = aggregateSteps(values, aggregate);
    if (value === null) return abstained("response has no steps");
    const spans = steps.map((step, index) => ({ ...step, value: values[index] ?? null, label: "step" }));
    return scored(value, { parts: { steps: steps.length }, spans });
  };

  return perResponse(
    { name: NAME, version: 1, range: valueRange },
    async (response, { prompt }, { signal }) => {
      if (!model) {
        const read = metadataSteps(response, { field: field ?? "", stepsField: options.stepsField, split });
        return "kind" in read ? read : finish(read.steps, read.values);
      }
      if (prompt.images?.length) return abstained("prompt has images, which reward models are not shown");
      const steps = split(response.text);
      const lack = tooFewOrMany(steps.length, options.maxSteps);
      if (lack !== null) return abstained(lack);
      try {
        const values =
          marker === undefined
            ? await prefixValues(model, prompt.messages, prefixes(response.text, steps), { signal })
            : await markerValues(model, prompt.messages, markedText(response.text, steps, marker), {
                signal,
              });
        return finish(steps, values);
      } catch (error) {
        return failedCall(error);
      }
    },
  );
}

export const definition = defineScorer<Checked, ProcessRewardModels>({
  name: NAME,
  version: 1,
  summary: "Values the steps of a response by a reward model, or from its metadata.",
  options: schema,
  example: { field: "step_values" },
  cost: "paid",
  models: { model: { port: "reward", optional: true } },
  create: (options, models) => processReward(options, models),
  plannedCalls,
});

function splitterOf({ separator, pattern, heads }: Checked) {
  return stepSplitter({
    heads,
    ...(separator === undefined ? {} : { separator }),
    ...(pattern === undefined ? {} : { pattern }),
  });
}

function tooFewOrMany(count: number, maxSteps: number): string | null {
  if (count === 0) return "response has no steps";
  return count > maxSteps ? `response has ${count} steps, more than maxSteps ${maxSteps}` : null;
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

function faultIn(
  values: readonly number[],
  steps: number,
  [min, max]: readonly [number, number],
): Failed | null {
  if (values.length !== steps) {
    return failed("wrong_length", `got ${values.length} values for ${steps} steps`);
  }
  for (const [index, value] of values.entries()) {
    const which = `the value of step ${index + 1} is ${value}`;
    if (!Number.isFinite(value)) return failed("not_finite", which);
    if (value < min || value > max) {
      const fix = "for logits set squash: sigmoid, for another scale set range";
      return failed("out_of_range", `${which}, outside [${min}, ${max}]; ${fix}`);
    }
  }
  return null;
}

/** Estimated: a token for every four characters, and four for every message. Every step's call reads all steps before it. */
function plannedCalls(options: Checked, { prompt, responses }: Group): readonly PlannedCalls[] {
  if (options.field !== undefined || prompt.images?.length) return [];
  const split = splitterOf(options);
  const before = messageTokens(prompt.messages);
  const texts = responses.flatMap((response) => textsRead(response, split, options));
  if (texts.length === 0) return [];
  const promptTokens = texts.reduce((sum, text) => sum + before + estimateTokens(text), 0);
  return [{ model: "model", calls: texts.length, promptTokens, outputTokens: 0 }];
}

function textsRead(
  { text }: SampledResponse,
  split: ReturnType<typeof stepSplitter>,
  { maxSteps, marker }: Checked,
): readonly string[] {
  const steps = split(text);
  if (tooFewOrMany(steps.length, maxSteps) !== null) return [];
  return marker === undefined ? prefixes(text, steps) : [markedText(text, steps, marker)];
}
