import { z } from "zod";
import { jsonOrNull } from "../../src/core/json.ts";
import { describeJson, isJsonList } from "../../src/core/metadata.ts";
import { nearest, suggestion } from "../../src/core/nearest.ts";
import type { Json } from "../../src/core/types.ts";
import type { InstructionCheck } from "./instruction-check.ts";

/** An instruction of one prompt: its check with its parameters, and the name of its part. */
export interface Instruction {
  /** The id; from its second occurrence on with its number: "keywords:existence#2". */
  readonly name: string;
  readonly check: InstructionCheck;
  readonly parameters: unknown;
}

/** Why a prompt's instructions cannot be read. */
export interface InstructionFault {
  readonly code: "unknown_instruction" | "bad_kwargs" | "bad_metadata";
  readonly why: string;
}

export type Instructions = { readonly list: readonly Instruction[] } | { readonly fault: InstructionFault };

/**
 * Reads IFEval's two lists, ids and their kwargs in the same order. Either may be JSON text; kwargs may be absent when
 * no instruction needs any; nulls in them are left out, as the data set's table has a column for every key.
 */
export function readInstructions(
  ids: Json,
  kwargs: Json | undefined,
  checks: readonly InstructionCheck[],
): Instructions {
  const names = listOf(ids);
  if (names === null)
    return fault("bad_metadata", `the instruction ids are ${describeJson(ids)}, not a list`);
  const given = kwargs === undefined || kwargs === null ? names.map(() => ({})) : listOf(kwargs);
  if (given === null)
    return fault("bad_metadata", `the kwargs are ${describeJson(kwargs ?? null)}, not a list`);
  if (given.length !== names.length) {
    return fault("bad_metadata", `there are ${given.length} kwargs for ${names.length} instruction ids`);
  }
  const list: Instruction[] = [];
  for (const [index, id] of names.entries()) {
    const read = readInstruction(id, given[index] ?? {}, checks);
    if ("fault" in read) return read;
    const earlier = list.filter(({ check }) => check === read.check).length;
    list.push({ ...read, name: earlier === 0 ? read.check.id : `${read.check.id}#${earlier + 1}` });
  }
  return { list };
}

function readInstruction(
  id: Json,
  kwargs: Json,
  checks: readonly InstructionCheck[],
): Omit<Instruction, "name"> | { readonly fault: InstructionFault } {
  const check = checks.find((candidate) => candidate.id === id);
  if (check === undefined) return fault("unknown_instruction", unknownId(id, checks));
  if (typeof kwargs !== "object" || isJsonList(kwargs)) {
    return fault("bad_kwargs", `${check.id}: kwargs are ${describeJson(kwargs)}, not an object`);
  }
  const present = Object.entries(kwargs ?? {}).filter(([, value]) => value !== null);
  const parsed = check.parameters.safeParse(Object.fromEntries(present));
  if (parsed.success) return { check, parameters: parsed.data };
  return fault("bad_kwargs", `${check.id}: ${problem(parsed.error, check)}`);
}

function unknownId(id: Json, checks: readonly InstructionCheck[]): string {
  if (typeof id !== "string") return `an instruction id is ${describeJson(id)}, not text`;
  const known = checks.map((check) => check.id);
  const guess = nearest(id, known);
  const hint = guess === null ? `the known ids are ${known.join(", ")}` : `did you mean "${guess}"?`;
  return `no instruction is called "${id.slice(0, 80)}"; ${hint}`;
}

/** The first thing wrong with the kwargs, by key. */
function problem(error: z.ZodError, { parameters }: InstructionCheck): string {
  const [issue] = error.issues;
  if (issue === undefined) return "not valid";
  if (issue.code !== "unrecognized_keys") return `${issue.path.join(".") || "kwargs"}: ${issue.message}`;
  const keys = parameters instanceof z.ZodObject ? Object.keys(parameters.shape) : [];
  const [key = ""] = issue.keys;
  return keys.length === 0
    ? `takes no kwargs, got ${key}`
    : `does not know ${key}; ${suggestion(key, keys).replace(/\.$/, "")}`;
}

function listOf(value: Json): readonly Json[] | null {
  const json = typeof value === "string" ? (jsonOrNull(value) as Json) : value;
  return isJsonList(json) ? json : null;
}

function fault(code: InstructionFault["code"], why: string): { readonly fault: InstructionFault } {
  return { fault: { code, why } };
}
