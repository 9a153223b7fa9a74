import { CallFailure } from "../core/errors.ts";
import type { Message } from "../core/types.ts";
import type { LogprobContext, LogprobModel, RenderOptions, ResponseLogprobs, SpanRule } from "./ports.ts";

export interface SpannedLogprobs extends ResponseLogprobs {
  /** How the response's tokens were told: to be counted, since `joined` is not what a policy sampled. */
  readonly rule: SpanRule;
}

/**
 * Log-probs of exactly the response, for one model: its template renders, its tokenizer locates, its weights score.
 * The whole text is tokenized as one; where a token straddles an edge of the response, its parts are tokenized apart and
 * joined, which needs a model that takes ids.
 *
 * Rejects with `CallFailure`: "template", "span_impossible", "span_merged", and those of `LogprobModel.logprobs`.
 */
export async function responseLogprobs(
  model: LogprobModel,
  messages: readonly Message[],
  response: string,
  options: RenderOptions,
  context: LogprobContext,
): Promise<SpannedLogprobs> {
  const turn = model.render(messages, response, options);
  const whole = model.locate(turn, "whole");
  if (whole === null && !model.takesIds) {
    throw new CallFailure(
      "span_merged",
      `a token straddles an edge of the response, and ${model.id} cannot be sent token ids`,
    );
  }
  const located = whole ?? model.locate(turn, "joined");
  if (located === null) {
    throw new CallFailure(
      "span_impossible",
      `the response's tokens cannot be told by the tokenizer of ${model.id}`,
    );
  }
  return { ...(await model.logprobs(turn, located, context)), rule: located.rule };
}
