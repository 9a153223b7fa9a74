import { z } from "zod";
import { CallFailure } from "../core/errors.ts";
import { chatFields } from "./chat-completions.ts";
import { echoedPrompt, echoedTokens } from "./echo-logprobs.ts";
import { httpModelFields } from "./http-options.ts";
import {
  type LogprobServer,
  type LogprobServerOptions,
  listedContext,
  openLogprobServer,
} from "./logprob-server.ts";
import { noLogprobs, promptLogprobFields, requireIds } from "./prompt-logprobs.ts";
import type { ModelProvider } from "./provider.ts";
import { fieldsOf, itemsOf, wireUsage } from "./wire.ts";

const server: LogprobServer = {
  defaults: {
    provider: "fireworks",
    baseUrl: "https://api.fireworks.ai/inference",
    keyEnv: "FIREWORKS_API_KEY",
    keyHosts: /(^|\.)fireworks\.ai$/,
  },
  context: listedContext,
  scoring: ({ id }, { model, scoreBody }) => ({
    api: "/v1/completions",
    takesIds: true,
    outputTokens: 1,
    body: (_turn, { ids }) => ({
      ...{ model, prompt: ids, echo: true, logprobs: 1, max_tokens: 1, temperature: 0 },
      ...scoreBody,
    }),
    usage: (json) => wireUsage(fieldsOf(json)),
    read(json, { ids, start }) {
      const [choice] = itemsOf(fieldsOf(json).choices);
      if (choice === undefined) throw new CallFailure("bad_reply", `${id} sent a reply without choices`);
      const { logprobs, prompt_token_ids } = fieldsOf(choice);
      if (!logprobs) throw noLogprobs(id, "gave no log-probs");
      if (Array.isArray(prompt_token_ids)) requireIds(id, prompt_token_ids, ids);
      const prompt = echoedPrompt(id, echoedTokens(id, logprobs), ids);
      return prompt.slice(start).map(({ logprob }) => logprob);
    },
  }),
};

/**
 * Fireworks: log-probs of a given response by token ids, and chat.
 *
 * POST /v1/completions with `echo` and `logprobs`; token ids are compared where the reply names them. Works too for servers of
 * the same shape, llama-cpp-python's with logits_all for instance. Tried against recorded shapes.
 */
export const provider: ModelProvider<LogprobServerOptions> = {
  name: "fireworks",
  summary: "Fireworks, or a server of its shape: log-probs of given responses, and chat.",
  ports: ["logprobs", "chat"],
  options: z.strictObject({ ...httpModelFields, ...chatFields, ...promptLogprobFields }),
  open: (options, settings, runtime) => openLogprobServer(server, options, settings, runtime),
};
