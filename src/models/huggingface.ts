import type { InferenceClient, InferenceProviderOrPolicy } from "@huggingface/inference";
import { z } from "zod";
import { CallFailure, isCallFailure } from "../core/errors.ts";

import type { CallPath } from "./call-path.ts";
import { type ChatOptions, chatFields, chatModel, embedder, readVector } from "./chat-completions.ts";
import { directPath } from "./direct-path.ts";
import type { Http, HttpReply } from "./http.ts";
import { excerpt, failureOfTransport } from "./http-failure.ts";
import { type HttpModelOptions, httpModelFields } from "./http-options.ts";
import { openSeat } from "./http-provider.ts";
import type { ModelPorts } from "./ports.ts";
import { probeChat } from "./probe-chat.ts";
import type { ModelProvider } from "./provider.ts";
import { type RewardInput, rewardInputFields, rewardModel, textReader } from "./reward-text.ts";
import { fieldsOf, itemsOf } from "./wire.ts";

/** Hugging Face's own hosts and those of its Inference Endpoints. */
const HUGGING_FACE = /(^|\.)huggingface\.(co|cloud)$/;
const ROUTER = "https://router.huggingface.co";

const { baseUrl: _, ...addressless } = httpModelFields;

export interface HuggingfaceOptions extends Omit<HttpModelOptions, "baseUrl">, ChatOptions, RewardInput {
  readonly endpointUrl?: string | undefined;
  readonly hubProvider?: string | undefined;
  readonly label?: string | undefined;
  readonly embeddingBatch: number;
}

const options = z
  .strictObject({
    ...addressless,
    ...chatFields,
    ...rewardInputFields,
    endpointUrl: z.string().min(1).optional().describe("The address of an Inference Endpoint."),
    hubProvider: z
      .string()
      .min(1)
      .optional()
      .describe("Which of the hub's inference providers answers; default: as set in the account (auto)."),
    label: z
      .string()
      .min(1)
      .optional()
      .describe("For reward models: the label of the text classification whose raw score is the value."),
    embeddingBatch: z.int().min(1).max(1024).default(32).describe("Most texts in one embedding request."),
  })
  .refine((given) => given.endpointUrl === undefined || given.hubProvider === undefined, {
    message: "endpointUrl names a server and hubProvider another: give one of them",
    path: ["hubProvider"],
  });

/**
 * Hugging Face Inference Providers and Endpoints, through `@huggingface/inference` with its own retries off.
 *
 * Chat by chatCompletion, embeddings by featureExtraction (models that pool: one vector per text), and, with `label`, a reward
 * model by textClassification with no function applied, so that the value is the raw score of that label.
 */
export const provider: ModelProvider<HuggingfaceOptions> = {
  name: "huggingface",
  summary: "Hugging Face Inference Providers and Endpoints: chat, embeddings, reward models.",
  ports: ["chat", "embed", "reward"],
  options,
  async open(given, settings, runtime) {
    const { endpointUrl, hubProvider, model, label, maxTokensField = "max_tokens" } = given;
    const defaults = { provider: "huggingface", baseUrl: ROUTER, keyEnv: "HF_TOKEN", keyHosts: HUGGING_FACE };
    const address = endpointUrl === undefined ? {} : { baseUrl: endpointUrl };
    const reader = label === undefined ? null : await textReader(given, runtime);
    const determining = {
      hubProvider: hubProvider ?? null,
      label: label ?? null,
      reader: reader?.identity ?? null,
    };
    const seat = await openSeat({ ...given, ...address }, defaults, settings, runtime, determining, true);
    const { id, http, endpoint, identity } = seat;
    const { InferenceClient: Client } = await import("@huggingface/inference");
    const client = new Client(http.site.key ?? "", {
      retry_on_error: false,
      ...(endpointUrl !== undefined && { endpointUrl: http.site.baseUrl }),
    });
    const where = {
      model,
      ...(hubProvider !== undefined && { provider: hubProvider as InferenceProviderOrPolicy }),
    };
    const through = (work: Work, signal: AbortSignal) => throughClient(id, http, work, signal);

    const chatOver = (path: CallPath) =>
      chatModel({
        ...{ id, model, endpoint, path },
        options: { ...given, maxTokensField },
        complete: (body, signal) =>
          through((how) => client.chatCompletion({ ...body, ...where } as ChatArguments, how), signal),
      });
    const embed = embedder({
      ...{ id, endpoint, path: runtime.path, api: "feature-extraction", batch: given.embeddingBatch },
      body: (inputs) => ({ inputs }),
      post: (body, signal) =>
        through((how) => client.featureExtraction({ ...where, ...body } as EmbedArguments, how), signal),
      read: (json, texts) => readPooled(id, json, texts),
    });
    const ports: { -readonly [Port in keyof ModelPorts]?: ModelPorts[Port] } = {
      chat: chatOver(runtime.path),
      embed,
    };
    if (label !== undefined && reader !== null) {
      ports.reward = rewardModel({
        ...{ id, endpoint, path: runtime.path, api: "text-classification" },
        body: (messages, response) => ({
          inputs: reader.text(messages, response),
          parameters: { function_to_apply: "none", top_k: 1000 },
        }),
        post: (body, signal) =>
          through(
            (how) => client.textClassification({ ...where, ...body } as ClassifyArguments, how),
            signal,
          ),
        read: (json) => readLabels(id, json, label),
      });
    }
    return {
      ports,
      identity,
      probe: (context) => probeChat(chatOver(directPath(settings, runtime)), context),
      close: () => http.close(),
    };
  },
};

