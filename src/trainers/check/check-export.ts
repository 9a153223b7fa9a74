import { join, posix } from "node:path";
import { fileDigest } from "../../core/digest.ts";
import { isPrefkitError, PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import {
  EXPORT_FILE,
  type ExportedFile,
  type ExportManifest,
  readExportManifest,
} from "../export-manifest.ts";
import type { ExportKind, ExportLayout, TrainerAdapter } from "../trainer-adapter.ts";
import { type ExportLengths, type RowChecks, rowChecks } from "./check-rows.ts";
import type { MethodFates } from "./lengths.ts";
import { type AddProblem, countProblems, type ExportProblemCount, ofWholeFile } from "./problems.ts";
import { openJsonlFile, openParquetFile } from "./read-rows.ts";
import type { TrainerTokenizer } from "./rendering.ts";

export interface ExportCheckOptions {
  readonly files: Files;
  /** The directory that holds export.json. */
  readonly directory: string;
  /** The trainers whose layouts are known: `trainers`. */
  readonly trainers: readonly TrainerAdapter[];
  /** The model's own; without it nothing is rendered, and the report says what was not looked at. */
  readonly tokenizer?: TrainerTokenizer;
  /** In tokens; when absent, the length in the config that the export wrote, for each method. */
  readonly maxLength?: number;
  /** How many rows of each problem are kept; all are counted. Default 20. */
  readonly limit?: number;
  readonly onProgress?: (progress: ExportCheckProgress) => void;
  /** When it aborts, the check ends early with what it has found: `stopped`. */
  readonly stop?: AbortSignal;
}

export interface ExportCheckProgress {
  readonly file: string;
  readonly rows: number;
  /** As export.json says. */
  readonly total: number;
  readonly problems: number;
}

export interface ExportCheck {
  readonly directory: string;
  readonly trainer: string;
  readonly kind: ExportKind;
  /** faulty: at least one problem; warnings alone leave it sound. */
  readonly state: "sound" | "faulty" | "stopped";
  /** Looked at, by split. */
  readonly rows: Readonly<Record<string, number>>;
  /** Rows as the trainer sees them; a row may hold several. */
  readonly examples: number;
  /** Problems first, then warnings. */
  readonly problems: readonly ExportProblemCount[];
  /** Of unpaired examples, by split; empty for others. */
  readonly labels: ReturnType<RowChecks["labels"]>;
  /** Of examples without images; null without a tokenizer. */
  readonly lengths: ExportLengths | null;
  /** One for each method that reads the layout; empty without a tokenizer. */
  readonly fates: readonly MethodFates[];
  /** What was not looked at, and what is no fault and worth knowing. */
  readonly notes: readonly string[];
}

/** How long rows are looked at before signals and timers get their turn. */
const TURN_MS = 50;

/**
 * Reads an export back and looks at it as its trainer will: files against export.json, columns and values against the layout,
 * conversations, and with a tokenizer their rendering and their lengths. Problems are collected, never thrown; memory does
 * not grow with the rows.
 *
 * A file whose bytes are not those that were written is named, and its rows are looked at all the same.
 *
 * Throws `dataset_incomplete` without an export.json, `damaged_file` for one that is none, `unknown_name` for a trainer or
 * kind that `trainers` lacks, `bad_option` for a tokenizer without a chat template where there are conversations.
 */
export async function checkExport(options: ExportCheckOptions): Promise<ExportCheck> {
  const { files, directory, trainers, tokenizer = null, maxLength, limit = 20, onProgress, stop } = options;
  if (!(limit >= 0) || (maxLength !== undefined && !(maxLength >= 1))) {
    throw new PrefkitError(
      "bad_option",
      `the export check got limit ${limit} and maxLength ${String(maxLength)}.`,
      "choose a limit of at least 0 and a maximum length of at least 1 token.",
    );
  }
  const manifest = await readExportManifest(files, directory);
  refuseOutsidePaths(manifest, directory);
  const layout = layoutOf(manifest, trainers);
  const found = countProblems(limit);
  const checks = rowChecks({ layout, tokenizer, maxLength, limit });
  const data = manifest.files.filter(({ split }) => split !== null);
  const total = data.reduce((sum, { rows }) => sum + (rows ?? 0), 0);
  const rows: Record<string, number> = Object.fromEntries(
    Object.keys(manifest.rows).map((split) => [split, 0]),
  );
  let done = 0;

  for (const entry of data) {
    const split = entry.split ?? "train";
    if (stop?.aborted) break;
    onProgress?.({ file: entry.path, rows: done, total, problems: found.total() });
    const onRows = (count: number): void => {
      done += count;
      rows[split] = (rows[split] ?? 0) + count;
      onProgress?.({ file: entry.path, rows: done, total, problems: found.total() });
    };
    await checkFile({ files, directory, entry, layout, checks, add: found.add, onRows, stop });
  }
  const notes = stop?.aborted ? [] : await checkBeside(files, directory, manifest, found.add);
  const labels = checks.labels();
  if (!stop?.aborted) {
    for (const [split, { desirable, undesirable }] of Object.entries(labels)) {
      if (desirable > 0 && undesirable > 0) continue;
      const problem = `all ${desirable + undesirable} labels of split ${split} are ${desirable > 0}`;
      found.add(ofWholeFile("one_label", EXPORT_FILE, problem));
    }
  }
  const problems = found.build().sort((a, b) => SEVERITY[a.severity] - SEVERITY[b.severity]);
  const isFaulty = problems.some(({ severity }) => severity === "problem");
  return {
    directory,
    trainer: manifest.trainer,
    kind: manifest.kind,
    state: stop?.aborted ? "stopped" : isFaulty ? "faulty" : "sound",
    rows,
    examples: checks.examples(),
    problems,
    labels,
    lengths: checks.lengths(),
    fates: checks.fates(),
    notes: [...notes, ...(tokenizer === null ? [WITHOUT_TOKENIZER] : withoutLengths(checks.withImages()))],
  };
}

const SEVERITY = { problem: 0, warning: 1 } as const;

const WITHOUT_TOKENIZER =
  "without a tokenizer these were not looked at: whether the prompt's tokens begin the whole conversation's, BOS, turn ends, what the template refuses, the model's own special tokens, lengths, and what is cut or dropped.";

function withoutLengths(examples: number): string[] {
  const note = `${examples} examples have images, whose tokens only their model knows: the lengths of these examples, and what is cut or dropped of them, were not looked at; nor were the images themselves.`;
  return examples === 0 ? [] : [note];
}

/** The layout that wrote the export. Throws `unknown_name`. */
function layoutOf(manifest: ExportManifest, trainers: readonly TrainerAdapter[]): ExportLayout {
  const { trainer, kind, options, source } = manifest;
  const definition = trainers.find(({ name }) => name === trainer)?.layouts[kind];
  if (definition) return definition.create(options, { extras: source.extras, scores: source.scores });
  throw new PrefkitError(
    "unknown_name",
    `export.json names ${JSON.stringify(kind)} for ${JSON.stringify(trainer)}, which this version does not write.`,
    `check it with prefkit ${manifest.prefkit}, which made it.`,
  );
}

function refuseOutsidePaths({ files }: ExportManifest, directory: string): void {
  for (const { path } of files) {
    if (!posix.isAbsolute(path) && !/(?:^|[/\\])\.\.(?:[/\\]|$)|^[a-z]:|\\/i.test(path)) continue;
    throw new PrefkitError(
      "damaged_file",
      `${join(directory, EXPORT_FILE)} names ${JSON.stringify(path)}, which leads out of the export.`,
      "export the dataset again into another directory.",
    );
  }
}

interface FileCheck {
  readonly files: Files;
  readonly directory: string;
  readonly entry: ExportedFile;
  readonly layout: ExportLayout;
  readonly checks: RowChecks;
  readonly add: AddProblem;
  readonly onRows: (count: number) => void;
  readonly stop: AbortSignal | undefined;
}

/** One data file: its bytes, its columns, its rows, and how many there are. */
async function checkFile(check: FileCheck): Promise<void> {
  const { files, directory, entry, layout, checks, add, onRows, stop } = check;
  const file = entry.path;
  const path = join(directory, file);
  if (!(await files.exists(path))) {
    add(ofWholeFile("missing_file", file, "is not there"));
    return;
  }
  await collecting(file, path, add, async () => {
    const { sha256: hash } = await fileDigest(files, path, stop);
    if (stop?.aborted) return;
    const isWhole = hash === entry.sha256;
    if (!isWhole) {
      add(
        ofWholeFile("wrong_hash", file, `its sha256 is ${hash}, not ${entry.sha256} as when it was written`),
      );
    }
    const open = layout.format === "jsonl" ? openJsonlFile : openParquetFile;
    const table = await open({ files, directory, entry, rowSet: layout.rowSet, isWhole });
    try {
      for (const found of table.findings) add({ ...found, file, row: null });
      let row = 0;
      for await (const batch of table.batches()) {
        let counted = row;
        let turn = performance.now();
        for (const read of batch) {
          const place = { file, row, split: entry.split ?? "train" };
          for (const found of checks.check(read, place)) add({ ...found, file, row });
          row += 1;
          if (performance.now() - turn < TURN_MS) continue;
          onRows(row - counted);
          counted = row;
          await new Promise((resume) => setImmediate(resume));
          if (stop?.aborted) return;
          turn = performance.now();
        }
        onRows(row - counted);
        if (stop?.aborted) return;
      }
      const held = table.rows ?? row;
      if (held !== entry.rows) {
        add(
          ofWholeFile("wrong_row_count", file, `it holds ${held} rows, and export.json says ${entry.rows}`),
        );
      }
    } finally {
      await table.close();
    }
  });
}

/** Turns damage and errors of the disk, met while a file is read, into a problem of that file. */
async function collecting(
  file: string,
  path: string,
  add: AddProblem,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (
      !isPrefkitError(error) ||
      !["damaged_file", "io", "over_limit", "unreadable_input"].includes(error.code)
    )
      throw error;
    const message = (error.message.split("\nFix:")[0] ?? "").replaceAll(path, file).replace(/\.$/, "");
    add(ofWholeFile("unreadable_file", file, message));
  }
}

