import type OpenAI from "openai";
import { z } from "zod";
import { CallFailure } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/types.ts";
import type { CallPath, Endpoint, Sent } from "./call-path.ts";
import type { Http, HttpReply } from "./http.ts";
import type { ChatModel, ChatReply, ChatRequest, Embedder, TokenLogprob } from "./ports.ts";
import { breakInMessages, breakTemplateTokens } from "./template-tokens.ts";
import {
  fieldsOf,
  itemsOf,
  jsonOf,
  promptTokensAtMost,
  readCounted,
  requireModel,
  textOf,
  wireMessage,
  wireUsage,
} from "./wire.ts";

/** What every chat provider of the OpenAI shape takes besides the address. */
export interface ChatOptions {
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens" | undefined;
  readonly extraBody: JsonObject;
  readonly expectModel?: string | undefined;
  readonly templateTokens: "break" | "send";
}

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;

export const chatFields = {
  maxTokensField: z
    .enum(["max_tokens", "max_completion_tokens"])
    .optional()
    .describe("The field that carries the limit of output tokens."),
  extraBody: z
    .record(z.string(), json)
    .refine((body) => !("stream" in body || "n" in body), {
      message: "stream and n cannot be set: each sample is one whole reply",
    })
    .default({})
    .describe("Further fields of the request body, such as chat_template_kwargs. Part of the cache key."),
  expectModel: z
    .string()
    .min(1)
    .optional()
    .describe('The name that replies carry when it is not the model\'s; "any" accepts every name.'),
  templateTokens: z
    .enum(["break", "send"])
    .default("break")
    .describe(
      "Break texts that look like a chat template's control tokens by a space, or send them as they are.",
    ),
};

/**
 * The `openai` package over our own transport: it makes addresses, headers and bodies; connections, errors and reading are
 * ours. Its retries and its time limit are off. `route` stands between the site's address and the package's paths.
 */
export async function openaiClient(http: Http, route = ""): Promise<OpenAI> {
  const { default: Client } = await import("openai");
  const { site } = http;
  return new Client({
    baseURL: `${site.baseUrl}${route}`,
    apiKey: site.key ?? "none",
    // Said outright, since the package looks each of them up in the process's environment otherwise.
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    maxRetries: 0,
    timeout: 2 ** 31 - 1,
    logLevel: "off",
    defaultHeaders: { ...(site.key === null && { Authorization: null }), ...site.headers },
    fetch: (url, init) => carried(http, String(url), init ?? {}),
  });
}

/** What `fetch` hands through the package: never read by it, since `asResponse` gives it back untouched. */
interface Carrier {
  readonly outcome: HttpReply | Error;
}

/** The signal goes beside the package, which would listen to it and never stop. */
interface CarriedInit extends RequestInit {
  readonly callSignal?: AbortSignal;
}

const beside = (callSignal: AbortSignal) => ({
  fetchOptions: { callSignal } as NonNullable<OpenAI.RequestOptions["fetchOptions"]>,
});

async function carried(http: Http, url: string, init: CarriedInit): Promise<Response> {
  const signal = init.callSignal ?? new AbortController().signal;
  const given = init.headers instanceof Headers ? init.headers : new Headers(init.headers ?? {});
  const headers = Object.fromEntries(given);
  const body = typeof init.body === "string" ? init.body : null;
  const method = init.method === "GET" ? "GET" : "POST";
  const outcome = await http
    .exchange({ method, url, headers, body, signal })
    .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  const carrier = { ok: true, status: 200, url, headers: new Map<string, string>(), outcome };
  // The package looks at these fields alone; a whole Response would cost more than the request.
  return carrier satisfies Carrier as unknown as Response;
}

/** Takes from the package what `carried` put in. */
async function delivered(response: Promise<Response>): Promise<HttpReply> {
  const { outcome } = (await response) as unknown as Carrier;
  if (outcome instanceof Error) throw outcome;
  return outcome;
}

/** One try at POST /chat/completions through the package. */
export function completeWith(client: OpenAI): ChatSeat["complete"] {
  return (body, signal) => {
    const parameters = body as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    return delivered(client.chat.completions.create(parameters, beside(signal)).asResponse());
  };
}

/** One try at POST /embeddings through the package. */
export function embedWith(client: OpenAI): EmbedSeat["post"] {
  return (body, signal) => {
    const parameters = body as unknown as OpenAI.EmbeddingCreateParams;
    return delivered(client.embeddings.create(parameters, beside(signal)).asResponse());
  };
}

