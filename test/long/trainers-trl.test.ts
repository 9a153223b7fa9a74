import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import type { Row } from "../../src/store/table.ts";
import { exportDataset } from "../../src/trainers/export-dataset.ts";
import { helpsteer2 } from "../../src/trainers/helpsteer2.ts";
import { rewardbench } from "../../src/trainers/rewardbench.ts";
import type { ExportKind } from "../../src/trainers/trainer-adapter.ts";
import { trl } from "../../src/trainers/trl.ts";
import { ultrafeedback } from "../../src/trainers/ultrafeedback.ts";
import { fileOf, RECORDS, rowsOf, smallDataset } from "../cli/small-dataset.ts";
import { absentFrom, python, root } from "./python.ts";

const absent = absentFrom("import torch, trl", "test/python/requirements-train.txt");

/** Beside the usual three prompts: several turns, a system turn, line breaks, other scripts, template marks in a text. */
const FURTHER = [
  {
    id: "turns",
    prompt: [
      { role: "system", content: "Réponds en français." },
      { role: "user", content: "Combien font 40 + 2 ?" },
      { role: "assistant", content: "A: 42" },
      { role: "user", content: "Et 41 + 1 ?\n\nÀ toi." },
    ],
    reference: "42",
    responses: [
      { text: "Il reste 42 👩‍👩‍👧‍👦.\nA: 42", token_count: 10, metadata: { grade: 3 } },
      { text: " A: 43", token_count: 10, metadata: { grade: 1 } },
    ],
  },
  {
    id: "code",
    prompt: "```python\nprint(40 + 2)\n```\nWhat does it print?",
    reference: "42",
    responses: [
      { text: "  A: 42\n", token_count: 10, metadata: { grade: 3 } },
      { text: "שלום\nA: 1", token_count: 10, metadata: { grade: 1 } },
    ],
  },
];

/** Lines are steps; one with a 3 in it is wrong. */
const STEPS = `export default {
  name: "line-steps", version: 1, range: [0, 1],
  score: (group) => group.responses.map(({ text }) => {
    const spans = []; let at = 0;
    for (const line of text.split("\\n")) {
      const length = [...line].length;
      if (length > 0) spans.push({ start: at, end: at + length, value: line.includes("3") ? 0 : 1, label: null });
      at += length + 1;
    }
    return { kind: "scored", value: 1, spans };
  }),
};`;

/** The layouts of public datasets, which `load_dataset` opens. */
const LAYOUTS = [
  ["rewardbench", rewardbench, "preference", {}],
  ["ultrafeedback", ultrafeedback, "preference", {}],
  ["ultrafeedback-ratings", ultrafeedback, "ratings", { scores: "correct" }],
  ["helpsteer2", helpsteer2, "preference", {}],
  ["helpsteer2-ratings", helpsteer2, "ratings", { scores: "correctness=correct" }],
] as const;

interface Trained {
  readonly rows: readonly Row[];
  readonly losses: readonly number[];
  readonly type: string;
}

let scratch = "";
let pairs: readonly Row[] = [];
let groups: readonly Row[] = [];
let found: Record<string, Trained> & {
  readonly splits: {
    readonly opened: readonly object[];
    readonly later: readonly object[];
    readonly dpo: number;
    readonly evaluated: number;
    readonly simpo: number;
  };
  readonly grpo: { callable: boolean; generations: number; rows: Row[] };
};
let rowsBySplit: Readonly<Record<string, number>> = {};
let loaded: Readonly<Record<string, readonly Row[]>> = {};

