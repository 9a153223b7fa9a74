import { join } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import { canonicalJson, sha256 } from "../../core/ids.ts";
import { readManifest } from "../../store/manifest.ts";
import { openParquet } from "../../store/parquet-reader.ts";
import { createParquetSink } from "../../store/parquet-sink.ts";
import { required } from "../../store/schema.ts";
import type { Row, RowSet } from "../../store/table.ts";
import { pairRecords } from "../records.ts";
import type { PairRecord } from "../trainer-adapter.ts";
import { fileHash } from "./fingerprints.ts";
import { REFERENCE_FILE, type RunReference } from "./run-directory.ts";

/**
 * First 32 hex digits of sha256 over token ids as little-endian 32-bit integers: `ids_hash` of the `logprobs` table, over the
 * ids of prompt and response together, since the response's log-probs depend on both.
 * Worked: [1, 2] is the bytes 01 00 00 00 02 00 00 00.
 */
export function idsHash(ids: readonly number[]): string {
  const bytes = Buffer.alloc(4 * ids.length);
  for (const [index, id] of ids.entries()) bytes.writeInt32LE(id, 4 * index);
  return sha256(bytes).slice(0, 32);
}

/** The reference beside a preference row; the names are what TRL's DPO collator and prefkit_train.py look for. */
const referenceRowSet: RowSet = {
  name: "reference",
  version: 1,
  columns: [
    required("prefkit_pair_id", "string"),
    ...["chosen", "rejected"].flatMap((side) => [
      required(`ref_${side}_logps`, "double"),
      required(`ref_${side}_token_count`, "int64"),
      required(`ref_${side}_ids_hash`, "string"),
    ]),
  ],
};

/** What one model gave to one response. */
interface Known {
  readonly sum: number;
  readonly tokens: number;
  readonly hash: string;
}

/**
 * Reads a `logprobs` table: the Parquet files of a directory, or of its folder `logprobs`.
 * It is held in memory, about 200 bytes a response. Throws `no_input_file`, `damaged_file`, `need_unmet` for numbers of several
 * models, rows without `ids_hash`, two unequal rows of one response, and sums that are no log-probs: what cannot be checked is not
 * used.
 */
async function readLogprobs(
  files: Files,
  directory: string,
): Promise<{ readonly model: string; readonly known: ReadonlyMap<string, Known> }> {
  const known = new Map<string, Known>();
  const models = new Set<string>();
  for (const file of await logprobFiles(files, directory)) {
    const table = await openParquet(files, file);
    try {
      for await (const rows of table.read({ columns: READ })) {
        for (const row of rows) {
          const found = knownOf(file, row);
          const key = keyOf(row.prompt_id as string, row.response_id as string);
          const earlier = known.get(key);
          if (earlier !== undefined && canonicalJson({ ...earlier }) !== canonicalJson({ ...found }))
            throw unfit(file, row, `has two rows, with sums ${earlier.sum} and ${found.sum}`);
          models.add(row.model as string);
          known.set(key, found);
        }
      }
    } finally {
      await table.close();
    }
  }
  const [model = "", ...others] = models;
  if (others.length === 0) return { model, known };
  throw new PrefkitError(
    "need_unmet",
    `${directory} holds log-probs of ${models.size} models (${[...models].slice(0, 3).join(", ")}).`,
    "keep those of the reference model alone.",
  );
}

/** The columns that a table must have; others, such as the template's hash, are not looked at. */
const READ = ["prompt_id", "response_id", "model", "token_count", "sum_logprob", "ids_hash"] as const;

/** The Parquet files of a table of log-probs, by name. Throws `no_input_file`. */
export async function logprobFiles(files: Files, directory: string): Promise<readonly string[]> {
  const folder = (await files.exists(join(directory, "logprobs"))) ? join(directory, "logprobs") : directory;
  const names = ((await files.list(folder)) ?? []).filter((name) => name.endsWith(".parquet")).sort();
  if (names.length > 0) return names.map((name) => join(folder, name));
  throw new PrefkitError(
    "no_input_file",
    `${directory} holds no Parquet file of log-probs.`,
    "give the directory that --reference-model wrote, or the folder of a table with the columns of `logprobs`.",
  );
}

/** One sha256 for a whole table: over the hashes of its files, by name. */
export async function tableHash(files: Files, directory: string): Promise<string> {
  const hashes: string[] = [];
  for (const file of await logprobFiles(files, directory)) hashes.push(await fileHash(files, file));
  return sha256(hashes.join("\n"));
}

