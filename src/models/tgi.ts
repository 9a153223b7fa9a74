import { z } from "zod";
import { chatFields } from "./chat-completions.ts";
import { httpModelFields } from "./http-options.ts";
import { type LogprobServer, type LogprobServerOptions, openLogprobServer } from "./logprob-server.ts";
import { noLogprobs, promptLogprobFields } from "./prompt-logprobs.ts";
import type { ModelProvider } from "./provider.ts";
import { alignedItems, textWithoutBos } from "./text-prompt.ts";
import { count, fieldsOf, itemsOf } from "./wire.ts";

const server: LogprobServer = {
  defaults: {
    provider: "tgi",
    baseUrl: null,
    keyEnv: "HF_TOKEN",
    keyHosts: /(^|\.)huggingface\.(co|cloud)$/,
  },
  async context({ http }, _options, signal) {
    const info = fieldsOf((await http.get("/info", signal)).json);
    return count(info.max_input_tokens) ?? count(info.max_input_length);
  },
  scoring: ({ id }, { scoreBody }, tokenizer) => ({
    api: "/generate",
    takesIds: false,
    outputTokens: 1,
    body: (turn) => ({
      inputs: textWithoutBos(turn, tokenizer),
      parameters: { details: true, decoder_input_details: true, max_new_tokens: 1, ...scoreBody },
    }),
    usage(json) {
      const { prefill, generated_tokens } = detailsOf(json);
      return {
        promptTokens: Array.isArray(prefill) ? prefill.length : null,
        outputTokens: count(generated_tokens),
      };
    },
    read(json, located) {
      const prefill = itemsOf(detailsOf(json).prefill);
      if (prefill.length === 0) {
        throw noLogprobs(id, "gave no details.prefill (its router may be started with prefill details off)");
      }
      const own = alignedItems(id, prefill, (item) => fieldsOf(item).id, located, tokenizer);
      return own.slice(located.start).map((item) => fieldsOf(item).logprob);
    },
  }),
};

/** A reply is one object, or a list of one. */
function detailsOf(json: unknown): Readonly<Record<string, unknown>> {
  return fieldsOf(fieldsOf(Array.isArray(json) ? itemsOf(json)[0] : json).details);
}

/**
 * Text Generation Inference: log-probs of a given response by text, and chat.
 *
 * POST /generate with `decoder_input_details`. The server takes text alone: token ids of `details.prefill` are compared with ours,
 * a turn that can only be sent as ids is `span_merged`, and one whose content looks like a special token `span_impossible`.
 * Tried against recorded shapes; TGI is in maintenance since 2025.
 */
export const provider: ModelProvider<LogprobServerOptions> = {
  name: "tgi",
  summary: "A Text Generation Inference server: log-probs of given responses (by text), and chat.",
  ports: ["logprobs", "chat"],
  options: z.strictObject({ ...httpModelFields, ...chatFields, ...promptLogprobFields }),
  open: (options, settings, runtime) => openLogprobServer(server, options, settings, runtime),
};
