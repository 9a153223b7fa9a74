import { PrefkitError } from "../core/errors.ts";

/**
 * What the head adds to a graph: inputs and outputs of its own, so that only numbers per token leave the runtime, and not
 * [batch, length, vocabulary] logits.
 */
export const HEAD = {
  /** Input, int64 [batch, length, 1]: the token whose log-prob is asked for at each position. */
  targets: "prefkit_targets",
  /** Output, float [batch, length, vocabulary]: the logits, whatever type the graph gives them in. */
  logits: "prefkit_logits",
  /** Output, float [batch, length, 1]: log p(target), in nats. */
  logprobs: "prefkit_logprobs",
  /** Output, float [batch, length, 1]: entropy of the next token, in nats. Only with distributions. */
  entropy: "prefkit_entropy",
  /** Output, float [batch, length, 1]: −mean(log p); less log V it is KL(uniform ‖ p). Only with distributions. */
  spread: "prefkit_spread",
} as const;

/**
 * An .onnx file with a head that turns its output `logits` (z, float or half) into log-probs of given tokens:
 *
 *   log p(t) = z[t] − logsumexp(z)
 *   entropy  = −Σ p·log p
 *   spread   = −mean(log p)                   KL(uniform ‖ p) = spread − log V
 *
 * Protobuf merges what stands twice, so a second `graph` field at the end adds nodes, inputs and outputs to the first: the
 * file is neither parsed nor copied field by field, and weights kept in other files stay there.
 * Throws `damaged_file` when the bytes are no ONNX model, `endpoint_unfit` for operator sets before 13.
 */
export function withLogprobHead(
  model: Uint8Array,
  { distributions }: { readonly distributions: boolean },
): Uint8Array {
  const opset = operatorSet(model);
  if (opset < 13) {
    throw new PrefkitError(
      "endpoint_unfit",
      `the .onnx file uses operator set ${opset}, and log-probs need 13 or newer.`,
      "export the model again with a current exporter.",
    );
  }
  return Buffer.concat([model, field(7, headGraph(opset, distributions))]);
}

function headGraph(opset: number, distributions: boolean): Buffer {
  const z = HEAD.logits;
  const total = "prefkit_logsumexp";
  const axes = "prefkit_last_axis";
  // Reductions take their axes as an input from operator set 18 on (ReduceSum from 13), as an attribute before.
  const reduce = (type: string, from: string, to: string, since = 18): Buffer =>
    opset >= since
      ? node(type, [from, axes], to, { keepdims: 1 })
      : node(type, [from], to, { keepdims: 1, axes: [-1] });
  const parts = [
    node("Cast", ["logits"], z, { to: FLOAT }),
    reduce("ReduceLogSumExp", z, total),
    node("GatherElements", [z, HEAD.targets], "prefkit_target_logit", { axis: -1 }),
    node("Sub", ["prefkit_target_logit", total], HEAD.logprobs),
    field(11, tensorInfo(HEAD.targets, INT64)),
    field(12, tensorInfo(HEAD.logprobs, FLOAT)),
    field(12, tensorInfo(HEAD.logits, FLOAT, text(2, "prefkit_vocabulary"))),
  ];
  if (distributions) {
    parts.push(
      // Of log-probs and not of logits: where logits are large, a sum of p·z loses the digits that the difference is about.
      node("Sub", [z, total], "prefkit_log_p"),
      node("Exp", ["prefkit_log_p"], "prefkit_p"),
      node("Mul", ["prefkit_p", "prefkit_log_p"], "prefkit_p_log_p"),
      reduce("ReduceSum", "prefkit_p_log_p", "prefkit_negative_entropy", 13),
      node("Neg", ["prefkit_negative_entropy"], HEAD.entropy),
      reduce("ReduceMean", "prefkit_log_p", "prefkit_mean_log_p"),
      node("Neg", ["prefkit_mean_log_p"], HEAD.spread),
      field(12, tensorInfo(HEAD.entropy, FLOAT)),
      field(12, tensorInfo(HEAD.spread, FLOAT)),
    );
  }
  if (opset >= 18 || distributions) parts.push(field(5, lastAxis(axes)));
  return Buffer.concat(parts);
}

/** Element types of the ONNX format. */
const FLOAT = 1;
const INT64 = 7;

/** A NodeProto as field 1 of a graph; it is named after its output. */
function node(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Buffer {
  return field(
    1,
    Buffer.concat([
      ...inputs.map((name) => text(1, name)),
      text(2, output),
      text(3, `node_${output}`),
      text(4, type),
      ...Object.entries(attributes).map(([name, value]) => field(5, attribute(name, value))),
    ]),
  );
}

function attribute(name: string, value: number | readonly number[]): Buffer {
  const [INT, INTS] = [2, 7];
  return typeof value === "number"
    ? Buffer.concat([text(1, name), integer(3, value), integer(20, INT)])
    : Buffer.concat([text(1, name), ...value.map((item) => integer(8, item)), integer(20, INTS)]);
}

/** A TensorProto of one int64, −1: the last axis. */
function lastAxis(name: string): Buffer {
  const raw = Buffer.alloc(8, 0xff);
  return Buffer.concat([integer(1, 1), integer(2, INT64), text(8, name), field(9, raw)]);
}

/** A ValueInfoProto of shape [batch, length, last]. */
function tensorInfo(name: string, elementType: number, last = integer(1, 1)): Buffer {
  const dimensions = [text(2, "prefkit_batch"), text(2, "prefkit_length"), last];
  const shape = Buffer.concat(dimensions.map((dimension) => field(1, dimension)));
  const tensor = Buffer.concat([integer(1, elementType), field(2, shape)]);
  return Buffer.concat([text(1, name), field(2, field(1, tensor))]);
}

/** A length-delimited protobuf field. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(BigInt(content.length)), content]);
}

function text(number: number, content: string): Buffer {
  return field(number, Buffer.from(content));
}

function integer(number: number, value: number): Buffer {
  return Buffer.concat([varint(BigInt(number << 3)), varint(BigInt.asUintN(64, BigInt(value)))]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** The version of the standard operator set that a ModelProto imports. */
function operatorSet(model: Uint8Array): number {
  let version: number | null = null;
  for (const { number, content } of fieldsOf(model)) {
    if (number !== 8) continue;
    const fields = fieldsOf(content);
    const domain = fields.find((inner) => inner.number === 1)?.content ?? new Uint8Array();
    const name = Buffer.from(domain).toString("utf8");
    if (name === "" || name === "ai.onnx")
      version = fields.find((inner) => inner.number === 2)?.value ?? null;
  }
  if (version === null) throw notOnnx("it imports no operator set");
  return version;
}

interface Field {
  readonly number: number;
  readonly value: number;
  readonly content: Uint8Array;
}

/** The fields of one protobuf message, not looked into. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || factor > 2 ** 63) throw notOnnx(`it ends inside a number at byte ${at}`);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const kind = tag % 8;
    const number = Math.floor(tag / 8);
    const start = at;
    if (kind === 0) {
      fields.push({ number, value: readVarint(), content: bytes.subarray(start, at) });
      continue;
    }
    const length = kind === 2 ? readVarint() : kind === 1 ? 8 : kind === 5 ? 4 : Number.NaN;
    if (!(length >= 0 && at + length <= bytes.length)) throw notOnnx(`it breaks off at byte ${at}`);
    fields.push({ number, value: length, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

function notOnnx(why: string): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    `the .onnx file is no whole model: ${why}.`,
    "fetch it again; a file of a few hundred bytes is a Git LFS pointer, which `git lfs pull` replaces.",
  );
}
