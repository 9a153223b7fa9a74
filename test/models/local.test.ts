import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Json, Message } from "../../src/core/types.ts";
import type { Call, Endpoint } from "../../src/models/call-path.ts";
import { type LocalOptions, provider } from "../../src/models/local.ts";
import type { ChatRequest } from "../../src/models/ports.ts";
import type { ModelHandle } from "../../src/models/provider.ts";
import { responseLogprobs } from "../../src/models/span.ts";
import { chatModelContract, logprobModelContract } from "../../src/testing/index.ts";
import { tableModel } from "./fixtures/make-onnx.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "./fixtures/make-tokenizers.ts";
import { quiet, runtimeIn, settings } from "./runtime.ts";

const toy = fileURLToPath(new URL("../../datasets/samples/toy-pair/strong", import.meta.url));
const question: readonly Message[] = [{ role: "user", content: "What is the capital of France?" }];

let scratch = "";
const handles: ModelHandle[] = [];
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-local-"));
});
afterAll(async () => {
  for (const handle of handles) await handle.close();
  await rm(scratch, { recursive: true, force: true });
});

async function open(given: Partial<LocalOptions> & { readonly model: string }) {
  const options = provider.options.parse({ threads: 1, ...given });
  const handle = await provider.open(options, settings, runtimeIn(scratch));
  handles.push(handle);
  const { logprobs, chat } = handle.ports;
  if (logprobs === undefined || chat === undefined) throw new Error("a port is missing");
  return { handle, logprobs, chat };
}

describe("log-probs of the embedded model", () => {
  it("gives one finite log-prob per response token and one for the turn end", async () => {
    const { logprobs } = await open({ model: "embedded:strong" });
    const { tokenLogprobs, rule } = await responseLogprobs(
      logprobs,
      question,
      "Paris.",
      { countEnd: true },
      quiet,
    );
    const without = await responseLogprobs(logprobs, question, "Paris.", { countEnd: false }, quiet);
    expect(rule).toBe("whole");
    expect(tokenLogprobs.length).toBe(without.tokenLogprobs.length + 1);
    expect(tokenLogprobs.every((value) => Number.isFinite(value) && value <= 0)).toBe(true);
    // What comes after a token has no part in its log-prob.
    expect(tokenLogprobs.slice(0, -1)).toEqual(
      without.tokenLogprobs.map((value) => expect.closeTo(value, 5)),
    );
  });

  it("gives the same digits run after run and with one thread or two", async () => {
    const digits = async (threads: number): Promise<string> => {
      const { logprobs } = await open({ model: "embedded:strong", threads });
      const found = await responseLogprobs(
        logprobs,
        question,
        "Paris, of course. ".repeat(20),
        { countEnd: true },
        quiet,
      );
      return JSON.stringify(found);
    };
    const first = await digits(1);
    expect(await digits(1)).toBe(first);
    expect(await digits(2)).toBe(first);
  });
});

describe("the embedded model", () => {
  logprobModelContract(async () => (await open({ model: "embedded:strong" })).logprobs);
  chatModelContract(async () => (await open({ model: "embedded:strong" })).chat);
});

