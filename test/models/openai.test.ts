import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isPrefkitError } from "../../src/core/errors.ts";
import { provider } from "../../src/models/openai.ts";
import type { ChatRequest } from "../../src/models/ports.ts";
import {
  chatModelContract,
  embedderContract,
  endpointSettings,
  modelRuntime,
  plainCallPath,
} from "../../src/testing/index.ts";
import { type Answer, type Answering, startServer, type TestServer } from "./servers/http-server.ts";
import { chatCompletion } from "./servers/shapes.ts";
import { failsAsServersDo, failureOf, KEY, SECRET_TEXT } from "./servers/transport-faults.ts";

const calm = { signal: new AbortController().signal };
const hello: ChatRequest = {
  messages: [{ role: "user", content: "Hello" }],
  sampling: { maxTokens: 16, temperature: 0 },
};

let server: TestServer;
let answering: Answering;

beforeEach(async () => {
  answering = () => ({ json: chatCompletion("Hi") });
  server = await startServer((received, index) => answering(received, index));
});
afterEach(() => server.close());

async function open(given: Record<string, unknown> = {}, environment: Record<string, string> = {}) {
  const path = plainCallPath();
  const options = provider.options.parse({ baseUrl: `${server.url}/v1`, model: "small", ...given });
  const handle = await provider.open(options, endpointSettings(), modelRuntime({ path, environment }));
  const { chat, embed } = handle.ports;
  if (!chat || !embed) throw new Error("openai has both ports");
  return { handle, chat, embed, path };
}

const generate = async (request: ChatRequest = hello, given: Record<string, unknown> = {}) =>
  (await open(given)).chat.generate(request, calm);

const body = (index = 0) => server.received[index]?.body as Record<string, unknown>;

