import type { Answer, Answering, Received } from "./http-server.ts";

/** Log-probs of a text by its token ids, one per id; the first is never read. What a model behind a server does. */
export type Scorer = (ids: readonly number[]) => readonly number[] | Promise<readonly number[]>;

/** How a server that takes text tokenizes it. */
export interface ServerTokenizer {
  encode(text: string): readonly number[];
  decode(ids: readonly number[]): string;
}

export interface ShapeOptions {
  readonly model: string;
  readonly score: Scorer;
  /** Needed by servers that take text, and for the texts in replies. */
  readonly tokenizer?: ServerTokenizer;
  readonly maxModelLength?: number;
  /** What a chat completion says. */
  readonly chat?: string;
}

/** A scorer whose numbers depend on each token and on all before it; in nats, a multiple of 1/64 so that JSON keeps it. */
export const hashScorer: Scorer = (ids) => {
  let state = 7;
  return ids.map((id) => {
    state = (state * 31 + id) % 65_537;
    return -((state % 640) + 1) / 64;
  });
};

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (value ?? {}) as Fields;

/** vLLM 0.26: POST /v1/completions with prompt_logprobs, GET /v1/models, POST /v1/chat/completions. */
export function vllmShape(options: ShapeOptions): Answering {
  return routes(options, {
    "/v1/completions": async (body) => {
      const ids = body.prompt as number[];
      const values = await options.score(ids);
      const prompt_logprobs = ids.map((id, position) => {
        if (position === 0) return null;
        const entry = { logprob: values[position], rank: 2, decoded_token: textOf(options, id) };
        // Some other token is likelier: the token itself is told by its key alone.
        return { [String(id + 1)]: { logprob: -0.001, rank: 1, decoded_token: "?" }, [String(id)]: entry };
      });
      return {
        id: "cmpl-1",
        object: "text_completion",
        model: body.model,
        choices: [{ index: 0, text: "x", logprobs: null, finish_reason: "length", prompt_logprobs }],
        usage: { prompt_tokens: ids.length, total_tokens: ids.length + 1, completion_tokens: 1 },
      };
    },
  });
}

/** SGLang: POST /generate with input_ids and logprob_start_len. */
export function sglangShape(options: ShapeOptions): Answering {
  return routes(options, {
    "/generate": async (body) => {
      const ids = body.input_ids as number[];
      const from = body.logprob_start_len as number;
      const values = await options.score(ids);
      const input_token_logprobs = ids
        .slice(from)
        .map((id, index) => [index === 0 ? null : values[from + index], id, null]);
      return {
        text: "x",
        output_ids: [5],
        meta_info: {
          id: "1",
          finish_reason: { type: "length", length: 1 },
          prompt_tokens: ids.length,
          completion_tokens: 1,
          cached_tokens: 0,
          input_token_logprobs,
          output_token_logprobs: [[-0.5, 5, null]],
        },
      };
    },
  });
}

/** Text Generation Inference: POST /generate with decoder_input_details, GET /info. */
export function tgiShape(options: ShapeOptions): Answering {
  return routes(options, {
    "/generate": async (body) => {
      const ids = tokenizerOf(options).encode(body.inputs as string);
      const values = await options.score(ids);
      return {
        generated_text: "x",
        details: {
          finish_reason: "length",
          generated_tokens: 1,
          seed: null,
          prefill: ids.map((id, index) => ({
            id,
            text: textOf(options, id),
            logprob: index === 0 ? null : values[index],
          })),
          tokens: [{ id: 5, text: "x", logprob: -0.5, special: false }],
        },
      };
    },
    "/info": () => ({ model_id: options.model, max_input_tokens: options.maxModelLength ?? 4095 }),
  });
}

/** Together: POST /v1/completions with echo; the prompt's tokens stand beside the choices. */
export function togetherShape(options: ShapeOptions): Answering {
  return routes(options, {
    "/v1/completions": async (body) => {
      const text = body.prompt as string;
      const ids = tokenizerOf(options).encode(text);
      return {
        id: "1",
        object: "text.completion",
        model: body.model,
        prompt: [{ text, logprobs: await legacyLogprobs(options, ids) }],
        choices: [
          { text: "x", finish_reason: "length", logprobs: { tokens: ["x"], token_logprobs: [-0.5] } },
        ],
        usage: { prompt_tokens: ids.length, completion_tokens: 1, total_tokens: ids.length + 1 },
      };
    },
  });
}

/** Fireworks: POST /v1/completions with echo and ids; the prompt's tokens stand in front of the one generated. */
export function fireworksShape(options: ShapeOptions): Answering {
  return routes(options, {
    "/v1/completions": async (body) => {
      const ids = body.prompt as number[];
      const logprobs = await legacyLogprobs(options, ids);
      return {
        id: "1",
        object: "text_completion",
        model: body.model,
        choices: [
          {
            index: 0,
            text: "x",
            finish_reason: "length",
            prompt_token_ids: ids,
            logprobs: {
              tokens: [...logprobs.tokens, "x"],
              token_logprobs: [...logprobs.token_logprobs, -0.5],
              token_ids: [...ids, 5],
            },
          },
        ],
        usage: { prompt_tokens: ids.length, completion_tokens: 1, total_tokens: ids.length + 1 },
      };
    },
  });
}

async function legacyLogprobs(options: ShapeOptions, ids: readonly number[]) {
  const values = await options.score(ids);
  return {
    tokens: ids.map((id) => textOf(options, id)),
    token_logprobs: values.map((value, index) => (index === 0 ? null : value)),
    token_ids: [...ids],
  };
}

/** A chat completion as OpenAI-compatible servers give it; `message` replaces fields of the assistant's turn. */
export function chatCompletion(
  text: string | null,
  change: { readonly message?: Fields; readonly choice?: Fields; readonly reply?: Fields } = {},
): Fields {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model: "small",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: text, ...change.message },
        finish_reason: "stop",
        ...change.choice,
      },
    ],
    usage: {
      prompt_tokens: 9,
      completion_tokens: 3,
      total_tokens: 12,
      prompt_tokens_details: { cached_tokens: 4 },
    },
    ...change.reply,
  };
}

type Route = (body: Fields, received: Received) => unknown;

function routes(options: ShapeOptions, own: Readonly<Record<string, Route>>): Answering {
  const all: Readonly<Record<string, Route>> = {
    "/v1/models": () => ({
      object: "list",
      data: [{ id: options.model, object: "model", max_model_len: options.maxModelLength ?? 4096 }],
    }),
    "/v1/chat/completions": (body) =>
      chatCompletion(options.chat ?? (body.response_format ? '{"answer":5}' : "1, 2, 3"), {
        reply: { model: body.model },
      }),
    ...own,
  };
  return async (received): Promise<Answer> => {
    const route = all[received.path];
    if (route === undefined) return { status: 404, json: { detail: `no route ${received.path}` } };
    return { json: await route(fields(received.body), received) };
  };
}

function tokenizerOf({ tokenizer }: ShapeOptions): ServerTokenizer {
  if (tokenizer === undefined) throw new Error("this shape needs a tokenizer");
  return tokenizer;
}

function textOf({ tokenizer }: ShapeOptions, id: number): string {
  return tokenizer?.decode([id]) ?? `#${id}`;
}