describe("generation by the embedded model", () => {
  const request = (change: Partial<ChatRequest["sampling"]>, sample?: number): ChatRequest => ({
    messages: question,
    sampling: { maxTokens: 24, ...change },
    ...(sample === undefined ? {} : { sample }),
  });

  it("draws the same text for the same seed and sample, and others for others", async () => {
    const { chat } = await open({ model: "embedded:strong" });
    const texts = async (requests: readonly ChatRequest[]): Promise<string[]> =>
      Promise.all(requests.map(async (one) => (await chat.generate(one, quiet)).text));
    const requests = [request({ seed: 1 }), request({ seed: 1 }, 1), request({ seed: 2 })];
    const first = await texts(requests);
    expect(await texts([...requests].reverse())).toEqual([...first].reverse());
    expect(new Set(first).size).toBe(3);
  });

  it("is greedy at temperature 0, whatever the seed, and its log-probs are those of scoring its text", async () => {
    const { chat, logprobs } = await open({ model: "embedded:strong" });
    const one = await chat.generate({ ...request({ temperature: 0, seed: 1 }), topLogprobs: 2 }, quiet);
    const two = await chat.generate(request({ temperature: 0, seed: 2 }), quiet);
    expect(two.text).toBe(one.text);
    expect(one.usage.outputTokens).toBeLessThanOrEqual(24);
    for (const { token, logprob, top } of one.tokenLogprobs ?? []) expect(top[0]).toEqual({ token, logprob });
    const turn = logprobs.render(question, one.text, { countEnd: false });
    const located = logprobs.locate(turn, "whole");
    if (located === null) throw new Error("not located");
    const scored = await logprobs.logprobs(turn, located, quiet);
    const drawn = (one.tokenLogprobs ?? []).map(({ logprob }) => expect.closeTo(logprob, 3));
    // The drawn tokens are the text's own here: greedy text is what the tokenizer would write.
    expect(scored.tokenLogprobs).toEqual(drawn);
  });

  it("stops at a stop text, which is not part of the reply, and at maxTokens", async () => {
    const { chat } = await open({ model: "embedded:strong" });
    const { text } = await chat.generate(request({ temperature: 0 }), quiet);
    const stop = text.slice(3, 6);
    const cut = await chat.generate(request({ temperature: 0, stop: ["never there", stop] }), quiet);
    expect(cut).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
    const short = await chat.generate(request({ temperature: 0, maxTokens: 2 }), quiet);
    expect(short).toMatchObject({ finishReason: "length", usage: { outputTokens: 2 } });
  });

  const cached = join(toy, "onnx/model_cached.onnx");
  it.skipIf(!existsSync(cached))(
    "writes the same text with a graph that keeps what it has read",
    async () => {
      // That graph names model.onnx as the file of its weights, so both are put under other names of the same length.
      const folder = join(scratch, "cached");
      await mkdir(join(folder, "onnx"), { recursive: true });
      for (const name of [
        "tokenizer.json",
        "tokenizer_config.json",
        "config.json",
        "generation_config.json",
      ]) {
        await cp(join(toy, name), join(folder, name));
      }
      await cp(join(toy, "onnx/model.onnx"), join(folder, "onnx/wiegh.onnx"));
      const graph = (await readFile(cached)).toString("latin1").replaceAll("model.onnx", "wiegh.onnx");
      await writeFile(join(folder, "onnx/model.onnx"), graph, "latin1");
      const [plain, keeping] = [await open({ model: "embedded:strong" }), await open({ model: folder })];
      const sampling = request({ seed: 5, maxTokens: 40 });
      expect((await keeping.chat.generate(sampling, quiet)).text).toBe(
        (await plain.chat.generate(sampling, quiet)).text,
      );
      const of = async ({ logprobs }: typeof plain): Promise<readonly number[]> =>
        (await responseLogprobs(logprobs, question, "Paris.", { countEnd: true }, quiet)).tokenLogprobs;
      expect(await of(keeping)).toEqual((await of(plain)).map((value) => expect.closeTo(value, 4)));
    },
  );

  it("refuses a schema, a prompt that is too long, and a call that was stopped", async () => {
    const { chat, logprobs } = await open({ model: "embedded:strong" });
    const schema = { name: "x", schema: {} };
    await expect(chat.generate({ ...request({}), schema }, quiet)).rejects.toMatchObject({
      code: "bad_request",
    });
    const messages: readonly Message[] = [{ role: "user", content: "a!".repeat(3000) }];
    await expect(chat.generate({ ...request({}), messages }, quiet)).rejects.toMatchObject({
      code: "too_long",
    });
    await expect(responseLogprobs(logprobs, messages, "x", { countEnd: true }, quiet)).rejects.toMatchObject({
      code: "too_long",
    });
    const stopped = { signal: AbortSignal.abort() };
    await expect(chat.generate(request({}), stopped)).rejects.toMatchObject({ code: "cancelled" });
    await expect(
      responseLogprobs(logprobs, question, "x", { countEnd: true }, stopped),
    ).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("the local provider", () => {
  it("has an identity that follows the files, not where they lie", async () => {
    const folder = join(scratch, "moved");
    await cp(toy, folder, { recursive: true });
    const [there, here] = [await open({ model: "embedded:strong" }), await open({ model: folder })];
    expect(here.handle.identity).toEqual(there.handle.identity);
    const other = await open({ model: "embedded:weak" });
    expect(other.handle.identity).not.toEqual(there.handle.identity);
    expect(JSON.stringify(here.handle.identity)).not.toContain(scratch);
  });

  it("hands the call path what determines the answer, and no limit", async () => {
    const seen: { endpoint: Endpoint; request: unknown }[] = [];
    const path = {
      async call<Reply extends Json>(endpoint: Endpoint, call: Call<Reply>): Promise<Reply> {
        seen.push({ endpoint, request: call.request });
        return (await call.send(quiet.signal)).reply;
      },
    };
    const options = provider.options.parse({ model: "embedded:strong", threads: 1 });
    const handle = await provider.open(options, settings, runtimeIn(scratch, { path }));
    handles.push(handle);
    const { logprobs } = handle.ports;
    if (logprobs === undefined) throw new Error("no log-probs");
    const turn = logprobs.render(question, "Paris.", { countEnd: true });
    const located = logprobs.locate(turn, "whole");
    if (located === null) throw new Error("not located");
    const { entropies, selfCertainties, tokenLogprobs } = await logprobs.logprobs(turn, located, {
      ...quiet,
      distributions: true,
    });
    expect([entropies?.length, selfCertainties?.length]).toEqual([
      tokenLogprobs.length,
      tokenLogprobs.length,
    ]);
    expect(seen).toEqual([
      {
        endpoint: { identity: handle.identity, limitKey: null, settings },
        request: { kind: "logprobs", ids: located.ids, start: located.start, distributions: true },
      },
    ]);
  });

  it("gives a row in a batch what it gets alone", async () => {
    const alone = await open({ model: "embedded:strong" });
    const batched = await open({ model: "embedded:strong", batch: 4 });
    const responses = ["Paris.", "I do not know, but it may well be Lyon.", "x", "No.", "Paris, France."];
    const all = ({ logprobs }: typeof alone) =>
      Promise.all(
        responses.map((text) => responseLogprobs(logprobs, question, text, { countEnd: true }, quiet)),
      );
    const [expected, found] = [await all(alone), await all(batched)];
    for (const [index, { tokenLogprobs }] of expected.entries()) {
      expect(found[index]?.tokenLogprobs).toEqual(tokenLogprobs.map((value) => expect.closeTo(value, 4)));
    }
  });

  it("refuses batches for a model whose rows leak into each other, and takes it one row at a time", async () => {
    const small = byteLevel({ template: TEMPLATES.chatml });
    const folder = await writeTokenizer(join(scratch, "leaking"), small);
    const size = Object.keys((small.json.model as { readonly vocab: object }).vocab).length;
    const table = Array.from({ length: size }, (_, row) =>
      Array.from({ length: size }, (_, column) => ((row * 7 + column * 13) % 17) / 10 + row / size),
    );
    await mkdir(join(folder, "onnx"));
    await writeFile(join(folder, "onnx/model.onnx"), tableModel({ table, leaks: true }).model);
    await expect(open({ model: folder, batch: 2 })).rejects.toMatchObject({ code: "endpoint_unfit" });
    const { handle } = await open({ model: folder });
    const findings = (await handle.probe?.(quiet)) ?? [];
    expect(findings.find(({ check }) => check === "batch_equal")?.verdict).toBe("warn");
    expect(findings.find(({ check }) => check === "context")?.verdict).toBe("warn");
  });

  it("finds the embedded model good in every way", async () => {
    const { handle } = await open({ model: "embedded:weak" });
    const findings = (await handle.probe?.(quiet)) ?? [];
    expect(findings.filter(({ verdict }) => verdict !== "good")).toEqual([]);
    expect(findings.find(({ check }) => check === "context")?.value).toBe(2304);
  });

  it.each([
    { model: "embedded:other", code: "unknown_name" },
    { model: "./none", code: "bad_option" },
    { model: toy, dtype: "q4" as const, code: "io" },
  ])("cannot open $model $dtype: $code", async ({ code, ...given }) => {
    await expect(open(given)).rejects.toMatchObject({ code });
  });

  it.each([
    {},
    { model: "" },
    { model: "a", batch: 0 },
    { model: "a", dtype: "int4" },
    { model: "a", colour: 1 },
  ])("refuses the options %j", (given) => {
    expect(provider.options.safeParse(given).success).toBe(false);
  });
});
