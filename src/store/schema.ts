import type { SchemaElement, SchemaTree } from "hyparquet";
import type { Column, ColumnType, RowSet } from "./table.ts";

type Scalar = "string" | "double" | "int64" | "boolean" | "bytes";

/** A column that must have a value in every row. */
export function required(name: string, type: Scalar | ColumnType): Column {
  return { name, type: typeof type === "string" ? { kind: type } : type, nullable: false };
}

/** A column whose value may be null. */
export function optional(name: string, type: Scalar | ColumnType): Column {
  return { ...required(name, type), nullable: true };
}

/** `list<struct<…>>`: the only nesting that every trainer and `datasets` read without help. */
export function listOf(...fields: readonly Column[]): ColumnType {
  return { kind: "list", element: { kind: "struct", fields } };
}

/** The tag under `prefkit:row_set` in a file's key-value metadata: "pairs/1". */
export function rowSetTag({ name, version }: Pick<RowSet, "name" | "version">): string {
  return `${name}/${version}`;
}

export const ROW_SET_KEY = "prefkit:row_set";

/**
 * A row set as Parquet schema elements, root first, depth first.
 *
 * Every field is OPTIONAL in the file, also those that the row set requires: that is what pyarrow and `datasets` write
 * themselves, and a REQUIRED field makes `datasets` cast each batch. What is required is checked before writing.
 * Lists have the standard three levels `name.list.element`.
 */
export function parquetElements(rowSet: RowSet): SchemaElement[] {
  const root: SchemaElement = { name: "schema", num_children: rowSet.columns.length };
  return [root, ...rowSet.columns.flatMap((column) => elementsOf(column.name, column.type))];
}

const PHYSICAL = { double: "DOUBLE", int64: "INT64", boolean: "BOOLEAN", bytes: "BYTE_ARRAY" } as const;

function elementsOf(name: string, type: ColumnType): SchemaElement[] {
  const repetition_type = "OPTIONAL";
  switch (type.kind) {
    case "string":
      return [
        {
          name,
          type: "BYTE_ARRAY",
          converted_type: "UTF8",
          logical_type: { type: "STRING" },
          repetition_type,
        },
      ];
    case "list":
      return [
        { name, num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" }, repetition_type },
        { name: "list", num_children: 1, repetition_type: "REPEATED" },
        ...elementsOf("element", type.element),
      ];
    case "struct":
      return [
        { name, num_children: type.fields.length, repetition_type },
        ...type.fields.flatMap((field) => elementsOf(field.name, field.type)),
      ];
    default:
      return [{ name, type: PHYSICAL[type.kind], repetition_type }];
  }
}

/** A column as found in a file. `type` is null where the file's type is none of ours (a date, a map, an int32 …). */
export interface FoundColumn {
  readonly name: string;
  readonly type: ColumnType | null;
}

/** The columns of a Parquet file in our words. */
export function foundColumns(root: SchemaTree): FoundColumn[] {
  return root.children.map((child) => ({ name: child.element.name, type: typeOf(child) }));
}

function typeOf({ element, children }: SchemaTree): ColumnType | null {
  if (element.repetition_type === "REPEATED") return null;
  if (children.length === 0) return scalarOf(element);
  if (element.converted_type === "LIST" || element.logical_type?.type === "LIST") {
    const inner = children[0]?.children[0];
    const type = inner && children[0]?.children.length === 1 ? typeOf(inner) : null;
    return type && { kind: "list", element: type };
  }
  if (element.converted_type !== undefined || element.logical_type !== undefined) return null;
  const fields: Column[] = [];
  for (const child of children) {
    const type = typeOf(child);
    if (type === null) return null;
    fields.push({ name: child.element.name, type, nullable: child.element.repetition_type !== "REQUIRED" });
  }
  return { kind: "struct", fields };
}

function scalarOf({ type, converted_type, logical_type }: SchemaElement): ColumnType | null {
  if (type === "BYTE_ARRAY" && (converted_type === "UTF8" || logical_type?.type === "STRING")) {
    return { kind: "string" };
  }
  if (converted_type === "INT_64" && type === "INT64") return { kind: "int64" };
  if (converted_type !== undefined || logical_type !== undefined) return null;
  if (type === "BYTE_ARRAY") return { kind: "bytes" };
  if (type === "DOUBLE") return { kind: "double" };
  if (type === "INT64") return { kind: "int64" };
  return type === "BOOLEAN" ? { kind: "boolean" } : null;
}

/** A type as people write it: `list<struct<role: string, content: string>>`. */
export function typeText(type: ColumnType | null): string {
  if (type === null) return "a type of another kind";
  if (type.kind === "list") return `list<${typeText(type.element)}>`;
  if (type.kind !== "struct") return type.kind;
  return `struct<${type.fields.map((field) => `${field.name}: ${typeText(field.type)}`).join(", ")}>`;
}

/** How found columns differ from a contract, one sentence each; empty when they are the same, in the same order. */
export function columnDifferences(
  expected: readonly Column[],
  found: readonly FoundColumn[],
): readonly string[] {
  const byName = new Map(found.map((column) => [column.name, column]));
  const known = new Set(expected.map(({ name }) => name));
  const differences = expected.flatMap(({ name, type }) => {
    const column = byName.get(name);
    if (!column) return [`column "${name}" is missing`];
    if (typeText(column.type) === typeText(type)) return [];
    return [`column "${name}" is ${typeText(column.type)}, not ${typeText(type)}`];
  });
  const extra = found.filter(({ name }) => !known.has(name)).map(({ name }) => `column "${name}" is extra`);
  const all = [...differences, ...extra];
  const inOrder = found.every(({ name }, index) => name === expected[index]?.name);
  return all.length > 0 || inOrder
    ? all
    : [`columns stand in another order: ${[...byName.keys()].join(", ")}`];
}
