import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, dirname } from "node:path";
import { CallFailure, isPrefkitError, PrefkitError, reasonOf } from "../core/errors.ts";
import { nodeFiles } from "../core/files.ts";
import type { ModelFolder } from "./hub.ts";
import { HEAD, withLogprobHead } from "./log-prob-head.ts";
import type { OnnxRuntime, OnnxSession, OnnxTensor, OnnxValueInfo } from "./onnx-runtime.ts";

export type ModelType = "fp32" | "fp16" | "q8" | "q4";

/** The names that exporters give the files of each type. */
const SUFFIXES: Readonly<Record<ModelType, string>> = {
  fp32: "",
  fp16: "_fp16",
  q8: "_quantized",
  q4: "_q4",
};

/** A model's graph on disk; its weights may lie in files beside it. */
export interface ModelFile {
  readonly path: string;
  readonly dataPaths: readonly string[];
}

/**
 * Finds the graph of a type in a model folder, as `onnx/model….onnx` or `model….onnx`, and the weights beside it
 * (`….onnx_data`, `….onnx_data_1`, …), which are fetched too. Throws `io` when the folder has none of that type.
 */
export async function findModelFile(folder: ModelFolder, type: ModelType): Promise<ModelFile> {
  const name = `model${SUFFIXES[type]}.onnx`;
  for (const file of [`onnx/${name}`, name]) {
    const path = await folder.path(file);
    if (path === null) continue;
    const dataPaths: string[] = [];
    for (let part = 0; ; part++) {
      const data = await folder.path(part === 0 ? `${file}_data` : `${file}_data_${part}`);
      if (data === null) break;
      dataPaths.push(data);
    }
    return { path, dataPaths };
  }
  throw new PrefkitError(
    "io",
    `${folder.source} has no onnx/${name}, the ${type} model.`,
    "choose another dtype, or export the model to ONNX (optimum-cli export onnx) into that folder.",
  );
}

/** sha256 over the graph and its weights, in order. */
export async function hashOf({ path, dataPaths }: ModelFile): Promise<string> {
  const hash = createHash("sha256");
  for (const file of [path, ...dataPaths]) {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

/** Numbers per token of a row: entry i belongs to ids[i + 1], which the row up to ids[i] predicts. */
export interface ScoredRow {
  readonly logprobs: readonly number[];
  readonly entropies: readonly number[];
  readonly selfCertainties: readonly number[];
}

/** What a model has read already, so that the next token alone must be run; null where the graph keeps nothing. */
export interface ReadSoFar {
  readonly length: number;
  readonly tensors: Readonly<Record<string, OnnxTensor>>;
}

/** A loaded graph. Runs one batch at a time. Rejects with `CallFailure`: "not_finite", and "in_process" when a run fails. */
export interface OnnxModel {
  /** Rows are padded on the right: with padding on the left, graphs with fused attention give wrong numbers silently. */
  score(
    rows: readonly (readonly number[])[],
    options: { readonly distributions: boolean },
  ): Promise<ScoredRow[]>;
  /** Logits of the token after `ids`, and what was read; `before` must be what came back for a prefix of `ids`. */
  next(
    ids: readonly number[],
    before: ReadSoFar | null,
  ): Promise<{ readonly logits: Float32Array; readonly read: ReadSoFar | null }>;
  release(): Promise<void>;
}

interface Shared {
  readonly model: Promise<OnnxModel>;
  users: number;
}
/** One copy of a model per process, whoever asks for it. */
const LOADED = new Map<string, Shared>();

export interface LoadOptions {
  readonly runtime: OnnxRuntime;
  readonly file: ModelFile;
  /** sha256 of the file: two paths with one content are one model. */
  readonly hash: string;
  readonly threads: number | undefined;
}

/** Loads a model, or takes it as it is loaded already; `release` lets it go when nobody uses it any more. */
export async function shareModel(options: LoadOptions): Promise<OnnxModel> {
  const key = `${options.hash} ${options.threads ?? "all"}`;
  const shared = LOADED.get(key) ?? { model: loadModel(options), users: 0 };
  LOADED.set(key, shared);
  shared.users++;
  let released = false;
  const release = async (): Promise<void> => {
    if (released) return;
    released = true;
    shared.users--;
    if (shared.users > 0) return;
    LOADED.delete(key);
    await (await shared.model).release();
  };
  try {
    return { ...(await shared.model), release };
  } catch (error) {
    LOADED.delete(key);
    throw error;
  }
}

async function loadModel(options: LoadOptions): Promise<OnnxModel> {
  const main = await openSession(options, false);
  // Entropies need the softmax of every position, so the graph that gives them is loaded only when they are asked for.
  let distributions: Promise<OnnxSession> | undefined;
  let busy: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = busy.then(work, work);
    busy = done.catch(() => undefined);
    return done;
  };
  const { runtime } = options;
  return {
    score: (rows, { distributions: wanted }) =>
      alone(async () => {
        if (!wanted) return await scoreRows(runtime, main, rows, false);
        distributions ??= openSession(options, true);
        return await scoreRows(runtime, await distributions, rows, true);
      }),
    next: (ids, before) => alone(() => nextLogits(runtime, main, ids, before)),
    release: () =>
      alone(async () => {
        await main.release();
        await (await distributions)?.release();
      }),
  };
}

async function openSession(
  { runtime, file, threads }: LoadOptions,
  distributions: boolean,
): Promise<OnnxSession> {
  try {
    const model = withLogprobHead(await nodeFiles.readAll(file.path), { distributions });
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: ["cpu"],
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: { session: { model_external_initializers_file_folder_path: dirname(file.path) } },
    });
    const unknown = session.inputMetadata.filter((input) => !isKnownInput(input)).map(({ name }) => name);
    if (unknown.length === 0) return session;
    await session.release();
    throw unfit(file, `it takes ${unknown.join(", ")}, which we do not know how to fill`);
  } catch (cause) {
    if (isPrefkitError(cause)) throw cause;
    throw unfit(file, reasonOf(cause), cause);
  }
}

