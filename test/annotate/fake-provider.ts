import { z } from "zod";
import { CallFailure } from "../../src/core/errors.ts";
import type { ChatReply, ChatRequest } from "../../src/models/ports.ts";
import type { ModelProvider } from "../../src/models/provider.ts";

/** What a fake server answers; may throw `CallFailure`. */
export type Answer = (request: ChatRequest, model: string) => string | Promise<string>;

/** A provider whose chat models answer by a function, through the run's own call path. `sent` is what really left. */
export function fakeProvider(answer: Answer): ModelProvider<{ model: string; key?: string | undefined }> & {
  readonly sent: { readonly model: string; readonly request: ChatRequest }[];
} {
  const sent: { model: string; request: ChatRequest }[] = [];
  return {
    name: "fake",
    summary: "Answers by a function.",
    ports: ["chat"],
    options: z.strictObject({ model: z.string(), key: z.string().optional() }),
    sent,
    open: async ({ model }, settings, runtime) => {
      const endpoint = { identity: { provider: "fake", model }, limitKey: `fake ${model}`, settings };
      return {
        identity: endpoint.identity,
        ports: {
          chat: {
            id: model,
            generate: async (request, context) => {
              const asked = JSON.parse(JSON.stringify(request));
              const reply = await runtime.path.call<{ text: string; tokens: number }>(
                endpoint,
                {
                  request: asked,
                  promptTokens: 100,
                  maxOutputTokens: request.sampling.maxTokens,
                  send: async (signal) => {
                    if (signal.aborted) throw new CallFailure("cancelled", "stopped");
                    sent.push({ model, request });
                    const text = await answer(request, model);
                    return {
                      reply: { text, tokens: text.length },
                      usage: { promptTokens: 100, outputTokens: text.length },
                    };
                  },
                },
                context,
              );
              return {
                text: reply.text,
                finishReason: "stop",
                model,
                usage: { promptTokens: 100, outputTokens: reply.tokens },
              } satisfies ChatReply;
            },
          },
        },
        close: async () => {},
      };
    },
  };
}
