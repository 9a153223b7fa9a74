import { z } from "zod";
import { CallFailure, PrefkitError } from "../core/errors.ts";
import { messageRecord } from "../core/ids.ts";
import type { Json } from "../core/types.ts";
import type { Endpoint, Sent } from "./call-path.ts";
import { embeddedSource } from "./embedded.ts";
import { openModelFolder } from "./hub.ts";
import { generateReply } from "./local-generate.ts";
import { findModelFile, hashOf, type OnnxModel, type ScoredRow, selfTest, shareModel } from "./onnx-model.ts";
import { onnxRuntime } from "./onnx-runtime.ts";
import type { ChatModel, ChatReply, ChatRequest, LogprobModel } from "./ports.ts";
import type { Finding, ModelProvider } from "./provider.ts";
import { rowQueue } from "./row-queue.ts";
import { type TurnTokenizer, tokenizerOf } from "./tokenizer.ts";

const optionsSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe(
      'A folder with onnx/model.onnx and tokenizer.json, a hub id, or "embedded:strong" or "embedded:weak", the tiny pair that comes with prefkit.',
    ),
  revision: z.string().min(1).optional().describe("Branch, tag or commit of a hub repository. Default main."),
  dtype: z
    .enum(["fp32", "fp16", "q8", "q4"])
    .default("fp32")
    .describe("Which of the model's files. Log-density ratios subtract two close numbers: prefer fp32."),
  threads: z.int().min(1).max(256).optional().describe("Threads of the runtime. Default: one per core."),
  batch: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      "Most rows run at a time. With 1 a row's numbers cannot depend on what else is being scored, down to the last digit.",
    ),
  maxTokensPerBatch: z.int().min(1).default(4096).describe("Most tokens of a batch, padding included."),
});
export type LocalOptions = z.output<typeof optionsSchema>;

/**
 * A model in this process: ONNX on the CPU, from a folder, the hub, or the package itself.
 *
 * Calls go through the call path as paid ones do (computing is paid in time), so finished ones are in the cache. The weights
 * are loaded by the first call that the cache does not have; one copy per process. Batches above 1 are refused when a row
 * does not get the same log-probs in a padded batch (within 1e-4 nats) as alone.
 *
 * Errors of `open`: `missing_dependency`, `bad_option`, `unknown_name`, `io`, `endpoint_unfit`, `damaged_file`.
 */
export const provider: ModelProvider<LocalOptions> = {
  name: "local",
  summary: "A model in this process: ONNX on the CPU; embedded:strong and embedded:weak come with prefkit.",
  ports: ["logprobs", "chat"],
  isFree: true,
  options: optionsSchema,
  async open(options, settings, runtime) {
    const onnx = onnxRuntime();
    const folder = await openModelFolder(embeddedSource(options.model), {
      runtime,
      ...(options.revision === undefined ? {} : { revision: options.revision }),
    });
    const tokenizer = await tokenizerOf(folder, runtime.offline);
    const file = await findModelFile(folder, options.dtype);
    const hash = await hashOf(file);
    const identity: Json = {
      provider: "local",
      model: folder.commit === null ? null : folder.source,
      revision: folder.commit,
      sha256: hash,
      dtype: options.dtype,
      batch: options.batch,
      tokenizer: tokenizer.hash,
      template: tokenizer.templateHash,
    };
    let loading: Promise<OnnxModel> | undefined;
    const load = (): Promise<OnnxModel> => {
      loading ??= shareModel({ runtime: onnx, file, hash, threads: options.threads });
      return loading;
    };
    const queue = rowQueue(options, async (rows, distributions) =>
      (await load()).score(rows, { distributions }),
    );
    const close = async (): Promise<void> => {
      await (await loading)?.release();
    };
    if (options.batch > 1) {
      const difference = await selfTest(await load(), testRow(tokenizer));
      if (difference !== null) {
        await close();
        throw new PrefkitError(
          "endpoint_unfit",
          `models.${settings.name}: batch is ${options.batch}, but ${difference}.`,
          "leave batch at 1 for this model, or choose dtype fp32.",
        );
      }
    }
    const endpoint: Endpoint = { identity, limitKey: null, settings };
    const parts: Parts = { id: settings.name, tokenizer, endpoint, runtime, load, score: queue };
    return {
      ports: { logprobs: logprobModel(parts), chat: chatModel(parts) },
      identity,
      probe: () => probe(parts, options.batch),
      close,
    };
  },
};

interface Parts {
  readonly id: string;
  readonly tokenizer: TurnTokenizer;
  readonly endpoint: Endpoint;
  readonly runtime: Parameters<ModelProvider["open"]>[2];
  load(): Promise<OnnxModel>;
  score(row: readonly number[], distributions: boolean): Promise<ScoredRow>;
}

