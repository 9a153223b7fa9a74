import { CallFailure } from "../core/errors.ts";
import { contentHash } from "../core/ids.ts";
import { randomFor } from "../core/random.ts";
import type { OnnxModel, ReadSoFar } from "./onnx-model.ts";
import type { ChatReply, ChatRequest, TokenLogprob } from "./ports.ts";
import { drawToken, likeliest, logSoftmax } from "./sampling.ts";
import type { TurnTokenizer } from "./tokenizer.ts";

/**
 * Generates a reply token by token. The draws depend on the request's seed, the sample's index and the prompt's ids alone,
 * so that the same request gives the same text whatever else runs. Ends at a turn end or stop text ("stop"), at `maxTokens`
 * or at the end of the context ("length"). A stop text is not part of the reply; log-probs are the model's own, before
 * temperature.
 */
export async function generateReply(
  { model, tokenizer, name }: { model: OnnxModel; tokenizer: TurnTokenizer; name: string },
  promptIds: readonly number[],
  request: ChatRequest,
  signal: AbortSignal,
): Promise<ChatReply> {
  const { sampling, sample = 0, topLogprobs } = request;
  const random = randomFor(sampling.seed ?? 0, "local-generate", sample, contentHash(promptIds));
  const room = (tokenizer.contextLength ?? Number.POSITIVE_INFINITY) - promptIds.length;
  if (promptIds.length < 1 || room < 1) {
    throw new CallFailure(
      "too_long",
      `the prompt has ${promptIds.length} tokens of ${tokenizer.contextLength ?? "any"}`,
    );
  }
  const stops = (sampling.stop ?? []).filter((stop) => stop !== "");
  const ends = new Set(tokenizer.endIds);
  const ids = [...promptIds];
  const tokenLogprobs: TokenLogprob[] = [];
  let read: ReadSoFar | null = null;
  let drawn = 0;
  let text = "";
  let finishReason = "length";
  try {
    while (drawn < Math.min(sampling.maxTokens, room)) {
      if (signal.aborted)
        throw new CallFailure("cancelled", "the run was stopped while a reply was generated");
      const before: ReadSoFar | null = read;
      const step = await model.next(ids, before);
      read = step.read;
      forget(before);
      const token = drawToken(step.logits, sampling, random);
      drawn++;
      if (ends.has(token)) {
        finishReason = "stop";
        break;
      }
      ids.push(token);
      if (topLogprobs !== undefined)
        tokenLogprobs.push(tokenLogprob(step.logits, token, topLogprobs, tokenizer));
      if (stops.length === 0) continue;
      text = tokenizer.decode(ids.slice(promptIds.length), { withoutSpecial: true });
      const cut = Math.min(...stops.map((stop) => (text.includes(stop) ? text.indexOf(stop) : Infinity)));
      if (cut === Infinity) continue;
      text = text.slice(0, cut);
      finishReason = "stop";
      return replyOf();
    }
    text = tokenizer.decode(ids.slice(promptIds.length), { withoutSpecial: true });
    return replyOf();
  } finally {
    forget(read);
  }

  function replyOf(): ChatReply {
    return {
      text,
      finishReason,
      model: name,
      usage: { promptTokens: promptIds.length, outputTokens: drawn },
      ...(topLogprobs === undefined ? {} : { tokenLogprobs }),
    };
  }
}

function forget(read: ReadSoFar | null): void {
  for (const tensor of Object.values(read?.tensors ?? {})) tensor.dispose();
}

function tokenLogprob(
  logits: Float32Array,
  token: number,
  count: number,
  tokenizer: TurnTokenizer,
): TokenLogprob {
  const logprobs = logSoftmax(logits);
  const one = (id: number): { token: string; logprob: number } => ({
    token: tokenizer.decode([id]),
    logprob: logprobs[id] ?? Number.NEGATIVE_INFINITY,
  });
  return { ...one(token), top: likeliest(logits, count).map(one) };
}
