import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { provider } from "../../src/models/local.ts";
import { openParquet } from "../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { logprobsRowSet } from "../../src/store/row-sets.ts";
import type { Row } from "../../src/store/table.ts";
import { loadTrainerTokenizer } from "../../src/trainers/check/index.ts";
import { grpoAdvantages, simpoLoss } from "../../src/trainers/losses/index.ts";
import {
  referenceLogprobs,
  type TrainOptions,
  type TrainSettings,
  train,
} from "../../src/trainers/train/index.ts";
import { settings as endpoint, runtimeIn } from "../models/runtime.ts";
import { absentFrom, python, root } from "./python.ts";

const cli = join(process.env.PREFKIT_DIST ?? join(root, "dist"), "src/cli/main.js");
const absent = absentFrom(
  "import torch, trl, accelerate, datasets, requests, onnxscript",
  "test/python/requirements-train.txt",
);

let scratch = "";
let model = "";
let dataset = "";

beforeAll(async () => {
  if (absent !== "") return;
  scratch = await mkdtemp(join(tmpdir(), "prefkit-train-"));
  model = join(scratch, "model");
  const { status, stderr } = spawnSync(python, [join(root, "test/python/tiny_model.py"), model], {
    encoding: "utf8",
    env: { ...process.env, HF_HUB_OFFLINE: "1" },
  });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  dataset = join(scratch, "dataset");
  // By the built command: scorers of this source run in worker threads, which read no TypeScript.
  const made = spawnSync(
    process.execPath,
    [cli, "run", join(root, "datasets/recipes/demo.yaml"), "--out", dataset, "--quiet"],
    { encoding: "utf8", env: { ...process.env, PREFKIT_CACHE_DIR: join(scratch, "cache") } },
  );
  expect({ status: made.status, stderr: made.status === 0 ? "" : made.stderr }).toEqual({
    status: 0,
    stderr: "",
  });
}, 300_000);

