import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { axolotl } from "../../src/trainers/axolotl.ts";
import { exportDataset } from "../../src/trainers/export-dataset.ts";
import { llamaFactory } from "../../src/trainers/llama-factory.ts";
import { msSwift } from "../../src/trainers/ms-swift.ts";
import { openrlhf } from "../../src/trainers/openrlhf.ts";
import type { ExportKind, TrainerAdapter } from "../../src/trainers/trainer-adapter.ts";
import { verl } from "../../src/trainers/verl.ts";
import { smallDataset } from "../cli/small-dataset.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const python = process.env.PREFKIT_PYTHON ?? join(root, ".cache/venv/bin/python");
const trainers = process.env.PREFKIT_TRAINERS ?? join(root, ".cache/trainers");
const absent = whatIsAbsent();

function whatIsAbsent(): string {
  if (!existsSync(python)) return ` (absent: no Python at ${python}; set PREFKIT_PYTHON)`;
  return existsSync(trainers)
    ? ""
    : ` (absent: no trainers at ${trainers}; install test/python/requirements-trainers.txt there, or set PREFKIT_TRAINERS)`;
}

let scratch = "";
let dataset = "";
let withTools = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-loaders-"));
  dataset = await datasetOf("plain", CONVERSATIONS, {});
  withTools = await datasetOf("tools", [...CONVERSATIONS, TOOL_CONVERSATION], {
    tools: "tools",
    toolMessages: true,
  });
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

interface Turn {
  readonly role: string;
  readonly content: string;
}

interface Conversation {
  readonly id: string;
  readonly prompt: readonly Turn[];
  readonly chosen: string;
  readonly rejected: string;
  readonly reference?: string;
}

/** Texts that a careless reader changes: white space, quotes, other scripts, markup, an image's placeholder without an image. */
const CONVERSATIONS: readonly Conversation[] = [
  {
    id: "one-turn",
    prompt: [{ role: "user", content: "What is 9 * 2?" }],
    chosen: "It is 18,\n\nnamely twice nine.",
    rejected: "It is 26, I think.",
    reference: "18",
  },
  {
    id: "many-turns",
    prompt: [
      { role: "system", content: 'Be brief; say "no" politely.' },
      { role: "user", content: "  Écris: naïve 👩‍👩‍👧\tمرحبا  " },
      { role: "assistant", content: "Привет, 你好\n" },
      { role: "user", content: "{% raw %} {{ x }} </s> \\n" },
    ],
    chosen: "été, e\u0301 and \u{1F1EB}\u{1F1F7}: done.",
    rejected: "No {{ messages }} at all.",
  },
];

const TOOLS = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];

const TOOL_CONVERSATION = {
  id: "tool-calls",
  prompt: [
    { role: "user", content: "Weather in Rome?" },
    {
      role: "assistant",
      content: "",
      tool_calls: [
        { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } },
      ],
    },
    { role: "tool", content: "21 degrees", tool_call_id: "c1" },
    { role: "assistant", content: "It is 21 degrees." },
    { role: "user", content: "Is that warm?" },
  ],
  chosen: "For Rome in November it is warm.",
  rejected: "It is cold, I would say.",
};

/** A finished dataset of one pair per conversation: its chosen side has grade 1, its rejected side grade 0. */
async function datasetOf(
  name: string,
  conversations: readonly (Omit<Conversation, "prompt"> & { readonly prompt: readonly object[] })[],
  map: Readonly<Record<string, string | boolean>>,
): Promise<string> {
  const directory = join(scratch, name);
  await mkdir(directory);
  const records = conversations.map(({ id, prompt, reference, chosen, rejected }) => ({
    id,
    prompt,
    reference,
    tools: id === TOOL_CONVERSATION.id ? TOOLS : null,
    responses: [
      { text: rejected, metadata: { grade: 0 } },
      { text: chosen, metadata: { grade: 1 } },
    ],
  }));
  const recipe = {
    input: { path: "prompts.jsonl", map },
    scorers: { grade: { use: "precomputed", field: "grade" } },
    reward: { terms: [{ score: "grade" }], gates: [] },
  };
  return smallDataset(directory, recipe, {}, records);
}

interface Export {
  readonly kind: ExportKind;
  readonly from?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** The method that reads it, where the script asks for one. */
  readonly as?: string;
}

