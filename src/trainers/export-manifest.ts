import { join } from "node:path";
import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import { EXPORT_KINDS } from "./trainer-adapter.ts";

export const EXPORT_FILE = "export.json";

const count = z.number().int().nonnegative();
const counts = z.record(z.string(), count);

const schema = z.object({
  prefkit: z.string(),
  exportVersion: z.literal(1),
  trainer: z.string(),
  kind: z.enum(EXPORT_KINDS),
  options: z.record(z.string(), z.json()),
  format: z.enum(["parquet", "jsonl"]),
  source: z.object({
    planId: z.string(),
    table: z.enum(["pairs", "groups"]),
    rows: count,
    extras: z.object({ tools: z.boolean(), images: z.boolean(), toolMessages: z.boolean() }),
    scores: z.array(z.string()),
    license: z.string().nullable().default(null),
    inputs: z.array(z.string()).default([]),
  }),
  rows: counts,
  leftOut: counts,
  files: z.array(
    z.object({
      path: z.string(),
      split: z.string().nullable(),
      rows: count.nullable(),
      bytes: count,
      sha256: z.string(),
    }),
  ),
});

/**
 * `export.json`: what an export is, and how to make it again.
 *
 * - `options`: of the layout, defaults filled in; with `source.extras` and `source.scores` they make the very layout again.
 * - `source`: the dataset's plan, the table that was read and its rows; its licence (null: not stated) and the files it was made from;
 *   exports from before these were written down have neither.
 * - `rows`: by split, in the order written.
 * - `leftOut`: records, or parts of them, that have no row, by reason.
 * - `files`: all but export.json itself; `split` and `rows` are null for files that are not data.
 */
export type ExportManifest = z.output<typeof schema>;
export type ExportedFile = ExportManifest["files"][number];

/** Throws `dataset_incomplete` where no export is, `damaged_file` for an export.json that is none. */
export async function readExportManifest(files: Files, directory: string): Promise<ExportManifest> {
  const path = join(directory, EXPORT_FILE);
  if (!(await files.exists(path))) {
    throw new PrefkitError(
      "dataset_incomplete",
      `${directory} holds no ${EXPORT_FILE}, so it is no export of prefkit.`,
      "check the path, or make one with `prefkit export`.",
    );
  }
  const text = Buffer.from(await files.readAll(path)).toString("utf8");
  const fix = "export the dataset again into another directory.";
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new PrefkitError("damaged_file", `${path} is not JSON.`, fix, { cause });
  }
  const result = schema.safeParse(parsed);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new PrefkitError(
    "damaged_file",
    `${path} is not what this version of prefkit writes: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}.`,
    fix,
  );
}

export function exportManifestText(manifest: ExportManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
