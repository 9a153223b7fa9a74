import { z } from "zod";
import type { JsonObject } from "../core/types.ts";
import type { CallPath } from "./call-path.ts";
import {
  type ChatOptions,
  chatFields,
  chatModel,
  completeWith,
  embedder,
  embedWith,
  openaiClient,
  readVectors,
} from "./chat-completions.ts";
import { directPath } from "./direct-path.ts";
import { type HttpModelOptions, httpModelFields } from "./http-options.ts";
import { openSeat } from "./http-provider.ts";
import { probeChat } from "./probe-chat.ts";
import type { ModelProvider } from "./provider.ts";
import { fieldsOf, requireModel, textOf } from "./wire.ts";

const HOSTED = "https://api.openai.com/v1";

export interface OpenaiOptions extends HttpModelOptions, ChatOptions {
  readonly embeddingBody: JsonObject;
  readonly embeddingBatch: number;
}

const options = z.strictObject({
  ...httpModelFields,
  ...chatFields,
  embeddingBody: chatFields.extraBody.describe("Further fields of embedding requests, such as dimensions."),
  embeddingBatch: z.int().min(1).max(2048).default(64).describe("Most texts in one embedding request."),
});

/**
 * Chat and embeddings of any OpenAI-compatible server, through the `openai` package.
 *
 * The address is `baseUrl`, else OPENAI_BASE_URL, else OpenAI's own. `maxTokensField` is max_completion_tokens there and
 * max_tokens elsewhere.
 */
export const provider: ModelProvider<OpenaiOptions> = {
  name: "openai",
  summary: "Chat and embeddings of any OpenAI-compatible server.",
  ports: ["chat", "embed"],
  options,
  async open(given, settings, runtime) {
    const defaults = {
      provider: "openai",
      baseUrl: HOSTED,
      baseUrlEnv: "OPENAI_BASE_URL",
      keyEnv: "OPENAI_API_KEY",
      keyHosts: /(^|\.)openai\.com$/,
    };
    const { id, http, endpoint, identity } = await openSeat(given, defaults, settings, runtime);
    const client = await openaiClient(http);
    const hosted = http.site.baseUrl === HOSTED;
    const maxTokensField = given.maxTokensField ?? (hosted ? "max_completion_tokens" : "max_tokens");
    const { model, expectModel } = given;
    const chatOver = (path: CallPath) =>
      chatModel({
        ...{ id, model, endpoint, path },
        options: { ...given, maxTokensField },
        complete: completeWith(client),
      });
    const embed = embedder({
      ...{ id, endpoint, path: runtime.path, api: "embeddings", batch: given.embeddingBatch },
      body: (input) => ({ model, input, encoding_format: "float", ...given.embeddingBody }),
      post: embedWith(client),
      read(json, texts) {
        const reply = fieldsOf(json);
        requireModel(id, textOf(reply.model), model, expectModel);
        return readVectors(id, reply.data, texts);
      },
    });
    return {
      ports: {
        chat: chatOver(runtime.path),
        embed,
      },
      identity,
      probe: (context) => probeChat(chatOver(directPath(settings, runtime)), context),
      close: () => http.close(),
    };
  },
};