/** Several exports, read by their trainer in one process: what reached it, by export. */
async function loaded(trainer: TrainerAdapter, exports: readonly Export[]): Promise<readonly Rows[]> {
  const directory = await mkdtemp(join(scratch, `${trainer.name}-`));
  const jobs: string[] = [];
  for (const [index, { kind, from = dataset, options = {}, as = kind }] of exports.entries()) {
    const out = join(directory, `export-${index}`);
    await exportDataset({ files: nodeFiles, from, out, trainer, kind, options });
    jobs.push(`${as}=${out}`);
  }
  const script = join(root, "test/python/load_exports.py");
  const { status, stdout, stderr } = spawnSync(python, [script, trainer.name, directory, ...jobs], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      PYTHONPATH: trainers,
      HF_HOME: join(directory, "huggingface"),
      MODELSCOPE_CACHE: join(directory, "modelscope"),
      HF_HUB_OFFLINE: "1",
      HF_DATASETS_OFFLINE: "1",
      HF_DATASETS_DISABLE_PROGRESS_BARS: "1",
      AXOLOTL_DO_NOT_TRACK: "1",
      // LLaMA-Factory refuses versions of transformers and datasets that are newer than it knows.
      DISABLE_VERSION_CHECK: "1",
      CUDA_VISIBLE_DEVICES: "",
    },
    maxBuffer: 64 * 1024 * 1024,
  });
  expect({ status, stderr: status === 0 ? "" : stderr.slice(-4000) }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Rows[];
}

type Rows = readonly Readonly<Record<string, unknown>>[];

/** ChatML, written here a second time: what the tokenizer's template of the Python side must have made of a conversation. */
function chatml(turns: readonly Turn[]): string {
  return turns.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join("");
}
const rendered = (prompt: readonly Turn[]) => `${chatml(prompt)}<|im_start|>assistant\n`;
const END = "<|im_end|>";