beforeAll(async () => {
  if (absent) return;
  scratch = await mkdtemp(join(tmpdir(), "prefkit-trl-"));
  await writeFile(join(scratch, "steps.mjs"), STEPS);
  const scorers = { correct: { use: "math-answer" }, steps: { use: "./steps.mjs" } };
  const reward = { terms: [{ score: "correct", weight: 2 }] };
  const from = await smallDataset(scratch, { scorers, reward }, {}, [...RECORDS, ...FURTHER]);
  pairs = await rowsOf(from, await fileOf(from, "pairs"));
  groups = await rowsOf(from, await fileOf(from, "groups"));
  const exports: readonly [string, ExportKind, Record<string, unknown>][] = [
    ["dpo", "preference", {}],
    ["dpo-text", "preference", { format: "text" }],
    ["kto", "unpaired", { from: "groups", threshold: 1 }],
    ["reward", "reward", { margin: true }],
    ["reward-text", "reward", { format: "text" }],
    ["prm", "stepwise", { score: "steps", turns: "join" }],
    ["grpo", "prompts", {}],
  ];
  for (const [name, kind, options] of exports) {
    await exportDataset({ files: nodeFiles, from, out: join(scratch, name), trainer: trl, kind, options });
  }
  for (const [name, trainer, kind, options] of LAYOUTS) {
    await exportDataset({
      files: nodeFiles,
      from,
      out: join(scratch, `layout-${name}`),
      trainer,
      kind,
      options,
    });
  }
  // Names that `datasets` would count as train and as test, were they not named in a card.
  const named = join(scratch, "named");
  await mkdir(named);
  const records = Array.from({ length: 40 }, (_, n) => ({ ...RECORDS[0], id: `prompt-${n}` }));
  const split = { test: 0.2, train_hard: 0.2, hard_train: 0.2, testing: 0.1 };
  const splits = await smallDataset(named, { output: { split } }, {}, records);
  const exported = { files: nodeFiles, from: splits, trainer: trl, kind: "preference" } as const;
  const made = await exportDataset({ ...exported, out: join(scratch, "splits") });
  rowsBySplit = made?.rows ?? {};
  // Another export of that name and other rows: they must not come from the cache of the first.
  await exportDataset({ ...exported, from, out: join(scratch, "later", "splits") });
  const { status, stdout, stderr } = spawnSync(
    python,
    [join(root, "test/python/train_exports.py"), scratch],
    {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  expect({ status, stderr: status === 0 ? "" : stderr.slice(-4000) }).toEqual({ status: 0, stderr: "" });
  found = JSON.parse(stdout);
  loaded = JSON.parse(stdout).loaded;
}, 240_000);
afterAll(async () => {
  if (scratch) await rm(scratch, { recursive: true, force: true });
});

type Turn = { readonly role: string; readonly content: string };

const rendered = (messages: unknown): string =>
  (messages as readonly Turn[])
    .map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`)
    .join("");
const asked = (row: Row): string => `${rendered(row.prompt)}<|im_start|>assistant\n`;
const side = (row: Row, name: string): string => (row[name] as readonly Turn[])[0]?.content ?? "";
const isText = ({ prompt }: Row): boolean => (prompt as readonly Turn[]).length === 1;
const textOf = ({ prompt }: Row): string => (prompt as readonly Turn[])[0]?.content ?? "";
const END = "<|im_end|>";

describe.skipIf(absent !== "")(`TRL on its exports${absent}`, () => {
  it("trains DPO on the dataset's pairs to the letter, from a loss of ln 2", () => {
    expect(pairs.length).toBeGreaterThanOrEqual(4);
    expect(found.dpo?.type).toBe("DPOTrainer");
    expect(found.dpo?.rows).toEqual(
      pairs.map((pair) => ({
        prompt_ids: asked(pair),
        chosen_ids: `${side(pair, "chosen")}${END}\n`,
        rejected_ids: `${side(pair, "rejected")}${END}\n`,
      })),
    );
    expect(found.dpo?.losses[0]).toBeCloseTo(Math.LN2, 4);
  });

  it("trains on the split train alone, whatever the others are called, and evaluates on test", () => {
    expect(Object.keys(rowsBySplit)).toEqual(
      expect.arrayContaining(["train", "test", "train_hard", "hard_train", "testing"]),
    );
    expect(found.splits.opened).toEqual([rowsBySplit, rowsBySplit]);
    expect(found.splits).toMatchObject({
      dpo: rowsBySplit.train,
      simpo: rowsBySplit.train,
      evaluated: rowsBySplit.test,
    });
  });

  it("opens a later export of the same name with its own rows, not those that `datasets` cached", () => {
    const own = { train: pairs.length };
    expect(found.splits.later).toEqual([own, own]);
  });

  it("trains DPO on texts, and puts the end of sequence after them", () => {
    expect(found["dpo-text"]?.rows).toEqual(
      pairs.filter(isText).map((pair) => ({
        prompt_ids: textOf(pair),
        chosen_ids: `${side(pair, "chosen")}${END}`,
        rejected_ids: `${side(pair, "rejected")}${END}`,
      })),
    );
  });

  it("trains SimPO on the same pairs, with the authors' numbers; the CPO trainer adds an end of sequence of its own", () => {
    expect(found.simpo?.type).toBe("CPOTrainer");
    expect(found.simpo).toMatchObject({
      args: { beta: 2, simpo_gamma: 1, cpo_alpha: 0, loss_type: "simpo" },
    });
    expect(found.simpo?.rows).toEqual(
      pairs.map((pair) => ({
        prompt: asked(pair),
        chosen: `${side(pair, "chosen")}${END}\n${END}`,
        rejected: `${side(pair, "rejected")}${END}\n${END}`,
      })),
    );
    expect(found.simpo?.losses).toHaveLength(1);
  });

  it("trains KTO on each candidate with a reward, desired from the threshold on", () => {
    const expected = groups.flatMap((group) =>
      (group.responses as readonly Row[]).map((response) => ({
        prompt_ids: asked(group),
        completion_ids: `${String(response.text)}${END}\n`,
        label: (response.reward as number) >= 1,
      })),
    );
    // Rows of a prompt are no neighbours, so they come in another order.
    const byPrompt = (rows: readonly Row[] = []) =>
      [...rows].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
    expect(byPrompt(found.kto?.rows)).toEqual(byPrompt(expected));
  });

  it("trains a reward model on whole conversations, with the margin that was asked for and without", () => {
    expect(found.reward?.rows).toEqual(
      pairs.map((pair) => ({
        chosen_ids: rendered([...(pair.prompt as Turn[]), ...(pair.chosen as Turn[])]),
        rejected_ids: rendered([...(pair.prompt as Turn[]), ...(pair.rejected as Turn[])]),
        margin: pair.reward_margin,
      })),
    );
    expect(found["reward-text"]?.rows).toEqual(
      pairs.filter(isText).map((pair) => ({
        chosen_ids: `${textOf(pair)}${side(pair, "chosen")}${END}`,
        rejected_ids: `${textOf(pair)}${side(pair, "rejected")}${END}`,
      })),
    );
  });

  it("trains a process reward model with a label after each step", () => {
    const expected = groups.flatMap((group) =>
      (group.responses as readonly Row[]).map(({ text }) => {
        const prompt = (group.prompt as readonly Turn[]).map(({ content }) => content).join("\n\n");
        const lines = String(text)
          .split("\n")
          .filter((line) => line !== "");
        return {
          input_ids: `${prompt}${lines.map((line) => `${line}\n`).join("")}`,
          steps: lines.map((line, index) => [
            `${prompt}${lines
              .slice(0, index + 1)
              .map((one) => `${one}\n`)
              .join("")}`,
            !line.includes("3"),
          ]),
        };
      }),
    );
    expect(found.prm?.rows).toEqual(expected);
    expect(found.prm?.type).toBe("PRMTrainer");
  });

  it("reads the GRPO config, its prompts and the reward function beside them", () => {
    expect(found.grpo.callable).toBe(true);
    expect(found.grpo.generations).toBe(8);
    expect(found.grpo.rows).toEqual(
      groups.map(({ prompt, prompt_id, reference }) => ({ prompt, prompt_id, reference })),
    );
  });

  it.each(LAYOUTS)("opens the layout %s as it was written", async (name, trainer) => {
    const data = join(scratch, `layout-${name}`, "data");
    const rows: Row[] = [];
    if (trainer === helpsteer2) {
      const lines = await readFile(join(data, "train-00000-of-00001.jsonl"), "utf8");
      rows.push(
        ...lines
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as Row),
      );
    } else {
      const table = await openTable(nodeFiles, join(data, "train-00000-of-00001.parquet"));
      for await (const batch of table.read()) rows.push(...batch);
      await table.close();
    }
    expect(rows.length).toBeGreaterThan(0);
    expect(loaded[`layout-${name}`]).toEqual(rows);
  });
});
