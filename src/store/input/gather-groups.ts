import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type ErrorPlace, ioError, PrefkitError } from "../../core/errors.ts";
import { type FileReader, type FileWriter, nodeFiles } from "../../core/files.ts";
import type { Image } from "../../core/types.ts";
import type { FileRows } from "./group-sorted.ts";
import { linePlaces } from "./line-places.ts";
import type { MappedRow, PromptDraft } from "./mapping.ts";
import { addRow, closeGroup, type OpenGroup, openGroup } from "./merge-rows.ts";
import { readJsonl } from "./read-jsonl.ts";
import type { ResponseDraft } from "./responses.ts";
import { type DuckDb, rowIndex } from "./row-index.ts";
import { MAX_TEXT_BYTES } from "./source.ts";
import type { BadRow, InputRow } from "./types.ts";

export interface GatherOptions {
  readonly workDirectory: string;
  readonly memoryLimitMb: number;
  readonly loadDuckDb: () => Promise<DuckDb | null>;
}

/**
 * Gathers rows that share a key but stand anywhere, and writes one line per group to `target`, whole or not at all.
 *
 * Two passes: mapped rows go to a spill file, and an index of (hash of the key, offset) is ordered by the key's first
 * appearance; then each group's rows are read back by offset. So memory holds the index and one group, never the texts.
 * Throws `over_limit` when the index outgrows the limit and DuckDB is not there, or one group passes 256 MiB.
 */
export async function gatherGroups(
  batches: AsyncIterable<FileRows>,
  target: string,
  options: GatherOptions,
): Promise<void> {
  await nodeFiles.makeDirectory(options.workDirectory);
  const directory = await makeTemporary(options.workDirectory);
  const index = rowIndex({ ...options, temporaryDirectory: directory });
  try {
    const spill = join(directory, "rows.jsonl");
    const grouped = join(directory, "groups.jsonl");
    await writing(grouped, async (groups) => {
      await writing(spill, (rows) => spillRows(batches, rows, groups, index));
      const reader = await nodeFiles.open(spill);
      try {
        await writeGroups(index.ordered(), reader, groups);
      } finally {
        await reader.close();
      }
    });
    await nodeFiles.rename(grouped, target);
  } finally {
    index.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function makeTemporary(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, ".grouping-"));
  } catch (error) {
    throw ioError("make a directory in", parent, error);
  }
}

async function writing(path: string, work: (writer: FileWriter) => Promise<void>): Promise<void> {
  const writer = await nodeFiles.create(path);
  try {
    await work(writer);
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** First pass. Bad rows have no group: they come first in the grouped file. */
async function spillRows(
  batches: AsyncIterable<FileRows>,
  rows: FileWriter,
  groups: FileWriter,
  index: ReturnType<typeof rowIndex>,
): Promise<void> {
  let offset = 0;
  for await (const batch of batches) {
    const lines: Buffer[] = [];
    for (const row of batch.rows) {
      if (row.kind === "bad") {
        await groups.write(`${JSON.stringify(row)}\n`);
        continue;
      }
      const line = Buffer.from(`${JSON.stringify(storedRow(row))}\n`);
      await index.add(row.key ?? "", { start: offset, length: line.length });
      lines.push(line);
      offset += line.length;
    }
    await rows.write(Buffer.concat(lines));
  }
}

/** Second pass. */
async function writeGroups(
  slices: AsyncIterable<{ start: number; length: number; first: boolean }>,
  spill: FileReader,
  groups: FileWriter,
): Promise<void> {
  let open: OpenGroup | null = null;
  let bad: BadRow[] = [];
  let lines: string[] = [];
  let pending = 0;
  const finish = async () => {
    if (!open) return;
    const text = [lineOf(open), ...bad.map((row) => `${JSON.stringify(row)}\n`)].join("");
    lines.push(text);
    pending += text.length;
    bad = [];
    if (pending > WRITE_LENGTH) await flush();
  };
  const flush = async () => {
    await groups.write(lines.join(""));
    lines = [];
    pending = 0;
  };
  for await (const { start, length, first } of slices) {
    const row = loadedRow(JSON.parse(Buffer.from(await spill.read(start, length)).toString("utf8")));
    if (first || !open) {
      await finish();
      open = openGroup(row);
    } else {
      const refused = addRow(open, row);
      if (refused) bad.push(refused);
    }
  }
  await finish();
  await flush();
}

/** Lines are written together from this many characters on: a system call for each would take longer than its line. */
const WRITE_LENGTH = 2 ** 20;

function lineOf(group: OpenGroup): string {
  const line = `${JSON.stringify(storedRow({ ...group, kind: "mapped" }))}\n`;
  if (line.length <= MAX_TEXT_BYTES) return line;
  throw new PrefkitError(
    "over_limit",
    `the group with the key "${group.key.slice(0, 60)}" has more than 256 MiB of text.`,
    "check that input.groupBy names the field that tells prompts apart.",
    { place: group.place },
  );
}

/** What the working files hold: a mapped row, with image bytes as base64. */
interface StoredRow extends Omit<MappedRow, "draft"> {
  readonly draft: Omit<PromptDraft, "prompt"> & {
    readonly prompt: Omit<PromptDraft["prompt"], "images"> & { readonly images?: readonly StoredImage[] };
  };
  readonly responses: readonly ResponseDraft[];
  readonly place: ErrorPlace;
}

interface StoredImage {
  readonly bytes: string | null;
  readonly path: string | null;
}

function storedRow(row: MappedRow): StoredRow {
  const { images, ...prompt } = row.draft.prompt;
  const stored = images?.map(({ bytes, path }) => ({
    bytes: bytes && Buffer.from(bytes).toString("base64"),
    path,
  }));
  return { ...row, draft: { ...row.draft, prompt: { ...prompt, ...(stored && { images: stored }) } } };
}

function loadedRow(row: StoredRow): MappedRow {
  const { images, ...prompt } = row.draft.prompt;
  const loaded = images?.map(
    ({ bytes, path }): Image => ({ bytes: bytes === null ? null : Buffer.from(bytes, "base64"), path }),
  );
  return { ...row, draft: { ...row.draft, prompt: { ...prompt, ...(loaded && { images: loaded }) } } };
}

/** Reads the grouped file from a byte offset on. Throws `damaged_file` when it is not what was written. */
export async function* readGathered(path: string, from: number): AsyncGenerator<readonly InputRow[]> {
  const reader = await nodeFiles.open(path);
  const { bytes } = reader;
  await reader.close();
  for await (const rows of readJsonl({ absolute: path, path, bytes, places: linePlaces() }, from)) {
    yield rows.map((row): InputRow => {
      if (row.kind === "bad") throw damaged(path, row.problem);
      const stored = row.record as unknown as StoredRow | BadRow;
      if (stored.kind === "bad") return stored;
      if (stored.kind !== "mapped") throw damaged(path, "a line of it is no group.");
      return closeGroup(openGroup({ ...loadedRow(stored), at: row.at }), 0);
    });
  }
}

function damaged(path: string, problem: string): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `the working file ${path} is not as it was written: ${problem}`,
    "remove it, then run the same command again.",
  );
}
