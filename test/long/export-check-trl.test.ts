import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import { checkExport, loadTrainerTokenizer, type TrainerTokenizer } from "../../src/trainers/check/index.ts";
import { lengthsFor, renderExample } from "../../src/trainers/check/rendering.ts";
import type { ExampleLengths, ExportedExample, LengthRule } from "../../src/trainers/trainer-adapter.ts";
import { trl } from "../../src/trainers/trl.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "../models/fixtures/make-tokenizers.ts";
import { runtimeIn } from "../models/runtime.ts";
import { dataFile, type MadeExport, makeExport, numberedPair } from "../trainers/check/exports.ts";
import { absentFrom, python, root } from "./python.ts";

const absent = absentFrom(
  "import torch, transformers, datasets, trl",
  "torch, transformers, datasets or trl",
);

/** Whole at 60 and cut, dropped and emptied below, in every order of the two sides. */
const LENGTHS = [
  [1, 3, 2],
  [1, 12, 30],
  [1, 30, 12],
  [10, 20, 20],
  [10, 33, 1],
  [20, 3, 40],
  [26, 5, 9],
  [40, 2, 2],
  [70, 3, 30],
  [1, 55, 54],
  [1, 58, 3],
  [1, 120, 20],
] as const;
const MAX_LENGTHS = [36, 60];

const records = LENGTHS.map(([prompt, chosen, rejected], n) =>
  numberedPair(n, {
    prompt: [{ role: "user", content: `${"x".repeat(prompt)}\n` }],
    chosen: [{ role: "assistant", content: "y".repeat(chosen) }],
    rejected: [{ role: "assistant", content: "z".repeat(rejected) }],
  }),
);

interface Kept {
  readonly method: string;
  readonly maxLength: number;
  /** By row: tokens of prompt, chosen and rejected that reach the loss. */
  readonly rows: Readonly<Record<string, readonly [number, number, number]>>;
}

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-export-check-trl-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

function trlKeeps(folder: string, data: string): Kept[] {
  const args = [join(root, "test/python/trl_lengths.py"), folder, data, ...MAX_LENGTHS.map(String)];
  const { status, stdout, stderr } = spawnSync(python, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return stdout
    .trim()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Kept);
}

async function examplesOf({ directory, layout }: MadeExport): Promise<ExportedExample[]> {
  const table = await openTable(nodeFiles, join(directory, await dataFile(directory)));
  const found: ExportedExample[] = [];
  for await (const rows of table.read()) found.push(...rows.flatMap((row) => [...layout.examples(row)]));
  await table.close();
  return found;
}

/** What our rule keeps, in TRL's form. A reward model counts prompt and response as one. */
function weKeep(
  examples: readonly ExportedExample[],
  rule: LengthRule,
  tokenizer: TrainerTokenizer,
  maxLength: number,
): Kept {
  const kept = examples.map((example): ExampleLengths | null => {
    const rendered = renderExample(example, tokenizer);
    if ("refused" in rendered) throw new Error(rendered.refused.problem);
    return rule.kept(lengthsFor(rule, rendered, tokenizer), maxLength);
  });
  const rows = kept.flatMap((lengths, row) => {
    if (lengths === null) return [];
    const { prompt, responses } = lengths;
    const together = rule.method === "reward";
    const counts = together ? [0, ...responses.map((length) => prompt + length)] : [prompt, ...responses];
    return [[String(row), counts] as const];
  });
  return { method: rule.method, maxLength, rows: Object.fromEntries(rows) as unknown as Kept["rows"] };
}

describe.skipIf(absent !== "")(`the export check beside TRL's own trainers${absent}`, () => {
  it.each([
    { format: "conversational", bos: false },
    { format: "text", bos: false },
    { format: "text", bos: true },
  ])(
    "keeps, cuts and drops what they do: $format rows, tokenizer with BOS: $bos",
    { timeout: 180_000 },
    async ({ format, bos }) => {
      const name = `${format}-${bos}`;
      const made = await makeExport(join(scratch, name), trl, "preference", { train: records }, { format });
      const reward = await makeExport(
        join(scratch, `${name}-reward`),
        trl,
        "reward",
        { train: records },
        { format, margin: false },
      );
      const folder = await writeTokenizer(
        join(scratch, `${name}-tokenizer`),
        byteLevel({ template: TEMPLATES.chatml, bos }),
      );
      const tokenizer = await loadTrainerTokenizer(folder, { runtime: runtimeIn(scratch) });
      const examples = await examplesOf(made);
      const rules = [...made.layout.lengthRules, ...reward.layout.lengthRules];

      const theirs = trlKeeps(folder, join(made.directory, await dataFile(made.directory)));
      const ours = MAX_LENGTHS.flatMap((maxLength) =>
        rules.map((rule) => weKeep(examples, rule, tokenizer, maxLength)),
      );
      expect(ours).toEqual(theirs);

      // The report says the same by shares and rows.
      for (const maxLength of MAX_LENGTHS) {
        const checks = await Promise.all(
          [made, reward].map(({ directory }) =>
            checkExport({ files: nodeFiles, directory, trainers: [trl], tokenizer, maxLength, limit: 100 }),
          ),
        );
        for (const { method, dropped, firstDropped, truncated, droppedShare } of checks.flatMap(
          ({ fates }) => fates,
        )) {
          const kept =
            theirs.find((found) => found.method === method && found.maxLength === maxLength)?.rows ?? {};
          const gone = LENGTHS.map((_, row) => row).filter((row) => !(row in kept));
          expect(firstDropped.map(({ row }) => row)).toEqual(gone);
          expect({ dropped, droppedShare }).toEqual({
            dropped: gone.length,
            droppedShare: gone.length / LENGTHS.length,
          });
          if (method === "reward") expect(truncated).toBe(0);
        }
        expect(checks[0]?.fates.some(({ truncated }) => truncated > 0)).toBe(true);
      }
    },
  );
});
