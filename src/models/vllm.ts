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
import { noLogprobs, promptLogprobFields, tokensDiffer } from "./prompt-logprobs.ts";
import type { ModelProvider } from "./provider.ts";
import { fieldsOf, itemsOf, wireUsage } from "./wire.ts";

const server: LogprobServer = {
  defaults: { provider: "vllm", baseUrl: null, keyEnv: "VLLM_API_KEY" },
  context: listedContext,
  scoring: ({ id }, { model, scoreBody }) => ({
    api: "/v1/completions",
    takesIds: true,
    outputTokens: 1,
    body: (_turn, { ids }) => ({
      model,
      prompt: ids,
      prompt_logprobs: 0,
      max_tokens: 1,
      temperature: 0,
      ...scoreBody,
    }),
    usage: (json) => wireUsage(fieldsOf(json)),
    read(json, { ids, start }) {
      const [choice] = itemsOf(fieldsOf(json).choices);
      if (choice === undefined) throw new CallFailure("bad_reply", `${id} sent a reply without choices`);
      const entries = fieldsOf(choice).prompt_logprobs;
      if (!Array.isArray(entries)) throw noLogprobs(id, "gave no prompt_logprobs");
      if (entries.length !== ids.length) {
        throw tokensDiffer(id, `${entries.length} tokens`, `${ids.length}`);
      }
      // Each entry is keyed by token id, and always holds the token that stands there. Entry 0 is null.
      const found = ids.map((token, position): unknown => {
        const entry: unknown = entries[position];
        if (entry === null || entry === undefined) return null;
        const own = fieldsOf(entry)[String(token)];
        if (own === undefined) throw tokensDiffer(id, `another token at ${position}`, `token ${token}`);
        return fieldsOf(own).logprob;
      });
      return found.slice(start);
    },
  }),
};

/**
 * vLLM: log-probs of a given response by token ids, and chat.
 *
 * POST /v1/completions with `prompt` as ids and `prompt_logprobs: 0`; the values are those of the raw logits with the server's
 * default logprobs mode. Tried against recorded shapes.
 */
export const provider: ModelProvider<LogprobServerOptions> = {
  name: "vllm",
  summary: "A vLLM server: log-probs of given responses, and chat.",
  ports: ["logprobs", "chat"],
  options: z.strictObject({ ...httpModelFields, ...chatFields, ...promptLogprobFields }),
  open: (options, settings, runtime) => openLogprobServer(server, options, settings, runtime),
};
