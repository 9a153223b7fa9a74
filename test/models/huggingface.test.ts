import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { provider } from "../../src/models/huggingface.ts";
import {
  chatModelContract,
  embedderContract,
  endpointSettings,
  modelRuntime,
  plainCallPath,
  rewardModelContract,
} from "../../src/testing/index.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "./fixtures/make-tokenizers.ts";
import { type Answering, startServer, type TestServer } from "./servers/http-server.ts";
import { chatCompletion } from "./servers/shapes.ts";
import { failsAsServersDo, failureOf, KEY, SECRET_TEXT } from "./servers/transport-faults.ts";

const calm = { signal: new AbortController().signal };
const question = [{ role: "user" as const, content: "2 + 3?" }];
const hello = { messages: question, sampling: { maxTokens: 16, temperature: 0 } };

const inputs = () => (server.received[0]?.body as { inputs?: string } | undefined)?.inputs;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prefkit-huggingface-"));
  await writeTokenizer(join(folder, "chatml"), byteLevel({ template: TEMPLATES.chatml }));
  await writeTokenizer(join(folder, "bare"), byteLevel());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let server: TestServer;
let answering: Answering;
beforeEach(async () => {
  answering = () => ({ json: chatCompletion("5") });
  server = await startServer((received, index) => answering(received, index));
});
afterEach(() => server.close());

async function open(given: Record<string, unknown> = {}) {
  const path = plainCallPath();
  const options = provider.options.parse({ endpointUrl: server.url, model: "small", ...given });
  const runtime = modelRuntime({ path, directory: folder });
  const handle = await provider.open(options, endpointSettings(), runtime);
  const { chat, embed, reward } = handle.ports;
  if (!chat || !embed) throw new Error("huggingface has both ports");
  return { handle, chat, embed, reward, path };
}

describe("huggingface chat", () => {
  chatModelContract(async () => (await open()).chat);

  failsAsServersDo(async (url) => {
    const { chat } = await open({ endpointUrl: url, key: KEY });
    const messages = [{ role: "user" as const, content: SECRET_TEXT }];
    return (signal) => chat.generate({ ...hello, messages }, { signal });
  });

  it("asks the endpoint's chat route with model and messages", async () => {
    const { chat, path } = await open({ key: KEY });
    expect(await chat.generate(hello, calm)).toMatchObject({ text: "5", usage: { promptTokens: 9 } });
    expect(server.received).toMatchObject([
      {
        path: "/v1/chat/completions",
        headers: { authorization: `Bearer ${KEY}` },
        body: {
          model: "small",
          messages: [{ role: "user", content: "2 + 3?" }],
          max_tokens: 16,
          temperature: 0,
        },
      },
    ]);
    expect(JSON.stringify(path.calls)).not.toContain("sk-test");
  });

  it("reads a reply that the package refuses", async () => {
    const { usage: _, object: __, ...bare } = chatCompletion("5");
    answering = () => ({ json: bare });
    expect((await (await open()).chat.generate(hello, calm)).text).toBe("5");
  });
});

describe("huggingface embeddings", () => {
  const pooled: Answering = ({ body }) => ({
    json: (body as { inputs: string[] }).inputs.map((text) => [text.length, text.charCodeAt(0)]),
  });
  beforeEach(() => {
    answering = pooled;
  });

  embedderContract(async () => (await open()).embed);

  failsAsServersDo(async (url) => {
    const { embed } = await open({ endpointUrl: url, key: KEY });
    return (signal) => embed.embed([SECRET_TEXT], { signal });
  });

  it.each([
    [
      "a vector per token",
      [
        [
          [1, 2],
          [3, 4],
        ],
      ],
      "bad_reply",
    ],
    ["too many vectors", [[1], [2]], "bad_reply"],
    ["a null", [[null]], "not_finite"],
    ["an object", { embeddings: [] }, "bad_reply"],
  ])("refuses %s", async (_, json, code) => {
    answering = () => ({ json });
    expect(await failureOf((await open()).embed.embed(["a"], calm))).toMatchObject({ code });
  });
});

describe("huggingface reward models", () => {
  const labelled = (...scores: readonly (readonly [string, unknown])[]): Answering => {
    return () => ({ json: [scores.map(([label, score]) => ({ label, score }))] });
  };
  const given = { label: "good", tokenizer: "chatml" };
  beforeEach(() => {
    answering = labelled(["bad", -3.5], ["good", 2.25]);
  });
  const openReward = async (change: Record<string, unknown> = {}) => {
    const { reward } = await open({ ...given, ...change });
    if (!reward) throw new Error("a label makes a reward model");
    return reward;
  };

  rewardModelContract(() => openReward());

  failsAsServersDo(async (url) => {
    const reward = await openReward({ endpointUrl: url, key: KEY });
    return (signal) => reward.score([{ role: "user", content: SECRET_TEXT }], "an answer", { signal });
  });

  it("gives the raw score of the label, and all others beside it", async () => {
    expect(await (await openReward()).score(question, "5", calm)).toEqual({
      value: 2.25,
      values: [
        { label: "bad", value: -3.5 },
        { label: "good", value: 2.25 },
      ],
    });
    expect(server.received[0]?.body).toMatchObject({
      inputs: "<|im_start|>user\n2 + 3?<|im_end|>\n<|im_start|>assistant\n5<|im_end|>",
      parameters: { function_to_apply: "none" },
    });
  });

  it("breaks control tokens of the response", async () => {
    await (await openReward()).score(question, "5<|im_end|>", calm);
    expect(inputs()).toMatch(/assistant\n5< \|im_end\|><\|im_end\|>$/);
  });

  it("can let the model read the response alone", async () => {
    await (await openReward({ input: "response", tokenizer: undefined })).score(question, "5", calm);
    expect(inputs()).toBe("5");
  });

  it.each([
    ["no such label", labelled(["bad", 1]), "bad_request"],
    ["a null score", labelled(["good", null]), "not_finite"],
    ["a score without label", (() => ({ json: [[{ score: 1 }]] })) as Answering, "bad_reply"],
  ])("refuses a reply with %s", async (_, answer, code) => {
    answering = answer;
    expect(await failureOf((await openReward()).score(question, "5", calm))).toMatchObject({ code });
  });

  it("needs a chat template, or to read the response alone", async () => {
    await expect(openReward({ tokenizer: "bare" })).rejects.toMatchObject({ code: "bad_option" });
  });

  it("has no reward port without a label", async () => {
    expect((await open()).reward).toBeUndefined();
  });
});

describe("huggingface's options", () => {
  it("needs a key for the hub's router", async () => {
    const options = provider.options.parse({ model: "small" });
    await expect(provider.open(options, endpointSettings(), modelRuntime())).rejects.toMatchObject({
      code: "missing_key",
      message: expect.stringContaining("HF_TOKEN"),
    });
  });

  it("takes an endpoint or a provider, not both", () => {
    const both = { model: "small", endpointUrl: "http://localhost:1", hubProvider: "together" };
    expect(() => provider.options.parse(both)).toThrow(/give one of them/);
  });
});
