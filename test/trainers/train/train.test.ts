import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { nodeFiles } from "../../../src/core/files.ts";
import { MANIFEST_FILE } from "../../../src/store/manifest.ts";
import { openParquet } from "../../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../../src/store/parquet-sink.ts";
import { logprobsRowSet } from "../../../src/store/row-sets.ts";
import type { Row } from "../../../src/store/table.ts";
import { exportDataset } from "../../../src/trainers/export-dataset.ts";
import {
  checkPython,
  findPython,
  idsHash,
  type TrainOptions,
  train,
} from "../../../src/trainers/train/index.ts";
import { trl } from "../../../src/trainers/trl.ts";
import { fileOf, RECORDS, rowsOf, smallDataset, temporaryDirectories } from "../../cli/small-dataset.ts";
import { TOOLS } from "../layouts.ts";
import { fakePython, settingsOf, VERSIONS, WHOLE_TRAINING } from "./fake-python.ts";

const directories = temporaryDirectories();
afterEach(() => directories.removeAll());

/** Two pairs of the small dataset, and a stand-in for Python. */
async function prepared(body = WHOLE_TRAINING, change: Partial<TrainOptions> = {}) {
  const directory = await directories.make();
  const from = await smallDataset(directory);
  const python = await fakePython(directory, body);
  const notes: string[] = [];
  const options: TrainOptions = {
    files: nodeFiles,
    from,
    out: join(directory, "run"),
    settings: settingsOf(),
    python,
    environment: process.env,
    stop: new AbortController().signal,
    onNote: (text) => notes.push(text),
    ...change,
  };
  return { directory, from, options, notes, run: options.out };
}

async function text(...path: string[]): Promise<string> {
  return await readFile(join(...path), "utf8");
}

async function stepsOf(run: string): Promise<number[]> {
  const lines = (await text(run, "metrics.jsonl")).trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as { step: number }).step);
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** Two numbers of four bytes behind a header that says so. */
const HEADER = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
const SAFETENSORS = Buffer.concat([
  Buffer.from(new BigUint64Array([BigInt(HEADER.length)]).buffer),
  Buffer.from(HEADER),
  Buffer.alloc(8),
]);

/** An archive of nothing: the record that every zip ends with. */
const ZIP = Buffer.concat([Buffer.from("PK\x05\x06", "latin1"), Buffer.alloc(18)]);

