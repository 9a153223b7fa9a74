import type { CallPath } from "./call-path.ts";
import { type ChatOptions, chatModel, completeWith, openaiClient } from "./chat-completions.ts";
import { directPath } from "./direct-path.ts";
import type { HttpModelOptions, SiteDefaults } from "./http-options.ts";
import { openSeat, type Seat } from "./http-provider.ts";
import type { CallContext } from "./ports.ts";
import { outcomeOf, probeChat } from "./probe-chat.ts";
import { probeLogprobs } from "./probe-logprobs.ts";
import {
  type PromptLogprobOptions,
  type PromptScoring,
  promptLogprobModel,
  tokenizerFor,
} from "./prompt-logprobs.ts";
import type { EndpointSettings, Finding, ModelHandle, ModelRuntime } from "./provider.ts";
import type { TurnTokenizer } from "./tokenizer.ts";
import { count, fieldsOf, itemsOf } from "./wire.ts";

export interface LogprobServerOptions extends HttpModelOptions, PromptLogprobOptions, ChatOptions {}

export interface LogprobServer {
  readonly defaults: SiteDefaults;
  scoring(seat: Seat, options: LogprobServerOptions, tokenizer: TurnTokenizer): PromptScoring;
  /** The longest turn in tokens by the server's account; null when it does not say. */
  context(seat: Seat, options: LogprobServerOptions, signal: AbortSignal): Promise<number | null>;
}

/**
 * Opens a server that gives log-probs of a given text and chats in OpenAI's shape under /v1. `baseUrl` may be written with
 * or without that /v1.
 */
export async function openLogprobServer(
  server: LogprobServer,
  given: LogprobServerOptions,
  settings: EndpointSettings,
  runtime: ModelRuntime,
): Promise<ModelHandle> {
  const options = { ...given, baseUrl: given.baseUrl?.replace(/\/v1\/*$/, "") };
  const { tokenizer, determining } = await tokenizerFor(options, runtime);
  const seat = await openSeat(options, server.defaults, settings, runtime, determining);
  const { id, http, endpoint, identity } = seat;
  const client = await openaiClient(http, "/v1");
  const chatOptions = { ...options, maxTokensField: options.maxTokensField ?? ("max_tokens" as const) };
  const portsOver = (path: CallPath) => ({
    logprobs: promptLogprobModel({
      id,
      http,
      endpoint,
      path,
      tokenizer,
      scoring: server.scoring(seat, options, tokenizer),
      model: options.model,
      expectModel: options.expectModel,
    }),
    chat: chatModel({
      id,
      model: options.model,
      options: chatOptions,
      endpoint,
      path,
      complete: completeWith(client),
    }),
  });
  return {
    ports: portsOver(runtime.path),
    identity,
    async probe(context: CallContext): Promise<readonly Finding[]> {
      const { logprobs, chat } = portsOver(directPath(settings, runtime));
      const limit = await outcomeOf(server.context(seat, options, context.signal));
      const findings = await probeLogprobs(logprobs, typeof limit === "number" ? limit : null, context);
      if (findings.some(({ check, verdict }) => check === "reachable" && verdict === "bad")) return findings;
      const chatFindings = await probeChat(chat, context);
      // A base model has no chat template, and need not chat.
      const chatting = chatFindings.map((one) => ({
        ...one,
        check: `chat_${one.check}`,
        verdict: one.verdict === "bad" ? ("warn" as const) : one.verdict,
      }));
      return [...findings, ...chatting];
    },
    close: () => http.close(),
  };
}

/** `max_model_len` (vLLM, SGLang) or `context_length` (Together, Fireworks) of the model in GET /v1/models; null when not there. */
export async function listedContext(
  { http }: Seat,
  { model }: { readonly model: string },
  signal: AbortSignal,
): Promise<number | null> {
  const { json } = await http.get("/v1/models", signal);
  const list = Array.isArray(json) ? json : itemsOf(fieldsOf(json).data);
  const entry = fieldsOf(list.find((item) => fieldsOf(item).id === model));
  return count(entry.max_model_len) ?? count(entry.context_length);
}
