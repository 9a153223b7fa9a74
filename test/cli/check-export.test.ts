import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkCommand } from "../../src/cli/commands/check.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { exportDataset } from "../../src/trainers/export-dataset.ts";
import { trl } from "../../src/trainers/trl.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "../models/fixtures/make-tokenizers.ts";
import { invoke, smallDataset, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
afterAll(temporary.removeAll);

const PLAIN = [
  {
    id: "sum",
    prompt: "What is 40 + 2?",
    reference: "42",
    responses: [
      { text: "A: 42", token_count: 10, metadata: { grade: 3 } },
      { text: "A: 41", token_count: 10, metadata: { grade: 1 } },
    ],
  },
];

/** A dataset of one pair, its export for TRL, and a tokenizer beside it. */
async function exported(): Promise<string> {
  const directory = await temporary.make();
  const from = await smallDataset(directory, {}, {}, PLAIN);
  const out = join(directory, "for-dpo");
  await exportDataset({ files: nodeFiles, from, out, trainer: trl, kind: "preference" });
  await writeTokenizer(join(directory, "model"), byteLevel({ template: TEMPLATES.chatml }));
  return directory;
}

describe("prefkit check on an export", () => {
  it("says that it is sound, how long it is, and what each method cuts, and ends with 0", async () => {
    const directory = await exported();
    const found = await invoke(checkCommand, ["for-dpo", "--tokenizer", "model", "--max-length", "25"], {
      directory,
    });
    expect(found).toMatchObject({ err: "", exitCode: 0 });
    expect(found.out).toMatch(/^for-dpo {2}sound {2}trl preference {2}rows: train 1\n/);
    expect(found.out).toMatch(
      /DPO at 25 tokens: 1 truncated \(100\.0 %\), 0 dropped \(0\.0 %\); the first: data\/train-/,
    );
    expect(found.out).toContain("CPO (SimPO) at 25 tokens: ");
    const { out } = await invoke(checkCommand, ["for-dpo", "--tokenizer", "model"], { directory });
    expect(out).toContain("DPO at 1,024 tokens, as its config was written: 0 truncated");
  });

  it("lists problems with file and row, says what to do on stderr, and ends with 1", async () => {
    const directory = await exported();
    await writeFile(join(directory, "for-dpo/data/train-more.parquet"), "more");
    const { out, err, exitCode } = await invoke(checkCommand, ["for-dpo"], { directory });
    expect(exitCode).toBe(1);
    expect(out).toMatch(/^for-dpo {2}faulty/);
    expect(out).toMatch(/extra_file {2}1 .*\n {4}data\/train-more\.parquet: export\.json does not name it/);
    expect(out).toContain("without a tokenizer these were not looked at");
    expect(err).toMatch(/^Fix: export the dataset again/);
  });

  it("prints one JSON object with --json, and nothing else", async () => {
    const directory = await exported();
    const { out, err, exitCode } = await invoke(
      checkCommand,
      ["for-dpo", "--tokenizer", "model", "--json", "--limit", "0"],
      { directory },
    );
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      state: "sound",
      trainer: "trl",
      problems: [],
      fates: [
        { method: "DPO", maxLength: 1024, whole: 1 },
        { method: "CPO (SimPO)", whole: 1 },
      ],
    });
  });

  it("refuses what only an export can be asked for elsewhere, and a tokenizer that is not there", async () => {
    const directory = await exported();
    await expect(invoke(checkCommand, ["out", "--tokenizer", "model"], { directory })).rejects.toMatchObject({
      code: "bad_option",
    });
    await expect(
      invoke(checkCommand, ["for-dpo", "--tokenizer", "./nowhere"], { directory }),
    ).rejects.toMatchObject({ code: "bad_option" });
  });

  it("refuses an export.json that is none", async () => {
    const directory = await exported();
    const path = join(directory, "for-dpo/export.json");
    await writeFile(path, (await readFile(path, "utf8")).slice(0, 50));
    await expect(invoke(checkCommand, ["for-dpo"], { directory })).rejects.toMatchObject({
      code: "damaged_file",
    });
  });
});
