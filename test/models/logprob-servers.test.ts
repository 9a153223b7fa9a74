import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { providers } from "../../src/models/index.ts";
import type { LocatedTurn, LogprobModel, RenderedTurn } from "../../src/models/ports.ts";
import { loadTokenizer, type TurnTokenizer } from "../../src/models/tokenizer.ts";
import {
  chatModelContract,
  endpointSettings,
  logprobModelContract,
  modelRuntime,
  plainCallPath,
} from "../../src/testing/index.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "./fixtures/make-tokenizers.ts";
import { type Answering, startServer, type TestServer } from "./servers/http-server.ts";
import {
  fireworksShape,
  hashScorer,
  type ShapeOptions,
  sglangShape,
  tgiShape,
  togetherShape,
  vllmShape,
} from "./servers/shapes.ts";
import { failsAsServersDo, failureOf, KEY, SECRET_TEXT } from "./servers/transport-faults.ts";

const calm = { signal: new AbortController().signal };
const question = [{ role: "user" as const, content: "Name the answer." }];

const SERVERS = [
  { name: "vllm", shape: vllmShape, takesIds: true },
  { name: "sglang", shape: sglangShape, takesIds: true },
  { name: "tgi", shape: tgiShape, takesIds: false },
  { name: "together", shape: togetherShape, takesIds: false },
  { name: "fireworks", shape: fireworksShape, takesIds: true },
] as const;

let folder: string;
let tokenizer: TurnTokenizer;
/** The same with a BOS token that tokenizer and template both put in front. */
let withBos: TurnTokenizer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prefkit-logprob-servers-"));
  const config = { "config.json": { max_position_embeddings: 4096 } };
  await writeTokenizer(join(folder, "plain"), byteLevel({ template: TEMPLATES.chatml, files: config }));
  await writeTokenizer(join(folder, "completion"), byteLevel({ template: TEMPLATES.completion }));
  await writeTokenizer(join(folder, "bos"), byteLevel({ template: TEMPLATES.bracketed, bos: true }));
  const runtime = modelRuntime({ directory: folder, offline: true });
  tokenizer = await loadTokenizer("plain", { runtime });
  withBos = await loadTokenizer("bos", { runtime });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let server: TestServer;
let answering: Answering;
beforeEach(async () => {
  server = await startServer((received, index) => answering(received, index));
});
afterEach(() => server.close());

async function open(name: string, given: Record<string, unknown> = {}) {
  const provider = providers[name];
  if (provider === undefined) throw new Error(`no provider ${name}`);
  const path = plainCallPath();
  const options = provider.options.parse({ baseUrl: server.url, model: "plain", ...given });
  const handle = await provider.open(options, endpointSettings(), modelRuntime({ path, directory: folder }));
  const { logprobs, chat } = handle.ports;
  if (!logprobs || !chat) throw new Error(`${name} has both ports`);
  return { handle, logprobs, chat, path };
}

function turnOf(model: LogprobModel, response: string): { turn: RenderedTurn; located: LocatedTurn } {
  const turn = model.render(question, response, { countEnd: true });
  const located = model.locate(turn, "whole") ?? model.locate(turn, "joined");
  if (located === null) throw new Error("joined is never null");
  return { turn, located };
}

const shapeOptions = (change: Partial<ShapeOptions> = {}): ShapeOptions => ({
  model: "plain",
  score: hashScorer,
  tokenizer: { encode: (text) => tokenizer.encode(text), decode: (ids) => tokenizer.decode(ids) },
  ...change,
});

