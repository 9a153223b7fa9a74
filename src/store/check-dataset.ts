import { join } from "node:path";
import { z } from "zod";
import { fileDigest } from "../core/digest.ts";
import type { Files } from "../core/files.ts";
import { IdSet } from "../core/id-set.ts";
import { joinProblems } from "./check-joins.ts";
import {
  type Add,
  collecting,
  type DatasetCheck,
  type DatasetProblem,
  gatherProblems,
  ofFile,
} from "./check-problems.ts";
import { checkOpenTable } from "./check-table.ts";
import {
  type FileEntry,
  MANIFEST_FILE,
  type Manifest,
  readManifest,
  TABLES,
  type TableName,
} from "./manifest.ts";
import { openTable } from "./parquet-reader.ts";

export interface CheckOptions {
  /** Told each file before it is read. */
  readonly onFile?: (path: string) => void;
}

const WORK_DIRECTORY = ".prefkit";

/**
 * Checks a finished dataset against its `run.json` and the contracts of its row sets, in memory that does not grow with
 * it: files present and unchanged (size, sha256), nothing beside them, row sets, columns, row counts; then the rows, and
 * what the tables say of each other. Damage is collected, never thrown. The rows of a file whose bytes are not what was
 * written are not looked at: what they say means nothing.
 *
 * Throws `dataset_incomplete` for a directory in which no run ever began.
 */
export async function checkDataset(
  files: Files,
  directory: string,
  { onFile = () => {} }: CheckOptions = {},
): Promise<DatasetCheck> {
  const gathered = gatherProblems();
  const base = { path: directory, rows: {}, files: 0 };
  const work = join(directory, WORK_DIRECTORY);
  const waiting = await files.exists(join(work, "finish", MANIFEST_FILE));
  if (!(await files.exists(join(directory, MANIFEST_FILE)))) {
    if (!waiting && !(await files.exists(join(work, "plan.json")))) await readManifest(files, directory);
    const note = waiting
      ? "a finished dataset is being moved to its place; the command that made it completes the move."
      : "a run has begun here and is not finished; the command that began it goes on where it stopped.";
    return { ...base, state: "unfinished", problems: [], notes: [note] };
  }
  const manifest = await readSoundManifest(files, directory, gathered.add);
  if (manifest === null) return { ...base, state: "damaged", problems: gathered.build(), notes: [] };

  const rows: Partial<Record<TableName, number>> = {};
  const whole = new Set<FileEntry>();
  for (const entry of manifest.files) {
    onFile(entry.path);
    const found = await checkEntry(files, directory, manifest, entry, gathered.add);
    if (found.rows !== null && entry.table) rows[entry.table] = (rows[entry.table] ?? 0) + found.rows;
    if (found.isWhole) whole.add(entry);
  }
  for (const table of TABLES) {
    const known = new Set(manifest.files.map(({ path }) => path));
    for (const name of await namesIn(files, join(directory, table), gathered.add, table)) {
      const path = `${table}/${name}`;
      if (known.has(path)) continue;
      gathered.add(
        ofFile("extra_file", path, "run.json does not name it, and readers of the folder may take it up"),
      );
    }
  }
  await checkJoins(files, directory, manifest, whole, gathered.add);
  for (const problem of summaryProblems(manifest)) gathered.add(problem);
  const problems = gathered.build();
  return {
    path: directory,
    state: problems.length === 0 ? "sound" : "damaged",
    rows,
    files: manifest.files.length,
    problems,
    notes: waiting
      ? ["a newer version of this dataset is waiting; the command that made it completes the move."]
      : [],
  };
}

const count = z.number().int().nonnegative();

/** What a check relies on; the rest of a manifest is for others to read. */
const checkedManifest = z.object({
  files: z.array(
    z.object({
      path: z.string().regex(/^(?:(?:pairs|groups|scores)\/)?[^/\\]+$/, "leads out of the dataset"),
      table: z.enum(["pairs", "groups", "scores"]).nullable(),
      split: z.string().nullable(),
      rows: count.nullable(),
      bytes: count,
      sha256: z.string().regex(/^[0-9a-f]{64}$/, "is no sha256"),
    }),
  ),
  extras: z.object({ tools: z.boolean(), images: z.boolean(), toolMessages: z.boolean() }),
  scorers: z.record(z.string(), z.object({ configHash: z.string() })),
  summary: z.object({
    groups: count,
    pairs: count,
    scorers: z.record(z.string(), z.object({ scored: count, abstained: count, failed: count })),
  }),
});

