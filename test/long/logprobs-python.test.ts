import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Json, Message } from "../../src/core/types.ts";
import { providers } from "../../src/models/index.ts";
import { provider } from "../../src/models/local.ts";
import type { LogprobModel } from "../../src/models/ports.ts";
import { loadTokenizer } from "../../src/models/tokenizer.ts";
import { byteLevel, metaspace, writeTokenizer } from "../models/fixtures/make-tokenizers.ts";
import { quiet, runtimeIn, settings } from "../models/runtime.ts";
import { startServer } from "../models/servers/http-server.ts";
import { fireworksShape, sglangShape, tgiShape, togetherShape, vllmShape } from "../models/servers/shapes.ts";
import { absentFrom, python, root } from "./python.ts";

const toy = join(root, "datasets/samples/toy-pair");
const absent = absentFrom("import torch, transformers, onnxscript", "test/python/requirements-models.txt");

function run(script: string, ...args: string[]): string {
  const environment = { ...process.env, HF_HUB_OFFLINE: "1" };
  const { status, stdout, stderr } = spawnSync(python, [join(root, "test/python", script), ...args], {
    encoding: "utf8",
    env: environment,
    maxBuffer: 64 * 1024 * 1024,
  });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

interface Compared {
  readonly rows: number;
  readonly texts: number;
  readonly worst: Readonly<Record<string, number>>;
  readonly unlike: readonly Json[];
}

async function compared(rows: readonly Json[]): Promise<Compared> {
  const path = join(await mkdtemp(join(scratch, "rows-")), "rows.jsonl");
  await writeFile(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return JSON.parse(run("compare_logprobs.py", path)) as Compared;
}

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-logprobs-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

const CASES: readonly { readonly messages: readonly Message[]; readonly response: string }[] = [
  {
    messages: [{ role: "user", content: "What is the capital of France?" }],
    response: "The capital is Paris.",
  },
  {
    messages: [
      { role: "system", content: "" },
      { role: "user", content: "Écris: naïve 👩‍👩‍👧 \u0000 مرحبا" },
    ],
    response: "Привет, 你好 🐈‍⬛\n\n\tété e\u0301 \u{1F1EB}\u{1F1F7}",
  },
  {
    messages: [
      { role: "user", content: "Say <|im_end|> back." },
      { role: "assistant", content: "No." },
      { role: "user", content: "  Why?  \n" },
    ],
    response: "\n <|im_start|>assistant <|im_end|> ",
  },
  { messages: [{ role: "user", content: "One sign." }], response: "!" },
];

/** A text of exactly `count` tokens, found by halving: tokens grow with the text, by one or two a step. */
function textOf(model: LogprobModel, messages: readonly Message[], count: number): string {
  const text = (length: number): string => "a!".repeat(length).slice(0, length);
  const tokens = (length: number): number => {
    const located = model.locate(model.render(messages, text(length), { countEnd: false }), "joined");
    return (located?.ids.length ?? 0) - (located?.start ?? 0);
  };
  let [low, high] = [1, 4 * count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (tokens(middle) < count) low = middle + 1;
    else high = middle;
  }
  return text(low);
}

describe.skipIf(absent !== "")(`log-probs against PyTorch${absent}`, { timeout: 600_000 }, () => {
  const folders: Record<string, string> = { strong: join(toy, "strong"), weak: join(toy, "weak") };
  beforeAll(() => {
    for (const kind of ["llama", "qwen2"]) {
      const folder = join(scratch, kind);
      run("make_random_model.py", kind, folder);
      folders[kind] = folder;
    }
  }, 600_000);

  it.each([
    { name: "strong", batch: 1 },
    { name: "strong", batch: 4 },
    { name: "weak", batch: 1 },
    { name: "weak", batch: 4 },
    { name: "llama", batch: 1 },
    { name: "llama", batch: 4 },
    { name: "qwen2", batch: 1 },
    { name: "qwen2", batch: 4 },
  ])("are equal within 1e-4 nats per token: $name, batches of $batch", async ({ name, batch }) => {
    const folder = folders[name] ?? "";
    const options = provider.options.parse({ model: folder, batch, threads: 1, maxTokensPerBatch: 20_000 });
    const handle = await provider.open(options, settings, runtimeIn(scratch));
    try {
      const model = handle.ports.logprobs;
      if (model === undefined) throw new Error("no log-probs");
      const [first] = CASES;
      const long = textOf(model, first?.messages ?? [], 2000);
      const cases = [...CASES, { messages: first?.messages ?? [], response: long }];
      const rows = await Promise.all(
        cases.flatMap(({ messages, response }) =>
          [true, false].map(async (countEnd) => {
            const turn = model.render(messages, response, { countEnd });
            const located = model.locate(turn, "whole") ?? model.locate(turn, "joined");
            if (located === null) throw new Error("not located");
            const { ids, start } = located;
            const distributions = countEnd;
            const found = await model.logprobs(turn, located, { ...quiet, distributions });
            return {
              model: folder,
              ids: [...ids],
              start,
              logprobs: [...found.tokenLogprobs],
              ...(distributions
                ? {
                    entropies: [...(found.entropies ?? [])],
                    selfCertainties: [...(found.selfCertainties ?? [])],
                  }
                : {}),
            };
          }),
        ),
      );
      expect(rows.some(({ logprobs }) => logprobs.length === 1)).toBe(true);
      expect(rows.some(({ logprobs }) => logprobs.length === 2000)).toBe(true);
      const { worst } = await compared(rows);
      expect(worst.logprobs).toBeLessThan(1e-4);
      expect(worst.entropies).toBeLessThan(1e-4);
      expect(worst.selfCertainties).toBeLessThan(1e-4);
    } finally {
      await handle.close();
    }
  });
});

const SHAPES = {
  vllm: vllmShape,
  sglang: sglangShape,
  tgi: tgiShape,
  together: togetherShape,
  fireworks: fireworksShape,
} as const;

describe.skipIf(absent !== "")(
  `log-probs through each server's client, against PyTorch${absent}`,
  { timeout: 600_000 },
  () => {
    it.each(["strong", "weak"])("are equal within 1e-4 nats per token: %s", async (name) => {
      const folder = join(toy, name);
      const options = provider.options.parse({ model: folder, threads: 1 });
      const handle = await provider.open(options, settings, runtimeIn(scratch));
      const tokenizer = await loadTokenizer(folder, { runtime: runtimeIn(scratch) });
      const model = handle.ports.logprobs;
      if (model === undefined) throw new Error("no log-probs");
      const score = async (ids: readonly number[]): Promise<readonly number[]> => {
        const turn = { text: "", responseStart: 0, responseEnd: 0, breaks: [] };
        const { tokenLogprobs } = await model.logprobs(turn, { ids, start: 1, rule: "whole" }, quiet);
        return [0, ...tokenLogprobs];
      };
      const rows: Json[] = [];
      try {
        const [first] = CASES;
        const long = textOf(model, first?.messages ?? [], 2000);
        const cases = [...CASES, { messages: first?.messages ?? [], response: long }];
        for (const [client, shape] of Object.entries(SHAPES)) {
          const server = await startServer(shape({ model: folder, score, tokenizer, maxModelLength: 2304 }));
          const opened = providers[client];
          const given = opened?.options.parse({ baseUrl: server.url, model: folder });
          const remote = await opened?.open(given, settings, runtimeIn(scratch, { offline: false }));
          const port = remote?.ports.logprobs;
          if (remote === undefined || port === undefined) throw new Error(`${client} has no log-probs`);
          for (const { messages, response } of cases) {
            const turn = port.render(messages, response, { countEnd: true });
            // A server that is sent text tokenizes it itself, and special texts in content cannot be kept from it.
            if (!port.takesIds && turn.breaks.length > 0) continue;
            const located = port.locate(turn, "whole");
            if (located === null) throw new Error("not located");
            const { ids, start } = located;
            const { tokenLogprobs } = await port.logprobs(turn, located, quiet);
            rows.push({ model: folder, ids: [...ids], start, logprobs: [...tokenLogprobs] });
          }
          await remote.close();
          await server.close();
        }
        // Five cases for the three that take ids, four for the two that take text.
        expect(rows.length).toBe(23);
        expect((await compared(rows)).worst.logprobs).toBeLessThan(1e-4);
      } finally {
        await handle.close();
      }
    });
  },
);

const TEXTS = [
  "Hello the answer is: the\n\n\nend",
  "  two  spaces   three ",
  "tabs\t\tand\r\nlines\u00a0nbsp\u2028sep",
  "é e\u0301 ß ﬁ Å Å",
  "你好，世界。Привет! مرحبا שלום",
  "🐈‍⬛ 👩‍👩‍👧 🇫🇷 ☃️",
  "\u0000\u0001\u007f\u0080\ufeff\ufffd\u{10FFFF}",
  "▁ already ▁▁escaped <0x41> Ġ Ċ",
  "<|im_start|>user\nHello<|im_end|>\n<s> x </s><unk>",
  "<think>no</think> <|im_end <|im_end|",
  "1234567 3.14 x=1;{}[]()'s 'LL don't",
  "a".repeat(400),
];

describe.skipIf(absent !== "")(`token ids against tokenizers${absent}`, { timeout: 300_000 }, () => {
  it.each([
    ["byte-level", byteLevel()],
    ["prepend", metaspace("prepend")],
    ["first", metaspace("first")],
  ] as const)("are the same for nasty texts: %s", async (name, made) => {
    const folder = await writeTokenizer(join(scratch, name), made);
    const tokenizer = await loadTokenizer(folder, { runtime: runtimeIn(scratch) });
    const { texts, unlike } = await compared(
      TEXTS.map((text) => {
        const ids = tokenizer.encode(text);
        return { tokenizer: folder, text, ids, decoded: tokenizer.decode(ids) };
      }),
    );
    expect(unlike).toEqual([]);
    expect(texts).toBe(TEXTS.length);
  });
});
