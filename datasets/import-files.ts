import { link, realpath } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type ErrorPlace, ioError, PrefkitError } from "../src/core/errors.ts";
import type { Files } from "../src/core/files.ts";
import { IdSet } from "../src/core/id-set.ts";
import { findFiles } from "../src/store/input/find-files.ts";
import type { WrittenFile } from "../src/store/table.ts";
import { createGroupSink, type GroupSink } from "./group-sink.ts";
import { clearDeadParts, partPath } from "./import-parts.ts";
import { type ImportedItem, importedRows } from "./imported-rows.ts";
import type { Importer } from "./importer.ts";

const EXAMPLES = 3;
/** Reasons may quote numbers; what comes after so many kinds is counted together. */
const REASONS = 50;

export interface LeftOutReason {
  readonly why: string;
  readonly count: number;
  readonly examples: readonly ErrorPlace[];
}

export interface ImportSummary {
  readonly rows: number;
  readonly groups: number;
  readonly responses: number;
  /** Rows and parts of rows that are in no group. */
  readonly leftOut: number;
  /** By reason, the most frequent first. */
  readonly reasons: readonly LeftOutReason[];
  readonly file: WrittenFile;
}

export interface ImportOptions {
  readonly files: Files;
  readonly importer: Importer;
  /** Files or globs. */
  readonly from: readonly string[];
  readonly baseDirectory: string;
  /** The file to write, absolute; its ending says the format. */
  readonly out: string;
  /** Replaces the file when it exists; false by default. */
  readonly force?: boolean;
  /** Stop after so many groups. */
  readonly limit?: number;
  readonly stop?: AbortSignal;
  readonly onProgress?: (rows: number) => void;
}

/**
 * Turns published files into one file of groups that a recipe reads without a mapping. Streamed: memory grows by 27 to 53 bytes
 * per group, for finding repeated ones. Nothing readable stands under the final name before it is whole; null when it was stopped.
 *
 * Two imports to one file do not meet: each writes aside, and the second to finish refuses the first one's file, unless `force`
 * is given. What a killed one left aside is removed by the next to the same file.
 *
 * Throws `bad_option` for another ending than .jsonl or .parquet and for an `out` that is among the files read, `not_this_run`
 * when `out` exists and `force` is not given, `empty_input` when no row could be used, and what `importedRows` and the sinks throw.
 */
export async function importFiles(options: ImportOptions): Promise<ImportSummary | null> {
  const { files, importer, out, stop } = options;
  const format = formatByEnding(out);
  await refuseExisting(options);
  await refuseInput(options);
  const part = partPath(out);
  await files.makeDirectory(dirname(out));
  await clearDeadParts(files, out);
  const sink = await createGroupSink(files, part, format, importer.preference);
  try {
    const counts = await pour(options, sink);
    if (counts === null) {
      await sink.abort();
      return null;
    }
    if (counts.groups === 0) throw nothingUsable(counts);
    const file = await sink.close();
    if (stop?.aborted) {
      await files.remove(part);
      return null;
    }
    await publish(options, part);
    return { ...counts, file };
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

async function refuseExisting({ files, out, force = false }: ImportOptions): Promise<void> {
  if (!force && (await files.exists(out))) throw exists(out);
}

function exists(out: string): PrefkitError {
  return new PrefkitError(
    "not_this_run",
    `${out} exists.`,
    "name another file, or add --force to replace it.",
  );
}

/** Without `force`, of two imports that end together one gets the name, and the other is refused. */
async function publish({ files, out, force = false }: ImportOptions, part: string): Promise<void> {
  if (force) return await files.rename(part, out);
  const isLinked = await linked(part, out);
  if (!isLinked && !(await files.createExclusive(out, ""))) throw exists(out);
  try {
    // Of two links to one file it does nothing but make the new name durable.
    await files.rename(part, out);
    await files.remove(part);
  } catch (error) {
    await files.remove(out);
    throw error;
  }
}

/** A second name for a file, so that it appears whole, whenever this process is killed; false where the file system has no links. */
async function linked(part: string, out: string): Promise<boolean> {
  try {
    await link(part, out);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "EEXIST") throw exists(out);
    if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) return false;
    throw ioError("name", out, error);
  }
}

/** Also under another name, through a link. */
async function refuseInput({ from, baseDirectory, out }: ImportOptions): Promise<void> {
  const target = await realPath(out);
  if (target === null) return;
  for (const { absolute, path } of await findFiles(from, baseDirectory, "the input")) {
    if ((await realPath(absolute)) !== target) continue;
    throw new PrefkitError(
      "bad_option",
      `the file to write, ${out}, is one of those to read (${path}).`,
      "name another file for --out.",
    );
  }
}

/** Null where nothing is. */
async function realPath(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw ioError("look at", path, error);
  }
}

async function pour(options: ImportOptions, sink: GroupSink): Promise<Omit<ImportSummary, "file"> | null> {
  const { importer, from, baseDirectory, limit = Number.POSITIVE_INFINITY, stop, onProgress } = options;
  const seen = new IdSet();
  const reasons = new Map<string, LeftOutReason>();
  let [rows, groups, responses, leftOut] = [0, 0, 0, 0];
  for await (const batch of importedRows(importer, from, baseDirectory)) {
    if (stop?.aborted) return null;
    const kept = [];
    for (const item of batch.items) {
      if (groups + kept.length === limit) break;
      if (item.kind === "group" && seen.add(item.group.prompt.id)) {
        kept.push(item.group);
        responses += item.group.responses.length;
      } else {
        leftOut += 1;
        addReason(reasons, item);
      }
    }
    await sink.write(kept);
    groups += kept.length;
    rows = batch.rows;
    onProgress?.(rows);
    if (groups === limit) break;
  }
  const byCount = [...reasons.values()].sort((a, b) => b.count - a.count);
  return { rows, groups, responses, leftOut, reasons: byCount };
}

function addReason(reasons: Map<string, LeftOutReason>, item: ImportedItem): void {
  const said =
    item.kind === "group"
      ? "the same prompt with the same responses stands before it."
      : `${item.column === undefined ? "" : `${item.column} `}${item.why}`;
  const why = reasons.has(said) || reasons.size < REASONS ? said : "other reasons.";
  const { count = 0, examples = [] } = reasons.get(why) ?? {};
  const shown = examples.length < EXAMPLES ? [...examples, item.place] : examples;
  reasons.set(why, { why, count: count + 1, examples: shown });
}

function formatByEnding(path: string): "jsonl" | "parquet" {
  if (path.endsWith(".jsonl")) return "jsonl";
  if (path.endsWith(".parquet")) return "parquet";
  throw new PrefkitError(
    "bad_option",
    `the name ${basename(path)} does not say a format that groups can be written in.`,
    "end it in .jsonl or .parquet.",
  );
}

function nothingUsable({ rows, reasons }: Omit<ImportSummary, "file">): PrefkitError {
  const [first] = reasons;
  const why =
    first === undefined
      ? "the files have no row."
      : `of ${rows} rows none became a group, most often because ${first.why}`;
  const place = first?.examples[0];
  return new PrefkitError(
    "empty_input",
    why,
    "check that the files are of this layout, as published.",
    place === undefined ? {} : { place },
  );
}
