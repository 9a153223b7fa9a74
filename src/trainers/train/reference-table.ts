import { join } from "node:path";
import { fileDigest } from "../../core/digest.ts";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import { sha256 } from "../../core/ids.ts";
import { openParquet } from "../../store/parquet-reader.ts";
import type { Row } from "../../store/table.ts";

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

/** What one model gave to one response. */
export interface ReferenceLogprob {
  readonly model: string;
  readonly promptId: string;
  readonly responseId: string;
  /** In nats, over the response's tokens. */
  readonly sum: number;
  readonly tokens: number;
  readonly hash: string;
}

/** How many rows a table has, by its files' footers. */
export async function logprobCount(files: Files, directory: string): Promise<number> {
  let rows = 0;
  for (const file of await logprobFiles(files, directory)) {
    const table = await openParquet(files, file);
    rows += table.rows;
    await table.close();
  }
  return rows;
}

/**
 * The rows of a `logprobs` table, a row group at a time: the Parquet files of a directory, or of its folder `logprobs`.
 * Throws `no_input_file`, `damaged_file`, `need_unmet` for rows without `ids_hash` and sums that are no log-probs: what cannot be
 * checked is not used.
 */
export async function* readLogprobs(
  files: Files,
  directory: string,
): AsyncGenerator<readonly ReferenceLogprob[]> {
  for (const file of await logprobFiles(files, directory)) {
    const table = await openParquet(files, file);
    try {
      for await (const rows of table.read({ columns: READ })) yield rows.map((row) => logprobOf(file, row));
    } finally {
      await table.close();
    }
  }
}

/** The model of a table; "" of one without rows. Throws `need_unmet` for numbers of several models. */
export function onlyModel(models: ReadonlySet<string>, directory: string): string {
  const [model = "", ...others] = models;
  if (others.length === 0) return model;
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
  for (const file of await logprobFiles(files, directory))
    hashes.push((await fileDigest(files, file)).sha256);
  return sha256(hashes.join("\n"));
}

/** A sum of log-probs is at most 0, and -Infinity or NaN would make every loss one. */
function logprobOf(file: string, row: Row): ReferenceLogprob {
  const { ids_hash: hash, sum_logprob: sum, token_count: tokens } = row;
  if (typeof hash !== "string") throw unchecked(file, row);
  if (typeof sum !== "number" || !Number.isFinite(sum) || sum > 0)
    throw unfit(file, row, `has the sum of log-probs ${String(sum)}, which is no number of at most 0`);
  if (typeof tokens !== "number" || !Number.isInteger(tokens) || tokens < 1)
    throw unfit(file, row, `has the token count ${String(tokens)}, which is no whole number of at least 1`);
  const [model, promptId, responseId] = [row.model, row.prompt_id, row.response_id] as [
    string,
    string,
    string,
  ];
  return { model, promptId, responseId, sum, tokens, hash };
}

function unfit(file: string, row: Row, what: string): PrefkitError {
  return unfitResponse({ promptId: String(row.prompt_id), responseId: String(row.response_id) }, what, file);
}

/** Of numbers that no reference can have given. */
export function unfitResponse(
  { promptId, responseId }: Pick<ReferenceLogprob, "promptId" | "responseId">,
  what: string,
  file: string,
): PrefkitError {
  return new PrefkitError(
    "need_unmet",
    `response ${responseId} of prompt ${promptId} ${what}.`,
    "compute the table again: natural logarithms, summed over the response's tokens, one row per response.",
    { place: { file } },
  );
}

function unchecked(file: string, row: Row): PrefkitError {
  return new PrefkitError(
    "need_unmet",
    `response ${String(row.response_id)} of prompt ${String(row.prompt_id)} has no ids_hash, so nobody can tell whether the trainer scores the same tokens.`,
    "let prefkit compute the log-probs (--reference-model), or write ids_hash as docs/train.md says.",
    { place: { file } },
  );
}
