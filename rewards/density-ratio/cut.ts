import type { LogprobModel, RenderedTurn } from "../../src/models/ports.ts";

/**
 * The response's text up to its first `most` tokens, by the model's tokenizer; the whole text when it has no more. A character
 * whose tokens do not all fit is left out.
 */
export function cutResponse(model: LogprobModel, turn: RenderedTurn, most: number): string {
  const { text, responseStart, responseEnd } = turn;
  const starts = startsOf(model, turn).filter((at) => at >= responseStart && at < responseEnd);
  return text.slice(responseStart, starts[most] ?? responseEnd);
}

/**
 * The turn with the last `most` tokens of its prompt, by the model's tokenizer; the turn itself when the prompt has no more. The
 * prompt is tokenized without the response, so that it is cut alike for all candidates.
 */
export function cutPrompt(model: LogprobModel, turn: RenderedTurn, most: number): RenderedTurn {
  const { text, responseStart, responseEnd, breaks } = turn;
  const starts = startsOf(model, {
    text: text.slice(0, responseStart),
    breaks: breaks.filter((at) => at < responseStart),
  });
  const from = starts.length <= most ? 0 : (starts[starts.length - most] ?? 0);
  if (from === 0) return turn;
  return {
    text: text.slice(from),
    responseStart: responseStart - from,
    responseEnd: responseEnd - from,
    breaks: breaks.filter((at) => at > from).map((at) => at - from),
  };
}

function startsOf(model: LogprobModel, turn: Pick<RenderedTurn, "breaks" | "text">): readonly number[] {
  return model.tokenStarts?.(turn) ?? [];
}
