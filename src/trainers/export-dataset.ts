import { join, resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, writeWhole } from "../core/files.ts";
import { sha256 } from "../core/ids.ts";
import { parseOptions } from "../core/scorer.ts";
import type { Json } from "../core/types.ts";
import { VERSION } from "../core/version.ts";
import { fieldsOf } from "../models/wire.ts";
import { type Manifest, readManifest, tableFiles } from "../store/manifest.ts";
import { dataCard, exportCard } from "./export-card.ts";
import { openExportDirectory } from "./export-directory.ts";
import { openSplit } from "./export-files.ts";
import {
  EXPORT_FILE,
  type ExportedFile,
  type ExportManifest,
  exportManifestText,
} from "./export-manifest.ts";
import { countReasons, type ReasonCounts } from "./left-out.ts";
import { groupRecords, pairFault, pairRecords, rowCountOf, splitsOf } from "./records.ts";
import { type ListedRow, rowsApart } from "./rows-apart.ts";
import type { ExportKind, ExportLayout, LayoutRows, TrainerAdapter } from "./trainer-adapter.ts";

export interface ExportOptions {
  readonly files: Files;
  /** A finished dataset. */
  readonly from: string;
  /** Must be absent or empty, unless `force` is given and an earlier export is there. */
  readonly out: string;
  readonly trainer: TrainerAdapter;
  readonly kind: ExportKind;
  /** Of the layout, by name; see its schema. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly force?: boolean;
  /** A split with more rows gets several files. 1,000,000 by default; a file also ends at 512 MB. */
  readonly maxRowsPerFile?: number;
  readonly stop?: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
}

/** Rows of the table that is read, and rows written so far. */
export interface ExportProgress {
  readonly read: number;
  readonly total: number;
  readonly written: number;
}

/** One record's rows, the id each of them is listed by, and their prompt. */
interface RecordRows extends LayoutRows {
  readonly id: string;
  /** Which of the layout's fields of metadata the record has. */
  readonly metadata: readonly string[];
  readonly prompt: ListedRow["prompt"];
}

/**
 * Writes a finished dataset in a trainer's own layout: `data/<split>-00000-of-0000N.parquet` (or .jsonl), the files to train
 * with, README.md and export.json, and for layouts of pairs `pair_ids/<split>.txt` with each row's pair, in row order. A split
 * without rows has no file; README.md and `data/README.md` name each split's files, so that `datasets` does not guess them.
 *
 * Streamed: memory holds a row group (for unpaired rows, two windows of prompts too), not the dataset. The
 * splits are those of the dataset. The same dataset, options and
 * version give the same bytes. The export appears under `out` whole or not at all.
 * Pairs with an empty side, or two sides of one text, have no row in any layout.
 * Returns null when it was stopped.
 * Throws `unknown_name` (a kind the trainer does not read), `bad_option`, `need_unmet` (no pairs), `empty_input` (not one row to train on),
 * `dataset_incomplete`, `damaged_file`, `not_this_run`, `directory_locked`, `io`.
 */
export async function exportDataset(options: ExportOptions): Promise<ExportManifest | null> {
  const { files, trainer, kind, force = false, maxRowsPerFile = 1_000_000 } = options;
  const [from, out] = [resolve(options.from), resolve(options.out)];
  if (!Number.isSafeInteger(maxRowsPerFile) || maxRowsPerFile < 1) {
    throw new PrefkitError(
      "bad_option",
      `the export got maxRowsPerFile ${maxRowsPerFile}.`,
      "give a whole number of at least 1.",
    );
  }
  const manifest = await readManifest(files, from);
  const { layout, given } = layoutFor(manifest, trainer, kind, options.options ?? {});
  requireTable(manifest, layout, from);
  const place = await openExportDirectory(files, out, { force });
  try {
    const data = await writeData(options, { from, directory: place.aside, manifest, layout, maxRowsPerFile });
    if (data === null) return null;
    requireRows(data, from);
    const made: Omit<ExportManifest, "files"> = {
      prefkit: VERSION,
      exportVersion: 1,
      trainer: trainer.name,
      kind,
      options: given as Record<string, Json> as ExportManifest["options"],
      format: layout.format,
      source: {
        planId: manifest.planId,
        table: layout.from,
        rows: rowCountOf(manifest, layout.from),
        extras: manifest.extras,
        scores: Object.keys(manifest.scorers),
        license: licenseOf(manifest),
        inputs: inputNames(manifest),
      },
      rows: data.rows,
      leftOut: data.leftOut.counts(),
    };
    const texts = [
      {
        path: "README.md",
        text: exportCard(made, {
          trainer: trainer.title,
          summary: summaryOf(trainer, kind),
          files: data.entries,
        }),
      },
      { path: "data/README.md", text: dataCard(data.entries) },
      ...layout.companions({ files: pathsBySplit(data.entries) }),
    ];
    const written = await writeTexts(files, place.aside, texts);
    const whole: ExportManifest = { ...made, files: [...data.entries, ...written] };
    await writeWhole(files, join(place.aside, EXPORT_FILE), exportManifestText(whole));
    if (options.stop?.aborted) return null;
    await place.publish();
    return whole;
  } finally {
    await place.release();
  }
}