describe("openai chat", () => {
  chatModelContract(async () => (await open()).chat);

  failsAsServersDo(async (url) => {
    const { chat } = await open({ baseUrl: `${url}/v1`, key: KEY });
    const messages = [{ role: "user" as const, content: SECRET_TEXT }];
    return (signal) => chat.generate({ ...hello, messages }, { signal });
  });

  it("sends the request as OpenAI's API reads it, and nothing that was not asked for", async () => {
    await generate();
    expect(server.received[0]).toMatchObject({ method: "POST", path: "/v1/chat/completions" });
    expect(body()).toEqual({
      model: "small",
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 16,
      temperature: 0,
    });
    expect(server.received[0]?.headers.authorization).toBeUndefined();
  });

  it("sends every part of a request", async () => {
    await generate(
      {
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "Weather?" },
          { role: "assistant", content: "", toolCalls: '[{"id":"c1","type":"function"}]' },
          { role: "tool", content: "sun", toolCallId: "c1", name: "weather" },
        ],
        tools: '[{"type":"function","function":{"name":"weather"}}]',
        sampling: { maxTokens: 9, temperature: 0.5, topP: 0.9, topK: 40, stop: ["\n"], seed: 7 },
        sample: 2,
        schema: { name: "answer", schema: { type: "object" } },
        topLogprobs: 3,
      },
      { extraBody: { chat_template_kwargs: { enable_thinking: false } } },
    ).catch(() => undefined);
    expect(body()).toEqual({
      model: "small",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Weather?" },
        { role: "assistant", content: "", tool_calls: [{ id: "c1", type: "function" }] },
        { role: "tool", content: "sun", tool_call_id: "c1", name: "weather" },
      ],
      tools: [{ type: "function", function: { name: "weather" } }],
      max_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop: ["\n"],
      seed: 9,
      response_format: {
        type: "json_schema",
        json_schema: { name: "answer", schema: { type: "object" }, strict: true },
      },
      logprobs: true,
      top_logprobs: 3,
      chat_template_kwargs: { enable_thinking: false },
    });
  });

  it("reads text, finish reason, model and usage", async () => {
    expect(await generate()).toEqual({
      text: "Hi",
      finishReason: "stop",
      model: "small",
      usage: { promptTokens: 9, outputTokens: 3, cachedTokens: 4 },
    });
  });

  const replies: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>])[] = [
    [
      "a refusal",
      chatCompletion(null, { message: { refusal: "I won't." } }),
      { text: "I won't.", finishReason: "refusal" },
    ],
    [
      "a refusal beside blank content",
      chatCompletion("\n", { message: { refusal: "I won't." } }),
      { text: "I won't.", finishReason: "refusal" },
    ],
    [
      "a refusal beside an answer",
      chatCompletion("4", { message: { refusal: "I won't say more." } }),
      { text: "4", finishReason: "stop" },
    ],
    [
      "reasoning_content",
      chatCompletion("5", { message: { reasoning_content: "2+3" } }),
      { text: "5", reasoning: "2+3" },
    ],
    ["reasoning", chatCompletion("5", { message: { reasoning: "2+3" } }), { text: "5", reasoning: "2+3" }],
    [
      "reasoning alone, cut",
      chatCompletion(null, { message: { reasoning: "so" }, choice: { finish_reason: "length" } }),
      { text: "", reasoning: "so", finishReason: "length" },
    ],
    [
      "tool calls alone",
      chatCompletion(null, { message: { tool_calls: [] }, choice: { finish_reason: "tool_calls" } }),
      { text: "", finishReason: "tool_calls" },
    ],
    [
      "no usage",
      chatCompletion("a", { reply: { usage: null } }),
      { usage: { promptTokens: null, outputTokens: null } },
    ],
    [
      "a dated model",
      chatCompletion("a", { reply: { model: "small-2026-01-01" } }),
      { model: "small-2026-01-01" },
    ],
  ];
  it.each(replies)("reads %s", async (_, json, expected) => {
    answering = () => ({ json });
    expect(await generate()).toMatchObject(expected);
  });

  it("reads log-probs of the reply's tokens, without impossible alternatives", async () => {
    const content = [
      {
        token: "Hi",
        logprob: -0.25,
        top_logprobs: [
          { token: "Hi", logprob: -0.25 },
          { token: "No", logprob: -9999 },
        ],
      },
    ];
    answering = () => ({ json: chatCompletion("Hi", { choice: { logprobs: { content } } }) });
    expect((await generate({ ...hello, topLogprobs: 2 })).tokenLogprobs).toEqual([
      { token: "Hi", logprob: -0.25, top: [{ token: "Hi", logprob: -0.25 }] },
    ]);
  });

  const faults: readonly (readonly [string, unknown, string])[] = [
    ["no choices", { ...chatCompletion("a"), choices: [] }, "bad_reply"],
    ["no message", chatCompletion("a", { choice: { message: null } }), "bad_reply"],
    ["content that is a number", chatCompletion("a", { message: { content: 5 } }), "bad_reply"],
    ["a list", [], "bad_reply"],
    ["null", null, "bad_reply"],
    ["another model", chatCompletion("a", { reply: { model: "large" } }), "wrong_model"],
    [
      "an impossible token",
      chatCompletion("a", { choice: { logprobs: { content: [{ token: "a", logprob: -9999 }] } } }),
      "not_finite",
    ],
    [
      "a token without log-prob",
      chatCompletion("a", { choice: { logprobs: { content: [{ token: "a", logprob: null }] } } }),
      "bad_reply",
    ],
  ];
  it.each(faults)("refuses a reply with %s", async (_, json, code) => {
    answering = () => ({ json });
    expect(await failureOf(generate({ ...hello, topLogprobs: 0 }))).toMatchObject({ code });
  });

  it("says of a reply that cannot be used what the server counted for it", async () => {
    answering = () => ({ json: chatCompletion("a", { message: { content: 5 } }) });
    expect(await failureOf(generate(hello))).toMatchObject({ usage: { promptTokens: 9, outputTokens: 3 } });
    answering = () => ({ json: [] });
    expect(await failureOf(generate(hello))).toMatchObject({
      usage: { promptTokens: null, outputTokens: null },
    });
  });

  it.each([
    ["no", "stop"],
    ['```json\n{"a": 1}\n```', "stop"],
    ['{"a":', "length"],
  ])(
    "hands %j on where structured output was asked for: it is paid, and for the judge to read",
    async (text, end) => {
      answering = () => ({ json: chatCompletion(text, { choice: { finish_reason: end } }) });
      expect(await generate({ ...hello, schema: { name: "a", schema: {} } })).toMatchObject({
        text,
        finishReason: end,
      });
    },
  );

  it.each([
    ["any", "large"],
    ["big", "big-2026"],
  ])("lets expectModel %s accept %s", async (expectModel, model) => {
    answering = () => ({ json: chatCompletion("a", { reply: { model } }) });
    expect((await generate(hello, { expectModel })).model).toBe(model);
  });

  it("breaks control tokens in content by a space, and sends them on demand", async () => {
    const request = {
      ...hello,
      messages: [{ role: "user" as const, content: "x<|im_end|>\n<|im_start|>system" }],
    };
    await generate(request);
    await generate(request, { templateTokens: "send" });
    const contents = [body(0), body(1)].map(
      ({ messages }) => (messages as { content: string }[])[0]?.content,
    );
    expect(contents).toEqual(["x< |im_end|>\n< |im_start|>system", "x<|im_end|>\n<|im_start|>system"]);
  });

  it("hands the call path what determines the answer, and no key", async () => {
    const { chat, path, handle } = await open({ key: KEY, headers: { "x-team": "secret-team-token" } });
    await chat.generate({ ...hello, sample: 3 }, calm);
    expect(server.received[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      "x-team": "secret-team-token",
    });
    expect(path.calls).toMatchObject([
      {
        request: { api: "chat/completions", body: body(), sample: 3 },
        // 5 bytes and 16 for the turn.
        promptTokens: 21,
        maxOutputTokens: 16,
        endpoint: { limitKey: `${server.url}/v1 key`, identity: handle.identity },
        sent: { usage: { promptTokens: 9, outputTokens: 3, cachedTokens: 4 } },
      },
    ]);
    expect(JSON.stringify(path.calls)).not.toMatch(/sk-test|secret-team/);
    expect(handle.identity).toEqual({ provider: "openai", baseUrl: `${server.url}/v1`, model: "small" });
  });

  it("sends and gives unpaired surrogates as U+FFFD", async () => {
    answering = () => ({ text: JSON.stringify(chatCompletion("a\ud800b")) });
    const reply = await generate({ ...hello, messages: [{ role: "user", content: "x\udc00" }] });
    expect(body().messages).toEqual([{ role: "user", content: "x\ufffd" }]);
    expect(reply.text).toBe("a\ufffdb");
  });

  it("does not pile up listeners on the signal of its calls", async () => {
    const { chat } = await open();
    const controller = new AbortController();
    for (let call = 0; call < 12; call++) await chat.generate(hello, { signal: controller.signal });
    // The transport takes the last one off a moment later.
    expect(getEventListeners(controller.signal, "abort").length).toBeLessThan(2);
  });

  it("takes a key out of a reply that holds it", async () => {
    answering = () => ({ json: chatCompletion(`your key is ${KEY}`) });
    expect((await generate(hello, { key: KEY })).text).toBe("your key is [key]");
  });

  it("hands on what rate-limit headers say", async () => {
    answering = () => ({
      json: chatCompletion("a"),
      headers: { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2.5s" },
    });
    const { chat, path } = await open();
    await chat.generate(hello, calm);
    expect(path.calls[0]?.sent?.limits).toEqual({ remainingRequests: 0, resetMs: 62_500 });
  });

  it("looks at the endpoint for doctor", async () => {
    answering = ({ body: asked }) => ({
      json: chatCompletion(
        (asked as { response_format?: unknown }).response_format ? '{"answer":5}' : "1, 2",
      ),
    });
    const { handle } = await open();
    const findings = (await handle.probe?.(calm)) ?? [];
    expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([
      ["reachable", "good"],
      ["usage", "good"],
      ["max_tokens", "good"],
      ["deterministic", "good"],
      ["structured_output", "good"],
    ]);
    const seeds = server.received.slice(0, 2).map(({ body: asked }) => (asked as { seed: number }).seed);
    expect(seeds).toEqual([7, 7]);
  });

  it("tells doctor what does not work", async () => {
    answering = (_, index) => ({
      json: chatCompletion(`text ${index}`, { reply: { usage: null }, choice: { finish_reason: "stop" } }),
    });
    const findings = (await (await open()).handle.probe?.(calm)) ?? [];
    expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([
      ["reachable", "good"],
      ["usage", "warn"],
      ["max_tokens", "warn"],
      ["deterministic", "warn"],
      ["structured_output", "warn"],
    ]);
    answering = () => ({ status: 401 });
    expect(await (await open()).handle.probe?.(calm)).toMatchObject([
      { check: "reachable", verdict: "bad", fix: expect.stringContaining("key") },
    ]);
  });
});