export interface ChatSeat {
  /** `provider/model`, for messages. */
  readonly id: string;
  readonly model: string;
  readonly options: ChatOptions & { readonly maxTokensField: "max_tokens" | "max_completion_tokens" };
  readonly endpoint: Endpoint;
  readonly path: CallPath;
  /** One try: posts the body and gives the completion's JSON. */
  complete(body: JsonObject, signal: AbortSignal): Promise<HttpReply>;
}

/**
 * A chat model behind POST /chat/completions. One call per sample: `n` is never sent. A seed is sent when one is given, plus
 * the sample's index, so that samples differ.
 *
 * The text of a refusal is the refusal, with finish reason "refusal"; a reply that is all reasoning, or tool calls alone, has
 * the text "".
 */
export function chatModel({ id, model, options, endpoint, path, complete }: ChatSeat): ChatModel {
  return {
    id,
    async generate(asked, context): Promise<ChatReply> {
      const request = options.templateTokens === "break" ? broken(asked) : asked;
      const body = chatBody(model, request, options);
      return path.call<ChatReply & JsonObject>(
        endpoint,
        {
          request: { api: "chat/completions", body, sample: request.sample ?? 0 },
          promptTokens: promptTokensAtMost(
            request.messages,
            `${request.tools ?? ""}${request.schema ? JSON.stringify(request.schema) : ""}`,
          ),
          maxOutputTokens: request.sampling.maxTokens,
          async send(signal): Promise<Sent<ChatReply & JsonObject>> {
            const { json, limits } = await complete(body, signal);
            const reply = readCounted(wireUsage(fieldsOf(json)), () => readChat(id, json, request));
            requireModel(id, reply.model, model, options.expectModel);
            return { reply, usage: reply.usage, ...(limits && { limits }) };
          },
        },
        context,
      );
    },
  };
}

function broken(request: ChatRequest): ChatRequest {
  const { tools } = request;
  return {
    ...request,
    messages: breakInMessages(request.messages),
    ...(tools !== undefined && { tools: breakTemplateTokens(tools) }),
  };
}

function chatBody(model: string, request: ChatRequest, options: ChatSeat["options"]): JsonObject {
  const { messages, sampling, sample = 0, tools, schema, topLogprobs } = request;
  return {
    model,
    messages: messages.map(wireMessage),
    [options.maxTokensField]: sampling.maxTokens,
    ...(sampling.temperature !== undefined && { temperature: sampling.temperature }),
    ...(sampling.topP !== undefined && { top_p: sampling.topP }),
    ...(sampling.topK !== undefined && { top_k: sampling.topK }),
    ...(sampling.stop !== undefined && sampling.stop.length > 0 && { stop: sampling.stop }),
    ...(sampling.seed !== undefined && { seed: sampling.seed + sample }),
    ...(tools !== undefined && { tools: jsonOf(tools, "tools") }),
    ...(schema && {
      response_format: {
        type: "json_schema",
        json_schema: { name: schema.name, schema: schema.schema, strict: true },
      },
    }),
    ...(topLogprobs !== undefined && { logprobs: true, top_logprobs: topLogprobs }),
    ...options.extraBody,
  };
}

/**
 * Reads a chat completion. Throws `bad_reply` where it is not of the promised shape. What a text says is for whoever asked:
 * servers that ignore a schema, or write a fence or thoughts around its JSON, have answered, and are paid.
 */
export function readChat(
  where: string,
  json: unknown,
  { topLogprobs }: Pick<ChatRequest, "topLogprobs">,
): ChatReply & JsonObject {
  const reply = fieldsOf(json);
  const choice = itemsOf(reply.choices)[0];
  const { message, finish_reason, logprobs } = fieldsOf(choice);
  const { content, refusal, reasoning_content, reasoning } = fieldsOf(message);
  const named = textOf(finish_reason);
  const refused = isBlank(content) && typeof refusal === "string" && refusal !== "";
  const text = refused ? refusal : (content ?? (named === null ? undefined : ""));
  if (typeof message !== "object" || message === null || typeof text !== "string") {
    throw new CallFailure("bad_reply", `${where} sent a reply without choices[0].message.content`);
  }
  const thinking = textOf(reasoning_content) ?? textOf(reasoning);
  const tokens = topLogprobs === undefined ? null : fieldsOf(logprobs).content;
  const usage = wireUsage(reply);
  return {
    text: text.toWellFormed(),
    ...(thinking !== null && thinking !== "" && { reasoning: thinking.toWellFormed() }),
    finishReason: refused ? "refusal" : named,
    model: textOf(reply.model),
    usage: { ...usage },
    ...(Array.isArray(tokens) && { tokenLogprobs: tokens.map((token) => readToken(where, token)) }),
  };
}

