import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles, writeWhole } from "../../src/core/files.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import type { Row } from "../../src/store/table.ts";
import type { ExportKind } from "../../src/trainers/trainer-adapter.ts";
import { trl } from "../../src/trainers/trl.ts";
import { absentFrom, python, root } from "./python.ts";

const absent = absentFrom("import torch, trl", "test/python/requirements-train.txt");

interface Outcome {
  readonly said: string;
  /** The message that it exited with; null when it came to its end. */
  readonly ended: string | null;
  readonly saved: readonly string[];
  readonly kept?: number;
  readonly losses?: readonly string[];
  readonly finite?: boolean;
  readonly dtypes?: readonly string[];
  /** The share of weights that are not what they were. */
  readonly moved?: number;
}
type Outcomes = Readonly<Record<"cut" | "nothing" | "infinite" | "half", Outcome>>;

const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7] as const;
/** No two letters of it are one token. */
const LONG = "z".repeat(200);

/** The first of eight pairs has a side beyond every limit here, and a short one. */
function pairRow(number: number): Row {
  const turn = (role: string, content: string): Row[] => [{ role, content }];
  return {
    prompt: turn("user", `What is ${number} + 1?`),
    chosen: turn("assistant", number === 0 ? LONG : `The answer is short: ${number + 1}.`),
    rejected: turn("assistant", "5"),
  };
}

function stepRow(number: number): Row {
  return {
    prompt: number === 0 ? LONG : `What is ${number} + 1?`,
    completions: ["Count on by one.", `${number + 1}`],
    labels: [true, number % 2 === 0],
  };
}

let scratch = "";
let found: Readonly<Record<"pairs" | "steps", Outcomes>> & { readonly images: readonly (string | null)[] };

/** As an export: the rows in the layout's own columns, and its script beside them. */
async function writeExport(name: string, kind: ExportKind, options: object, rows: readonly Row[]) {
  const definition = trl.layouts[kind];
  const facts = { extras: {}, scores: ["steps"] };
  const layout = definition?.create(definition.options.parse(options), facts);
  if (layout === undefined) throw new Error(`no layout for ${kind}`);
  const folder = join(scratch, name);
  await nodeFiles.makeDirectory(join(folder, "data"));
  const sink = await createParquetSink(
    nodeFiles,
    join(folder, "data/train-00000-of-00001.parquet"),
    layout.rowSet,
  );
  await sink.write([...rows]);
  await sink.close();
  for (const { path, text } of layout.companions({ files: { train: [] } })) {
    await nodeFiles.makeDirectory(dirname(join(folder, path)));
    await writeWhole(nodeFiles, join(folder, path), text);
  }
}

beforeAll(async () => {
  if (absent !== "") return;
  scratch = await mkdtemp(join(tmpdir(), "prefkit-scripts-"));
  await writeExport("pairs", "preference", {}, NUMBERS.map(pairRow));
  await writeExport("steps", "stepwise", { score: "steps" }, NUMBERS.map(stepRow));
  const { status, stdout, stderr } = spawnSync(
    python,
    [join(root, "test/python/train_scripts.py"), scratch],
    { encoding: "utf8", env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" }, maxBuffer: 64 * 1024 * 1024 },
  );
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  found = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}, 300_000);

afterAll(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

describe.skipIf(absent !== "")(`the scripts beside exports${absent}`, () => {
  // 200 letters and the end are 201 tokens at least: both sides lose 201 - 96 = 105 or more, and the other one has but a few.
  it.each([
    ["pairs", "1 of 8 pairs have a side without a token within --max-length, and are left out."],
    ["steps", "1 of 8 rows have no step's end within --max-length, and are left out."],
  ] as const)("leave out of %s what has nothing left to train on, and say so", (name, said) => {
    const { cut } = found[name];
    expect(cut).toMatchObject({ ended: null, kept: 7, finite: true });
    expect(cut.said).toContain(said);
    expect(cut.losses?.length).toBeGreaterThan(0);
    for (const loss of cut.losses ?? []) expect(Number(loss)).toBeGreaterThan(0);
  });

  it.each([
    ["pairs", "No pair is left: raise --max-length."],
    ["steps", "No row is left: raise --max-length."],
  ] as const)("do not begin with %s of which nothing is left", (name, ended) => {
    expect(found[name].nothing).toMatchObject({ ended, saved: [] });
  });

  it.each(["pairs", "steps"] as const)(
    "end with what is wrong, and save nothing, when the loss of %s is not finite",
    (name) => {
      const { ended, saved } = found[name].infinite;
      expect(ended).toMatch(
        /^Not finite at step 1: loss and grad_norm\. The weights are lost, and are not saved/,
      );
      expect(saved).toEqual([]);
    },
  );

  // bfloat16 has eight bits: a step of 1e-6 moves no weight above about 1e-6 * 2^9 = 5e-4, and weights are 0.02 here. The weights
  // of tokens that no row has never move.
  it.each(["pairs", "steps"] as const)("train a bfloat16 checkpoint on %s in float32", (name) => {
    const { half } = found[name];
    expect(half).toMatchObject({ ended: null, dtypes: ["torch.float32"] });
    expect(half.moved).toBeGreaterThan(0.25);
  });

  it("stop a training with images too, but for the gradients that float16's scaler skips", () => {
    const [lost, gradient, ...others] = found.images;
    expect(lost).toMatch(/^Not finite at step 3: loss\./);
    expect(gradient).toMatch(/^Not finite at step 3: grad_norm\./);
    expect(others).toEqual([null, null, null]);
  });
});