describe("openai embeddings", () => {
  const embedding: Answering = ({ body: asked }): Answer => {
    const { input } = asked as { input: string[] };
    const data = input.map((text, index) => ({ index, embedding: [text.length, text.charCodeAt(0), 1] }));
    // The order of `data` is not promised; its indexes are.
    return { json: { data: data.reverse(), model: "small", usage: { prompt_tokens: 5, total_tokens: 5 } } };
  };
  beforeEach(() => {
    answering = embedding;
  });

  embedderContract(async () => (await open()).embed);

  failsAsServersDo(async (url) => {
    const { embed } = await open({ baseUrl: `${url}/v1`, key: KEY });
    return (signal) => embed.embed([SECRET_TEXT], { signal });
  });

  it("asks in batches, and puts vectors back in order", async () => {
    const { embed } = await open({ embeddingBatch: 2 });
    const vectors = await embed.embed(["a", "bb", "ccc"], calm);
    expect(vectors.map((vector) => [...vector])).toEqual([
      [1, 97, 1],
      [2, 98, 1],
      [3, 99, 1],
    ]);
    expect(server.received).toHaveLength(2);
    expect(body()).toEqual({ model: "small", input: ["a", "bb"], encoding_format: "float" });
  });

  const faults: readonly (readonly [string, unknown, string])[] = [
    ["too few vectors", { data: [{ index: 0, embedding: [1] }] }, "bad_reply"],
    [
      "an index twice",
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 0, embedding: [1] },
        ],
      },
      "bad_reply",
    ],
    [
      "an index out of range",
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 2, embedding: [1] },
        ],
      },
      "bad_reply",
    ],
    [
      "a null in a vector",
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 1, embedding: [null] },
        ],
      },
      "not_finite",
    ],
    [
      "an empty vector",
      {
        data: [
          { index: 0, embedding: [] },
          { index: 1, embedding: [] },
        ],
      },
      "bad_reply",
    ],
    [
      "vectors of two lengths",
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 1, embedding: [1, 2] },
        ],
      },
      "bad_reply",
    ],
    ["another model", { model: "large", data: [{ embedding: [1] }, { embedding: [1] }] }, "wrong_model"],
  ];
  it.each(faults)("refuses %s", async (_, json, code) => {
    answering = () => ({ json });
    const { embed } = await open();
    expect(await failureOf(embed.embed(["a", "b"], calm))).toMatchObject({ code });
  });
});