function isBlank(content: unknown): boolean {
  return content === null || content === undefined || (typeof content === "string" && content.trim() === "");
}

/** Servers write −9999 for an impossible token; such an alternative is left out, and such a token of the reply refused. */
const IMPOSSIBLE = -9999;

function readToken(where: string, entry: unknown): TokenLogprob & JsonObject {
  const { token, logprob, top_logprobs } = fieldsOf(entry);
  if (typeof token !== "string" || typeof logprob !== "number") {
    throw new CallFailure("bad_reply", `${where} sent a log-prob without its token or number`);
  }
  if (!(logprob > IMPOSSIBLE)) {
    throw new CallFailure("not_finite", `${where} sent ${logprob} as the log-prob of a token`);
  }
  const top = itemsOf(top_logprobs).flatMap((alternative) => {
    const { token: text, logprob: value } = fieldsOf(alternative);
    const usable = typeof text === "string" && typeof value === "number" && value > IMPOSSIBLE;
    return usable ? [{ token: text, logprob: value }] : [];
  });
  return { token, logprob, top };
}

export interface EmbedSeat {
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly path: CallPath;
  /** The route's name in the cache key. */
  readonly api: string;
  /** Most texts in one request. */
  readonly batch: number;
  body(texts: readonly string[]): JsonObject;
  /** One try: posts the body. */
  post(body: JsonObject, signal: AbortSignal): Promise<HttpReply>;
  /** The vectors, in the order of the texts; throws `CallFailure`. */
  read(json: unknown, texts: number): number[][];
}

/** An embedder that asks for `batch` texts a call. All vectors have one length, or the reply is `bad_reply`. */
export function embedder({ id, endpoint, path, api, batch, body, post, read }: EmbedSeat): Embedder {
  return {
    id,
    async embed(texts, context) {
      const starts = Array.from({ length: Math.ceil(texts.length / batch) }, (_, index) => index * batch);
      const chunks = await Promise.all(
        starts.map((start) => {
          const input = texts.slice(start, start + batch).map((text) => text.toWellFormed());
          const asked = body(input);
          return path.call<number[][]>(
            endpoint,
            {
              request: { api, body: asked },
              promptTokens: input.reduce((sum, text) => sum + Buffer.byteLength(text) + 2, 0),
              maxOutputTokens: 0,
              async send(signal) {
                const { json, limits } = await post(asked, signal);
                const usage = { ...wireUsage(fieldsOf(json)), outputTokens: 0 };
                const reply = readCounted(usage, () => read(json, input.length));
                return { reply, usage, ...(limits && { limits }) };
              },
            },
            context,
          );
        }),
      );
      return equallyLong(id, chunks.flat());
    },
  };
}

/** `data` of POST /embeddings: a vector per text, by `index`. */
export function readVectors(where: string, data: unknown, expected: number): number[][] {
  const items = itemsOf(data);
  if (items.length !== expected) {
    throw new CallFailure("bad_reply", `${where} sent ${items.length} vectors for ${expected} texts`);
  }
  const vectors: (number[] | undefined)[] = Array.from({ length: expected });
  items.forEach((item, position) => {
    const { embedding, index } = fieldsOf(item);
    const place = typeof index === "number" ? index : position;
    if (!(place in vectors) || vectors[place] !== undefined) {
      throw new CallFailure("bad_reply", `${where} sent vectors whose indexes are not 0 to ${expected - 1}`);
    }
    vectors[place] = readVector(where, embedding);
  });
  return vectors as number[][];
}

/** A vector of finite numbers. Throws `not_finite` or `bad_reply`. */
export function readVector(where: string, value: unknown): number[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new CallFailure("bad_reply", `${where} sent an embedding that is not a list of numbers`);
  }
  for (const number of value as unknown[]) {
    if (typeof number !== "number" || !Number.isFinite(number)) {
      throw new CallFailure("not_finite", `${where} sent an embedding that holds ${JSON.stringify(number)}`);
    }
  }
  return value as number[];
}

function equallyLong(where: string, vectors: readonly (readonly number[])[]): Float64Array[] {
  const dimension = vectors[0]?.length ?? 0;
  const other = vectors.find(({ length }) => length !== dimension);
  if (other) {
    throw new CallFailure(
      "bad_reply",
      `${where} sent embeddings of ${dimension} and of ${other.length} numbers`,
    );
  }
  return vectors.map((vector) => Float64Array.from(vector));
}