function licenseOf({ recipe }: Manifest): string | null {
  const { license } = fieldsOf(fieldsOf(recipe).output);
  return typeof license === "string" ? license : null;
}

/** Names as the recipe's run saw them; more than a few are no help to a reader. */
function inputNames({ input }: Manifest): string[] {
  const { files: listed } = fieldsOf(input);
  const files = Array.isArray(listed) ? listed : [];
  return files.slice(0, 20).flatMap((file) => {
    const { path } = fieldsOf(file);
    return typeof path === "string" ? [path] : [];
  });
}

/** The layout of a trainer for a dataset, and its options with the defaults filled in. */
export function layoutFor(
  manifest: Pick<Manifest, "extras" | "scorers">,
  trainer: TrainerAdapter,
  kind: ExportKind,
  options: Readonly<Record<string, unknown>>,
): { readonly layout: ExportLayout; readonly given: Readonly<Record<string, unknown>> } {
  const definition = trainer.layouts[kind];
  if (!definition) {
    throw new PrefkitError(
      "unknown_name",
      `${trainer.title} has no layout "${kind}".`,
      `it has ${Object.keys(trainer.layouts).join(", ")}.`,
    );
  }
  const known = Object.keys(definition.options.shape);
  const name = `${trainer.name} ${kind}`;
  const fix =
    known.length === 0
      ? "it has no options."
      : `its options are ${known.join(", ")}: see \`prefkit export --help\`.`;
  const given = parseOptions<Record<string, unknown>>(name, definition.options, options, fix);
  const facts = { extras: manifest.extras, scores: Object.keys(manifest.scorers) };
  return { layout: definition.create(given, facts), given };
}

function summaryOf(trainer: TrainerAdapter, kind: ExportKind): string {
  return trainer.layouts[kind]?.summary ?? "";
}

/** Throws what `exportDataset` throws of a dataset or options before it reads a row. */
export async function requireExportable({
  files,
  from,
  trainer,
  kind,
  options,
}: Pick<ExportOptions, "files" | "from" | "kind" | "options" | "trainer">): Promise<void> {
  const manifest = await readManifest(files, from);
  requireTable(manifest, layoutFor(manifest, trainer, kind, options ?? {}).layout, from);
}

function requireTable(manifest: Manifest, layout: ExportLayout, from: string): void {
  if (tableFiles(manifest, layout.from).length > 0) return;
  throw new PrefkitError(
    "need_unmet",
    `${from} has no ${layout.from} table.`,
    layout.from === "pairs"
      ? "make pairs first, as in `prefkit pair DIR --use best-vs-worst`."
      : "restore it from a copy, or run the recipe again.",
  );
}

interface Data {
  readonly entries: readonly ExportedFile[];
  readonly rows: Readonly<Record<string, number>>;
  readonly leftOut: ReasonCounts;
}

interface Work {
  readonly from: string;
  readonly directory: string;
  readonly manifest: Manifest;
  readonly layout: ExportLayout;
  readonly maxRowsPerFile: number;
}

/** Null when it was stopped. */
async function writeData(options: ExportOptions, work: Work): Promise<Data | null> {
  const { files, stop, onProgress = () => undefined } = options;
  const { directory, manifest, layout, maxRowsPerFile } = work;
  const total = rowCountOf(manifest, layout.from);
  const leftOut = countReasons();
  const entries: ExportedFile[] = [];
  const rows: Record<string, number> = {};
  const missing = new Set(layout.from === "groups" ? layout.metadata : []);
  let read = 0;
  let written = 0;
  onProgress({ read, total, written });
  for (const split of splitsOf(manifest, layout.from)) {
    const sink = await openSplit(split, {
      files,
      directory,
      format: layout.format,
      rowSet: layout.rowSet,
      withPairIds: layout.from === "pairs",
      maxRowsPerFile,
    });
    let inSplit = 0;
    try {
      const pieces = listedRows(options, work, split, ({ records, without, metadata }) => {
        read += records;
        for (const name of metadata) missing.delete(name);
        for (const { why } of without) leftOut.add(why);
        onProgress({ read, total, written });
      });
      for await (const listed of options.kind === "unpaired" ? rowsApart(pieces) : pieces) {
        if (stop?.aborted) break;
        const batch = listed.map(({ row }) => row);
        if (batch.length > 0) {
          await sink.write(batch, layout.from === "pairs" ? listed.map(({ id }) => id) : []);
        }
        written += batch.length;
        inSplit += batch.length;
        onProgress({ read, total, written });
      }
      if (stop?.aborted) {
        await sink.abort();
        return null;
      }
      entries.push(...(await sink.close()));
    } catch (error) {
      await sink.abort();
      throw error;
    }
    rows[split] = inSplit;
  }
  for (const name of missing) {
    throw new PrefkitError(
      "missing_field",
      `no prompt of ${work.from} has "${name}" in its metadata.`,
      "correct the name, or leave it out of `columns`; what metadata there is, the recipe says (input.map.metadata).",
    );
  }
  return { entries, rows, leftOut };
}

