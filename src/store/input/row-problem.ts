/** Why a row cannot be used. Thrown by the mapping, turned into a bad row by `mapRow`; never leaves this room. */
export class RowProblem extends Error {
  override readonly name = "RowProblem";
  readonly fix: string;
  readonly column: string | undefined;

  constructor(problem: string, fix: string, column?: string) {
    super(problem);
    this.fix = fix;
    this.column = column;
  }
}

/** A value's kind in words, for messages; never its content. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "string") return "text";
  if (typeof value === "number" || typeof value === "bigint") return `the number ${value}`;
  if (typeof value === "boolean") return `${value}`;
  if (value instanceof Uint8Array) return "bytes";
  return "an object";
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  );
}
