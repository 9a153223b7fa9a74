import { createRequire } from "node:module";
import { PrefkitError, reasonOf } from "../core/errors.ts";

/** The part of onnxruntime-node that we use. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: OnnxSessionOptions): Promise<OnnxSession>;
  };
  readonly Tensor: new (
    type: string,
    data: BigInt64Array | Float32Array | Uint16Array,
    dimensions: readonly number[],
  ) => OnnxTensor;
}

export interface OnnxSessionOptions {
  readonly executionProviders: readonly string[];
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads: number;
  /** 4: the runtime writes nothing itself; it would write over the progress display. Its errors are thrown. */
  readonly logSeverityLevel: 4;
  /** Further settings of the runtime, by its own names. */
  readonly extra: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface OnnxSession {
  readonly inputMetadata: readonly OnnxValueInfo[];
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: readonly string[],
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

export interface OnnxValueInfo {
  readonly name: string;
  /** "float32", "float16", "int64", … */
  readonly type: string;
  /** A number, or the name of a dimension that is free. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxTensor {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
  dispose(): void;
}

const PEER = "@huggingface/transformers";

/**
 * onnxruntime-node as the optional peer @huggingface/transformers brings it, or as it stands by itself.
 * Throws `missing_dependency` with the command that installs it.
 */
export function onnxRuntime(): OnnxRuntime {
  const own = createRequire(import.meta.url);
  const causes: unknown[] = [];
  for (const find of [() => createRequire(own.resolve(PEER)), () => own]) {
    try {
      return find()("onnxruntime-node") as OnnxRuntime;
    } catch (cause) {
      causes.push(cause);
    }
  }
  throw new PrefkitError(
    "missing_dependency",
    `the "local" provider runs models with ${PEER}, which cannot be loaded: ${reasonOf(causes[0], 160)}`,
    `run \`ONNXRUNTIME_NODE_INSTALL=skip npm install ${PEER}\` (or give npm --ignore-scripts): the CPU runtime is in the package, and the install step would fetch GPU files.`,
    { cause: causes[0] },
  );
}