function unfit({ path }: ModelFile, why: string, cause?: unknown): PrefkitError {
  return new PrefkitError(
    "endpoint_unfit",
    `the model ${basename(dirname(path))}/${basename(path)} cannot be used: ${why}.`,
    "use a text-generation export with the inputs input_ids and attention_mask and the output logits.",
    { cause },
  );
}

const PAST = /^past_key_values\.(.+)$/;
const PLAIN_INPUTS = new Set([
  "input_ids",
  "attention_mask",
  "position_ids",
  "num_logits_to_keep",
  "logits_to_keep",
  HEAD.targets,
]);

function isKnownInput({ name, shape }: OnnxValueInfo): boolean {
  // Batch and length are free in what was read; heads and width must be numbers, or we could not make an empty one.
  return (
    PLAIN_INPUTS.has(name) || (PAST.test(name) && shape.length === 4 && isSize(shape[1]) && isSize(shape[3]))
  );
}

function isSize(dimension: number | string | undefined): boolean {
  return typeof dimension === "number" && dimension > 0;
}

async function scoreRows(
  runtime: OnnxRuntime,
  session: OnnxSession,
  rows: readonly (readonly number[])[],
  distributions: boolean,
): Promise<ScoredRow[]> {
  const length = Math.max(...rows.map((row) => row.length));
  const wanted = distributions ? [HEAD.logprobs, HEAD.entropy, HEAD.spread, HEAD.logits] : [HEAD.logprobs];
  const outputs = await run(session, feedsOf(runtime, session, rows, length, null), wanted);
  try {
    const numbers = (name: string, row: number): number[] => {
      const data = outputs[name]?.data;
      if (data === undefined) return [];
      const from = row * length;
      return Array.from({ length: (rows[row]?.length ?? 0) - 1 }, (_, at) => Number(data[from + at]));
    };
    const vocabulary = outputs[HEAD.logits]?.dims[2] ?? 1;
    return rows.map((_, row) => ({
      // The difference of two floats may come out a rounding error above 0, which no probability is.
      logprobs: finite(numbers(HEAD.logprobs, row)).map((value) => Math.min(value, 0)),
      entropies: finite(numbers(HEAD.entropy, row)).map((value) => Math.max(value, 0)),
      selfCertainties: finite(numbers(HEAD.spread, row)).map((value) =>
        Math.max(value - Math.log(vocabulary), 0),
      ),
    }));
  } finally {
    for (const tensor of Object.values(outputs)) tensor.dispose();
  }
}

function finite(values: number[]): number[] {
  if (values.every(Number.isFinite)) return values;
  throw new CallFailure("not_finite", "the model gives a log-prob or an entropy that is NaN or infinite");
}

