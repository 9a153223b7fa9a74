import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { provider } from "../../src/models/reward-server.ts";
import {
  endpointSettings,
  modelRuntime,
  plainCallPath,
  rewardModelContract,
} from "../../src/testing/index.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "./fixtures/make-tokenizers.ts";
import { type Answering, startServer, type TestServer } from "./servers/http-server.ts";
import { failsAsServersDo, failureOf, KEY, SECRET_TEXT } from "./servers/transport-faults.ts";

const calm = { signal: new AbortController().signal };
const question = [{ role: "user" as const, content: "2 + 3?" }];
const TURNS = "<|im_start|>user\n2 + 3?<|im_end|>\n<|im_start|>assistant\n5<|im_end|>";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prefkit-reward-server-"));
  await writeTokenizer(join(folder, "chatml"), byteLevel({ template: TEMPLATES.chatml }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let server: TestServer;
let answering: Answering;
beforeEach(async () => {
  server = await startServer((received, index) => answering(received, index));
});
afterEach(() => server.close());

async function open(given: Record<string, unknown> = {}) {
  const path = plainCallPath();
  const options = provider.options.parse({ baseUrl: server.url, model: "rm", tokenizer: "chatml", ...given });
  const runtime = modelRuntime({ path, directory: folder });
  const handle = await provider.open(options, endpointSettings(), runtime);
  const { reward } = handle.ports;
  if (!reward) throw new Error("a reward server has one port");
  return { handle, reward, path };
}

const turns = [
  { role: "user", content: "2 + 3?" },
  { role: "assistant", content: "5" },
];

/** Each route's reply and request, in the shapes of vLLM 0.26 and of SGLang. */
const ROUTES = [
  {
    api: "classify",
    route: "/classify",
    reply: (value: unknown) => ({
      model: "rm",
      data: [{ index: 0, label: "LABEL_0", probs: [value], num_classes: 1 }],
      usage: { prompt_tokens: 9 },
    }),
    asked: { model: "rm", messages: turns, use_activation: false },
  },
  {
    api: "pooling",
    route: "/pooling",
    reply: (value: unknown) => ({
      data: [{ index: 0, object: "pooling", data: [value] }],
      usage: { prompt_tokens: 9 },
    }),
    asked: { model: "rm", messages: turns, encoding_format: "float" },
  },
  {
    api: "score",
    route: "/score",
    reply: (value: unknown) => ({
      data: [{ index: 0, object: "score", score: value }],
      usage: { prompt_tokens: 9 },
    }),
    asked: { model: "rm", text_1: "2 + 3?", text_2: "5", use_activation: false },
  },
  {
    api: "sglang-classify",
    route: "/classify",
    reply: (value: unknown) => [{ embedding: [value], meta_info: { prompt_tokens: 9 } }],
    asked: { model: "rm", text: TURNS },
  },
];

describe.each(ROUTES)("reward server by $api", ({ api, route, reply, asked }) => {
  beforeEach(() => {
    answering = () => ({ json: reply(-1.75) });
  });

  rewardModelContract(async () => (await open({ api })).reward);

  failsAsServersDo(async (url) => {
    const { reward } = await open({ api, baseUrl: url, key: KEY });
    return (signal) => reward.score([{ role: "user", content: SECRET_TEXT }], "an answer", { signal });
  });

  it("gives the raw value", async () => {
    const { reward, path } = await open({ api });
    expect(await reward.score(question, "5", calm)).toEqual({
      value: -1.75,
      values: [{ label: null, value: -1.75 }],
    });
    expect(server.received).toMatchObject([{ path: route, body: asked }]);
    expect(path.calls[0]?.sent?.usage).toEqual({ promptTokens: 9, outputTokens: 0 });
  });

  it("breaks control tokens of the response", async () => {
    await (await open({ api })).reward.score(question, "5<|im_end|>", calm);
    expect(JSON.stringify(server.received[0]?.body)).toContain("5< |im_end|>");
  });

  it.each([null, "1", undefined])("refuses a value that is %j", async (value) => {
    answering = () => ({ json: reply(value) });
    const failure = await failureOf((await open({ api })).reward.score(question, "5", calm));
    expect(["not_finite", "bad_reply"]).toContain(failure.code);
  });

  it("refuses a reply of another shape", async () => {
    answering = () => ({ json: { data: [] } });
    const failure = await failureOf((await open({ api })).reward.score(question, "5", calm));
    expect(failure.code).toBe("bad_reply");
  });

  it("looks at the endpoint for doctor", async () => {
    answering = ({ body }) => ({ json: reply(JSON.stringify(body).includes("Bananas") ? -4 : 2) });
    const findings = (await (await open({ api })).handle.probe?.(calm)) ?? [];
    expect(findings.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
      "reachable good",
      "deterministic good",
      "reward_differs good",
    ]);
  });
});

describe("reward server", () => {
  it("tells doctor of a model that likes everything alike", async () => {
    answering = () => ({ json: { data: [{ probs: [1] }] } });
    const findings = (await (await open()).handle.probe?.(calm)) ?? [];
    expect(findings.at(-1)).toMatchObject({ check: "reward_differs", verdict: "bad" });
  });

  it("asks which of several classes counts", async () => {
    answering = () => ({ json: { data: [{ label: "B", probs: [0.5, 3] }] } });
    const failure = await failureOf((await open()).reward.score(question, "5", calm));
    expect(failure).toMatchObject({ code: "bad_request", message: expect.stringContaining("index") });
    expect((await (await open({ index: 1 })).reward.score(question, "5", calm)).value).toBe(3);
    const outside = await failureOf((await open({ index: 2 })).reward.score(question, "5", calm));
    expect(outside.code).toBe("bad_request");
  });

  it("takes the last token's number where there is one per token, and keeps them all", async () => {
    answering = () => ({ json: { data: [{ data: [[0.25], [0.5], [-2]] }] } });
    const reply = await (await open({ api: "pooling" })).reward.score(question, "5", calm);
    expect(reply.value).toBe(-2);
    expect(reply.values.map(({ value }) => value)).toEqual([0.25, 0.5, -2]);
  });

  it("can send the text by our template in place of messages", async () => {
    answering = () => ({ json: { data: [{ probs: [1] }] } });
    await (await open({ input: "template" })).reward.score(question, "5", calm);
    expect(server.received[0]?.body).toEqual({
      model: "rm",
      input: TURNS,
      add_special_tokens: false,
      use_activation: false,
    });
  });
});
