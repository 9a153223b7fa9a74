import { z } from "zod";
import { chatFields } from "./chat-completions.ts";
import { type EchoedToken, echoedTokens } from "./echo-logprobs.ts";
import { httpModelFields } from "./http-options.ts";
import {
  type LogprobServer,
  type LogprobServerOptions,
  listedContext,
  openLogprobServer,
} from "./logprob-server.ts";
import { noLogprobs, promptLogprobFields, tokensDiffer } from "./prompt-logprobs.ts";
import type { ModelProvider } from "./provider.ts";
import { alignedItems, textWithoutBos } from "./text-prompt.ts";
import { fieldsOf, itemsOf, wireUsage } from "./wire.ts";

const server: LogprobServer = {
  defaults: {
    provider: "together",
    baseUrl: "https://api.together.xyz",
    keyEnv: "TOGETHER_API_KEY",
    keyHosts: /(^|\.)together\.(xyz|ai)$/,
  },
  context: listedContext,
  scoring: ({ id }, { model, scoreBody }, tokenizer) => ({
    api: "/v1/completions",
    takesIds: false,
    outputTokens: 1,
    body: (turn) => ({
      model,
      prompt: textWithoutBos(turn, tokenizer),
      ...{ echo: true, logprobs: 1, max_tokens: 1, temperature: 0 },
      ...scoreBody,
    }),
    usage: (json) => wireUsage(fieldsOf(json)),
    read(json, located) {
      const reply = fieldsOf(json);
      const [choice] = itemsOf(reply.choices);
      const [prompt] = itemsOf(reply.prompt ?? fieldsOf(choice).prompt);
      const tokens = echoedTokens(id, fieldsOf(prompt).logprobs);
      if (tokens.length === 0) throw noLogprobs(id, "ignores echo: it gave no log-probs of the prompt");
      if (tokens.some((token) => typeof token.id !== "number")) {
        throw tokensDiffer(
          id,
          "tokens without token_ids, so that they cannot be compared",
          `${located.ids.length}`,
        );
      }
      const own = alignedItems(id, tokens, (token: EchoedToken) => token.id, located, tokenizer);
      return own.slice(located.start).map(({ logprob }) => logprob);
    },
  }),
};

/**
 * Together: log-probs of a given response by text, and chat.
 *
 * POST /v1/completions with `echo` and `logprobs`; which models have it varies. The server takes text alone, with the same limits
 * as `tgi`; a reply that does not name its token ids cannot be told from another text's, and is `tokens_differ`. Tried against
 * recorded shapes.
 */
export const provider: ModelProvider<LogprobServerOptions> = {
  name: "together",
  summary: "Together: log-probs of given responses (by text), and chat.",
  ports: ["logprobs", "chat"],
  options: z.strictObject({ ...httpModelFields, ...chatFields, ...promptLogprobFields }),
  open: (options, settings, runtime) => openLogprobServer(server, options, settings, runtime),
};