async function nextLogits(
  runtime: OnnxRuntime,
  session: OnnxSession,
  ids: readonly number[],
  before: ReadSoFar | null,
): Promise<{ logits: Float32Array; read: ReadSoFar | null }> {
  const kept = session.inputMetadata.flatMap(({ name }) => PAST.exec(name)?.[1] ?? []);
  const fresh = ids.slice(before?.length ?? 0);
  const feeds = feedsOf(runtime, session, [fresh], fresh.length, before);
  const outputs = await run(session, feeds, [HEAD.logits, ...kept.map((name) => `present.${name}`)]);
  const logits = outputs[HEAD.logits];
  const [, length = 0, vocabulary = 0] = logits?.dims ?? [];
  const last = Float32Array.from({ length: vocabulary }, (_, token) =>
    Number(logits?.data[(length - 1) * vocabulary + token]),
  );
  logits?.dispose();
  if (kept.length === 0) return { logits: last, read: null };
  const tensors = Object.fromEntries(
    kept.flatMap((name) => {
      const present = outputs[`present.${name}`];
      return present === undefined ? [] : [[`past_key_values.${name}`, present]];
    }),
  );
  return { logits: last, read: { length: ids.length, tensors } };
}

async function run(
  session: OnnxSession,
  feeds: Readonly<Record<string, OnnxTensor>>,
  wanted: readonly string[],
): Promise<Readonly<Record<string, OnnxTensor>>> {
  try {
    return await session.run(feeds, wanted);
  } catch (cause) {
    throw new CallFailure("in_process", `the model could not be run: ${reasonOf(cause)}`, { cause });
  }
}

/** Every input of the graph, for rows padded on the right to `length`, after what was read `before`. */
function feedsOf(
  { Tensor }: OnnxRuntime,
  session: OnnxSession,
  rows: readonly (readonly number[])[],
  length: number,
  before: ReadSoFar | null,
): Record<string, OnnxTensor> {
  const past = before?.length ?? 0;
  const batch = rows.length;
  const grid = (width: number, value: (row: readonly number[], at: number) => number): BigInt64Array => {
    const data = new BigInt64Array(batch * width);
    for (const [index, row] of rows.entries()) {
      for (let at = 0; at < width; at++) data[index * width + at] = BigInt(value(row, at));
    }
    return data;
  };
  const whole = past + length;
  const make = ({ name, type, shape }: OnnxValueInfo): OnnxTensor => {
    switch (name) {
      case "input_ids":
        return new Tensor(
          "int64",
          grid(length, (row, at) => row[at] ?? 0),
          [batch, length],
        );
      case "attention_mask":
        return new Tensor(
          "int64",
          grid(whole, (row, at) => (at < past + row.length ? 1 : 0)),
          [batch, whole],
        );
      case "position_ids":
        return new Tensor(
          "int64",
          grid(length, (_, at) => past + at),
          [batch, length],
        );
      case HEAD.targets:
        return new Tensor(
          "int64",
          grid(length, (row, at) => row[at + 1] ?? 0),
          [batch, length, 1],
        );
      case "num_logits_to_keep":
      case "logits_to_keep":
        // 0: all of them.
        return new Tensor("int64", new BigInt64Array(1), shape.length === 0 ? [] : [1]);
      default: {
        const empty = type === "float16" ? new Uint16Array(0) : new Float32Array(0);
        const read = before?.tensors[name];
        return read ?? new Tensor(type, empty, [batch, Number(shape[1]), 0, Number(shape[3])]);
      }
    }
  };
  return Object.fromEntries(session.inputMetadata.map((input) => [input.name, make(input)]));
}

/**
 * Whether a row in a padded batch gets the numbers that it gets alone: null when it does, else what was found. Some graphs
 * (fused attention with padding, dynamic int8) do not, and then only batches of one are right.
 */
export async function selfTest(model: OnnxModel, row: readonly number[]): Promise<string | null> {
  const half = row.slice(0, Math.max(2, Math.floor(row.length / 2)));
  const [alone] = await model.score([half], { distributions: false });
  const [beside] = await model.score([half, row], { distributions: false });
  const differences = (alone?.logprobs ?? []).map((value, at) =>
    Math.abs(value - (beside?.logprobs[at] ?? Number.NaN)),
  );
  const worst = Math.max(...differences);
  return worst <= 1e-4
    ? null
    : `a row's log-probs change by ${worst.toPrecision(2)} nats when another row stands beside it`;
}
