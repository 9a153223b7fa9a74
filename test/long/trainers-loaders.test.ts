import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { axolotl } from "../../src/trainers/axolotl.ts";
import { exportDataset } from "../../src/trainers/export-dataset.ts";
import { llamaFactory } from "../../src/trainers/llama-factory.ts";
import { msSwift } from "../../src/trainers/ms-swift.ts";
import { openrlhf } from "../../src/trainers/openrlhf.ts";
import type { ExportKind, TrainerAdapter } from "../../src/trainers/trainer-adapter.ts";
import { trl } from "../../src/trainers/trl.ts";
import { verl } from "../../src/trainers/verl.ts";
import { smallDataset } from "../cli/small-dataset.ts";
import { noPython, python, root } from "./python.ts";

const trainers = process.env.PREFKIT_TRAINERS ?? join(root, ".cache/trainers");
const absent =
  noPython !== "" || existsSync(trainers)
    ? noPython
    : ` (absent: no trainers at ${trainers}; install test/python/requirements-trainers.txt there, or set PREFKIT_TRAINERS)`;

let scratch = "";
let dataset = "";
let withTools = "";
let oneQuestion = "";
let withImages = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-loaders-"));
  dataset = await datasetOf("plain", CONVERSATIONS, {});
  oneQuestion = await datasetOf("one-question", [...CONVERSATIONS, SYSTEM_CONVERSATION], {});
  withImages = await datasetOf("images", [...CONVERSATIONS, TWO_IMAGES, IMAGE_PATH], { images: "images" });
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
  readonly images?: readonly object[];
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

/** A picture of 4 × 4 points of one colour, as PPM in base64. */
function picture(...colour: readonly [number, number, number]): string {
  const points = Array.from({ length: 16 }, () => colour).flat();
  return Buffer.from([...Buffer.from("P6\n4 4\n255\n"), ...points]).toString("base64");
}

/** Two images in two turns, in their order; the other one is a path, and no file of that name is there. */
const TWO_IMAGES: Conversation = {
  id: "two-images",
  prompt: [
    { role: "user", content: "<image>\nWhich colour is it?" },
    { role: "assistant", content: "Red." },
    { role: "user", content: "And this one, <image>?" },
  ],
  chosen: "It is blue.",
  rejected: "Red, again.",
  images: [{ bytes: picture(255, 0, 0) }, { bytes: picture(0, 0, 255) }],
};
const IMAGE_PATH: Conversation = {
  ...TWO_IMAGES,
  id: "image-path",
  prompt: [{ role: "user", content: "<image> Which colour is it?" }],
  images: [{ path: "green.ppm" }],
};

/** One user turn behind a system turn. */
const SYSTEM_CONVERSATION: Conversation = {
  id: "system-turn",
  prompt: [
    { role: "system", content: " Réponds : {{ oui }}\n" },
    { role: "user", content: "\tWhat is 9 * 3?\n\n" },
  ],
  chosen: "  It is 27.\n",
  rejected: "<|im_start|> is no answer, nor is 26",
};

