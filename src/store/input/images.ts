import type { Image } from "../../core/types.ts";
import { isFields, kindOf, RowProblem } from "./row-problem.ts";

const DATA_URL = /^data:[^,;]*;base64,/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * A prompt's images: a list, or one, of `{bytes, path}`, bytes, or paths. In text formats bytes are base64 or a data URL.
 * Null gives no images.
 */
export function imagesOf(value: unknown, column: string): readonly Image[] {
  if (value === null || value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((image) => readImage(image, column));
}

function readImage(value: unknown, column: string): Image {
  if (value instanceof Uint8Array) return { bytes: value, path: null };
  if (typeof value === "string" && value !== "") {
    return DATA_URL.test(value)
      ? { bytes: bytesOf(value, column), path: null }
      : { bytes: null, path: value.toWellFormed() };
  }
  if (isFields(value)) {
    const bytes = bytesOf(value.bytes ?? null, column);
    const path = typeof value.path === "string" && value.path !== "" ? value.path.toWellFormed() : null;
    if (bytes !== null || path !== null) return { bytes, path };
  }
  throw new RowProblem(
    `an image must be bytes, a path or {bytes, path} and is ${isFields(value) ? "an object without them" : kindOf(value)}.`,
    "write {bytes, path} with at least one of them.",
    column,
  );
}

function bytesOf(value: unknown, column: string): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value;
  const base64 = typeof value === "string" ? value.replace(DATA_URL, "") : null;
  if (base64 !== null && BASE64.test(base64)) return Buffer.from(base64, "base64");
  throw new RowProblem(
    `an image's bytes must be bytes or base64 text and are ${kindOf(value)}.`,
    "write base64, or give a path instead.",
    column,
  );
}
