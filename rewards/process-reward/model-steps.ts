import { rangeTexts, type StepRange } from "../../src/core/steps.ts";
import type { Message } from "../../src/core/types.ts";
import type { CallContext, RewardModel } from "../../src/models/ports.ts";

/** The response up to and with each step; what stands before the first step is kept. */
export function prefixes(text: string, steps: readonly StepRange[]): readonly string[] {
  const ends = steps.map(({ end }) => end);
  const pieces = rangeTexts(
    text,
    ends.map((end, index) => ({ start: ends[index - 1] ?? 0, end })),
  );
  let before = "";
  return pieces.map((piece) => {
    before += piece;
    return before;
  });
}

/**
 * The model's value of each prefix, all asked at once. When calls fail, rejects with the failure of the earliest such step,
 * after all calls have ended, so that the same failure is told whatever the order they ended in.
 */
export async function prefixValues(
  model: RewardModel,
  messages: readonly Message[],
  texts: readonly string[],
  context: CallContext,
): Promise<readonly number[]> {
  const replies = await Promise.allSettled(texts.map((text) => model.score(messages, text, context)));
  return replies.map((reply) => {
    if (reply.status === "rejected") throw reply.reason;
    return reply.value.value;
  });
}

/** What a marker may be: a text with something to see in it, or line ends alone. */
export const MARKER = /\S|^\n+$/;

/**
 * The steps with the marker after each. A step that speaks the marker itself would be given more than one value, so it is
 * put out of the steps: a line-end marker by a space, others by U+FFFD, neither of which can complete another one.
 *
 * Worked: "a<m>b\n\nc" in two steps, marker "<m>\n" -> "a\ufffdb<m>\nc<m>\n".
 */
export function markedText(text: string, steps: readonly StepRange[], marker: string): string {
  const isBlank = marker.trim() === "";
  const spoken = isBlank ? marker : marker.replace(/^\n+|\n+$/g, "");
  return rangeTexts(text, steps)
    .map((step) => `${step.replaceAll(spoken, isBlank ? " " : "\ufffd")}${marker}`)
    .join("");
}

/** The values that the model gives at the markers of one text. */
export async function markerValues(
  model: RewardModel,
  messages: readonly Message[],
  text: string,
  context: CallContext,
): Promise<readonly number[]> {
  const { values } = await model.score(messages, text, context);
  return values.map(({ value }) => value);
}