/** The rows of a split in the order of their records; `onRead` is told of the records as they are read. Ends early when it is stopped. */
async function* listedRows(
  options: ExportOptions,
  work: Work,
  split: string,
  onRead: (read: {
    readonly records: number;
    readonly without: LayoutRows["leftOut"];
    readonly metadata: readonly string[];
  }) => void,
): AsyncGenerator<readonly ListedRow[]> {
  for await (const records of recordRows(options, work, split)) {
    if (options.stop?.aborted) return;
    onRead({
      records: records.length,
      without: records.flatMap(({ leftOut }) => leftOut),
      metadata: records.flatMap(({ metadata }) => metadata),
    });
    yield records.flatMap(({ rows, id, prompt }) => rows.map((row) => ({ row, id, prompt })));
  }
}

async function* recordRows(
  { files }: ExportOptions,
  { from, manifest, layout }: Work,
  split: string,
): AsyncGenerator<readonly RecordRows[]> {
  if (layout.from === "pairs") {
    for await (const pairs of pairRecords(files, from, manifest, split)) {
      for (const slice of slices(pairs)) {
        yield slice.map((pair) => {
          const fault = pairFault(pair);
          const made =
            fault === null ? layout.rows(pair) : { rows: [], leftOut: [{ id: pair.pairId, why: fault }] };
          const { promptId, prompt: messages, images = [] } = pair;
          return { ...made, id: pair.pairId, metadata: [], prompt: { id: promptId, messages, images } };
        });
      }
    }
    return;
  }
  const groups = groupRecords(files, from, manifest, { split, withScores: layout.readsScores });
  for await (const batch of groups) {
    for (const slice of slices(batch))
      yield slice.map((rewarded) => {
        const { prompt } = rewarded.group;
        const metadata = layout.metadata?.filter((name) => Object.hasOwn(prompt.metadata, name)) ?? [];
        return { ...layout.rows(rewarded), id: prompt.id, metadata, prompt };
      });
  }
}

/** Records whose rows are made together: few, so that the rows are gone before the next are made. */
const SLICE = 500;

function* slices<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += SLICE) yield items.slice(start, start + SLICE);
}

function requireRows({ rows, leftOut }: Data, from: string): void {
  if ((rows.train ?? 0) > 0) return;
  const reasons = Object.entries(leftOut.counts()).map(([why, count]) => `${why} (${count})`);
  const shown = reasons.length === 0 ? "" : `: ${reasons.slice(0, 5).join("; ")}`;
  const others = Object.entries(withRows(rows)).map(([split, count]) => `${split} (${count})`);
  if (others.length > 0) {
    throw new PrefkitError(
      "empty_input",
      `nothing in the split train of ${from} gives a row${shown}; all rows are in ${others.join(", ")}.`,
      "trainers train on the split train: run the recipe with smaller shares in output.split, or choose options or a layout that leave less out.",
    );
  }
  throw new PrefkitError(
    "empty_input",
    `nothing in ${from} gives a row${shown}.`,
    reasons.length === 0
      ? "see `prefkit check DIR` for what it holds; `prefkit pair DIR --use RULE` makes pairs, `prefkit combine DIR --recipe R` rewards."
      : "choose other options or another layout, or make pairs or rewards that the layout can hold.",
  );
}

/** The splits that have rows: no other has files. */
function withRows(rows: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(rows).filter(([, count]) => count > 0));
}

function pathsBySplit(entries: readonly ExportedFile[]): Record<string, string[]> {
  const paths: Record<string, string[]> = {};
  for (const { split, path } of entries) {
    if (split === null) continue;
    const known = paths[split] ?? [];
    known.push(path);
    paths[split] = known;
  }
  return paths;
}

async function writeTexts(
  files: Files,
  directory: string,
  texts: readonly { readonly path: string; readonly text: string }[],
): Promise<ExportedFile[]> {
  const entries: ExportedFile[] = [];
  for (const { path, text } of texts) {
    const parent = path.split("/").slice(0, -1).join("/");
    if (parent !== "") await files.makeDirectory(join(directory, parent));
    await writeWhole(files, join(directory, path), text);
    entries.push({
      path,
      split: null,
      rows: null,
      bytes: Buffer.byteLength(text, "utf8"),
      sha256: sha256(text),
    });
  }
  return entries;
}