async function urlOf(server: Server): Promise<string> {
  if (!server.listening) await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a training", () => {
  it("leaves its settings, data, pair ids, metrics by step, log and result in its directory", async () => {
    const { options, run, from } = await prepared();
    const outcome = await train(options);
    expect(outcome).toMatchObject({ kind: "done", step: 4, of: 4, rows: 2, kept: 2, model: "model" });
    expect(outcome?.metrics).toEqual({ loss: 0.25, "rewards/margins": 4 });
    expect(outcome?.checkpoints.map(({ step }) => step)).toEqual([2, 4]);
    expect(JSON.parse(await text(run, "train.json"))).toEqual(outcome);
    expect(await stepsOf(run)).toEqual([1, 2, 3, 4]);
    expect(await text(run, "log.txt")).toContain("talk of the libraries");
    const pairs = await rowsOf(from, await fileOf(from, "pairs"));
    expect(await text(run, "pair_ids.txt")).toBe(pairs.map(({ pair_id }) => `${pair_id}\n`).join(""));
    const config = JSON.parse(await text(run, "config.json"));
    expect(config).toMatchObject({
      method: "simpo",
      data: { split: "train", rows: { train: 2 } },
      resume: null,
    });
    for (const path of config.data.files.train) expect(existsSync(join(run, path))).toBe(true);
  });

  it("stops with a checkpoint when told, and goes on from it", async () => {
    const stop = new AbortController();
    const body = `
      start();
      log(1, 4, { loss: 1 });
      if (config.resume === null) {
        if (await nextLine() !== "stop") process.exit(9);
        checkpoint(1);
        say("end", { kind: "stopped", step: 1, of: 4 });
        return;
      }
      for (let step = 2; step <= 4; step++) log(step, 4, { loss: 1 });
      say("end", { kind: "done", step: 4, of: 4 });`;
    const { options, run } = await prepared(
      body.replace("log(1, 4, { loss: 1 });", "if (!config.resume) log(1, 4, { loss: 1 });"),
    );
    const first = await train({
      ...options,
      stop: stop.signal,
      onEvent: ({ event }) => void (event === "log" && stop.abort()),
    });
    expect(first).toMatchObject({ kind: "stopped", step: 1, model: null });
    expect(await train({ ...options, resume: true })).toMatchObject({ kind: "done", step: 4 });
    expect(JSON.parse(await text(run, "config.json")).resume).toBe("checkpoints/checkpoint-1");
    expect(await stepsOf(run)).toEqual([1, 2, 3, 4]);
  });

  it("goes on from the last whole checkpoint after a kill, and logs no step twice", async () => {
    const killed = `
      start();
      for (let step = 1; step <= 3; step++) log(step, 4, { loss: 1 });
      checkpoint(2);
      checkpoint(3, '{"global_st');
      process.kill(process.pid, "SIGKILL");
      await new Promise(() => undefined);`;
    const { options, run, directory } = await prepared(killed);
    await expect(train(options)).rejects.toMatchObject({
      code: "contract_broken",
      message: /signal SIGKILL/,
    });
    await writeFile(join(run, "metrics.jsonl"), `${await text(run, "metrics.jsonl")}{"step": 3, "lo`);
    await fakePython(directory, WHOLE_TRAINING);
    expect(await train({ ...options, resume: true })).toMatchObject({ kind: "done" });
    expect(JSON.parse(await text(run, "config.json")).resume).toBe("checkpoints/checkpoint-2");
    expect(await stepsOf(run)).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ["model.safetensors", SAFETENSORS],
    ["adapter_model.safetensors", SAFETENSORS],
    ["optimizer.pt", ZIP],
    ["rng_state_0.pth", ZIP],
  ])("passes over a checkpoint whose %s was cut, and says so", async (name, whole) => {
    const { options, run, notes } = await prepared();
    await train(options);
    for (const step of [2, 4]) await writeFile(join(run, `checkpoints/checkpoint-${step}`, name), whole);
    expect((await train({ ...options, resume: true }))?.checkpoints).toHaveLength(2);
    for (const length of [0, 5, whole.length - 1]) {
      await writeFile(join(run, "checkpoints/checkpoint-4", name), whole.subarray(0, length));
      await train({ ...options, resume: true });
      expect(JSON.parse(await text(run, "config.json")).resume).toBe("checkpoints/checkpoint-2");
      expect(notes.at(-1)).toBe(
        `checkpoints/checkpoint-4 is damaged (${name} ends too early), and is passed over.`,
      );
      expect(await stepsOf(run)).toEqual([1, 2, 3, 4]);
    }
  });

  it("starts at the first step when there is no whole checkpoint, and says so", async () => {
    const { options, run, notes, directory } = await prepared(
      "start(); log(1, 4, {}); process.exitCode = 3;",
    );
    await expect(train(options)).rejects.toMatchObject({ code: "contract_broken" });
    await fakePython(directory, WHOLE_TRAINING);
    await train({ ...options, resume: true });
    expect(notes).toEqual(["There is no whole checkpoint yet: the training starts at its first step."]);
    expect(await stepsOf(run)).toEqual([1, 2, 3, 4]);
  });

  it("says so when the last checkpoint is of the last step, and keeps the last step's metrics", async () => {
    const { options, notes, directory, run } = await prepared();
    const first = await train(options);
    await fakePython(directory, `start(); say("end", { kind: "done", step: 4, of: 4 });`);
    const second = await train({ ...options, resume: true });
    expect(second).toMatchObject({ kind: "done", step: 4, metrics: first?.metrics });
    expect(notes).toEqual([
      "The last checkpoint is the training's last step: nothing was trained, and the model is its model.",
    ]);
    expect(await stepsOf(run)).toEqual([1, 2, 3, 4]);
  });

  it("goes on with the rows it was begun with alone: another dataset or a changed file is refused", async () => {
    const { options, run, directory } = await prepared();
    await train(options);
    const resumed = { ...options, resume: true };
    const other = join(directory, "other");
    await cp(options.from, other, { recursive: true });
    const manifest = JSON.parse(await text(other, MANIFEST_FILE));
    await writeFile(join(other, MANIFEST_FILE), JSON.stringify({ ...manifest, planId: "f".repeat(64) }));
    await expect(train({ ...resumed, from: other })).rejects.toMatchObject({
      code: "plan_changed",
      message: /the dataset's plan/,
    });
    await expect(train({ ...resumed, layoutOptions: { columns: "a" } })).rejects.toMatchObject({
      code: "plan_changed",
      message: /the export's options/,
    });
    const [path = ""] = JSON.parse(await text(run, "config.json")).data.files.train;
    await flipByte(join(run, path));
    await expect(train(resumed)).rejects.toMatchObject({ code: "damaged_file", message: /other rows/ });
    await flipByte(join(run, path));
    await writeFile(join(run, "pair_ids.txt"), "x\n");
    await expect(train(resumed)).rejects.toMatchObject({ code: "damaged_file", message: /pair_ids\.txt/ });
  });

  it("compares an export that it goes on with by its files' hashes", async () => {
    const { options, run } = await prepared();
    await train(options);
    const second = { ...options, from: join(run, "data"), out: `${run}-2` };
    await train(second);
    expect(await train({ ...second, resume: true })).toMatchObject({ kind: "done" });
    const [path = ""] = JSON.parse(await text(`${run}-2`, "config.json")).data.files.train;
    await flipByte(path);
    await expect(train({ ...second, resume: true })).rejects.toMatchObject({ code: "damaged_file" });
  });

  it.each([{ force: false }, { force: true }, { resume: true }])(
    "removes nothing beside which its marker does not stand: %j",
    async (flags) => {
      const { options, directory } = await prepared();
      // Names that a run of ours has too: somebody's dataset, model and checkpoints.
      for (const name of ["data", "model", "checkpoints", "config.json"]) {
        const out = join(directory, `exp-${name}`);
        await mkdir(join(out, name), { recursive: true });
        await writeFile(join(out, name, "mine"), "x");
        await expect(train({ ...options, ...flags, out })).rejects.toMatchObject({ code: "not_this_run" });
        expect(await text(out, name, "mine")).toBe("x");
      }
    },
  );

  it("keeps its own checkpoints when config.json is gone, unless forced", async () => {
    const { options, run } = await prepared();
    await train(options);
    await rm(join(run, "config.json"));
    await expect(train({ ...options, resume: true })).rejects.toMatchObject({
      code: "not_this_run",
      message: /no config\.json/,
    });
    await expect(train(options)).rejects.toMatchObject({ code: "not_this_run", message: /--force/ });
    expect(existsSync(join(run, "checkpoints/checkpoint-2/trainer_state.json"))).toBe(true);
    expect(await train({ ...options, force: true })).toMatchObject({ kind: "done" });
  });

  it("clears what a kill before config.json left, and begins", async () => {
    const { options, run } = await prepared();
    await mkdir(join(run, "data"), { recursive: true });
    for (const name of [".prefkit-train", "pair_ids.txt", ".pair_ids.txt.12.tmp", ".config.json.12.tmp"])
      await writeFile(join(run, name), "");
    expect(await train(options)).toMatchObject({ kind: "done" });
    expect(existsSync(join(run, ".pair_ids.txt.12.tmp"))).toBe(false);
  });

  it("begins again without --force after a refusal before the first step, and only then", async () => {
    const refused = `say("refused", { code: "bad_option", problem: "no field lerning_rate.", fix: "correct it." });`;
    const { options, run, directory } = await prepared(
      `files.mkdirSync(run + "/checkpoints/README.md", { recursive: true }); ${refused}`,
    );
    await expect(train(options)).rejects.toMatchObject({ code: "bad_option" });
    expect(existsSync(join(run, "config.json"))).toBe(true);
    const corrected = { ...options, settings: settingsOf({ beta: 3 }) };
    await fakePython(directory, `start(); log(1, 4, { loss: 1 }); ${refused}`);
    await expect(train(corrected)).rejects.toMatchObject({ code: "bad_option" });
    await expect(train(corrected)).rejects.toMatchObject({
      code: "not_this_run",
      message: /holds a training/,
    });
  });

  it.each([
    { model: "./nothing", code: "no_input_file", message: /there is no model .*nothing/ },
    { model: "/a/b/c", code: "no_input_file", message: /there is no model/ },
    { model: "a/b/c", code: "no_input_file", message: /there is no model/ },
    { made: ["README.md"], code: "bad_option", message: /has no config\.json, but README\.md/ },
    { made: [], code: "bad_option", message: /has no config\.json, but nothing/ },
    { made: ["config.json"], code: "bad_option", message: /has no weights/ },
    { made: ["config.json", "model-00001-of-2.safetensors"] },
    {
      made: ["adapter_config.json", "adapter_model.safetensors"],
      ...{ code: "bad_option", message: /holds LoRA adapters alone/ },
    },
    { model: "~/model", code: "no_input_file", message: /there is no model/ },
    { model: "Qwen/Qwen3-0.6B" },
    { model: "gpt2" },
  ])(
    "takes a model's folder or an id of the hub, before anything is exported: $model $made",
    async (given) => {
      const { options, directory, run } = await prepared();
      const folder = join(directory, "m");
      await mkdir(folder);
      for (const name of given.made ?? []) await writeFile(join(folder, name), "");
      const trained = train({ ...options, settings: settingsOf({ model: given.model ?? folder }) });
      if (given.code === undefined) expect(await trained).toMatchObject({ kind: "done" });
      else {
        await expect(trained).rejects.toMatchObject({ code: given.code, message: given.message });
        expect(existsSync(run)).toBe(false);
      }
    },
  );

  it("takes no file for a model", async () => {
    const { options, from } = await prepared();
    const model = join(from, MANIFEST_FILE);
    await expect(train({ ...options, settings: settingsOf({ model }) })).rejects.toMatchObject({
      code: "bad_option",
      message: /--model is the file/,
    });
  });

  it("has no training to go on with in a directory that is not there", async () => {
    const { options } = await prepared();
    await expect(train({ ...options, resume: true })).rejects.toMatchObject({ code: "not_this_run" });
  });

  it("refuses an --out that holds the data or the model, through a link too", async () => {
    const { options, directory, from } = await prepared();
    const link = join(directory, "link");
    await symlink(directory, link);
    for (const out of [directory, link, from]) {
      await expect(train({ ...options, out, force: true })).rejects.toMatchObject({
        code: "bad_option",
        message: /the data .* stands in --out/,
      });
    }
    const out = join(directory, "experiment");
    const model = join(out, "model");
    await mkdir(model, { recursive: true });
    await expect(train({ ...options, out, settings: settingsOf({ model }) })).rejects.toMatchObject({
      code: "bad_option",
      message: /the model .* stands in --out/,
    });
    expect(existsSync(model)).toBe(true);
  });

  it("refuses to go on with other settings, naming the first, but for how long it goes on", async () => {
    const { options } = await prepared();
    await train(options);
    const resumed = { ...options, resume: true };
    await expect(train({ ...resumed, settings: settingsOf({ beta: 3 }) })).rejects.toMatchObject({
      code: "plan_changed",
      message: /begun with beta 2, and now beta is 3/,
    });
    expect(await train({ ...resumed, settings: settingsOf({ epochs: 2 }) })).toMatchObject({ kind: "done" });
  });

  it("goes on with a training whose config.json did not say TRL's own choices yet", async () => {
    const { options, run } = await prepared(WHOLE_TRAINING, { settings: settingsOf({ method: "dpo" }) });
    await train(options);
    const config = JSON.parse(await text(run, "config.json"));
    const { loss_type: _, ...trainer } = config.trainer;
    await writeFile(join(run, "config.json"), JSON.stringify({ ...config, trainer }));
    expect(await train({ ...options, resume: true })).toMatchObject({ kind: "done" });
    const set = { loss_type: ["ipo"] };
    await expect(
      train({ ...options, resume: true, settings: settingsOf({ method: "dpo", set }) }),
    ).rejects.toMatchObject({ code: "plan_changed", message: /loss_type/ });
  });

  it("refuses a directory that holds a training or other files, and removes nothing foreign", async () => {
    const { options, run } = await prepared();
    await train(options);
    await expect(train(options)).rejects.toMatchObject({ code: "not_this_run", message: /--resume/ });
    expect(await train({ ...options, force: true })).toMatchObject({ kind: "done" });
    await writeFile(join(run, "thesis.tex"), "x");
    await expect(train({ ...options, force: true })).rejects.toMatchObject({
      code: "not_this_run",
      message: /thesis\.tex/,
    });
    expect(await text(run, "thesis.tex")).toBe("x");
  });

  it("fails with the process's last lines, and keeps all of them in the log", async () => {
    const body = `start(); console.error("Traceback"); console.error("CUDA out of memory"); process.exitCode = 1;`;
    const { options, run } = await prepared(body);
    await expect(train(options)).rejects.toMatchObject({
      code: "contract_broken",
      message: /code 1.*CUDA out of memory/s,
    });
    expect(await text(run, "log.txt")).toContain("Traceback");
  });

  it.each([
    ["bad_option", "bad_option"],
    ["not_finite", "not_finite"],
    ["rm -rf", "contract_broken"],
  ])("passes on a refusal with code %j as %s", async (code, expected) => {
    const body = `say("refused", { code: ${JSON.stringify(code)}, problem: "no field x.", fix: "write y." }); process.exitCode = 2;`;
    const { options } = await prepared(body);
    await expect(train(options)).rejects.toMatchObject({
      code: expected,
      message: /no field x\..*write y\./s,
    });
  });

  it("does not take an end without an end event for one", async () => {
    const { options } = await prepared("start();");
    await expect(train(options)).rejects.toMatchObject({
      code: "contract_broken",
      message: /did not say how/,
    });
  });

  it("says which program is missing", async () => {
    const { options, directory } = await prepared();
    await expect(train({ ...options, python: join(directory, "nothing") })).rejects.toMatchObject({
      code: "missing_dependency",
    });
  });

  it("warns of rows that the trainer drops, cuts, or finds no reward for", async () => {
    const body = `start({ rows: 9, kept: 7, truncated: 2 }); log(1, 1, { unscored: 8 }); say("end", { kind: "done", step: 1, of: 1 });`;
    const { options, notes } = await prepared(body);
    await train(options);
    expect(notes).toEqual([
      "2 of 9 rows leave no response token within --max-length: the trainer drops them.",
      "2 of 7 rows are longer than --max-length: the trainer cuts their responses.",
      "none of the 8 completions of step 1 was scored: nothing is learned from such a step.",
    ]);
  });

  it("keeps passwords out of config.json", async () => {
    const { options, run } = await prepared();
    const settings = settingsOf({ method: "grpo", reward: "http://me:secret@host:1" });
    await expect(train({ ...options, settings })).rejects.toSatisfy(
      (error: Error) => /user name/.test(error.message) && !error.message.includes("secret"),
    );
    expect(existsSync(run)).toBe(false);
    await expect(train({ ...options, settings: settingsOf({ method: "grpo" }) })).rejects.toMatchObject({
      code: "bad_option",
      message: /prefkit serve/,
    });
  });

  it("exports prompts for GRPO, and says which reward servers do not answer before it waits for them", async () => {
    const asked: (string | undefined)[] = [];
    const there = createServer((request, reply) => {
      asked.push(request.url);
      // Whether the token is right is no matter here.
      reply.writeHead(401).end();
    }).listen(0, "127.0.0.1");
    const mute = createServer(() => undefined).listen(0, "127.0.0.1");
    const gone = createServer().listen(0, "127.0.0.1");
    try {
      const [one, two, three] = await Promise.all([there, mute, gone].map(urlOf));
      await new Promise((done) => gone.close(done));
      const settings = settingsOf({ method: "grpo", reward: `${one}/, ${two}, ${three}` });
      const { options, run, notes } = await prepared(WHOLE_TRAINING, { settings });
      await train(options);
      const config = JSON.parse(await text(run, "config.json"));
      expect(config).toMatchObject({
        reward: { url: `${one}/,${two},${three}` },
        data: { rows: { train: 3 } },
      });
      expect(asked).toEqual(["/healthz"]);
      const rest =
        "The training waits for it, some minutes by default: start it with `prefkit serve RECIPE`.";
      expect(notes).toEqual([
        `no reward server answers at ${two} (no answer within 2 s). ${rest}`,
        `no reward server answers at ${three} (ECONNREFUSED). ${rest}`,
      ]);
    } finally {
      for (const server of [there, mute]) {
        server.closeAllConnections();
        server.close();
      }
    }
  });

  it("trains on an export, unless it is of another kind or was changed", async () => {
    const { options, run } = await prepared();
    await train(options);
    const second = { ...options, from: join(run, "data"), out: `${run}-2` };
    expect(await train(second)).toMatchObject({ kind: "done" });
    const settings = settingsOf({ method: "grpo", reward: "http://127.0.0.1:1" });
    await expect(train({ ...second, settings, out: `${run}-3` })).rejects.toMatchObject({
      code: "need_unmet",
    });
    const [path = ""] = JSON.parse(await text(run, "config.json")).data.files.train;
    await flipByte(join(run, path));
    await expect(train({ ...second, out: `${run}-4` })).rejects.toMatchObject({ code: "damaged_file" });
  });

  it("refuses a directory that is neither a dataset nor an export, before it makes one", async () => {
    const { options, directory, run } = await prepared();
    await mkdir(join(directory, "empty"));
    await expect(train({ ...options, from: join(directory, "empty") })).rejects.toMatchObject({
      code: "dataset_incomplete",
    });
    expect(existsSync(run)).toBe(false);
  });
});

