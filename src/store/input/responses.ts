import { jsonOrUndefined } from "../../core/json.ts";
import type { ResponseRole, SampledResponse } from "../../core/types.ts";
import { compilePath, type FieldPath } from "./field-path.ts";
import { assistantText } from "./messages.ts";
import { isFields, kindOf, RowProblem } from "./row-problem.ts";
import {
  countOf,
  jsonOf,
  metadataOf,
  numberOf,
  optionalTextOf,
  type RowReading,
  textOf,
  wellFormed,
} from "./row-values.ts";
import type { Fields } from "./source.ts";
import type { FieldMap, ResponseMap } from "./types.ts";

/** A response before it has an id. */
export type ResponseDraft = Omit<SampledResponse, "id">;

export interface ResponsesReader {
  /** Every path that the recipe names. */
  readonly paths: readonly FieldPath[];
  read(record: Fields, reading: RowReading): readonly ResponseDraft[];
}

/**
 * Compiles `map.responses`. Without it, `defaultPath` is read where a row has it: rows without it have no responses,
 * which is what sampling starts from.
 */
export function compileResponses(
  map: FieldMap["responses"],
  defaultPath: string,
  onePerRow: boolean,
): ResponsesReader {
  if (map === undefined) {
    const path = compilePath(defaultPath);
    return {
      paths: [],
      read: (record, reading) => {
        const value = path.read(record);
        return value === undefined ? [] : listed(value, path.path, reading, !onePerRow);
      },
    };
  }
  if (typeof map === "string") {
    const path = compilePath(map);
    return {
      paths: [path],
      read: (record, reading) => listed(path.read(record), path.path, reading, !onePerRow),
    };
  }
  const columns = (isList(map) ? map : [map]).map(compileColumn);
  return {
    paths: columns.flatMap(({ paths }) => paths),
    read: (record, reading) => columns.flatMap(({ read }) => read(record, reading)),
  };
}

function isList(
  map: readonly (string | ResponseMap)[] | ResponseMap,
): map is readonly (string | ResponseMap)[] {
  return Array.isArray(map);
}

function compileColumn(column: string | ResponseMap): ResponsesReader {
  if (typeof column !== "string") return compileResponseMap(column);
  const path = compilePath(column);
  return { paths: [path], read: (record, reading) => listed(path.read(record), column, reading, false) };
}

/** The responses of one column: each element of a list, or the one response that it holds. */
function listed(
  value: unknown,
  column: string,
  reading: RowReading,
  isListColumn: boolean,
): readonly ResponseDraft[] {
  const list = reading.textual && isListColumn ? listFromCsv(value, column) : value;
  return Array.isArray(list)
    ? list.map((element) => readResponse(element, column, reading))
    : [readResponse(list, column, reading)];
}

// A CSV cell cannot be told apart from JSON text by looking at it, so the form of the mapping decides.
function listFromCsv(value: unknown, column: string): unknown {
  const list = typeof value === "string" ? jsonOrUndefined(value) : value;
  if (Array.isArray(list) || value === null || value === undefined) return list;
  throw new RowProblem(
    "a list column in CSV must hold a JSON list.",
    `for one response per column write responses: [${column}, …].`,
    column,
  );
}

/** One response: text, an object with `text`, or an assistant message. */
function readResponse(value: unknown, column: string, reading: RowReading): ResponseDraft {
  if (typeof value === "string") {
    return { text: wellFormed(value, reading), role: "candidate", metadata: {} };
  }
  if (value === null || value === undefined) {
    throw new RowProblem(
      value === null ? "a response is null." : "the row has no such response.",
      "give every response a text (an empty text is allowed), or leave it out of the list.",
      column,
    );
  }
  // Trainers' completion columns hold each answer as a list with its one message.
  if (Array.isArray(value) && value.length === 1 && isFields(value[0]))
    return readResponse(value[0], column, reading);
  if (isFields(value)) return readObject(value, column, reading);
  throw new RowProblem(
    `a response must be text or an object and is ${kindOf(value)}.`,
    "write text, an object with text, or an assistant message.",
    column,
  );
}

function readObject(value: Fields, column: string, reading: RowReading): ResponseDraft {
  const text =
    "text" in value
      ? textOf(value.text, column, "a response's text", reading)
      : assistantText(value, column, reading);
  if (text === null) {
    throw new RowProblem(
      `a response has no text; it has the fields ${Object.keys(value).slice(0, 10).join(", ") || "none"}.`,
      `name the field, as in responses: { text: "${column}.*.answer" }.`,
      column,
    );
  }
  const values = {
    reasoning: value.reasoning ?? value.reasoning_content,
    role: value.role === "assistant" ? null : value.role,
    model: value.model,
    finishReason: value.finish_reason ?? value.finishReason,
    tokenCount: value.token_count ?? value.tokenCount,
    sumLogprob: value.sum_logprob ?? value.sumLogprob,
  };
  return {
    text,
    role: "candidate",
    ...fieldsOf(values, () => column, reading),
    metadata: metadataOf(value.metadata, column, reading),
  };
}

