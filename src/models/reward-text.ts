import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import type { Json, JsonObject, Message } from "../core/types.ts";
import type { CallPath, Endpoint } from "./call-path.ts";
import type { HttpReply } from "./http.ts";
import type { RewardModel, RewardReply, Usage } from "./ports.ts";
import type { ModelRuntime } from "./provider.ts";
import { breakTemplateTokens } from "./template-tokens.ts";
import { loadTokenizer } from "./tokenizer.ts";
import { promptTokensAtMost } from "./wire.ts";

/** How a reward model that reads one text is given a prompt and a response. */
export interface RewardInput {
  readonly model: string;
  readonly input: "template" | "response";
  readonly tokenizer?: string | undefined;
  readonly revision?: string | undefined;
}

export const rewardInputFields = {
  input: z
    .enum(["template", "response"])
    .default("template")
    .describe("What a reward model reads: prompt and response by the chat template, or the response alone."),
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The folder or hub repository of the tokenizer with the chat template; default: the model's name.",
    ),
  revision: z.string().min(1).optional().describe("A branch, tag or commit of the tokenizer's repository."),
};

export interface TextReader {
  /** What of it determines the text. */
  readonly identity: Json;
  /** Throws `CallFailure` as `LogprobModel.render` does. */
  text(messages: readonly Message[], response: string): string;
}

/**
 * Makes the text that a reward model reads. Since it is sent as text, what looks like a special token in the content is broken by
 * a space, as in chat.
 */
export async function textReader(options: RewardInput, runtime: ModelRuntime): Promise<TextReader> {
  const { input, model, tokenizer: source = model, revision } = options;
  if (input === "response") {
    return {
      identity: "response",
      text: (_messages, response) => breakTemplateTokens(response).toWellFormed(),
    };
  }
  const tokenizer = await loadTokenizer(source, { ...(revision !== undefined && { revision }), runtime });
  if (tokenizer.templateHash === null) {
    throw new PrefkitError(
      "bad_option",
      `${source} has no chat template, so ${model} cannot be given a prompt and a response as one text.`,
      "name a tokenizer that has one (tokenizer), or let the model read the response alone (input: response).",
    );
  }
  return {
    identity: { template: tokenizer.templateHash, tokenizer: tokenizer.hash },
    text(messages, response) {
      const { text, breaks } = tokenizer.render(messages, response, { countEnd: true });
      const edges = [0, ...breaks, text.length];
      return edges
        .slice(1)
        .map((end, index) => text.slice(edges[index], end))
        .join(" ")
        .toWellFormed();
    },
  };
}

export interface RewardSeat {
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly path: CallPath;
  readonly api: string;
  body(messages: readonly Message[], response: string): JsonObject;
  post(body: JsonObject, signal: AbortSignal): Promise<HttpReply>;
  read(json: unknown): { readonly reply: RewardReply; readonly usage: Usage };
}

/** A reward model behind one POST per response. */
export function rewardModel({ id, endpoint, path, api, body, post, read }: RewardSeat): RewardModel {
  return {
    id,
    async score(messages, response, context) {
      const asked = body(messages, response);
      return path.call<RewardReply & JsonObject>(
        endpoint,
        {
          request: { api, body: asked },
          promptTokens: promptTokensAtMost([...messages, { role: "assistant", content: response }]) + 16,
          maxOutputTokens: 0,
          async send(signal) {
            const { json, limits } = await post(asked, signal);
            const { reply, usage } = read(json);
            const values = reply.values.map(({ label, value }) => ({ label, value }));
            return { reply: { value: reply.value, values }, usage, ...(limits && { limits }) };
          },
        },
        context,
      );
    },
  };
}