type ChatArguments = Parameters<InferenceClient["chatCompletion"]>[0];
type EmbedArguments = Parameters<InferenceClient["featureExtraction"]>[0];
type ClassifyArguments = Parameters<InferenceClient["textClassification"]>[0];
type Work = (how: { readonly fetch: typeof fetch; readonly signal: AbortSignal }) => Promise<unknown>;

/**
 * Lets the package make its requests over our own transport, and takes the JSON of the last POST rather than what the package
 * makes of it: it refuses replies that we can read, and its errors quote the whole request.
 */
async function throughClient(id: string, http: Http, work: Work, signal: AbortSignal): Promise<HttpReply> {
  let posted: HttpReply | null = null;
  let failure: CallFailure | null = null;
  const overOurs: typeof fetch = async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const method = init.method === "POST" ? "POST" : "GET";
    // Lookups go to the hub, whoever serves the model.
    const further = method === "POST" ? http.site.headers : {};
    const headers = { ...Object.fromEntries(new Headers(init.headers ?? {})), ...further };
    const body = typeof init.body === "string" ? init.body : null;
    try {
      const reply = await http.exchange({ method, url, headers, body, signal });
      if (method === "POST") posted = reply;
      return Response.json(reply.json);
    } catch (error) {
      failure = isCallFailure(error) ? error : failureOfTransport(id, error, signal);
      throw failure;
    }
  };
  try {
    await work({ fetch: overOurs, signal });
  } catch (error) {
    const reply: HttpReply | null = posted;
    if (failure === null && reply === null) throw refusal(id, error, http, signal);
  }
  if (failure !== null) throw failure;
  if (posted === null) throw new CallFailure("bad_request", `${id}: the package made no request`);
  return posted;
}

/** The package refused before it asked: no provider serves this model, or not for this task. */
function refusal(id: string, error: unknown, { site }: Http, signal: AbortSignal): CallFailure {
  if (signal.aborted) return failureOfTransport(id, error, signal);
  const said = error instanceof Error ? error.message : String(error);
  const secrets = site.key === null ? [] : [site.key];
  return new CallFailure("bad_request", `${id}: ${excerpt(said, { secrets, body: null })}`);
}

function readPooled(where: string, json: unknown, texts: number): number[][] {
  const vectors = itemsOf(json);
  if (vectors.length !== texts) {
    throw new CallFailure("bad_reply", `${where} sent ${vectors.length} vectors for ${texts} texts`);
  }
  return vectors.map((vector) => {
    if (Array.isArray(itemsOf(vector)[0])) {
      throw new CallFailure("bad_reply", `${where} sent a vector per token: name a model that pools them`);
    }
    return readVector(where, vector);
  });
}

function readLabels(where: string, json: unknown, label: string) {
  const first = itemsOf(json)[0];
  const entries = Array.isArray(first) ? (first as unknown[]) : itemsOf(json);
  const values = entries.map((entry) => {
    const { label: name, score } = fieldsOf(entry);
    if (typeof name !== "string")
      throw new CallFailure("bad_reply", `${where} sent a score without its label`);
    if (typeof score !== "number" || !Number.isFinite(score)) {
      throw new CallFailure("not_finite", `${where} sent ${JSON.stringify(score)} as a score`);
    }
    return { label: name, value: score };
  });
  const own = values.find((entry) => entry.label === label);
  if (own === undefined) {
    const names = values.map((entry) => entry.label.slice(0, 40)).slice(0, 10);
    throw new CallFailure(
      "bad_request",
      `${where} has no label ${label}; it has ${names.join(", ") || "none"}`,
    );
  }
  return { reply: { value: own.value, values }, usage: { promptTokens: null, outputTokens: 0 } };
}