describe("a dataset with tools", () => {
  /** One of the three prompts gets what is given; the last one has no pair. */
  async function withTools(at: number, further: object, change: Partial<TrainOptions> = {}) {
    const given = await prepared(WHOLE_TRAINING, change);
    const records = RECORDS.map((record, index) => (index === at ? { ...record, ...further } : record));
    const map = { tools: "tools", toolMessages: true };
    const directory = join(given.directory, "with-tools");
    await mkdir(directory);
    const from = await smallDataset(directory, { input: { path: "prompts.jsonl", map } }, {}, records);
    return { ...given, from, options: { ...given.options, from } };
  }
  const called = {
    tools: TOOLS,
    prompt: [
      { role: "user", content: "Weather?" },
      {
        role: "assistant",
        content: "",
        tool_calls: [{ id: "1", function: { name: "weather", arguments: "{}" } }],
      },
      { role: "tool", content: "Sun.", tool_call_id: "1" },
    ],
  };

  it("is for DPO and not for SimPO, which would train on prompts without them", async () => {
    const { options, run, notes } = await withTools(0, { tools: TOOLS });
    const refused = {
      code: "need_unmet",
      message: /rows of .* have tools, and TRL's SimPO renders prompts without them\./,
      fix: /--method dpo/,
    };
    await expect(train(options)).rejects.toMatchObject(refused);
    expect(existsSync(run)).toBe(false);
    const dpo = { ...options, settings: settingsOf({ method: "dpo" }) };
    expect(await train(dpo)).toMatchObject({ kind: "done", rows: 2 });
    const second = { ...options, from: join(run, "data"), out: `${run}-2` };
    await expect(train(second)).rejects.toMatchObject(refused);
    expect(notes).toEqual([]);
  });

  it("is for SimPO when no row of its export has tools, and what is left out is said", async () => {
    const without = await withTools(2, { tools: TOOLS });
    expect(await train(without.options)).toMatchObject({ kind: "done" });
    expect(without.notes).toEqual([]);
    const again = { ...without.options, from: join(without.run, "data"), out: `${without.run}-2` };
    expect(await train(again)).toMatchObject({ kind: "done" });

    const { options, run, notes } = await withTools(0, called);
    await train(options);
    expect(notes).toEqual([
      "1 pair is left out: a message has tool calls, a tool call id or a name, which this layout has no place for.",
    ]);
    expect((await text(run, "pair_ids.txt")).trim().split("\n")).toHaveLength(1);
  });

  it("gives GRPO its other prompts, and says so", async () => {
    const settings = settingsOf({ method: "grpo", reward: "http://127.0.0.1:1" });
    const { options, run, notes } = await withTools(0, { tools: TOOLS }, { settings });
    await train(options);
    expect(notes[0]).toBe(
      "1 prompt is left out: it has tools, which GRPO takes as an argument of the trainer alone.",
    );
    expect(JSON.parse(await text(run, "config.json"))).toMatchObject({ data: { rows: { train: 2 } } });
  });
});

