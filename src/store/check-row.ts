import { PrefkitError } from "../core/errors.ts";
import { typeText } from "./schema.ts";
import type { Column, ColumnType, Row, RowSet } from "./table.ts";

/**
 * Bytes that a value takes in the file before compression, as an estimate; NaN when the value is not of its type.
 * NaN runs through the sums, so that a good row costs one addition per value and a bad one cannot be missed.
 */
type Measure = (value: unknown) => number;

const LENGTH_BYTES = 4;

function measureOf(type: ColumnType): Measure {
  switch (type.kind) {
    case "string":
      return (value) =>
        typeof value === "string" ? Buffer.byteLength(value, "utf8") + LENGTH_BYTES : Number.NaN;
    case "double":
      return (value) => (Number.isFinite(value) ? 8 : Number.NaN);
    case "int64":
      return (value) => (Number.isSafeInteger(value) ? 8 : Number.NaN);
    case "boolean":
      return (value) => (typeof value === "boolean" ? 1 : Number.NaN);
    case "bytes":
      return (value) => (value instanceof Uint8Array ? value.byteLength + LENGTH_BYTES : Number.NaN);
    case "list": {
      const element = measureOf(type.element);
      return (value) => {
        if (!Array.isArray(value)) return Number.NaN;
        let bytes = LENGTH_BYTES;
        for (const item of value) bytes += element(item);
        return bytes;
      };
    }
    case "struct":
      return measureFields(type.fields);
  }
}

function measureFields(columns: readonly Column[]): Measure {
  const fields = columns.map(({ name, type, nullable }) => ({ name, nullable, measure: measureOf(type) }));
  const known = new Set(columns.map(({ name }) => name));
  return (value) => {
    if (!isRecord(value)) return Number.NaN;
    for (const name in value) if (!known.has(name)) return Number.NaN;
    let bytes = 0;
    for (const { name, nullable, measure } of fields) {
      const field = value[name];
      if (field === null || field === undefined) bytes += nullable ? 1 : Number.NaN;
      else bytes += measure(field);
    }
    return bytes;
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/**
 * Makes the check that stands before every sink. The check gives the row's size in bytes (UTF-8 text, 8 per number,
 * before compression), which decides where a row group ends; so it costs nothing extra.
 *
 * Refused, with table, row number (from 0) and column: a null or missing value in a required column, a NaN or an
 * infinity (`not_finite`), an integer beyond ±(2^53 − 1), a value of another type, a null inside a list, and a column
 * that the row set does not have (`bad_row`).
 */
export function rowChecker(rowSet: RowSet): (row: Row, rowNumber: number) => number {
  const measure = measureFields(rowSet.columns);
  return (row, rowNumber) => {
    const bytes = measure(row);
    if (Number.isNaN(bytes)) throw refusal(rowSet, row, rowNumber);
    return bytes;
  };
}

interface Fault {
  readonly column: string;
  readonly problem: string;
  readonly code: "bad_row" | "not_finite";
}

function refusal(rowSet: RowSet, row: Row, rowNumber: number): PrefkitError {
  const fault = faultOf({ kind: "struct", fields: rowSet.columns }, row, "");
  const { column, problem, code } = fault ?? { column: "", problem: "cannot be stored", code: "bad_row" };
  return new PrefkitError(
    code,
    `${rowSet.name} row ${rowNumber}, column "${column}" ${problem}.`,
    code === "not_finite"
      ? "store null where there is no number; a score that could not be had is abstained or failed, never NaN."
      : "give the row the columns and types of its row set (docs/store.md lists them).",
    { place: { row: rowNumber, column } },
  );
}

/** The first fault in a value, in column order. Slow and exact: it runs only once a row has been refused. */
function faultOf(type: ColumnType, value: unknown, path: string): Fault | null {
  const bad = (problem: string): Fault => ({ column: path, problem, code: "bad_row" });
  if (type.kind === "list" && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const fault = faultOf(type.element, item, `${path}[${index}]`);
      if (fault) return fault;
    }
    return null;
  }
  if (type.kind === "struct" && isRecord(value)) {
    const known = new Set(type.fields.map(({ name }) => name));
    for (const { name, type: fieldType, nullable } of type.fields) {
      const field = value[name];
      const fieldPath = path === "" ? name : `${path}.${name}`;
      if (field === null || field === undefined) {
        if (nullable) continue;
        return { column: fieldPath, problem: "has no value, and it is required", code: "bad_row" };
      }
      const fault = faultOf(fieldType, field, fieldPath);
      if (fault) return fault;
    }
    for (const name in value) {
      if (known.has(name)) continue;
      return {
        column: path === "" ? name : `${path}.${name}`,
        problem: "is not in the row set",
        code: "bad_row",
      };
    }
    return null;
  }
  if (!Number.isNaN(measureOf(type)(value))) return null;
  if (typeof value === "number" && (type.kind === "double" || type.kind === "int64")) {
    if (!Number.isFinite(value)) return { column: path, problem: `is ${value}`, code: "not_finite" };
    return bad(`is ${value}, which is no integer within ±(2^53 − 1)`);
  }
  return bad(`is ${shapeOf(value)}, not ${typeText(type)}`);
}

function shapeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "bytes";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
