import type { Json, JsonObject } from "./types.ts";

/** The value under a key of that very name, else along the dotted path; undefined when there is none. */
export function metadataAt(metadata: JsonObject, field: string): Json | undefined {
  if (Object.hasOwn(metadata, field)) return metadata[field];
  let value: Json | undefined = metadata;
  for (const key of field.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
}

// Array.isArray alone does not narrow readonly lists.
export function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** What was found where something else was wanted, for a sentence. Worked: "many" -> `the text "many"`; {} -> `an object`. */
export function describeJson(value: Json): string {
  if (typeof value === "string") return `the text "${value.slice(0, 40)}"`;
  if (typeof value === "object" && value !== null) return isJsonList(value) ? "a list" : "an object";
  return `${value}`;
}