describe.each(SERVERS)("$name", ({ name, shape, takesIds }) => {
  beforeEach(() => {
    answering = shape(shapeOptions());
  });

  if (takesIds) logprobModelContract(async () => (await open(name)).logprobs);
  chatModelContract(async () => (await open(name)).chat);

  failsAsServersDo(async (url) => {
    const { logprobs } = await open(name, { baseUrl: url, key: KEY });
    const turn = logprobs.render([{ role: "user", content: SECRET_TEXT }], "an answer", { countEnd: true });
    const located = logprobs.locate(turn, "whole");
    if (located === null) throw new Error("this turn can be told exactly");
    return (signal) => logprobs.logprobs(turn, located, { signal });
  });

  it("gives the log-probs of exactly the response's tokens and its end", async () => {
    const { logprobs, path } = await open(name);
    const { turn, located } = turnOf(logprobs, "the answer is 18");
    const { tokenLogprobs } = await logprobs.logprobs(turn, located, calm);
    const all = await hashScorer(located.ids);
    expect(tokenLogprobs).toEqual(all.slice(located.start));
    expect(tokenizer.decode(located.ids.slice(located.start))).toBe("the answer is 18<|im_end|>");
    expect(path.calls[0]).toMatchObject({ promptTokens: located.ids.length, maxOutputTokens: 1 });
  });

  it("takes an address with /v1 at its end too", async () => {
    const { logprobs } = await open(name, { baseUrl: `${server.url}/v1/` });
    const { turn, located } = turnOf(logprobs, "18");
    expect((await logprobs.logprobs(turn, located, calm)).tokenLogprobs).toHaveLength(3);
  });

  it("names tokenizer and template in its identity, and no key", async () => {
    const { handle } = await open(name, { key: KEY });
    expect(handle.identity).toEqual({
      provider: name,
      baseUrl: server.url,
      model: "plain",
      tokenizer: tokenizer.hash,
      template: tokenizer.templateHash,
      revision: null,
    });
  });

  it("lets no response end its turn early", async () => {
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "18<|im_end|>\n<|im_start|>user\nmore");
    if (takesIds) {
      await logprobs.logprobs(turn, located, calm);
      const asked = server.received[0]?.body as { prompt?: number[]; input_ids?: number[] };
      const sent = asked.prompt ?? asked.input_ids ?? [];
      const specials = [tokenizer.idOf("<|im_start|>"), tokenizer.idOf("<|im_end|>")];
      expect(sent.slice(located.start, -1).some((id) => specials.includes(id))).toBe(false);
      expect(sent.at(-1)).toBe(tokenizer.idOf("<|im_end|>"));
    } else {
      const failure = await failureOf(logprobs.logprobs(turn, located, calm));
      expect(failure.code).toBe("span_impossible");
      expect(server.received).toEqual([]);
    }
  });

  it(`${takesIds ? "sends" : "refuses"} a turn whose prompt and response are tokenized apart`, async () => {
    const { logprobs } = await open(name, { tokenizer: "completion" });
    expect(logprobs.takesIds).toBe(takesIds);
    // The prompt ends in a space that merges with "the": ids of prompt and response are joined.
    const { turn, located } = turnOf(logprobs, "the answer");
    expect(located.rule).toBe("joined");
    if (takesIds) {
      const { tokenLogprobs } = await logprobs.logprobs(turn, located, calm);
      expect(tokenLogprobs).toEqual((await hashScorer(located.ids)).slice(located.start));
    } else {
      expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({ code: "span_merged" });
    }
  });

  it("refuses a turn longer than the context before it asks", async () => {
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "x".repeat(5000));
    expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({ code: "too_long" });
    expect(server.received).toEqual([]);
  });

  it("has no distributions", async () => {
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "18");
    const asked = logprobs.logprobs(turn, located, { ...calm, distributions: true });
    expect(await failureOf(asked)).toMatchObject({ code: "no_logprobs" });
  });

  it.each([
    ["impossible", -9999, "not_finite"],
    ["below impossible", -1e30, "not_finite"],
    ["null", null, "not_finite"],
    ["a text", "-1", "not_finite"],
    ["above 0", 0.5, "not_finite"],
  ])("refuses a log-prob that is %s", async (_, value, code) => {
    answering = shape(
      shapeOptions({
        score: (ids) => ids.map((_id, at) => (at === ids.length - 2 ? value : -1)) as number[],
      }),
    );
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "18");
    expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({ code });
  });

  it("takes rounding above 0 for 0", async () => {
    answering = shape(shapeOptions({ score: (ids) => ids.map(() => 1e-7) }));
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "18");
    expect((await logprobs.logprobs(turn, located, calm)).tokenLogprobs).toEqual([0, 0, 0]);
  });

  it("counts other tokens: tokens_differ", async () => {
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "18");
    const base = shape(
      shapeOptions({ tokenizer: { encode: (text) => [...tokenizer.encode(text), 9], decode: () => "?" } }),
    );
    // A server of ids counts one more of them when it puts a BOS in front.
    answering = (received, index) => {
      const body = received.body as { prompt?: unknown; input_ids?: unknown };
      const longer = (ids: unknown) => (Array.isArray(ids) ? [3, ...(ids as number[])] : ids);
      return base(
        { ...received, body: { ...body, prompt: longer(body.prompt), input_ids: longer(body.input_ids) } },
        index,
      );
    };
    if (name === "fireworks") expect(located.ids.length).toBeGreaterThan(3);
    expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({ code: "tokens_differ" });
  });

  it.skipIf(name === "sglang" || name === "tgi")("answers for another model: wrong_model", async () => {
    const base = shape(shapeOptions());
    answering = async (received, index) => {
      const answer = (await base(received, index)) as { json: Record<string, unknown> };
      return { json: { ...answer.json, model: "large" } };
    };
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "18");
    expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({ code: "wrong_model" });
    const tolerant = (await open(name, { expectModel: "large" })).logprobs;
    expect((await tolerant.logprobs(turn, located, calm)).tokenLogprobs).toHaveLength(3);
  });

  it("tells doctor of a server that scores and does not chat, as a warning", async () => {
    const base = shape(shapeOptions());
    answering = (received, index) =>
      received.path === "/v1/chat/completions"
        ? { status: 400, json: { message: "no chat template" } }
        : base(received, index);
    const findings = (await (await open(name)).handle.probe?.(calm)) ?? [];
    expect(findings.at(-1)).toMatchObject({ check: "chat_reachable", verdict: "warn" });
    expect(findings.filter(({ verdict }) => verdict === "bad")).toEqual([]);
  });

  it("ignores what it was asked for: no_logprobs", async () => {
    const { logprobs } = await open(name);
    const { turn, located } = turnOf(logprobs, "18");
    const generatedAlone = { tokens: ["x"], token_logprobs: [-0.5], token_ids: [5] };
    answering = () => ({
      json: {
        model: "plain",
        choices: [{ text: "x", logprobs: generatedAlone }],
        meta_info: { prompt_tokens: 5 },
        details: { prefill: [] },
      },
    });
    expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({
      code: "no_logprobs",
      message: expect.stringContaining("vLLM, SGLang, TGI, Together, Fireworks"),
    });
  });

  it("looks at the endpoint for doctor", async () => {
    const { handle } = await open(name);
    const findings = (await handle.probe?.(calm)) ?? [];
    expect(findings.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
      "reachable good",
      "prompt_logprobs good",
      "bos good",
      "deterministic good",
      "batch_equal good",
      name === "tgi" ? "context warn" : "context good",
      "template good",
      "chat_reachable good",
      "chat_usage good",
      "chat_max_tokens good",
      "chat_deterministic good",
      "chat_structured_output good",
    ]);
  });

  it("tells doctor of numbers that change from call to call", async () => {
    let calls = 0;
    answering = shape(shapeOptions({ score: (ids) => ids.map(() => -1 - calls++ / 64) }));
    const { handle } = await open(name);
    const findings = (await handle.probe?.(calm)) ?? [];
    expect(
      findings.filter(({ check }) => check === "deterministic" || check === "batch_equal"),
    ).toMatchObject([
      { verdict: "bad", fix: expect.stringContaining("prefix caching"), value: false },
      { verdict: "bad" },
    ]);
  });

  it("tells doctor of a server that gives no log-probs", async () => {
    answering = () => ({ json: { model: "plain", choices: [{ text: "x" }], meta_info: {}, details: {} } });
    const { handle } = await open(name);
    const findings = (await handle.probe?.(calm)) ?? [];
    expect(findings[1]).toMatchObject({
      check: "prompt_logprobs",
      verdict: "bad",
      fix: expect.stringContaining("vLLM"),
    });
  });
});

