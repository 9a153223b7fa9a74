import { basename, dirname, join, resolve } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import type { JsonObject } from "../../core/types.ts";
import { MANIFEST_FILE, type Manifest, readManifest } from "../../store/manifest.ts";
import { openTable } from "../../store/parquet-reader.ts";
import { type ExportProgress, exportDataset, layoutFor } from "../export-dataset.ts";
import { EXPORT_FILE, type ExportManifest, readExportManifest } from "../export-manifest.ts";
import { pairFault, pairRecords } from "../records.ts";
import type { ExportedExample, ExportKind, PairRecord } from "../trainer-adapter.ts";
import { trl } from "../trl.ts";
import { filePieces } from "./file-pieces.ts";
import { requireUnchanged } from "./fingerprints.ts";
import { PAIR_IDS_FILE, type RunConfig } from "./run-directory.ts";
import type { TrainMethod } from "./settings.ts";

export const DATA_FOLDER = "data";

export interface DataOptions {
  readonly files: Files;
  /** A finished dataset, or an export of one for TRL. */
  readonly from: string;
  readonly run: string;
  readonly method: TrainMethod;
  /** Of the export's layout, by name. */
  readonly layoutOptions: JsonObject;
  readonly stop: AbortSignal;
  readonly onProgress: (progress: ExportProgress) => void;
  readonly onNote: (text: string) => void;
}

/** What a method trains on. */
export function kindFor(method: TrainMethod): ExportKind {
  return method === "grpo" ? "prompts" : "preference";
}

/** Whether a directory is an export rather than a dataset. Throws `dataset_incomplete` when it is neither. */
export async function isExport(files: Files, from: string): Promise<boolean> {
  if (await files.exists(join(from, EXPORT_FILE))) return true;
  if (await files.exists(join(from, MANIFEST_FILE))) return false;
  throw new PrefkitError(
    "dataset_incomplete",
    `${from} holds neither ${MANIFEST_FILE} nor ${EXPORT_FILE}: it is no finished dataset of prefkit, and no export of one.`,
    "check the path, or finish the run with the same command again.",
  );
}

/**
 * The rows to train on, in TRL's layout: those of a dataset are exported into the run, those of an export are read where they
 * stand. `pair_ids.txt` beside them has each row's pair, in row order. What the export leaves out is noted, by reason. Null when it
 * was stopped.
 * Throws what `exportDataset` throws; `need_unmet` for an export of another kind, or without rows in `train`; `damaged_file` for one
 * whose files were changed.
 */
export async function prepareData(options: DataOptions): Promise<RunConfig["data"] | null> {
  const { files, run, method, layoutOptions, stop, onProgress, onNote } = options;
  const from = resolve(options.from);
  const kind = kindFor(method);
  if (await isExport(files, from))
    return await dataOf(files, run, from, await givenExport(files, from, kind), layoutOptions);
  const out = join(run, DATA_FOLDER);
  const made = await exportDataset({
    ...{ files, from, out, trainer: trl, kind, options: layoutOptions, force: true },
    ...{ stop, onProgress },
  });
  if (made === null) return null;
  const unit = kind === "preference" ? "pair" : "prompt";
  for (const [why, count] of Object.entries(made.leftOut))
    onNote(`${count} ${unit}${count === 1 ? " is" : "s are"} left out: ${why}.`);
  return await dataOf(files, run, out, made, layoutOptions);
}

/** The manifest of an export of these rows. Throws `need_unmet` for an export of others. */
export async function exportOf(files: Files, from: string, kind: ExportKind): Promise<ExportManifest> {
  const manifest = await readExportManifest(files, from);
  if (manifest.trainer !== trl.name || manifest.kind !== kind) {
    throw new PrefkitError(
      "need_unmet",
      `${from} is an export of ${manifest.kind} rows for ${manifest.trainer}, and this method trains on ${kind} rows for ${trl.name}.`,
      `make one with \`prefkit export DIR --for ${trl.name} --as ${kind}\`, or give the dataset itself.`,
    );
  }
  return manifest;
}

/** As `exportOf`, of an export whose data is as it was written. */
async function givenExport(files: Files, from: string, kind: ExportKind): Promise<ExportManifest> {
  const manifest = await exportOf(files, from, kind);
  for (const { path, split, sha256 } of manifest.files) {
    if (split === null) continue;
    // Opening with a hash reads the whole file and compares.
    await (await openTable(files, join(from, path), { expectedSha256: sha256 })).close();
  }
  return manifest;
}

const SPLIT = "train";

/**
 * Refuses rows for SimPO that have tools or images: TRL's CPO trainer looks at neither, and would train on other prompts without a
 * word. `given`: the manifest of an export, null for a dataset. Throws `need_unmet`.
 */