function logprobModel({ id, tokenizer, endpoint, runtime, score }: Parts): LogprobModel {
  return {
    id,
    specialTokens: tokenizer.specialTokens,
    templateHash: tokenizer.templateHash,
    contextLength: tokenizer.contextLength,
    givesDistributions: true,
    takesIds: true,
    render: tokenizer.render,
    locate: tokenizer.locate,
    tokenStarts: tokenizer.tokenStarts,
    async logprobs(_turn, { ids, start }, { signal, distributions = false }) {
      const limit = tokenizer.contextLength;
      if (limit !== null && ids.length > limit) {
        throw new CallFailure("too_long", `the turn has ${ids.length} tokens, and ${id} reads ${limit}`);
      }
      return await runtime.path.call(
        endpoint,
        {
          request: { kind: "logprobs", ids: [...ids], start, distributions },
          promptTokens: ids.length,
          maxOutputTokens: 0,
          async send(sendSignal): Promise<Sent<LogprobReply>> {
            throwIfStopped(sendSignal);
            const row = await score(ids, distributions);
            throwIfStopped(sendSignal);
            return {
              reply: replyOf(row, start, distributions),
              usage: { promptTokens: ids.length, outputTokens: 0 },
            };
          },
        },
        { signal },
      );
    },
  };
}

// A type, not an interface: only a type counts as JSON.
type LogprobReply = {
  readonly tokenLogprobs: readonly number[];
  readonly entropies?: readonly number[];
  readonly selfCertainties?: readonly number[];
};

function replyOf(row: ScoredRow, start: number, distributions: boolean): LogprobReply {
  // Entry i of a row belongs to token i + 1.
  const response = (values: readonly number[]): readonly number[] => values.slice(start - 1);
  return {
    tokenLogprobs: response(row.logprobs),
    ...(distributions
      ? { entropies: response(row.entropies), selfCertainties: response(row.selfCertainties) }
      : {}),
  };
}

function chatModel({ id, tokenizer, endpoint, runtime, load }: Parts): ChatModel {
  return {
    id,
    async generate(request, { signal }) {
      if (request.schema !== undefined) {
        throw new CallFailure("bad_request", `${id} runs in process and has no structured output`);
      }
      const { messages, tools } = request;
      const promptIds = tokenizer.promptIds(
        tokenizer.renderPrompt(messages, tools === undefined ? {} : { tools }),
      );
      const reply = await runtime.path.call<ChatJson>(
        endpoint,
        {
          request: chatKey(request),
          promptTokens: promptIds.length,
          maxOutputTokens: request.sampling.maxTokens,
          async send(sendSignal) {
            const made = await generateReply(
              { model: await load(), tokenizer, name: id },
              promptIds,
              request,
              sendSignal,
            );
            return { reply: made as ChatJson, usage: made.usage };
          },
        },
        { signal },
      );
      return reply;
    },
  };
}

/** A reply as plain JSON, which is what it is made of. */
type ChatJson = ChatReply & { readonly [key: string]: Json };

function chatKey({ messages, tools, sampling, sample = 0, topLogprobs }: ChatRequest): Json {
  const { temperature = 1, topP = 1, topK = 0, maxTokens, stop = [], seed = 0 } = sampling;
  return {
    kind: "chat",
    messages: messages.map(messageRecord),
    tools: tools ?? null,
    sampling: { temperature, topP, topK, maxTokens, stop: [...stop], seed },
    sample,
    topLogprobs: topLogprobs ?? null,
  };
}

function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new CallFailure("cancelled", "the run was stopped");
}

function testRow(tokenizer: TurnTokenizer): readonly number[] {
  const text =
    "The quick brown fox jumps over the lazy dog, and every row should read alike: alone or beside others.";
  return tokenizer.promptIds({ text, breaks: [] }).slice(0, tokenizer.contextLength ?? 64);
}

async function probe({ tokenizer, load }: Parts, batch: number): Promise<readonly Finding[]> {
  const model = await load();
  const row = testRow(tokenizer);
  const difference = await selfTest(model, row);
  const [first, again] = [
    await model.score([row], { distributions: false }),
    await model.score([row], { distributions: false }),
  ];
  const same = JSON.stringify(first) === JSON.stringify(again);
  const { contextLength, templateHash, addsBos, bosToken } = tokenizer;
  return [
    { check: "prompt_logprobs", verdict: "good", found: "log-probs of a given text, in process", fix: null },
    {
      check: "deterministic",
      verdict: same ? "good" : "warn",
      found: same ? "the same text twice gave the same digits" : "the same text twice gave other digits",
      fix: same ? null : "set threads to 1.",
    },
    {
      check: "batch_equal",
      verdict: difference === null ? "good" : batch > 1 ? "bad" : "warn",
      found: difference ?? "a row gets the same log-probs alone and in a padded batch",
      fix: difference === null ? null : "leave batch at 1.",
    },
    {
      check: "context",
      verdict: contextLength === null ? "warn" : "good",
      found: contextLength === null ? "config.json states no context length" : `${contextLength} tokens`,
      fix: contextLength === null ? "add max_position_embeddings to config.json." : null,
      value: contextLength,
    },
    {
      check: "template",
      verdict: templateHash === null ? "warn" : "good",
      found: templateHash === null ? "no chat template, as base models have none" : "has a chat template",
      fix:
        templateHash === null
          ? "render with another model's template, as log-density-ratio does by default."
          : null,
      value: templateHash,
    },
    {
      check: "bos",
      verdict: "good",
      found: addsBos ? `texts begin with ${bosToken ?? "BOS"}` : "no BOS token is added",
      fix: null,
      value: addsBos,
    },
  ];
}
