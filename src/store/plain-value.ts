import type { Row } from "./table.ts";

/**
 * A value of a file format's library as plain data: undefined becomes null, a bigint within ±(2^53 − 1) a number and
 * beyond it its digits as text, a Date ISO text, typed arrays of numbers and library objects lists and plain objects.
 * Bytes stay bytes.
 */
export function plainValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  switch (typeof value) {
    case "bigint": {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value.toString();
    }
    case "object":
      break;
    default:
      return value;
  }
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, plainValue);
  return plainRow(value as Row);
}

export function plainRow(row: Row): Row {
  const plain: Record<string, unknown> = {};
  for (const name of Object.keys(row)) plain[name] = plainValue(row[name]);
  return plain;
}
