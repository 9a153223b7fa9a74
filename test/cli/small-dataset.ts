import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { type RunOptions, run } from "../../src/annotate/run.ts";
import { catalog } from "../../src/catalog.ts";
import type { CommandSetup } from "../../src/cli/program.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { type FileEntry, type Manifest, readManifest } from "../../src/store/manifest.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { groupsRowSet, pairsRowSet, scoresRowSet } from "../../src/store/row-sets.ts";
import type { Row } from "../../src/store/table.ts";

export interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number | null;
}

/** Runs one command as the program would, without a process. Errors are thrown, as the program's `main` gets them. */
export async function invoke(
  make: (setup: CommandSetup) => Command,
  args: readonly string[],
  options: { readonly directory?: string; readonly environment?: Record<string, string> } = {},
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  let exitCode: number | null = null;
  const command = make({
    terminal: {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      isInteractive: false,
      columns: 80,
      environment: options.environment ?? {},
      directory: options.directory ?? tmpdir(),
    },
    exit: (code) => {
      exitCode = code;
    },
  });
  command
    .exitOverride()
    .configureOutput({ writeOut: (text) => out.push(text), writeErr: (text) => err.push(text) });
  await command.parseAsync([...args], { from: "user" });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours, where the tests run on a terminal.
  const plain = (lines: readonly string[]): string => lines.join("\n").replace(/\u001b\[\d+m/g, "");
  return { out: plain(out), err: plain(err), exitCode };
}

/** A temporary directory; `removeAll` removes every one that was made. */
export function temporaryDirectories(): { make: () => Promise<string>; removeAll: () => Promise<void> } {
  const made: string[] = [];
  return {
    make: async () => {
      const directory = await mkdtemp(join(tmpdir(), "prefkit-test-"));
      made.push(directory);
      return directory;
    },
    removeAll: async () => {
      for (const directory of made.splice(0)) await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Three prompts. The first two give a pair each, one of them with terminal controls in a text; the third has equal
 * rewards.
 */
export const RECORDS = [
  {
    id: "sum",
    prompt: "What is 40 + 2?",
    reference: "42",
    responses: [
      { text: "A: 42", token_count: 10, metadata: { grade: 3 } },
      { text: "A: 41", token_count: 10, metadata: { grade: 1 } },
      { text: "As everybody knows:\nA: 42", token_count: 150, metadata: { grade: 2 } },
    ],
  },
  {
    id: "product",
    prompt: [
      { role: "system", content: "Be terse." },
      { role: "user", content: "What is 6 × 7?" },
    ],
    reference: "42",
    responses: [
      { text: "\u001b[31mHm.\u001b[0m\u202e\nA: 43", token_count: 10, metadata: { grade: 0 } },
      { text: "A: 42", token_count: 10, metadata: { grade: 2 } },
    ],
  },
  {
    id: "tie",
    prompt: "Say 1.",
    reference: "1",
    responses: [
      { text: "A: 1", token_count: 10, metadata: { grade: 1 } },
      { text: "The answer is 1", token_count: 10, metadata: { grade: 1 } },
    ],
  },
];

/**
 * correct is 1 or 0, grade is standardized over the run, and 0.5 × length is 0 up to 120 tokens and −1 at 200.
 */
export const RECIPE = {
  input: { path: "prompts.jsonl" },
  scorers: {
    correct: { use: "math-answer" },
    grade: { use: "precomputed", field: "grade" },
    length: { use: "overlong-penalty", maxTokens: 200, rampTokens: 80 },
  },
  reward: {
    terms: [
      { score: "correct" },
      { score: "grade", weight: 0.2, transform: [{ use: "standardize", scope: "run" }] },
      { score: "length", weight: 0.5 },
    ],
    gates: [{ score: "grade", below: 0.5, reward: -3 }],
  },
  pairs: { use: "best-vs-worst" },
};

/** Makes the dataset in `directory`/out and gives its path. */
export async function smallDataset(
  directory: string,
  changes: Record<string, unknown> = {},
  options: RunOptions = {},
  records: readonly object[] = RECORDS,
): Promise<string> {
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  await writeFile(join(directory, "prompts.jsonl"), lines);
  const out = join(directory, "out");
  await run(recipeFromCode({ ...RECIPE, ...changes }, directory, {}), catalog, { out, ...options });
  return out;
}

export async function fileOf(out: string, table: FileEntry["table"], split = "train"): Promise<FileEntry> {
  const { files } = await readManifest(nodeFiles, out);
  const entry = files.find((file) => file.table === table && file.split === split);
  if (!entry) throw new Error(`${out} has no ${table} of split ${split}`);
  return entry;
}

export async function rowsOf(out: string, entry: FileEntry): Promise<Row[]> {
  const table = await openTable(nodeFiles, join(out, entry.path));
  try {
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    return rows;
  } finally {
    await table.close();
  }
}

/** Rewrites a table with changed rows, and run.json so that its hash, size and row count are right again. */
export async function editRows(
  out: string,
  table: "pairs" | "groups" | "scores",
  change: (rows: Row[]) => Row[],
): Promise<void> {
  const entry = await fileOf(out, table);
  const rows = change(await rowsOf(out, entry));
  const rowSet = { pairs: pairsRowSet(), groups: groupsRowSet(), scores: scoresRowSet }[table];
  const path = join(out, entry.path);
  const sink = await createParquetSink(nodeFiles, path, rowSet);
  await sink.write(rows);
  const written = await sink.close();
  await editManifest(out, (manifest) => ({
    ...manifest,
    files: manifest.files.map((file) => (file.path === entry.path ? { ...file, ...written } : file)),
  }));
}

export async function editManifest(out: string, change: (manifest: Manifest) => unknown): Promise<void> {
  const path = join(out, "run.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as Manifest;
  await writeFile(path, JSON.stringify(change(manifest)));
}

/** Changes a file's bytes in place. */
export async function editBytes(path: string, change: (bytes: Buffer) => Uint8Array): Promise<void> {
  await writeFile(path, change(await readFile(path)));
}
