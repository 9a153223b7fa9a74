import { join } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import { sha256 } from "../../core/ids.ts";
import { readManifest } from "../../store/manifest.ts";
import { openParquet } from "../../store/parquet-reader.ts";
import { createParquetSink } from "../../store/parquet-sink.ts";
import { logprobsRowSet } from "../../store/row-sets.ts";
import { required } from "../../store/schema.ts";
import type { Row, RowSet } from "../../store/table.ts";
import { pairRecords } from "../records.ts";
import type { PairRecord } from "../trainer-adapter.ts";
import { REFERENCE_FILE } from "./run-directory.ts";

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
 * models or rows without `ids_hash`: what cannot be checked is not used.
 */
async function readLogprobs(
  files: Files,
  directory: string,
): Promise<{ readonly model: string; readonly known: ReadonlyMap<string, Known> }> {
  const folder = (await files.exists(join(directory, "logprobs"))) ? join(directory, "logprobs") : directory;
  const names = ((await files.list(folder)) ?? []).filter((name) => name.endsWith(".parquet"));
  if (names.length === 0) {
    throw new PrefkitError(
      "no_input_file",
      `${directory} holds no Parquet file of log-probs.`,
      "give the directory that --reference-model wrote, or the folder of a table with the columns of `logprobs`.",
    );
  }
  const known = new Map<string, Known>();
  const models = new Set<string>();
  for (const name of names) {
    const table = await openParquet(files, join(folder, name));
    try {
      for await (const rows of table.read({ columns: logprobsRowSet.columns.map((column) => column.name) })) {
        for (const row of rows) {
          if (typeof row.ids_hash !== "string") throw unchecked(join(folder, name), row);
          models.add(row.model as string);
          known.set(keyOf(row.prompt_id as string, row.response_id as string), {
            sum: row.sum_logprob as number,
            tokens: row.token_count as number,
            hash: row.ids_hash,
          });
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
export async function joinReference(
  options: JoinOptions,
): Promise<{ readonly file: string; readonly model: string }> {
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
  return { file: REFERENCE_FILE, model };
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