async function readSoundManifest(files: Files, directory: string, add: Add): Promise<Manifest | null> {
  let manifest: Manifest | null = null;
  await collecting(
    { file: MANIFEST_FILE, path: join(directory, MANIFEST_FILE) },
    add,
    async () => {
      manifest = await readManifest(files, directory);
    },
    "bad_manifest",
  );
  if (manifest === null) return null;
  const { error } = checkedManifest.safeParse(manifest);
  for (const { path, message } of error?.issues ?? []) {
    add({ kind: "bad_manifest", file: MANIFEST_FILE, row: null, column: path.join("."), problem: message });
  }
  return error ? null : manifest;
}

/** One file of the manifest: its bytes, then, for a table whose bytes are right, its footer and rows. */
async function checkEntry(
  files: Files,
  directory: string,
  manifest: Manifest,
  entry: FileEntry,
  add: Add,
): Promise<{ readonly rows: number | null; readonly isWhole: boolean }> {
  const path = join(directory, entry.path);
  let rows: number | null = null;
  let isWhole = false;
  await collecting({ file: entry.path, path }, add, async () => {
    if (!(await files.exists(path))) {
      add(ofFile("missing_file", entry.path, "run.json names it, and it is not there"));
      return;
    }
    const { bytes, sha256 } = await fileDigest(files, path);
    if (bytes !== entry.bytes) {
      add(
        ofFile("wrong_size", entry.path, `it has ${bytes} bytes, not ${entry.bytes} as when it was written`),
      );
      return;
    }
    if (sha256 !== entry.sha256) {
      add(
        ofFile(
          "wrong_hash",
          entry.path,
          `its sha256 is ${sha256}, not ${entry.sha256} as when it was written`,
        ),
      );
      return;
    }
    if (entry.table === null) return;
    const table = await openTable(files, path);
    try {
      rows = table.rows;
      if (entry.rows !== null && table.rows !== entry.rows) {
        const counts = `it has ${table.rows} rows, and run.json says ${entry.rows}`;
        add(ofFile("wrong_row_count", entry.path, counts));
      }
      const hashes = new Map(
        Object.entries(manifest.scorers).map(([key, { configHash }]) => [key, configHash]),
      );
      isWhole = await checkOpenTable(table, entry.path, entry.table, manifest.extras, hashes, add);
    } finally {
      await table.close();
    }
  });
  return { rows, isWhole };
}

/** Compares the tables of each split in which every file is whole. */
async function checkJoins(
  files: Files,
  directory: string,
  manifest: Manifest,
  whole: ReadonlySet<FileEntry>,
  add: Add,
): Promise<void> {
  const promptIds = new IdSet();
  for (const split of new Set(manifest.files.map((entry) => entry.split))) {
    if (split === null) continue;
    const entries = manifest.files.filter((entry) => entry.split === split);
    if (!entries.every((entry) => whole.has(entry))) continue;
    const of = (table: TableName): FileEntry[] => entries.filter((entry) => entry.table === table);
    const tables = { groups: of("groups"), scores: of("scores"), pairs: of("pairs") };
    await collecting({ file: `the tables of split ${split}`, path: directory }, add, async () => {
      const problems = joinProblems(files, directory, tables, Object.keys(manifest.scorers), promptIds);
      for await (const problem of problems) add(problem);
    });
  }
}

function summaryProblems({ summary, files }: Manifest): DatasetProblem[] {
  const scores = Object.values(summary.scorers).reduce(
    (sum, { scored, abstained, failed }) => sum + scored + abstained + failed,
    0,
  );
  const expected: Record<TableName, number> = { groups: summary.groups, pairs: summary.pairs, scores };
  return TABLES.flatMap((table) => {
    const entries = files.filter((entry) => entry.table === table);
    const rows = entries.reduce((sum, entry) => sum + (entry.rows ?? 0), 0);
    if (rows === expected[table]) return [];
    const problem = `its summary counts ${expected[table]} ${table}, and its files hold ${rows}`;
    return [{ kind: "wrong_summary" as const, file: MANIFEST_FILE, row: null, column: "summary", problem }];
  });
}

async function namesIn(files: Files, path: string, add: Add, shown: string): Promise<readonly string[]> {
  let names: readonly string[] = [];
  await collecting({ file: shown, path }, add, async () => {
    names = (await files.list(path)) ?? [];
  });
  return names;
}
