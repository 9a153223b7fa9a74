import { CallFailure } from "../core/errors.ts";
import { noLogprobs, requireIds, tokensDiffer } from "./prompt-logprobs.ts";
import { fieldsOf, itemsOf } from "./wire.ts";

/** One token of an echoed prompt; `id` is undefined where the server does not name it. */
export interface EchoedToken {
  readonly id: unknown;
  readonly text: unknown;
  readonly logprob: unknown;
}

/** The arrays of OpenAI's old completions: `tokens`, `token_logprobs` and, with some servers, `token_ids`. */
export function echoedTokens(where: string, logprobs: unknown): EchoedToken[] {
  const { tokens, token_logprobs, token_ids } = fieldsOf(logprobs);
  const [texts, values, ids] = [itemsOf(tokens), itemsOf(token_logprobs), itemsOf(token_ids)];
  const count = values.length;
  if ((texts.length > 0 && texts.length !== count) || (ids.length > 0 && ids.length !== count)) {
    throw new CallFailure("bad_reply", `${where} sent ${texts.length} tokens with ${count} log-probs`);
  }
  return values.map((logprob, index) => ({ id: ids[index], text: texts[index], logprob }));
}

/**
 * The echoed prompt among the tokens of a completion that was asked for one more: as many as ids were sent, and perhaps the one
 * generated. Ids are compared where the server names them. A server that ignores `echo` gives the generated token alone.
 */
export function echoedPrompt(
  where: string,
  tokens: readonly EchoedToken[],
  ids: readonly number[],
): readonly EchoedToken[] {
  if (tokens.length <= 1) throw noLogprobs(where, "ignores echo: it gave no log-probs of the prompt");
  if (tokens.length !== ids.length && tokens.length !== ids.length + 1) {
    throw tokensDiffer(where, `${tokens.length} tokens`, `${ids.length}`);
  }
  const prompt = tokens.slice(0, ids.length);
  if (prompt.some(({ id }) => id !== undefined)) {
    requireIds(
      where,
      prompt.map(({ id }) => id),
      ids,
    );
  }
  return prompt;
}