/** Files beside the data: what loaders of the folder would read too, and the companions. Gives what is worth a note. */
async function checkBeside(
  files: Files,
  directory: string,
  { files: entries }: ExportManifest,
  add: AddProblem,
): Promise<string[]> {
  const known = new Set(entries.map(({ path }) => path));
  const folders = new Set(
    entries.filter(({ split }) => split !== null).map(({ path }) => posix.dirname(path)),
  );
  for (const folder of folders) {
    if (folder === ".") continue;
    for (const name of (await files.list(join(directory, folder))) ?? []) {
      const path = `${folder}/${name}`;
      if (!known.has(path))
        add(
          ofWholeFile(
            "extra_file",
            path,
            "export.json does not name it, and loaders of the folder may read it",
          ),
        );
    }
  }
  const notes: string[] = [];
  for (const { path, split, sha256 } of entries) {
    if (split !== null) continue;
    const full = join(directory, path);
    const state = (await files.exists(full))
      ? (await fileDigest(files, full)).sha256 === sha256
        ? null
        : "was changed"
      : "is not there";
    if (state === null) continue;
    // The order of pair ids is data, and so is what loaders of the data's folder read, as the card that names the splits' files;
    // configs and scripts are there to be edited.
    const folder = posix.dirname(path);
    if (path.startsWith("pair_ids/") || (folder !== "." && folders.has(folder))) {
      add(
        ofWholeFile(
          state === "was changed" ? "wrong_hash" : "missing_file",
          path,
          `${state} since it was written`,
        ),
      );
    } else notes.push(`${path} ${state} since it was written.`);
  }
  return notes;
}
