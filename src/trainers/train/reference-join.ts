import { join } from "node:path";
import { tableRows } from "../../annotate/rework.ts";
import { fileDigest } from "../../core/digest.ts";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import type { Json } from "../../core/types.ts";
import { readManifest } from "../../store/manifest.ts";
import { createParquetSink } from "../../store/parquet-sink.ts";
import { required } from "../../store/schema.ts";
import type { Row, RowSet } from "../../store/table.ts";
import { linesOf } from "./events.ts";
import { filePieces } from "./file-pieces.ts";
import { logprobCount, onlyModel, readLogprobs, tableHash, unfitResponse } from "./reference-table.ts";
import { JOIN_FOLDER, PAIR_IDS_FILE, REFERENCE_FILE, type RunReference } from "./run-directory.ts";
import { createSpill, type Spill } from "./spill.ts";

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

export interface JoinOptions {
  readonly files: Files;
  /** The finished dataset that the training's rows were exported from. */
  readonly dataset: string;
  /** Where the log-probs are, in any order. */
  readonly logprobs: string;
  /** Its `pair_ids.txt` names the pairs of the rows, in row order. */
  readonly run: string;
  readonly split: string;
  /** Responses that are held in memory together, about 300 bytes each; 100,000 by default. */
  readonly partResponses?: number;
}

/** A file each is open while they are written; beyond so many the parts grow. */
const MOST_PARTS = 250;

/** Spilled as JSON, which keeps every digit of a sum and makes −0 a 0. */
type Logprob = readonly [sum: number, tokens: number, hash: string];
/** Of a response: its prompt, its id, its numbers. */
type Known = readonly [promptId: string, responseId: string, ...Logprob];
type Pair = readonly [pairId: string, promptId: string, chosenId: string, rejectedId: string];
/** A pair with the numbers of both sides; null for a response without. */
type Joined = readonly [pair: Pair, chosen: Logprob | null, rejected: Logprob | null];

/**
 * Writes `reference.parquet` into the run: the reference's summed log-probs of each row's two responses, joined by ids, with
 * the token counts and hashes that the trainer's own tokens are compared with before the first step.
 *
 * Both sides are cut into parts by the prompt's id, and one part after the other is joined, so that memory holds a part and not the
 * table; what is spilled lies in the run until the join ends.
 * Throws `need_unmet` for a pair whose response has no log-prob, naming the first, and for two unequal rows of one response; and what
 * reading the table throws.
 */
export async function joinReference(options: JoinOptions): Promise<Omit<RunReference, "name">> {
  const { files, logprobs, run, partResponses = 100_000 } = options;
  const responses = await logprobCount(files, logprobs);
  const parts = Math.min(MOST_PARTS, Math.max(1, Math.ceil(responses / partResponses)));
  const folder = join(run, JOIN_FOLDER);
  await files.remove(folder);
  await files.makeDirectory(folder);
  try {
    const known = createSpill<Known>(files, folder, "logprobs");
    const model = await writing(known, () => spillLogprobs(options, known, parts));
    const pairs = createSpill<Pair>(files, folder, "pairs");
    await writing(pairs, () => spillPairs(options, pairs, parts, folder));
    const joined = createSpill<Joined>(files, folder, "joined");
    await writing(joined, async () => {
      for (let part = 0; part < parts; part++) await joinPart(part, options, known, pairs, joined);
    });
    await writeRows(options, joined, folder);
    return {
      ...{ file: REFERENCE_FILE, model },
      sha256: (await fileDigest(files, join(run, REFERENCE_FILE))).sha256,
      source: await tableHash(files, logprobs),
    };
  } finally {
    await files.remove(folder);
  }
}

async function writing<T>(spill: Pick<Spill<Json>, "close" | "abort">, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    await spill.close();
    return result;
  } catch (error) {
    await spill.abort();
    throw error;
  }
}

/** Gives the table's model. */
async function spillLogprobs(
  { files, logprobs }: JoinOptions,
  known: Spill<Known>,
  parts: number,
): Promise<string> {
  const models = new Set<string>();
  for await (const rows of readLogprobs(files, logprobs)) {
    for (const { model, promptId, responseId, sum, tokens, hash } of rows) {
      models.add(model);
      known.add(partOf(promptId, parts), [promptId, responseId, sum, tokens, hash]);
    }
    await known.flush();
  }
  return onlyModel(models, logprobs);
}

/** Of each row its part, a byte each, in row order. */
const ORDER_FILE = "order";