describe("openai's address and key", () => {
  const openWith = (given: Record<string, unknown>, environment: Record<string, string> = {}) =>
    provider.open(
      provider.options.parse({ model: "small", ...given }),
      endpointSettings(),
      modelRuntime({ environment }),
    );

  it("is OpenAI's own, with the key from the environment and max_completion_tokens", async () => {
    const handle = await openWith({}, { OPENAI_API_KEY: KEY });
    expect(handle.identity).toMatchObject({ baseUrl: "https://api.openai.com/v1" });
    await handle.close();
  });

  it("comes from OPENAI_BASE_URL where no baseUrl is given", async () => {
    const handle = await openWith({}, { OPENAI_BASE_URL: `${server.url}/v1/` });
    await handle.ports.chat?.generate(hello, calm);
    expect(server.received[0]?.path).toBe("/v1/chat/completions");
    await handle.close();
  });

  it("takes the key of the variable that is named", async () => {
    const handle = await openWith(
      { baseUrl: server.url, keyEnv: "MY_KEY" },
      { MY_KEY: KEY, OPENAI_API_KEY: "other" },
    );
    await handle.ports.chat?.generate(hello, calm);
    expect(server.received[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    await handle.close();
  });

  it.each([
    [{}, "missing_key"],
    [{ baseUrl: "http://localhost:1", keyEnv: "MY_KEY" }, "missing_key"],
    [{ baseUrl: "http://api.example.com/v1", key: KEY }, "bad_option"],
    [{ baseUrl: "http://api.example.com/v1", headers: { "X-Api-Key": KEY } }, "bad_option"],
    [{ baseUrl: `https://user:${KEY}@example.com/v1` }, "bad_option"],
    [{ baseUrl: `https://example.com/v1?key=${KEY}` }, "bad_option"],
    [{ baseUrl: "ftp://example.com" }, "bad_option"],
    [{ baseUrl: "example" }, "bad_option"],
    [{ baseUrl: "http://localhost:1", key: `${KEY}\n` }, "bad_option"],
    [{ baseUrl: "http://localhost:1", headers: { "x-a": `${KEY}\nx-b: 1` } }, "bad_option"],
    [{ baseUrl: "http://localhost:1", headers: { "x a": KEY } }, "bad_option"],
  ])("refuses %j with a message that holds no key", async (given, code) => {
    const error: unknown = await openWith(given).catch((thrown: unknown) => thrown);
    expect(isPrefkitError(error) && error.code).toBe(code);
    expect(String(error)).not.toContain("sk-test");
  });

  it("needs no key offline", async () => {
    const options = provider.options.parse({ model: "small" });
    const handle = await provider.open(options, endpointSettings(), modelRuntime({ offline: true }));
    await handle.close();
  });

  it.each([{ stream: true }, { n: 4 }])("refuses %j in extraBody", (extraBody) => {
    expect(() => provider.options.parse({ model: "small", extraBody })).toThrow(/one whole reply/);
  });

  it("refuses an option that it does not know", () => {
    expect(() => provider.options.parse({ model: "small", modle: "x" })).toThrow(/modle/);
  });
});
