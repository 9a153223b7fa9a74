import { z } from "zod";
import { CallFailure } from "../core/errors.ts";
import { chatFields } from "./chat-completions.ts";
import { httpModelFields } from "./http-options.ts";
import {
  type LogprobServer,
  type LogprobServerOptions,
  listedContext,
  openLogprobServer,
} from "./logprob-server.ts";
import { noLogprobs, promptLogprobFields, requireIds } from "./prompt-logprobs.ts";
import type { ModelProvider } from "./provider.ts";
import { count, fieldsOf, itemsOf } from "./wire.ts";

const server: LogprobServer = {
  defaults: { provider: "sglang", baseUrl: null, keyEnv: "SGLANG_API_KEY" },
  context: listedContext,
  scoring: ({ id }, { scoreBody }) => ({
    api: "/generate",
    takesIds: true,
    outputTokens: 1,
    body: (_turn, { ids, start }) => ({
      input_ids: ids,
      sampling_params: { max_new_tokens: 1, temperature: 0 },
      return_logprob: true,
      // The first position returned has no log-prob, so it is the one before the response.
      logprob_start_len: Math.max(0, start - 1),
      ...scoreBody,
    }),
    usage(json) {
      const { prompt_tokens, completion_tokens, cached_tokens } = metaOf(json);
      const cached = count(cached_tokens);
      return {
        promptTokens: count(prompt_tokens),
        outputTokens: count(completion_tokens),
        ...(cached !== null && { cachedTokens: cached }),
      };
    },
    read(json, { ids, start }) {
      const entries = metaOf(json).input_token_logprobs;
      if (!Array.isArray(entries) || entries.length === 0)
        throw noLogprobs(id, "gave no input_token_logprobs");
      const pairs = entries.map((entry): readonly unknown[] => {
        if (!Array.isArray(entry))
          throw new CallFailure("bad_reply", `${id} sent a log-prob without its token`);
        return entry as unknown[];
      });
      const from = Math.max(0, start - 1);
      requireIds(
        id,
        pairs.map((pair) => pair[1]),
        ids.slice(from),
      );
      return pairs.slice(start - from).map((pair) => pair[0]);
    },
  }),
};

/** A reply is one object, or a list of one. */
function metaOf(json: unknown): Readonly<Record<string, unknown>> {
  return fieldsOf(fieldsOf(Array.isArray(json) ? itemsOf(json)[0] : json).meta_info);
}

/**
 * SGLang: log-probs of a given response by token ids, and chat.
 *
 * POST /generate with `input_ids`, `return_logprob` and a start one before the response; token ids of the reply are compared
 * with those sent. Tried against recorded shapes.
 */
export const provider: ModelProvider<LogprobServerOptions> = {
  name: "sglang",
  summary: "An SGLang server: log-probs of given responses, and chat.",
  ports: ["logprobs", "chat"],
  options: z.strictObject({ ...httpModelFields, ...chatFields, ...promptLogprobFields }),
  open: (options, settings, runtime) => openLogprobServer(server, options, settings, runtime),
};
