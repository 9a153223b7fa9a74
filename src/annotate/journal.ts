import { join } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, writeWhole } from "../core/files.ts";
import type { Plan } from "./plan.ts";

/** How one scorer did on a shard. */
export interface CellCounts {
  readonly scored: number;
  readonly abstained: number;
  readonly failed: number;
  /** Failed cells by code. */
  readonly codes: Readonly<Record<string, number>>;
}

/** One finished shard. Open while cells have failed and the failure was not accepted. */
export interface ShardRecord {
  readonly shard: number;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly cells: Readonly<Record<string, CellCounts>>;
  readonly accepted?: true;
}

/** `i` of `n`: which shards a process takes (k mod n = i). */
export interface ShardSlice {
  readonly index: number;
  readonly count: number;
}

export const WORK_DIRECTORY = ".prefkit";

/** Where a run keeps its unfinished work, inside the output directory. */
export function workPaths(out: string): {
  readonly root: string;
  readonly plan: string;
  readonly scan: string;
  readonly parts: string;
  readonly finish: string;
  readonly input: string;
} {
  const root = join(out, WORK_DIRECTORY);
  return {
    root,
    plan: join(root, "plan.json"),
    scan: join(root, "scan.json"),
    parts: join(root, "parts"),
    finish: join(root, "finish"),
    input: join(root, "input"),
  };
}

export function partPath(out: string, shard: number): string {
  return join(workPaths(out).parts, `scores-${String(shard).padStart(5, "0")}.jsonl`);
}

/** What an interrupted run left of a shard: the scores of its first groups. */
export function partialPath(out: string, shard: number): string {
  return join(workPaths(out).parts, `partial-${String(shard).padStart(5, "0")}.jsonl`);
}

export function sliceName(base: string, slice: ShardSlice | null): string {
  return slice === null ? base : `${base}-${slice.index}-of-${slice.count}`;
}

export async function readPlan(files: Files, out: string): Promise<Plan | null> {
  const path = workPaths(out).plan;
  if (!(await files.exists(path))) return null;
  const text = Buffer.from(await files.readAll(path)).toString("utf8");
  try {
    return JSON.parse(text) as Plan;
  } catch (cause) {
    throw new PrefkitError("damaged_file", `${path} is not a plan.`, "start over with --force.", { cause });
  }
}

export async function writePlan(files: Files, out: string, plan: Plan): Promise<void> {
  await writeWhole(files, workPaths(out).plan, `${JSON.stringify(plan, null, 1)}\n`);
}

/**
 * The shards that some process finished, whichever journal says so; the last line of a shard counts. A line torn by a
 * kill is not a line.
 */
export async function readJournals(files: Files, out: string): Promise<Map<number, ShardRecord>> {
  const { root } = workPaths(out);
  const names = ((await files.list(root)) ?? []).filter((name) => /^journal.*\.jsonl$/.test(name));
  const records = new Map<number, ShardRecord>();
  for (const name of names) {
    for (const record of await readJournal(files, join(root, name))) records.set(record.shard, record);
  }
  return records;
}

async function readJournal(files: Files, path: string): Promise<ShardRecord[]> {
  const lines = Buffer.from(await files.readAll(path))
    .toString("utf8")
    .split("\n");
  // What follows the last newline was torn off; a whole journal ends with one, so this is then empty.
  return lines.slice(0, -1).flatMap((line) => {
    const record = parseLine(line);
    return record === null ? [] : [record];
  });
}

function parseLine(line: string): ShardRecord | null {
  try {
    return JSON.parse(line) as ShardRecord;
  } catch {
    // Two halves joined after a kill: neither shard is counted as done, and both are looked at again.
    return null;
  }
}

/** Appends to this process's own journal, after cutting off a torn last line. */
export async function openJournal(
  files: Files,
  out: string,
  slice: ShardSlice | null,
): Promise<(record: ShardRecord) => Promise<void>> {
  const path = join(workPaths(out).root, `${sliceName("journal", slice)}.jsonl`);
  if (await files.exists(path)) {
    const text = Buffer.from(await files.readAll(path)).toString("utf8");
    if (text !== "" && !text.endsWith("\n"))
      await writeWhole(files, path, text.slice(0, text.lastIndexOf("\n") + 1));
  }
  return (record) => files.appendLine(path, JSON.stringify(record));
}

export function failedCells(record: ShardRecord): number {
  return Object.values(record.cells).reduce((sum, counts) => sum + counts.failed, 0);
}

export function isOpen(record: ShardRecord): boolean {
  return record.accepted !== true && failedCells(record) > 0;
}
