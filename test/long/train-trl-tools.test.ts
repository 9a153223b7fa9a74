import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { provider } from "../../src/models/local.ts";
import { loadTrainerTokenizer } from "../../src/trainers/check/index.ts";
import { referenceLogprobs, train } from "../../src/trainers/train/index.ts";
import { RECORDS, smallDataset } from "../cli/small-dataset.ts";
import { settings as endpoint, runtimeIn } from "../models/runtime.ts";
import { settingsOf } from "../trainers/train/fake-python.ts";
import { absentFrom, python, root } from "./python.ts";

const absent = absentFrom(
  "import torch, trl, accelerate, datasets, requests, onnxscript",
  "test/python/requirements-train.txt",
);

/** Writes tools as the templates of Qwen and others do. */
const TEMPLATE =
  "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}" +
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** With what JSON writers differ in: other scripts, marks of HTML, fractions, nothing. */
const TOOLS = [
  {
    type: "function",
    function: {
      name: "größe",
      description: "<b>Größe & 'so'</b> 👩‍👩‍👧",
      parameters: { type: "object", properties: { x: { type: "number", default: 1.5 } }, required: [] },
    },
  },
];

let scratch = "";
let model = "";
let dataset = "";

beforeAll(async () => {
  if (absent !== "") return;
  scratch = await mkdtemp(join(tmpdir(), "prefkit-train-tools-"));
  model = join(scratch, "model");
  const { status, stderr } = spawnSync(python, [join(root, "test/python/tiny_model.py"), model], {
    encoding: "utf8",
    env: { ...process.env, HF_HUB_OFFLINE: "1" },
  });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  await writeFile(join(model, "chat_template.jinja"), TEMPLATE);
  const records = RECORDS.map((record, index) => (index === 0 ? { ...record, tools: TOOLS } : record));
  const input = { path: "prompts.jsonl", map: { tools: "tools" } };
  dataset = await smallDataset(scratch, { input }, {}, records);
}, 300_000);

afterAll(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

describe.skipIf(absent !== "")(`DPO on rows with tools${absent}`, { timeout: 600_000 }, () => {
  it("begins at ln 2 with our own log-probs of the same model, over the tokens that TRL scores", async () => {
    const reference = join(scratch, "reference");
    const runtime = runtimeIn(scratch);
    const handle = await provider.open(provider.options.parse({ model, threads: 1 }), endpoint, runtime);
    try {
      if (handle.ports.logprobs === undefined) throw new Error("no log-probs");
      await referenceLogprobs({
        ...{ files: nodeFiles, dataset, out: reference, model: handle.ports.logprobs, maxLength: 1024 },
        tokenizer: await loadTrainerTokenizer(model, { runtime }),
        stop: new AbortController().signal,
      });
    } finally {
      await handle.close();
    }
    const run = join(scratch, "run");
    const outcome = await train({
      files: nodeFiles,
      from: dataset,
      out: run,
      settings: settingsOf({ method: "dpo", model, steps: 1, batchSize: 2, gradAccum: 1 }),
      python,
      environment: { ...process.env, HF_HUB_OFFLINE: "1", HF_HOME: join(scratch, "huggingface") },
      cpu: true,
      reference: { directory: reference },
      stop: new AbortController().signal,
    });
    // The trainer refuses log-probs over other tokens before its first step.
    expect(outcome).toMatchObject({ kind: "done", rows: 2, kept: 2 });
    const [first = ""] = (await readFile(join(run, "metrics.jsonl"), "utf8")).split("\n");
    const { loss } = JSON.parse(first) as { readonly loss: number };
    expect(Math.abs(loss - Math.LN2)).toBeLessThan(1e-3);
  });
});
