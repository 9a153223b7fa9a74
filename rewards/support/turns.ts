import { z } from "zod";
import { CallFailure, PrefkitError } from "../../src/core/errors.ts";
import {
  abstained,
  failedCall,
  type PlannedCalls,
  parseOptions,
  perResponse,
  scored,
} from "../../src/core/scorer.ts";
import { estimateTokens, messageTokens } from "../../src/core/token-estimate.ts";
import type { Group, SampledResponse, ScoreContext, Scorer } from "../../src/core/types.ts";
import type { LogprobModel, ResponseLogprobs, SpanRule } from "../../src/models/ports.ts";

export interface TurnScorerOptions {
  /** The recipe's name of the model; in code the model itself is given beside the options. */
  readonly model?: string | undefined;
  /**
   * Whether the token that ends the turn counts as the response's. Default true. A response that was cut off for its length
   * has none.
   */
  readonly countEnd?: boolean;
}

export interface TurnScorerModels {
  readonly model?: LogprobModel;
}

const model = z.string().min(1).describe("A model that gives its whole distribution at each token.");
const countEnd = z.boolean().default(true).describe("Count the token that ends the turn.");

/** The options as a recipe gives them. */
export const turnOptions = z.strictObject({ model, countEnd });
const optionsInCode = z.strictObject({ model: model.optional(), countEnd });

/** Numbers of the model's whole distribution at every token of a response, and by which rule its tokens were found. */
interface TurnDistributions {
  /** In nats, one per token, never none. */
  readonly entropies: readonly number[];
  /** KL(uniform ‖ p) in nats, one per token, never none. */
  readonly selfCertainties: readonly number[];
  readonly rule: SpanRule;
}

/**
 * What the model's distributions are over exactly the response's tokens: those of the whole rendered text, or, where one
 * straddles the response's edge, those of prompt and response tokenized apart. Rejects with `CallFailure`.
 */
async function turnDistributions(
  model: LogprobModel,
  { prompt }: Group,
  response: SampledResponse,
  countEnd: boolean,
  { signal }: ScoreContext,
): Promise<TurnDistributions> {
  const turn = model.render(prompt.messages, response.text, {
    countEnd: countEnd && response.finishReason !== "length",
    ...(prompt.tools === undefined ? {} : { tools: prompt.tools }),
  });
  const located = model.locate(turn, "whole") ?? model.locate(turn, "joined");
  if (!located) throw new CallFailure("span_impossible", "no tokens of the response could be told exactly");
  const reply = await model.logprobs(turn, located, { signal, distributions: true });
  return { ...wholeDistributions(model.id, reply), rule: located.rule };
}

function wholeDistributions(
  id: string,
  { tokenLogprobs, entropies, selfCertainties }: ResponseLogprobs,
): Omit<TurnDistributions, "rule"> {
  const count = tokenLogprobs.length;
  if (count === 0 || entropies?.length !== count || selfCertainties?.length !== count) {
    throw new CallFailure("no_logprobs", `${id} gave no distributions for the response's ${count} tokens`);
  }
  return { entropies, selfCertainties };
}

/** A scorer of one number per response: the mean, over its tokens, of a number of the model's distributions. */
export function meanOverTokens(
  traits: Pick<Scorer, "name" | "version" | "range">,
  options: TurnScorerOptions,
  { model }: TurnScorerModels,
  numbersOf: (distributions: TurnDistributions) => readonly number[],
): Scorer {
  const { name } = traits;
  const settings = parseOptions(name, optionsInCode, options);
  if (!model) {
    throw new PrefkitError(
      "bad_option",
      `${name} got no model.`,
      "in a recipe, name one of its `models` with the option `model`; in code, give the model itself as second argument: { model }.",
    );
  }
  if (!model.givesDistributions) {
    throw new PrefkitError(
      "bad_option",
      `${name}: model ${model.id} does not give its whole distribution at each token.`,
      "name a model that runs in this process (see docs/models.md): servers give a few top log-probs, which only bound this number.",
    );
  }
  return perResponse(traits, async (response, group, context) => {
    if (response.text === "") return abstained("response is empty");
    try {
      const distributions = await turnDistributions(model, group, response, settings.countEnd, context);
      const numbers = numbersOf(distributions);
      const value = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
      return scored(value, {
        parts: { tokens: numbers.length, joined: distributions.rule === "joined" ? 1 : 0 },
      });
    } catch (error) {
      return failedCall(error);
    }
  });
}

/** One pass over prompt and response for each response, under the option `model`. */
export function plannedTurns(_options: unknown, { prompt, responses }: Group): readonly PlannedCalls[] {
  const scoredOnes = responses.filter(({ text }) => text !== "");
  if (scoredOnes.length === 0) return [];
  const tokens = scoredOnes.reduce((sum, { text }) => sum + estimateTokens(text), 0);
  return [
    {
      model: "model",
      calls: scoredOnes.length,
      promptTokens: scoredOnes.length * messageTokens(prompt.messages) + tokens,
      outputTokens: 0,
    },
  ];
}