async function spillPairs(
  { files, dataset, run, split }: JoinOptions,
  pairs: Spill<Pair>,
  parts: number,
  folder: string,
): Promise<void> {
  const manifest = await readManifest(files, dataset);
  const ofSplit = { ...manifest, files: manifest.files.filter((file) => (file.split ?? "train") === split) };
  const columns = ["pair_id", "prompt_id", "chosen_id", "rejected_id"] as const;
  const ids = linesOf(filePieces(files, join(run, PAIR_IDS_FILE)));
  const order = await files.create(join(folder, ORDER_FILE));
  try {
    let wanted = await ids.next();
    for await (const rows of tableRows(files, dataset, ofSplit, "pairs", columns)) {
      const places: number[] = [];
      for (const row of rows) {
        const pair = columns.map((column) => row[column]) as unknown as Pair;
        // Pairs that the export left out have no row.
        if (wanted.done || pair[0] !== wanted.value) continue;
        const part = partOf(pair[1], parts);
        pairs.add(part, pair);
        places.push(part);
        wanted = await ids.next();
      }
      await pairs.flush();
      await order.write(Uint8Array.from(places));
    }
    if (!wanted.done) throw otherPairs(dataset, wanted.value);
    await order.close();
  } catch (error) {
    await order.abort();
    throw error;
  } finally {
    await ids.return(undefined);
  }
}

/** Lines that are written together. */
const BATCH = 10_000;

async function joinPart(
  part: number,
  { logprobs }: JoinOptions,
  known: Spill<Known>,
  pairs: Spill<Pair>,
  joined: Spill<Joined>,
): Promise<void> {
  const numbers = new Map<string, Logprob>();
  for await (const [promptId, responseId, ...found] of known.read(part)) {
    const key = keyOf(promptId, responseId);
    const earlier = numbers.get(key);
    if (earlier?.some((value, index) => value !== found[index])) {
      const what = `has two rows, with sums ${earlier[0]} and ${found[0]}`;
      throw unfitResponse({ promptId, responseId }, what, logprobs);
    }
    numbers.set(key, found);
  }
  let added = 0;
  for await (const pair of pairs.read(part)) {
    const [, promptId, ...sides] = pair;
    const [chosen = null, rejected = null] = sides.map((id) => numbers.get(keyOf(promptId, id)));
    joined.add(part, [pair, chosen, rejected]);
    added += 1;
    if (added % BATCH === 0) await joined.flush();
  }
  await joined.flush();
}

/** The parts' rows in the order of the training's rows. */
async function writeRows({ files, run }: JoinOptions, joined: Spill<Joined>, folder: string): Promise<void> {
  const sink = await createParquetSink(files, join(run, REFERENCE_FILE), referenceRowSet);
  const sources = new Map<number, AsyncGenerator<Joined>>();
  try {
    for await (const places of filePieces(files, join(folder, ORDER_FILE))) {
      const rows: Row[] = [];
      for (const part of places) {
        const source = sources.get(part) ?? joined.read(part);
        sources.set(part, source);
        const next = await source.next();
        if (!next.done) rows.push(referenceRow(next.value));
      }
      await sink.write(rows);
    }
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  } finally {
    await Promise.all([...sources.values()].map((source) => source.return(undefined)));
  }
}

/** FNV-1a over UTF-16 code units: pairs and log-probs of one prompt meet in one part, and prompts spread evenly. */
function partOf(promptId: string, parts: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < promptId.length; at++) hash = Math.imul(hash ^ promptId.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % parts;
}

function keyOf(promptId: string, responseId: string): string {
  return `${promptId}\n${responseId}`;
}

function referenceRow([[pairId, promptId, chosenId, rejectedId], chosen, rejected]: Joined): Row {
  const side = (name: "chosen" | "rejected", responseId: string, found: Logprob | null): Row => {
    if (found === null) {
      throw new PrefkitError(
        "need_unmet",
        `the ${name} response ${responseId} of pair ${pairId} has no log-prob of the reference.`,
        "compute the log-probs of this dataset, or leave --reference-logprobs out: TRL then computes them.",
        { place: { promptId } },
      );
    }
    const [sum, tokens, hash] = found;
    return {
      [`ref_${name}_logps`]: sum,
      [`ref_${name}_token_count`]: tokens,
      [`ref_${name}_ids_hash`]: hash,
    };
  };
  return {
    prefkit_pair_id: pairId,
    ...side("chosen", chosenId, chosen),
    ...side("rejected", rejectedId, rejected),
  };
}

function otherPairs(dataset: string, pairId: string): PrefkitError {
  return new PrefkitError(
    "need_unmet",
    `pair ${pairId} of the rows does not stand in ${dataset} where it should.`,
    "give the dataset that the export was made from.",
  );
}