describe("servers that take text", () => {
  const texts = SERVERS.filter(({ takesIds }) => !takesIds);

  it.each(texts)(
    "$name: a server that adds the BOS token gets a text without it",
    async ({ name, shape }) => {
      const bos = withBos.idOf("<|begin|>") ?? -1;
      answering = shape(
        shapeOptions({
          tokenizer: {
            encode: (text) => [bos, ...withBos.encode(text)],
            decode: (ids) => withBos.decode(ids),
          },
        }),
      );
      const { logprobs } = await open(name, { tokenizer: "bos" });
      const { turn, located } = turnOf(logprobs, "18");
      expect(turn.text.startsWith("<|begin|>")).toBe(true);
      const { tokenLogprobs } = await logprobs.logprobs(turn, located, calm);
      expect(tokenLogprobs).toEqual((await hashScorer(located.ids)).slice(located.start));
      const [received] = server.received;
      const { inputs, prompt } = (received?.body ?? {}) as { inputs?: string; prompt?: string };
      expect(inputs ?? prompt).toBe(turn.text.slice("<|begin|>".length));
    },
  );

  it.each(texts)(
    "$name: a reply with other ids of the same number is tokens_differ",
    async ({ name, shape }) => {
      answering = shape(
        shapeOptions({
          tokenizer: { encode: (text) => tokenizer.encode(text).map((id) => id + 1), decode: () => "?" },
        }),
      );
      const { logprobs } = await open(name);
      const { turn, located } = turnOf(logprobs, "18");
      expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({
        code: "tokens_differ",
      });
    },
  );

  it("together: tokens without ids cannot be compared", async () => {
    answering = ({ body }) => ({
      json: {
        model: "plain",
        prompt: [
          { text: (body as { prompt: string }).prompt, logprobs: { tokens: ["a"], token_logprobs: [null] } },
        ],
      },
    });
    const { logprobs } = await open("together");
    const { turn, located } = turnOf(logprobs, "18");
    expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({ code: "tokens_differ" });
  });
});

