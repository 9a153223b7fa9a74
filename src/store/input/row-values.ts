import { jsonOrUndefined } from "../../core/json.ts";
import type { Json, JsonObject } from "../../core/types.ts";
import type { FieldPath } from "./field-path.ts";
import { isFields, kindOf, RowProblem } from "./row-problem.ts";
import type { Fields } from "./source.ts";

/** What is known and counted while one row is mapped. */
export interface RowReading {
  /** Lone surrogates replaced so far. */
  replaced: number;
  /** Image parts met in messages so far. */
  imageParts: number;
  /** The row is CSV: every value is text, and lists and objects are JSON text. */
  readonly textual: boolean;
}

const MAX_DEPTH = 100;
const ABSENT_FIX = "give the field in every row, or change input.map.";

/** The value, or null when it is null or absent. */
export function valueAt(path: FieldPath | undefined, record: Fields): unknown {
  return path === undefined ? null : (path.read(record) ?? null);
}

/** The value of a field that every row must have. */
export function requiredAt(path: FieldPath, record: Fields): unknown {
  const value = path.read(record);
  if (value === undefined) throw new RowProblem("the row has no such field.", ABSENT_FIX, path.path);
  if (value === null) throw new RowProblem("the field is null.", ABSENT_FIX, path.path);
  return value;
}

/** Text that UTF-8 can hold: lone surrogates become U+FFFD and are counted. */
export function wellFormed(text: string, reading: RowReading): string {
  if (text.isWellFormed()) return text;
  const replaced = text.toWellFormed();
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== replaced.charCodeAt(index)) reading.replaced += 1;
  }
  return replaced;
}

export function textOf(value: unknown, column: string, what: string, reading: RowReading): string {
  if (typeof value === "string") return wellFormed(value, reading);
  throw new RowProblem(
    `${what} must be text and is ${kindOf(value)}.`,
    "map a field that holds text, or convert it.",
    column,
  );
}

export function optionalTextOf(
  value: unknown,
  column: string,
  what: string,
  reading: RowReading,
): string | undefined {
  return value === null || value === undefined ? undefined : textOf(value, column, what, reading);
}

/**
 * An id, key or reference as text: numbers and booleans are written out. Null when there is none.
 * An integer beyond 2^53 is refused: JSON has already rounded it.
 */
export function scalarOf(value: unknown, column: string, what: string, reading: RowReading): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return wellFormed(value, reading);
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (typeof value === "number" && Number.isFinite(value)) {
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return String(value);
    throw new RowProblem(
      `${what} is an integer beyond 2^53, which JSON readers round.`,
      "write it as text, in quotes.",
      column,
    );
  }
  throw new RowProblem(
    `${what} must be text, a number or a boolean and is ${kindOf(value)}.`,
    "map a field that holds one value.",
    column,
  );
}

/** A finite number; undefined when there is none. In CSV, text that is a number. */
export function numberOf(
  value: unknown,
  column: string,
  what: string,
  reading: RowReading,
): number | undefined {
  if (value === null || value === undefined) return undefined;
  const number = typeof value === "bigint" ? Number(value) : reading.textual ? fromText(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new RowProblem(
    `${what} must be a finite number and is ${kindOf(value)}.`,
    "write a number, or null when it is not known.",
    column,
  );
}

function fromText(value: unknown): unknown {
  return typeof value === "string" && value.trim() !== "" ? Number(value) : value;
}

/** A count: an integer from 0 on. */
export function countOf(
  value: unknown,
  column: string,
  what: string,
  reading: RowReading,
): number | undefined {
  const number = numberOf(value, column, what, reading);
  if (number === undefined || (Number.isSafeInteger(number) && number >= 0)) return number;
  throw new RowProblem(
    `${what} must be an integer from 0 on and is ${number}.`,
    "write the number of tokens, or null when it is not known.",
    column,
  );
}

/**
 * Any value as JSON: integers of 64 bits become numbers when exact and text when not, dates ISO 8601, bytes base64.
 * NaN becomes null (data frames write missing numbers so); an infinity makes the row bad.
 */
export function jsonOf(value: unknown, column: string, reading: RowReading, depth = 0): Json {
  if (typeof value === "string") return wellFormed(value, reading);
  if (typeof value === "boolean") return value;
  if (value === null || value === undefined) return null;
  if (typeof value === "number") {
    if (Number.isNaN(value)) return null;
    if (Number.isFinite(value)) return value;
    throw new RowProblem("the metadata holds an infinite number.", "write a finite number or null.", column);
  }
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (depth === MAX_DEPTH) {
    throw new RowProblem(
      `the metadata is nested more than ${MAX_DEPTH} deep.`,
      "map the part that is needed.",
      column,
    );
  }
  if (Array.isArray(value)) return value.map((element) => jsonOf(element, column, reading, depth + 1));
  return objectOf(value, column, reading, depth);
}

function objectOf(value: object, column: string, reading: RowReading, depth: number): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      wellFormed(name, reading),
      jsonOf(inner, column, reading, depth + 1),
    ]),
  );
}

/** Metadata under its default name: an object, or JSON text of one; anything else is not metadata. */
export function metadataOf(value: unknown, column: string, reading: RowReading): JsonObject {
  const object = typeof value === "string" && value.startsWith("{") ? jsonOrUndefined(value) : value;
  return isFields(object) ? objectOf(object, column, reading, 0) : {};
}
