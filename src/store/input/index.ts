import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import { nodeFiles } from "../../core/files.ts";
import { contentHash } from "../../core/ids.ts";
import { isGzip, plainChunks } from "./byte-chunks.ts";
import { fieldNames, findMissing, missingField } from "./find-fields.ts";
import { findFiles, formatOf } from "./find-files.ts";
import { FORMAT_READERS } from "./format-readers.ts";
import { gatherGroups, readGathered } from "./gather-groups.ts";
import { type FileRows, groupSorted } from "./group-sorted.ts";
import { compileMapping, type Mapping, toGroup } from "./mapping.ts";
import { loadDuckDb } from "./row-index.ts";
import type { KeepColumn, RawRow, ReadRows, SourceFile } from "./source.ts";
import type { BadRow, Input, InputRow, InputSpec, Position } from "./types.ts";

export type * from "./types.ts";

export interface OpenInputOptions {
  /** What relative paths are resolved from: the recipe's directory. */
  readonly baseDirectory: string;
  /** Where rows that are grouped without `sorted` are gathered into a working file; kept, and found again by a later run. */
  readonly workDirectory: string;
}

/** Changes when gathered files of an older version must not be read. */
const GATHERED_VERSION = 1;
const DEFAULT_MEMORY_LIMIT_MB = 1024;

/**
 * Opens the input of a recipe: finds the files, compiles the mapping, and makes sure that every field that the recipe
 * names exists. Rows are yielded as they are read; nothing holds a whole file but `format: json`.
 *
 * Errors: `no_input_file`, `bad_recipe`, `missing_field` here; `unreadable_input`, `over_limit`, `key_came_back`, `io`
 * here or while reading. A row that cannot be used is not an error but a `bad` row: `badRowError` makes it one.
 */
export async function openInput(spec: InputSpec, options: OpenInputOptions): Promise<Input> {
  const files = await findFiles(spec.path, resolve(options.baseDirectory));
  const sources = files.map((file): Source => {
    const format = spec.format ?? formatOf(file.path);
    return { file, read: FORMAT_READERS[format], mapping: compileMapping(spec, format === "csv") };
  });
  await checkFields(sources);

  let fingerprint: Promise<string> | undefined;
  const fingerprintOnce = () => {
    fingerprint ??= fingerprintOf(files);
    return fingerprint;
  };
  let gathered: Promise<string> | undefined;
  const gatherOnce = () => {
    gathered ??= gather(spec, sources, options.workDirectory, fingerprintOnce());
    return gathered;
  };
  const inputFiles = files.map(({ path, bytes }) => ({ path, bytes }));
  const seeks = spec.groupBy === undefined && (await everySeeks(sources));

  return {
    files: inputFiles,
    extras: {
      tools: spec.map?.tools !== undefined,
      images: spec.map?.images !== undefined,
      toolMessages: spec.map?.toolMessages ?? false,
    },
    seeks,
    async *read(start = { file: 0, at: 0 }) {
      checkPosition(start, files.length);
      if (spec.groupBy === undefined) yield* asGroups(mappedRows(sources, start));
      else if (spec.sorted) yield* groupSorted(mappedRows(sources, start), inputFiles);
      else yield* readGathered(await gatherOnce(), start.at);
    },
    fingerprint: fingerprintOnce,
    close: async () => {
      // Files are open only while a `read` runs. A gathering that was begun is left to finish; its error is the read's.
      await Promise.allSettled([gathered]);
    },
  };
}

/** The error that a bad row is for a caller that stops at such rows. */
export function badRowError({ problem, fix, place }: BadRow): PrefkitError {
  return new PrefkitError("bad_row", problem, `${fix} Or set input.onBadRow: skip to leave such rows out.`, {
    place,
  });
}

/** Plain JSON Lines go by byte, Parquet by row group; all else is read from its beginning. */
async function everySeeks(sources: readonly Source[]): Promise<boolean> {
  for (const { file, read } of sources) {
    if (read !== FORMAT_READERS.parquet && (read !== FORMAT_READERS.jsonl || (await isGzip(file))))
      return false;
  }
  return true;
}

interface Source {
  readonly file: SourceFile;
  readonly read: ReadRows;
  readonly mapping: Mapping;
}

async function* rawRows(sources: readonly Source[], keep?: KeepColumn): AsyncGenerator<readonly RawRow[]> {
  for (const { file, read, mapping } of sources) yield* read(file, 0, keep ?? mapping.keep);
}

async function* mappedRows(sources: readonly Source[], start: Position): AsyncGenerator<FileRows> {
  for (let file = start.file; file < sources.length; file++) {
    const source = sources[file] as Source;
    const from = file === start.file ? start.at : 0;
    for await (const rows of source.read(source.file, from, source.mapping.keep)) {
      yield { file, rows: rows.map(source.mapping.map) };
    }
  }
}

async function* asGroups(batches: AsyncIterable<FileRows>): AsyncGenerator<readonly InputRow[]> {
  for await (const { file, rows } of batches) {
    yield rows.map((row): InputRow => {
      if (row.kind === "bad") return row;
      const { draft, responses, place, at, replacedSurrogates } = row;
      const group = toGroup(draft, responses);
      return { kind: "group", group, place, position: { file, at }, replacedSurrogates };
    });
  }
}

async function checkFields(sources: readonly Source[]): Promise<void> {
  const missing = await findMissing(rawRows(sources), sources[0]?.mapping.required ?? []);
  if (missing === null) return;
  throw missingField(missing, await fieldNames(rawRows(sources, () => true)));
}

async function fingerprintOf(files: readonly SourceFile[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${file.bytes}\n`);
    for await (const chunk of plainChunks(file, 0)) hash.update(chunk);
  }
  return hash.digest("hex");
}

async function gather(
  spec: InputSpec,
  sources: readonly Source[],
  workDirectory: string,
  fingerprint: Promise<string>,
): Promise<string> {
  const { format = null, map = {}, groupBy = null } = spec;
  const identity = { version: GATHERED_VERSION, files: await fingerprint, format, map, groupBy };
  const target = join(workDirectory, `grouped-${contentHash(identity)}.jsonl`);
  if (await nodeFiles.exists(target)) return target;
  await gatherGroups(mappedRows(sources, { file: 0, at: 0 }), target, {
    workDirectory,
    memoryLimitMb: spec.memoryLimitMb ?? DEFAULT_MEMORY_LIMIT_MB,
    loadDuckDb,
  });
  return target;
}

function checkPosition({ file, at }: Position, files: number): void {
  if (Number.isSafeInteger(file) && file >= 0 && file < files && Number.isSafeInteger(at) && at >= 0) return;
  throw new PrefkitError(
    "plan_changed",
    `the input has no position ${at} in file ${file + 1} of ${files}.`,
    "the input changed since it was planned: start over with the files as they are now.",
  );
}