afterAll(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

function optionsFor(
  name: string,
  settings: Partial<TrainSettings> & Pick<TrainSettings, "method">,
  change: Partial<TrainOptions> = {},
): TrainOptions {
  return {
    files: nodeFiles,
    from: dataset,
    out: join(scratch, name),
    settings: {
      ...{ model, loraRank: null, processes: 1, saveEvery: 2, seed: 7, set: {} },
      ...{ learningRate: 1e-3, steps: 4, batchSize: 4, gradAccum: 1 },
      ...settings,
    },
    python,
    environment: { ...process.env, HF_HUB_OFFLINE: "1", HF_HOME: join(scratch, "huggingface") },
    cpu: true,
    trace: true,
    stop: new AbortController().signal,
    ...change,
  };
}

async function linesOf<Line>(name: string, file: string): Promise<Line[]> {
  const text = await readFile(join(scratch, name, file), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

interface Logged {
  readonly step: number;
  readonly loss: number;
  readonly reward?: number;
  readonly unscored?: number;
}

describe.skipIf(absent !== "")(`training with TRL${absent}`, { timeout: 600_000 }, () => {
  it("SimPO begins with our reference loss, stops with a checkpoint when told, and goes on from there", async () => {
    const stop = new AbortController();
    const options = optionsFor("simpo", { method: "simpo", maxLength: 512 });
    const first = await train({
      ...options,
      stop: stop.signal,
      onEvent: ({ event }) => {
        if (event === "log") stop.abort();
      },
    });
    expect(first).toMatchObject({ kind: "stopped", model: null, rows: 72 });
    const stoppedAt = first?.step ?? 0;
    expect(first?.checkpoints.at(-1)?.step).toBe(stoppedAt);
    const second = await train({ ...options, resume: true });
    expect(second).toMatchObject({ kind: "done", step: 4, of: 4, model: "model" });
    const logged = await linesOf<Logged>("simpo", "metrics.jsonl");
    expect(logged.map(({ step }) => step)).toEqual([1, 2, 3, 4]);

    // All steps are done: going on trains none, and gives the model of the last checkpoint.
    await rm(join(scratch, "simpo", "model"), { recursive: true });
    const third = await train({ ...options, resume: true });
    expect(third).toMatchObject({ kind: "done", step: 4, of: 4, metrics: second?.metrics });
    expect(existsSync(join(scratch, "simpo", "model", "model.safetensors"))).toBe(true);
    expect(await linesOf<Logged>("simpo", "metrics.jsonl")).toEqual(logged);

    const [trace] = await linesOf<{ rows: number[]; chosen: number[][]; rejected: number[][] }>(
      "simpo",
      "trace.jsonl",
    );
    const pairs = (trace?.chosen ?? []).map((chosen, index) => ({
      chosen,
      rejected: trace?.rejected[index] ?? [],
    }));
    expect(pairs).toHaveLength(4);
    const { loss } = simpoLoss(pairs, { beta: 2, gammaBetaRatio: 0.5 });
    expect(Math.abs((logged[0]?.loss ?? 0) - loss)).toBeLessThan(1e-5);
    const ids = (await readFile(join(scratch, "simpo", "pair_ids.txt"), "utf8")).trim().split("\n");
    expect(ids).toHaveLength(72);
    for (const row of trace?.rows ?? []) expect(ids[row]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("DPO begins at ln 2", async () => {
    const outcome = await train(optionsFor("dpo", { method: "dpo", steps: 2 }));
    expect(outcome).toMatchObject({ kind: "done", step: 2 });
    const [first] = await linesOf<Logged>("dpo", "metrics.jsonl");
    expect(Math.abs((first?.loss ?? 0) - Math.LN2)).toBeLessThan(1e-5);
  });

  it("DPO takes our own log-probs of the reference, and refuses those over other tokens", async () => {
    const reference = join(scratch, "reference");
    const runtime = runtimeIn(scratch);
    const handle = await provider.open(provider.options.parse({ model, threads: 1 }), endpoint, runtime);
    try {
      if (handle.ports.logprobs === undefined) throw new Error("no log-probs");
      await referenceLogprobs({
        files: nodeFiles,
        dataset,
        out: reference,
        model: handle.ports.logprobs,
        tokenizer: await loadTrainerTokenizer(model, { runtime }),
        maxLength: 1024,
        stop: new AbortController().signal,
      });
    } finally {
      await handle.close();
    }
    // ONNX in this process and PyTorch in the other, over the same tokens: the first loss is ln 2 here too.
    const options = optionsFor(
      "dpo-reference",
      { method: "dpo", steps: 1 },
      { reference: { directory: reference } },
    );
    expect(await train(options)).toMatchObject({ kind: "done" });
    const [first] = await linesOf<Logged>("dpo-reference", "metrics.jsonl");
    expect(Math.abs((first?.loss ?? 0) - Math.LN2)).toBeLessThan(1e-5);

    const shifted = join(scratch, "shifted");
    await nodeFiles.makeDirectory(shifted);
    const sink = await createParquetSink(nodeFiles, join(shifted, "all.parquet"), logprobsRowSet);
    const table = await openParquet(nodeFiles, join(reference, "logprobs/train.parquet"));
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    await table.close();
    await sink.write(rows.map((row) => ({ ...row, ids_hash: "0".repeat(32) })));
    await sink.close();
    const [pairId] = (await readFile(join(scratch, "dpo-reference/pair_ids.txt"), "utf8")).split("\n");
    await expect(
      train(optionsFor("dpo-refused", { method: "dpo", steps: 1 }, { reference: { directory: shifted } })),
    ).rejects.toThrow(
      new RegExp(`the chosen response of pair ${pairId}: the reference scored other token ids`),
    );
  });

  it("names what has a remedy, and leaves the traceback of all else", () => {
    const { stdout, stderr } = spawnSync(
      python,
      [
        "-c",
        `
import sys; sys.path.insert(0, sys.argv[1])
import errno, json, pathlib, prefkit_train as p
class SafetensorError(Exception): pass
class OutOfMemoryError(RuntimeError): pass
full = "Error while serializing: I/O error: No space left on device (os error 28)"
errors = [SafetensorError(full), OSError(errno.ENOSPC, "x"), RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 438336 vs 438228"),
          SafetensorError("Error while deserializing header"), OutOfMemoryError("CUDA out of memory."), RuntimeError("y")]
found = [p.refusal_of(error, pathlib.Path("/run/config.json")) for error in errors]
print(json.dumps([None if one is None else [one.code, str(one)] for one in found]))`,
        join(root, "src/trainers/python"),
      ],
      { encoding: "utf8", env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } },
    );
    expect(stderr).toBe("");
    const found = JSON.parse(stdout) as ([string, string] | null)[];
    expect(found.map((one) => one?.[0])).toEqual([
      ...["io", "io", "io", "damaged_file", "need_unmet"],
      undefined,
    ]);
    expect(found[0]?.[1]).toBe(
      "/run could not be written to, since the disk is full (SafetensorError: Error while serializing: I/O error: No space left on device (os error 28)).",
    );
  });

  it("refuses a model, a setting and weights that are none in a sentence", async () => {
    const bare = join(scratch, "bare");
    await nodeFiles.makeDirectory(bare);
    await writeFile(join(bare, "config.json"), "{}");
    await writeFile(join(bare, "model.safetensors"), "");
    await expect(train(optionsFor("refused", { method: "dpo", model: bare }))).rejects.toMatchObject({
      code: "need_unmet",
      message: /the tokenizer of .*bare could not be loaded/,
    });
    // No step was trained: the same directory is taken again.
    await expect(
      train(optionsFor("refused", { method: "dpo", set: { learning_rate: "abc" } })),
    ).rejects.toMatchObject({
      code: "bad_option",
      message: /learning_rate is 'abc', and TRL takes a number/,
    });
  });

  it("GRPO is rewarded by our server, also when that is killed and started again", async () => {
    const recipe = await writeRecipe();
    const server = await serve(recipe, 0);
    const proxy = await recordingProxy(server.port);
    let current = server;
    try {
      const restarted: Promise<Serving>[] = [];
      const outcome = await train(
        optionsFor(
          "grpo",
          {
            ...{ method: "grpo", steps: 3, batchSize: 8, groupSize: 4, maxCompletionLength: 16 },
            reward: proxy.url,
          },
          {
            onEvent: (event) => {
              if (event.event !== "log" || event.step !== 1) return;
              server.process.kill("SIGKILL");
              restarted.push(serve(recipe, server.port));
            },
          },
        ),
      );
      current = (await restarted[0]) ?? server;
      expect(outcome).toMatchObject({ kind: "done", step: 3 });
    } finally {
      current.process.kill("SIGKILL");
      proxy.server.close();
    }
    const logged = await linesOf<Logged>("grpo", "metrics.jsonl");
    const traced = await linesOf<{ rewards: (number | null)[]; advantages: number[] }>("grpo", "trace.jsonl");
    expect(traced).toHaveLength(3);
    let unscored = 0;
    for (const [step, { rewards, advantages }] of traced.entries()) {
      const answered = proxy.answers[step] ?? [];
      expect(answered).toHaveLength(8);
      // The trainer holds rewards in float32.
      expect(rewards).toEqual(answered.map((reward) => (reward === null ? null : Math.fround(reward))));
      const scored = answered.filter((reward) => reward !== null);
      const mean = scored.reduce((sum, reward) => sum + reward, 0) / scored.length;
      expect(Math.abs((logged[step]?.reward ?? 0) - mean)).toBeLessThan(1e-6);
      expect(logged[step]?.unscored).toBe(8 - scored.length);
      const expected = grpoAdvantages(
        rewards.map((reward) => [reward]),
        { groupSize: 4 },
      );
      for (const [index, advantage] of advantages.entries()) {
        expect(Math.abs(advantage - (expected[index] ?? 0))).toBeLessThan(1e-6);
        if (rewards[index] !== null) continue;
        unscored += 1;
        expect(advantage).toBe(0);
      }
    }
    expect(unscored).toBeGreaterThan(0);
    expect(traced.flatMap(({ advantages }) => advantages).some((advantage) => advantage !== 0)).toBe(true);
  });
});

/** A rule that leaves about a quarter of random texts unscored, and gives the others one of seven numbers. */
async function writeRecipe(): Promise<string> {
  await writeFile(
    join(scratch, "letters.mjs"),
    "export const letters = ({ text }) => (text.length % 4 === 0 ? null : (text.length % 7) / 7);\n",
  );
  const recipe = join(scratch, "reward.yaml");
  const prompts = JSON.stringify(join(root, "datasets/samples/prompts.jsonl"));
  await writeFile(
    recipe,
    `input: { path: ${prompts} }\nscorers:\n  letters: { use: "./letters.mjs#letters" }\n`,
  );
  return recipe;
}

interface Serving {
  readonly process: ChildProcess;
  readonly port: number;
}

async function serve(recipe: string, port: number): Promise<Serving> {
  const child = spawn(process.execPath, [cli, "serve", recipe, "--port", String(port), "--json"], {
    env: { ...process.env, PREFKIT_CACHE_DIR: join(scratch, "serve-cache") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { readonly url: string };
    return { process: child, port: Number(new URL(url).port) };
  }
  throw new Error("the server did not start");
}

/** Stands between trainer and server and keeps the rewards of each answer; a server that is away, so is this. */
async function recordingProxy(
  upstream: number,
): Promise<{ readonly server: Server; readonly url: string; readonly answers: (number | null)[][] }> {
  const answers: (number | null)[][] = [];
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    try {
      const answer = await fetch(`http://127.0.0.1:${upstream}${request.url}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: Buffer.concat(chunks),
      });
      const text = await answer.text();
      const { groups } = JSON.parse(text) as {
        readonly groups: readonly { readonly responses: readonly { readonly reward: number | null }[] }[];
      };
      answers.push(groups.flatMap(({ responses }) => responses.map(({ reward }) => reward)));
      response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
    } catch {
      request.socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers };
}