describe.skipIf(absent !== "")(`exports, read by their trainers' own code${absent}`, () => {
  it("reach OpenRLHF: DPO and the reward model as rendered conversations, prompts with label and datasource", async () => {
    const [preference, reward, prompts] = await loaded(openrlhf, [
      { kind: "preference" },
      { kind: "reward", options: { margin: true } },
      { kind: "prompts" },
    ]);
    expect(preference).toMatchObject(
      CONVERSATIONS.map(({ prompt, chosen, rejected }) => ({
        prompt: rendered(prompt),
        chosen: `${rendered(prompt)}${chosen}${END}`,
        rejected: `${rendered(prompt)}${rejected}${END}`,
      })),
    );
    expect(reward).toMatchObject(
      CONVERSATIONS.map(({ prompt, chosen }) => ({ chosen: `${rendered(prompt)}${chosen}${END}`, extra: 1 })),
    );
    expect(prompts).toEqual(
      CONVERSATIONS.map(({ prompt, reference = "" }) => ({
        datasource: "prefkit",
        prompt: rendered(prompt),
        label: reference,
        images: null,
      })),
    );
  });

  it("reach verl's rollouts, and its reward function with id, reference and prompt", async () => {
    const [rows = []] = await loaded(verl, [{ kind: "prompts" }]);
    expect(rows).toMatchObject(
      CONVERSATIONS.map(({ id, prompt, reference = null }) => ({
        data_source: "prefkit",
        raw_prompt: prompt,
        reward_model: { style: "rule", ground_truth: reference },
        extra_info: { prompt_id: id, prompt: JSON.stringify(prompt) },
      })),
    );
    expect(new Set(rows.map(({ index }) => index)).size).toBe(CONVERSATIONS.length);
  });

  it("reach LLaMA-Factory's DPO, tool calls and tools included, and its KTO with their labels", async () => {
    const [rows = [], unpaired = []] = await loaded(llamaFactory, [
      { kind: "preference", from: withTools },
      { kind: "unpaired" },
    ]);
    expect(rows.map(({ aligned }) => aligned)).toMatchObject([
      ...CONVERSATIONS.map(({ prompt, chosen, rejected }) => ({
        _system: prompt[0]?.role === "system" ? prompt[0].content : "",
        _prompt: prompt.filter(({ role }) => role !== "system"),
        _response: [chosen, rejected].map((content) => ({ role: "assistant", content })),
        _tools: null,
      })),
      {
        _prompt: [
          { role: "user", content: "Weather in Rome?" },
          { role: "function", content: '[{"name":"weather","arguments":{"city":"Rome"}}]' },
          { role: "observation", content: "21 degrees" },
          { role: "assistant", content: "It is 21 degrees." },
          { role: "user", content: "Is that warm?" },
        ],
        _tools: JSON.stringify(TOOLS),
      },
    ]);
    expect(rows.slice(0, 2).map(({ texts }) => texts)).toEqual(
      CONVERSATIONS.map(({ prompt, chosen, rejected }) => ({
        prompt: rendered(prompt),
        chosen: `${chosen}${END}\n`,
        rejected: `${rejected}${END}\n`,
      })),
    );
    expect(rows[2]?.texts).toMatchObject({ chosen: `${TOOL_CONVERSATION.chosen}${END}\n` });
    expect(unpaired.map(({ texts }) => texts)).toEqual(labelled((text) => `${text}${END}\n`));
  });

  it("reach axolotl's DPO, SimPO, ORPO and KTO as the text that TRL is given", async () => {
    const [dpo, simpo, orpo, kto] = await loaded(axolotl, [
      { kind: "preference", as: "dpo" },
      { kind: "preference", as: "simpo" },
      { kind: "preference", as: "orpo", options: { method: "orpo" } },
      { kind: "unpaired", as: "kto" },
    ]);
    expect(dpo).toEqual(texts());
    expect(simpo).toEqual(texts());
    expect(orpo).toMatchObject(texts("\n"));
    expect(kto).toEqual(
      CONVERSATIONS.flatMap(({ prompt, chosen, rejected }) => [
        { prompt: rendered(prompt), completion: `${chosen}${END}`, label: true },
        { prompt: rendered(prompt), completion: `${rejected}${END}`, label: false },
      ]),
    );
  });

  it("reach ms-swift's DPO with one prompt on both sides, its KTO with labels, its GRPO with id and reference", async () => {
    const [rows, unpaired = [], prompts] = await loaded(msSwift, [
      { kind: "preference", from: withTools },
      { kind: "unpaired" },
      { kind: "prompts" },
    ]);
    const sides = (text: string, prompt: readonly Turn[]) => ({
      system: prompt[0]?.role === "system" ? prompt[0].content : null,
      messages: [...prompt.filter(({ role }) => role !== "system"), { role: "assistant", content: text }],
    });
    const called = [
      { role: "user", content: "Weather in Rome?" },
      { role: "tool_call", content: '{"name":"weather","arguments":{"city":"Rome"}}' },
      { role: "tool", content: "21 degrees" },
      { role: "assistant", content: "It is 21 degrees." },
      { role: "user", content: "Is that warm?" },
    ];
    expect(rows).toMatchObject([
      ...CONVERSATIONS.map(({ prompt, chosen, rejected }) => ({
        chosen: sides(chosen, prompt),
        rejected: sides(rejected, prompt),
      })),
      {
        chosen: { ...sides(TOOL_CONVERSATION.chosen, called), tools: TOOLS },
        rejected: { ...sides(TOOL_CONVERSATION.rejected, called), tools: TOOLS },
      },
    ]);
    expect(unpaired.map(({ chosen }) => (chosen as { label: boolean }).label)).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(prompts).toMatchObject(
      CONVERSATIONS.map(({ id, prompt, reference }) => ({
        row: { messages: prompt, prompt_id: id, ...(reference === undefined ? {} : { reference }) },
      })),
    );
  });
});

/** Both sides of every conversation, one after the other. */
function labelled(text: (response: string) => string): readonly object[] {
  return CONVERSATIONS.flatMap(({ chosen, rejected }) => [
    { completion: text(chosen), label: true },
    { completion: text(rejected), label: false },
  ]);
}

/** What TRL's trainers are given by axolotl. */
function texts(after = ""): readonly object[] {
  return CONVERSATIONS.map(({ prompt, chosen, rejected }) => ({
    prompt: rendered(prompt),
    chosen: `${chosen}${END}${after}`,
    rejected: `${rejected}${END}${after}`,
  }));
}