/** A sum of log-probs is at most 0, and -Infinity or NaN would make every loss one. */
function knownOf(file: string, row: Row): Known {
  const { ids_hash: hash, sum_logprob: sum, token_count: tokens } = row;
  if (typeof hash !== "string") throw unchecked(file, row);
  if (typeof sum !== "number" || !Number.isFinite(sum) || sum > 0)
    throw unfit(file, row, `has the sum of log-probs ${String(sum)}, which is no number of at most 0`);
  if (typeof tokens !== "number" || !Number.isInteger(tokens) || tokens < 1)
    throw unfit(file, row, `has the token count ${String(tokens)}, which is no whole number of at least 1`);
  return { sum, tokens, hash };
}

function unfit(file: string, row: Row, what: string): PrefkitError {
  return new PrefkitError(
    "need_unmet",
    `response ${String(row.response_id)} of prompt ${String(row.prompt_id)} ${what}.`,
    "compute the table again: natural logarithms, summed over the response's tokens, one row per response.",
    { place: { file } },
  );
}

function keyOf(promptId: string, responseId: string): string {
  return `${promptId}\n${responseId}`;
}

function unchecked(file: string, row: Row): PrefkitError {
  return new PrefkitError(
    "need_unmet",
    `response ${String(row.response_id)} of prompt ${String(row.prompt_id)} has no ids_hash, so nobody can tell whether the trainer scores the same tokens.`,
    "let prefkit compute the log-probs (--reference-model), or write ids_hash as docs/train.md says.",
    { place: { file } },
  );
}

export interface JoinOptions {
  readonly files: Files;
  /** The finished dataset that the training's rows were exported from. */
  readonly dataset: string;
  /** Where the log-probs are. */
  readonly logprobs: string;
  readonly run: string;
  readonly split: string;
  /** The pairs of the rows, in row order. */
  readonly pairIds: readonly string[];
}

/**
 * Writes `reference.parquet` into the run: the reference's summed log-probs of each row's two responses, joined by ids, with
 * the token counts and hashes that the trainer's own tokens are compared with before the first step.
 * Throws `need_unmet` for a pair whose response has no log-prob, naming the first; and what reading the table throws.
 */
export async function joinReference(options: JoinOptions): Promise<Omit<RunReference, "name">> {
  const { files, dataset, logprobs, run, split, pairIds } = options;
  const { model, known } = await readLogprobs(files, logprobs);
  const manifest = await readManifest(files, dataset);
  const sink = await createParquetSink(files, join(run, REFERENCE_FILE), referenceRowSet);
  let next = 0;
  try {
    for await (const pairs of pairRecords(files, dataset, manifest, split)) {
      const rows: Row[] = [];
      for (const pair of pairs) {
        // Pairs that the export left out have no row.
        if (pair.pairId !== pairIds[next]) continue;
        rows.push(referenceRow(pair, known));
        next += 1;
      }
      if (rows.length > 0) await sink.write(rows);
    }
    if (next !== pairIds.length) throw otherPairs(dataset, pairIds[next] ?? "");
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  }
  return {
    ...{ file: REFERENCE_FILE, model },
    sha256: await fileHash(files, join(run, REFERENCE_FILE)),
    source: await tableHash(files, logprobs),
  };
}

function referenceRow(pair: PairRecord, known: ReadonlyMap<string, Known>): Row {
  const side = (name: "chosen" | "rejected", responseId: string): Row => {
    const found = known.get(keyOf(pair.promptId, responseId));
    if (!found) {
      throw new PrefkitError(
        "need_unmet",
        `the ${name} response ${responseId} of pair ${pair.pairId} has no log-prob of the reference.`,
        "compute the log-probs of this dataset, or leave --reference-logprobs out: TRL then computes them.",
        { place: { promptId: pair.promptId } },
      );
    }
    return {
      [`ref_${name}_logps`]: found.sum,
      [`ref_${name}_token_count`]: found.tokens,
      [`ref_${name}_ids_hash`]: found.hash,
    };
  };
  return {
    prefkit_pair_id: pair.pairId,
    ...side("chosen", pair.chosenId),
    ...side("rejected", pair.rejectedId),
  };
}

function otherPairs(dataset: string, pairId: string): PrefkitError {
  return new PrefkitError(
    "need_unmet",
    `pair ${pairId} of the rows does not stand in ${dataset} where it should.`,
    "give the dataset that the export was made from.",
  );
}