export async function requireTextRows(
  files: Files,
  from: string,
  given: ExportManifest | null,
): Promise<void> {
  const found = given === null ? await toolsOfDataset(files, from) : await extrasOfExport(files, from, given);
  if (found === null) return;
  throw new PrefkitError(
    "need_unmet",
    `rows of ${from} have ${found}, and TRL's SimPO renders prompts without them.`,
    found === "tools"
      ? "choose --method dpo, which renders them, or give a dataset without tools."
      : "train a vision model with the train_images.py beside the rows, or give the dataset itself: pairs with images are then left out.",
  );
}

/** Pairs with images have no row in the layout that a training exports. */
async function toolsOfDataset(files: Files, from: string): Promise<"tools" | null> {
  const manifest = await readManifest(files, from);
  if (!manifest.extras.tools) return null;
  const exampleOf = pairExamples(manifest);
  for await (const pairs of pairRecords(files, from, manifest, SPLIT))
    if (pairs.some((pair) => exampleOf(pair)?.tools !== undefined)) return "tools";
  return null;
}

/** What a training makes of a dataset's pair; null for a pair that its export leaves out. */
export function pairExamples(manifest: Manifest): (pair: PairRecord) => ExportedExample | null {
  const { layout } = layoutFor(manifest, trl, "preference", {});
  if (layout.from !== "pairs") throw new PrefkitError("internal", "pairs have no layout.", "report this.");
  return (pair) => {
    const row = pairFault(pair) === null ? layout.rows(pair).rows[0] : undefined;
    return (row && layout.examples(row)[0]) ?? null;
  };
}

async function extrasOfExport(
  files: Files,
  from: string,
  manifest: ExportManifest,
): Promise<"tools" | "images" | null> {
  for (const { path, split } of manifest.files) {
    if (split !== SPLIT) continue;
    const table = await openTable(files, join(from, path));
    try {
      const names = table.columns.map(({ name }) => name);
      // With this column every content is a list of parts.
      if (names.includes("images")) return "images";
      if (!names.includes("tools")) continue;
      for await (const rows of table.read({ columns: ["tools"] }))
        if (rows.some(({ tools }) => typeof tools === "string")) return "tools";
    } finally {
      await table.close();
    }
  }
  return null;
}

async function dataOf(
  files: Files,
  run: string,
  directory: string,
  manifest: ExportManifest,
  options: JsonObject,
): Promise<RunConfig["data"]> {
  const place = directory === join(run, DATA_FOLDER) ? DATA_FOLDER : directory;
  const paths: Record<string, string[]> = {};
  const hashes: Record<string, string> = {};
  for (const { path, split, sha256 } of manifest.files) {
    if (split === null) continue;
    paths[split] = [...(paths[split] ?? []), `${place}/${path}`];
    hashes[`${place}/${path}`] = sha256;
  }
  if ((manifest.rows[SPLIT] ?? 0) === 0) {
    throw new PrefkitError(
      "need_unmet",
      `${directory} has no rows in split "${SPLIT}".`,
      "make the dataset with a smaller test share, or with more data.",
    );
  }
  const ids = manifest.files.find(({ path }) => path === `pair_ids/${SPLIT}.txt`);
  if (ids) {
    await requireUnchanged(files, directory, { [ids.path]: ids.sha256 });
    await copyWhole(files, join(directory, ids.path), join(run, PAIR_IDS_FILE));
    hashes[PAIR_IDS_FILE] = ids.sha256;
  }
  return {
    planId: manifest.source.planId,
    split: SPLIT,
    files: paths,
    rows: manifest.rows,
    options,
    hashes,
  };
}

/** By pieces: the ids of millions of pairs are hundreds of megabytes. The copy is there whole or not at all. */
async function copyWhole(files: Files, from: string, to: string): Promise<void> {
  const temporary = join(dirname(to), `.${basename(to)}.${process.pid}.tmp`);
  const writer = await files.create(temporary);
  try {
    for await (const piece of filePieces(files, from)) await writer.write(piece);
    await writer.close();
  } catch (error) {
    await writer.abort();
    await files.remove(temporary);
    throw error;
  }
  await files.rename(temporary, to);
}

/**
 * What a resumed training would be trained on: the rows it was begun with when `from` is still of their plan, and an export's
 * own hashes, so that the comparison with `before` finds another dataset or export.
 */
export async function resumedData(
  { files, from, method, layoutOptions }: Pick<DataOptions, "files" | "from" | "method" | "layoutOptions">,
  before: RunConfig["data"],
): Promise<RunConfig["data"]> {
  if (!(await isExport(files, from))) {
    const { planId } = await readManifest(files, from);
    return { ...before, planId, options: layoutOptions };
  }
  const manifest = await givenExport(files, from, kindFor(method));
  const hashes = manifest.files
    .filter(({ path, split }) => split !== null || path === `pair_ids/${SPLIT}.txt`)
    .map(({ path, sha256 }) => [path, sha256]);
  return {
    ...before,
    ...{ planId: manifest.source.planId, options: layoutOptions, hashes: Object.fromEntries(hashes) },
  };
}