/** Lines are steps; one with a 6 in it is wrong. */
const STEPS = `export default {
  name: "line-steps", version: 1, range: [0, 1],
  score: (group) => group.responses.map(({ text }) => {
    const spans = []; let at = 0;
    for (const line of text.split("\\n")) {
      const length = [...line].length;
      if (line.trim() !== "") spans.push({ start: at, end: at + length, value: line.includes("6") ? 0 : 1, label: null });
      at += length + 1;
    }
    return { kind: "scored", value: 1, spans };
  }),
};`;

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
  await writeFile(join(directory, "steps.mjs"), STEPS);
  const records = conversations.map(({ id, prompt, reference, images, chosen, rejected }) => ({
    id,
    prompt,
    reference,
    tools: id === TOOL_CONVERSATION.id ? TOOLS : null,
    images,
    responses: [
      { text: rejected, metadata: { grade: 0 } },
      { text: chosen, metadata: { grade: 1 } },
    ],
  }));
  const recipe = {
    input: { path: "prompts.jsonl", map },
    scorers: { grade: { use: "precomputed", field: "grade" }, steps: { use: "./steps.mjs" } },
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
    expect(unpaired.map(({ texts }) => texts)).toEqual(
      labelled((text) => ({ completion: `${text}${END}\n` })),
    );
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
      labelled((text, { prompt }) => ({ prompt: rendered(prompt), completion: `${text}${END}` })),
    );
  });

  it("reach axolotl's reward model as whole conversations, its process reward model with a label after each step", async () => {
    const [reward, withSystem, stepwise] = await loaded(axolotl, [
      { kind: "reward", from: oneQuestion },
      { kind: "reward", from: oneQuestion, options: { system: "only" } },
      { kind: "stepwise", as: "prm", from: oneQuestion, options: { score: "steps", turns: "join" } },
    ]);
    const asked = [...CONVERSATIONS, SYSTEM_CONVERSATION];
    const whole = ({ prompt, chosen, rejected }: Conversation) => ({
      model: "AutoModelForSequenceClassification",
      chosen_ids: `${rendered(prompt)}${chosen}${END}\n`,
      rejected_ids: `${rendered(prompt)}${rejected}${END}\n`,
      steps: null,
    });
    expect(reward).toEqual(CONVERSATIONS.filter(({ id }) => id === "one-turn").map(whole));
    expect(withSystem).toEqual([whole(SYSTEM_CONVERSATION)]);
    expect(stepwise).toEqual(
      asked.flatMap(({ prompt, chosen, rejected }) =>
        // In the order of the responses, which the dataset lists with the rejected one first.
        [rejected, chosen].map((text) => {
          const before = prompt.map(({ content }) => content).join("\n\n");
          const lines = text.split("\n").filter((line) => line.trim() !== "");
          const upTo = (count: number) =>
            `${before}${lines
              .slice(0, count)
              .map((line) => `${line}\n`)
              .join("")}`;
          return {
            model: "AutoModelForTokenClassification",
            input_ids: upTo(lines.length),
            steps: lines.map((line, index) => [upTo(index + 1), line.includes("6") ? 0 : 1]),
          };
        }),
      ),
    );
  });

  it("reach axolotl's GRPO as they are, with the reward function beside them and settings that TRL takes", async () => {
    const [rows] = await loaded(axolotl, [{ kind: "prompts", as: "grpo" }]);
    expect(rows).toEqual(
      CONVERSATIONS.map(({ id, prompt, reference = null }) => ({
        row: { prompt, prompt_id: id, reference },
        reward: "trl_reward",
        trl: {
          num_generations: 8,
          max_completion_length: 512,
          temperature: 1,
          loss_type: "dapo",
          scale_rewards: "group",
        },
      })),
    );
  });

  it("reach TRL's DPO and KTO for a vision model, each image where it stood in the text, and train it for a step", async () => {
    const options = { images: "bytes" };
    const path = join(scratch, "green.ppm");
    await writeFile(path, Buffer.from(picture(0, 255, 0), "base64"));
    const byPath = await datasetOf("image-path", [{ ...IMAGE_PATH, images: [{ path }] }], {
      images: "images",
    });
    const [dpo = [], kto = [], opened] = await loaded(trl, [
      { kind: "preference", as: "dpo", from: withImages, options },
      { kind: "unpaired", as: "kto", from: withImages, options },
      { kind: "preference", as: "dpo", from: byPath, options: { images: "paths" } },
    ]);
    expect(opened).toMatchObject([{ pictures: 2, colours: ["#00ff00"] }]);
    const asked = [...CONVERSATIONS, TWO_IMAGES];
    // An image of the tiny model's is four tokens.
    const shown = (prompt: readonly Turn[]) => rendered(prompt).replaceAll("<image>", "<image>".repeat(4));
    const colours = ({ images = [] }: Conversation) => (images.length === 0 ? [] : ["#ff0000", "#0000ff"]);
    const loss = expect.closeTo(Math.LN2, 4);
    expect(dpo).toEqual(
      asked.map((one) => ({
        prompts: [shown(one.prompt), shown(one.prompt)],
        responses: [`${one.chosen}${END}\n`, `${one.rejected}${END}\n`],
        // The collator gives both sides their own.
        pictures: 2 * colours(one).length,
        colours: colours(one),
        label: null,
        losses: [loss],
      })),
    );
    expect(kto).toMatchObject(
      labelled(
        (text, one) => ({
          prompts: [shown(one.prompt)],
          responses: [`${text}${END}\n`],
          colours: colours(one),
        }),
        asked,
      ),
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
      false,
      true,
    ]);
    expect(prompts).toMatchObject(
      CONVERSATIONS.map(({ id, prompt, reference }) => ({
        row: { messages: prompt, prompt_id: id, ...(reference === undefined ? {} : { reference }) },
      })),
    );
  });
});

/** Both sides of every conversation as KTO gets them: one side of each, desired and undesired in turns, then the other sides. */
function labelled(
  rowOf: (response: string, one: Conversation) => object,
  conversations: readonly Conversation[] = CONVERSATIONS,
): readonly object[] {
  return [0, 1].flatMap((turn) =>
    conversations.map((one, index) => {
      const label = (turn + index) % 2 === 0;
      return { ...rowOf(label ? one.chosen : one.rejected, one), label };
    }),
  );
}

/** What TRL's trainers are given by axolotl. */
function texts(after = ""): readonly object[] {
  return CONVERSATIONS.map(({ prompt, chosen, rejected }) => ({
    prompt: rendered(prompt),
    chosen: `${chosen}${END}${after}`,
    rejected: `${rejected}${END}${after}`,
  }));
}