it("an export with images is not for SimPO, which would read lists of parts as text", async () => {
  const { options, directory } = await prepared();
  const mapped = join(directory, "mapped");
  await mkdir(mapped);
  const map = { images: "images" };
  const [first, second, third] = RECORDS;
  // The last prompt has no pair.
  const records = [first, second, { ...third, images: ["a.png"] }] as object[];
  const dataset = await smallDataset(mapped, { input: { path: "prompts.jsonl", map } }, {}, records);
  const from = join(directory, "images");
  const kind = "preference";
  await exportDataset({
    ...{ files: nodeFiles, from: dataset, out: from, trainer: trl, kind },
    options: { images: "bytes" },
  });
  await expect(train({ ...options, from })).rejects.toMatchObject({
    code: "need_unmet",
    message: /rows of .* have images/,
  });
  // Of the dataset itself pairs with images are left out, of which there are none here.
  expect(await train({ ...options, from: dataset })).toMatchObject({ kind: "done" });
});

describe("log-probs of a reference", () => {
  async function withTable(change: (rows: Row[]) => Row[]) {
    const given = await prepared(WHOLE_TRAINING, { settings: settingsOf({ method: "dpo" }) });
    const pairs = await rowsOf(given.from, await fileOf(given.from, "pairs"));
    const rows = pairs.flatMap(({ prompt_id, chosen_id, rejected_id }, index) =>
      [chosen_id, rejected_id].map((response_id, side) => ({
        ...{ prompt_id, response_id, model: "ref", template_hash: null },
        ...{ ids_hash: idsHash([index, side]), token_count: 2 + side, sum_logprob: -10 * index - side - 1 },
      })),
    );
    const folder = join(given.directory, "reference");
    await mkdir(folder);
    const sink = await createParquetSink(nodeFiles, join(folder, "all.parquet"), logprobsRowSet);
    // In another order than the pairs: the join is by ids.
    await sink.write(change(rows).reverse());
    await sink.close();
    return { ...given, pairs, options: { ...given.options, reference: { directory: folder } } };
  }

  it("are joined by ids, in row order, with the counts and hashes that the trainer compares", async () => {
    const { options, run, pairs } = await withTable((rows) => rows);
    await train(options);
    const table = await openParquet(nodeFiles, join(run, "reference.parquet"));
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    await table.close();
    expect(rows).toEqual(
      pairs.map(({ pair_id }, index) => ({
        prefkit_pair_id: pair_id,
        ref_chosen_logps: -10 * index - 1,
        ref_chosen_token_count: 2,
        ref_chosen_ids_hash: idsHash([index, 0]),
        ref_rejected_logps: -10 * index - 2,
        ref_rejected_token_count: 3,
        ref_rejected_ids_hash: idsHash([index, 1]),
      })),
    );
    const config = JSON.parse(await text(run, "config.json"));
    expect(config.trainer.precompute_ref_log_probs).toBe(true);
    expect(config.reference).toMatchObject({ file: "reference.parquet", model: "ref", name: null });
  });

  it.each<[string, (rows: Row[]) => Row[], RegExp]>([
    [
      "a response is missing",
      (rows) => rows.slice(1),
      /the chosen response .* has no log-prob of the reference/,
    ],
    ["a hash is missing", (rows) => rows.map((row) => ({ ...row, ids_hash: null })), /has no ids_hash/],
    [
      "they are of two models",
      (rows) => rows.map((row, index) => ({ ...row, model: `m${index % 2}` })),
      /of 2 models/,
    ],
    [
      "a response has two unequal rows",
      (rows) => [...rows, { ...rows[0], sum_logprob: -999 }],
      /has two rows, with sums .*-999/,
    ],
    [
      "a sum is above 0",
      (rows) => rows.map((row) => ({ ...row, sum_logprob: 3 })),
      /sum of log-probs 3, which is no number of at most 0/,
    ],
    ["a response has no token", (rows) => rows.map((row) => ({ ...row, token_count: 0 })), /token count 0/],
  ])("are refused when %s", async (_, change, message) => {
    const { options } = await withTable(change);
    await expect(train(options)).rejects.toMatchObject({ code: "need_unmet", message });
  });

  it("are refused for a method without a reference", async () => {
    const { options } = await withTable((rows) => rows);
    await expect(train({ ...options, settings: settingsOf() })).rejects.toMatchObject({
      code: "bad_option",
      message: /simpo has no reference/,
    });
  });

  it("are refused when a sum is infinite, as other writers may have it", async () => {
    const { options, directory } = await withTable((rows) => rows);
    const folder = join(directory, "infinite");
    await mkdir(folder);
    const { ByteWriter, parquetWrite } = await import("hyparquet-writer");
    const writer = new ByteWriter();
    parquetWrite({
      writer,
      columnData: [
        ...["prompt_id", "response_id", "model", "ids_hash"].map((name) => ({
          ...{ name, data: ["x"], type: "STRING" as const },
        })),
        { name: "token_count", data: [2], type: "INT32" },
        { name: "sum_logprob", data: [Number.NEGATIVE_INFINITY], type: "DOUBLE" },
      ],
    });
    await writeFile(join(folder, "all.parquet"), writer.getBytes());
    await expect(train({ ...options, reference: { directory: folder } })).rejects.toMatchObject({
      code: "need_unmet",
      message: /sum of log-probs -Infinity/,
    });
  });

  it("may have equal rows twice, and need no other columns than the documented ones", async () => {
    const { options, directory } = await withTable((rows) => [...rows, ...rows]);
    expect(await train(options)).toMatchObject({ kind: "done" });
    const table = await openParquet(nodeFiles, join(directory, "reference/all.parquet"));
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    await table.close();
    const folder = join(directory, "documented");
    await mkdir(folder);
    const columns = logprobsRowSet.columns.filter(({ name }) => name !== "template_hash");
    expect(columns.map(({ name }) => name).sort()).toEqual(
      ["ids_hash", "model", "prompt_id", "response_id", "sum_logprob", "token_count"].sort(),
    );
    const sink = await createParquetSink(nodeFiles, join(folder, "all.parquet"), {
      ...logprobsRowSet,
      columns,
    });
    await sink.write(rows.map(({ template_hash: _, ...row }) => row));
    await sink.close();
    const second = { ...options, out: `${options.out}-2`, reference: { directory: folder } };
    expect(await train(second)).toMatchObject({ kind: "done" });
  });

  it.each([
    ["truncation_mode", "keep_end"],
    ["ld_alpha", 0.5],
  ])("are refused beside --set %s=%s, which needs those of other tokens", async (name, value) => {
    const { options, run } = await withTable((rows) => rows);
    const settings = settingsOf({ method: "dpo", set: { [name]: value } });
    await expect(train({ ...options, settings })).rejects.toMatchObject({
      code: "bad_option",
      message: new RegExp(`--set ${name}`),
    });
    expect(existsSync(run)).toBe(false);
  });

  it("must be the very table again when a training goes on", async () => {
    const { options, run, directory } = await withTable((rows) => rows);
    await train(options);
    const resumed = { ...options, resume: true };
    expect(await train(resumed)).toMatchObject({ kind: "done" });
    const { reference: _, ...without } = resumed;
    await expect(train(without)).rejects.toMatchObject({ code: "plan_changed" });
    const other = join(directory, "other");
    await mkdir(other);
    const sink = await createParquetSink(nodeFiles, join(other, "all.parquet"), logprobsRowSet);
    await sink.close();
    await expect(train({ ...resumed, reference: { directory: other } })).rejects.toMatchObject({
      code: "plan_changed",
      message: /the reference's log-probs/,
    });
    await flipByte(join(run, "reference.parquet"));
    await expect(train(resumed)).rejects.toMatchObject({
      code: "damaged_file",
      message: /reference\.parquet/,
    });
  });

  it("hash ids as little-endian 32-bit integers", () => {
    // printf '\001\000\000\000\002\000\000\000' | sha256sum
    expect(idsHash([1, 2])).toBe("34fb5c825de7ca4aea6e712f19d439c1");
  });
});

