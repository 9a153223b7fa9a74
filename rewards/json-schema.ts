import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { z } from "zod";
import { PrefkitError, reasonOf } from "../src/core/errors.ts";
import { defineScorer, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Score, Scorer } from "../src/core/types.ts";

export interface JsonSchemaOptions {
  /** The JSON Schema: draft 2020-12, or draft-07 when its `$schema` says so. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** What is parsed: the whole text (default), or the content of its last ```json fence. */
  readonly source?: "text" | "last-fence";
  /** Refuse schemas with unknown keywords or formats (default true): a misspelt keyword would accept anything. */
  readonly strict?: boolean;
}

const optionsSchema = z.strictObject({
  schema: z.record(z.string(), z.unknown()).describe("The JSON Schema, inline."),
  source: z.enum(["text", "last-fence"]).default("text").describe("What is parsed as JSON."),
  strict: z.boolean().default(true).describe("Refuse schemas with unknown keywords or formats."),
});

/** Deeper JSON is refused before validation, which is recursive, so that the verdict never depends on stack size. */
const MAX_DEPTH = 512;

/**
 * Checks that a response is JSON that follows a schema.
 *
 * Source: JSON Schema 2020-12 and draft-07 as validated by ajv with ajv-formats; JSON as in RFC 8259 (`JSON.parse`).
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [0, 1]: 1 valid, 0 not; the reason of a 0 starts with "no_fence", "invalid_json", "too_deep" or "schema".
 * Worked: schema {"type": "object", "required": ["a"]}, text "{}" -> 0, "schema: / must have required property 'a'".
 * Throws: `bad_option` at construction for a schema that does not compile (unknown keyword, bad pattern, remote $ref).
 *
 * A `pattern` in the schema can backtrack for long on some texts, so the scorer is CPU-bound: it runs in a worker
 * that is killed when its time is up.
 */
export function jsonSchema(options: JsonSchemaOptions): Scorer {
  const { schema, source, strict } = parseOptions("json-schema", optionsSchema, options);
  const validate = compile(schema, strict);
  return perResponse({ name: "json-schema", version: 1, range: [0, 1] }, ({ text }) => {
    const json = source === "text" ? text : lastJsonFence(text);
    return json === null ? fault("no_fence", "the text has no ```json fence") : judge(json, validate);
  });
}

export const definition = defineScorer<JsonSchemaOptions>({
  name: "json-schema",
  version: 1,
  summary: "1 when the response is JSON that follows a JSON Schema, else 0 with the first violation.",
  options: optionsSchema,
  cpuBound: true,
  create: jsonSchema,
});

function judge(json: string, validate: ValidateFunction): Score {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return fault("invalid_json", reasonOf(error, 120));
  }
  if (isDeeperThan(value, MAX_DEPTH)) return fault("too_deep", `more than ${MAX_DEPTH} levels`);
  return validate(value) ? scored(1) : fault("schema", violation(validate.errors?.[0]));
}

/** A fault of the response: a score, with its code in `why`. */
function fault(code: string, why: string): Score {
  return scored(0, { why: `${code}: ${why}` });
}

function violation(error: ErrorObject | undefined): string {
  const path = (error?.instancePath ?? "").slice(0, 120) || "/";
  return `${path} ${(error?.message ?? "not valid").slice(0, 160)}`;
}

function compile(schema: Readonly<Record<string, unknown>>, strict: boolean): ValidateFunction {
  const isDraft07 = typeof schema.$schema === "string" && schema.$schema.includes("draft-07");
  // The other strict modes only warn about style; `logger: false` keeps ajv from printing.
  const settings = { strictSchema: strict, strictTypes: false, strictTuples: false, strictNumbers: true };
  const ajv = isDraft07
    ? new Ajv({ ...settings, logger: false })
    : new Ajv2020({ ...settings, logger: false });
  formats.default(ajv);
  let validate: ValidateFunction;
  try {
    validate = ajv.compile(schema);
  } catch (error) {
    throw badSchema(`the schema does not compile: ${reasonOf(error)}`, error);
  }
  // Such a validator returns a promise, which would count as valid whatever it comes to.
  if ("$async" in validate) throw badSchema("the schema is marked $async, which is not supported");
  return validate;
}

function badSchema(problem: string, cause?: unknown): PrefkitError {
  return new PrefkitError(
    "bad_option",
    `json-schema: schema: ${problem}.`,
    'correct the schema; name its draft in "$schema"; `strict: false` ignores unknown keywords and formats.',
    { cause },
  );
}

/**
 * The content of the last fenced block marked json, by CommonMark's rules for backtick fences: closed by a line of at
 * least as many backticks, or by the end of the text. Null when there is none. Reads each line once.
 */
function lastJsonFence(text: string): string | null {
  let last: string | null = null;
  let open: { readonly width: number; readonly isJson: boolean; readonly start: number } | null = null;
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const fence = /^ {0,3}(`{3,})([^`]*)$/.exec(text.slice(start, end));
    const width = fence?.[1]?.length ?? 0;
    const info = fence?.[2]?.trim() ?? "";
    if (open === null) {
      if (fence) open = { width, isJson: /^json(\s|$)/i.test(info), start: end + 1 };
    } else if (fence && width >= open.width && info === "") {
      if (open.isJson) last = text.slice(open.start, start);
      open = null;
    }
    start = end + 1;
  }
  return open?.isJson ? text.slice(open.start) : last;
}

/** Whether lists and objects are nested more than `limit` deep: [[1]] is deeper than 1, not than 2. */
function isDeeperThan(root: unknown, limit: number): boolean {
  let level: unknown[] = [root];
  for (let depth = 0; ; depth++) {
    const containers = level.filter((value) => typeof value === "object" && value !== null);
    if (containers.length === 0) return false;
    if (depth === limit) return true;
    level = containers.flatMap((value) => Object.values(value as object));
  }
}