describe("vllm", () => {
  const fixed =
    (prompt_logprobs: unknown): Answering =>
    () => ({
      json: { model: "plain", choices: [{ text: "x", prompt_logprobs }] },
    });

  it("reads the entry of the token that stands there, not the likeliest", async () => {
    const { logprobs } = await open("vllm");
    const { turn, located } = turnOf(logprobs, "18");
    answering = fixed(
      located.ids.map((id, at) =>
        at === 0 ? null : { 999: { logprob: -0.1, rank: 1 }, [String(id)]: { logprob: -at, rank: 2 } },
      ),
    );
    const { start } = located;
    expect((await logprobs.logprobs(turn, located, calm)).tokenLogprobs).toEqual([
      -start,
      -start - 1,
      -start - 2,
    ]);
  });

  it("refuses an entry without the token: tokens_differ", async () => {
    const { logprobs } = await open("vllm");
    const { turn, located } = turnOf(logprobs, "18");
    answering = fixed(located.ids.map((_, at) => (at === 0 ? null : { 999: { logprob: -0.1 } })));
    expect(await failureOf(logprobs.logprobs(turn, located, calm))).toMatchObject({ code: "tokens_differ" });
  });

  it("sends the options' further fields with scoring requests", async () => {
    answering = vllmShape(shapeOptions());
    const { logprobs } = await open("vllm", { scoreBody: { cache_salt: "s" } });
    const { turn, located } = turnOf(logprobs, "18");
    await logprobs.logprobs(turn, located, calm);
    expect(server.received[0]?.body).toEqual({
      model: "plain",
      prompt: located.ids,
      prompt_logprobs: 0,
      max_tokens: 1,
      temperature: 0,
      cache_salt: "s",
    });
  });

  it("tells doctor of a server with a shorter context, and of a model that is not listed", async () => {
    answering = vllmShape(shapeOptions({ maxModelLength: 512 }));
    const context = async () =>
      ((await (await open("vllm")).handle.probe?.(calm)) ?? []).find(({ check }) => check === "context");
    expect(await context()).toMatchObject({ verdict: "warn", value: 512 });
    answering = vllmShape(shapeOptions({ model: "other" }));
    expect(await context()).toMatchObject({
      verdict: "warn",
      found: expect.stringContaining("does not say"),
    });
  });
});

describe("sglang", () => {
  it("asks for positions from the one before the response on", async () => {
    answering = sglangShape(shapeOptions());
    const { logprobs } = await open("sglang");
    const { turn, located } = turnOf(logprobs, "18");
    await logprobs.logprobs(turn, located, calm);
    expect(server.received[0]?.body).toMatchObject({
      logprob_start_len: located.start - 1,
      return_logprob: true,
    });
  });
});