describe("the Python environment", () => {
  it("is the one named, else PREFKIT_PYTHON's, else the installed one, else a refusal that says what to do", async () => {
    const cacheDirectory = await directories.make();
    const options = { environment: { PREFKIT_PYTHON: "/b" }, cacheDirectory };
    expect(await findPython(nodeFiles, { ...options, named: "/a" })).toBe("/a");
    expect(await findPython(nodeFiles, options)).toBe("/b");
    const bare = { environment: {}, cacheDirectory };
    await expect(findPython(nodeFiles, bare)).rejects.toMatchObject({
      code: "missing_dependency",
      fix: expect.stringContaining("prefkit train --install"),
    });
    const own = join(cacheDirectory, "python-train/bin");
    await mkdir(own, { recursive: true });
    await writeFile(join(own, "python"), "");
    expect(await findPython(nodeFiles, bare)).toBe(join(own, "python"));
  });

  it.each([
    [{ trl: null }, false, /trl is missing/],
    [{ trl: "0.29.1" }, false, /trl is 0\.29\.1, and 1\.x is needed/],
    [{ trl: "2.0.0" }, false, /trl is 2\.0\.0/],
    [{ transformers: "4.57.3" }, false, /transformers is 4\.57\.3, and 5\.x is needed/],
    [{ python: "3.9.18" }, false, /Python is 3\.9\.18, and 3\.10 is needed/],
    [{ peft: null }, true, /peft is missing/],
    [{ requests: null, torch: null }, false, /torch is missing; requests is missing/],
  ])("is refused with what is missing and the command: %j", async (change, lora, message) => {
    const python = await fakePython(await directories.make(), "", { ...VERSIONS, ...change });
    await expect(checkPython(python, { lora, environment: process.env })).rejects.toMatchObject({
      code: "missing_dependency",
      message,
      fix: expect.stringContaining(`${python} -m pip install torch==`),
    });
  });

  it("needs no peft without LoRA", async () => {
    const python = await fakePython(await directories.make(), "", { ...VERSIONS, peft: null });
    expect(await checkPython(python, { lora: false, environment: process.env })).toMatchObject({
      peft: null,
    });
  });

  it("is refused when it is no Python at all", async () => {
    const directory = await directories.make();
    await expect(
      checkPython(join(directory, "nothing"), { lora: false, environment: process.env }),
    ).rejects.toMatchObject({ code: "missing_dependency", message: /did not run the training script/ });
  });
});