const FIELDS = ["reasoning", "role", "model", "finishReason", "tokenCount", "sumLogprob"] as const;
type Field = (typeof FIELDS)[number];

/** The fields that are there; null and absent ones are left out. */
function fieldsOf(
  values: { readonly [field in Field]?: unknown },
  columnOf: (field: Field) => string,
  reading: RowReading,
): Partial<Pick<ResponseDraft, Field>> {
  const text = (field: Field, what: string) =>
    optionalTextOf(values[field], columnOf(field), `a response's ${what}`, reading);
  const reasoning = text("reasoning", "reasoning");
  const role = roleOf(values.role, columnOf("role"));
  const model = text("model", "model");
  const finishReason = text("finishReason", "finish reason");
  const tokenCount = countOf(values.tokenCount, columnOf("tokenCount"), "a response's token count", reading);
  const sumLogprob = numberOf(
    values.sumLogprob,
    columnOf("sumLogprob"),
    "a response's sum of log-probs",
    reading,
  );
  return {
    ...(reasoning !== undefined && { reasoning }),
    ...(role !== undefined && { role }),
    ...(model !== undefined && { model }),
    ...(finishReason !== undefined && { finishReason }),
    ...(tokenCount !== undefined && { tokenCount }),
    ...(sumLogprob !== undefined && { sumLogprob }),
  };
}

function roleOf(value: unknown, column: string): ResponseRole | undefined {
  if (value === null || value === undefined) return undefined;
  if (value === "candidate" || value === "baseline") return value;
  throw new RowProblem(
    `a response has the role ${typeof value === "string" ? `"${value.slice(0, 40)}"` : kindOf(value)}.`,
    "use candidate or baseline.",
    column,
  );
}

/**
 * Compiles a response map. Where `text` leads to a list, each element is a response, and the other paths lead to lists
 * of the same length (element by element) or to one value for all.
 */
function compileResponseMap(map: ResponseMap): ResponsesReader {
  const text = compilePath(map.text);
  const fields = FIELDS.flatMap((field) => {
    const path = map[field];
    return path === undefined ? [] : [[field, compilePath(path)] as const];
  });
  const metadata = compileMetadata(map.metadata);
  const columnOf = (field: Field) => map[field] ?? map.text;
  return {
    paths: [text, ...fields.map(([, path]) => path), ...metadata.map(([, path]) => path)],
    read: (record, reading) => {
      const given = text.read(record);
      const texts: readonly unknown[] = Array.isArray(given) ? given : [given];
      const pick = (path: FieldPath, index: number): unknown => {
        const value = path.read(record);
        return Array.isArray(given) && Array.isArray(value)
          ? elementOf(value, index, texts.length, path)
          : value;
      };
      return texts.map((value, index): ResponseDraft => {
        const base = readResponse(value, map.text, reading);
        const values = Object.fromEntries(fields.map(([field, path]) => [field, pick(path, index)]));
        const named = metadata.map(
          ([name, path]) => [name, jsonOf(pick(path, index), path.path, reading)] as const,
        );
        return {
          ...base,
          ...fieldsOf(values, columnOf, reading),
          ...(map.baseline && { role: "baseline" as const }),
          metadata: { ...base.metadata, ...Object.fromEntries(named) },
        };
      });
    },
  };
}

function elementOf(list: readonly unknown[], index: number, count: number, path: FieldPath): unknown {
  if (list.length === count) return list[index];
  throw new RowProblem(
    `the list has ${list.length} values for ${count} responses.`,
    "give one value per response, or one value for all.",
    path.path,
  );
}

export type NamedPath = readonly [name: string, path: FieldPath];

/** Compiles a metadata mapping: names and paths. */
export function compileMetadata(map: FieldMap["metadata"]): readonly NamedPath[] {
  if (map === undefined) return [];
  const named = isPathList(map) ? map.map((path) => [path, path] as const) : Object.entries(map);
  return named.map(([name, path]) => [name, compilePath(path)]);
}

function isPathList(map: NonNullable<FieldMap["metadata"]>): map is readonly string[] {
  return Array.isArray(map);
}
