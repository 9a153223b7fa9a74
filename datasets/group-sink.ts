import { createDigested } from "../src/core/digest.ts";
import type { Files } from "../src/core/files.ts";
import type { Group } from "../src/core/types.ts";
import { createParquetSink } from "../src/store/parquet-sink.ts";
import { listOf, optional, required } from "../src/store/schema.ts";
import type { Column, Row, RowSet, WrittenFile } from "../src/store/table.ts";

/** Writes groups to one file, under the names that a recipe's input looks for when nothing is mapped. */
export interface GroupSink {
  write(groups: readonly Group[]): Promise<void>;
  /** Makes the file durable. */
  close(): Promise<WrittenFile>;
  /** Removes what was written. */
  abort(): Promise<void>;
}

/** `preference`: a column `correct` beside the responses, as `prefkit eval` reads gold groups. */
export function createGroupSink(
  files: Files,
  path: string,
  format: "jsonl" | "parquet",
  preference: boolean,
): Promise<GroupSink> {
  return format === "jsonl" ? jsonlSink(files, path, preference) : parquetSink(files, path, preference);
}

async function jsonlSink(files: Files, path: string, preference: boolean): Promise<GroupSink> {
  const writer = await createDigested(files, path);
  let rows = 0;
  return {
    write: async (groups) => {
      if (groups.length === 0) return;
      await writer.write(groups.map((group) => `${JSON.stringify(plainRow(group, preference))}\n`).join(""));
      rows += groups.length;
    },
    close: async () => ({ rows, ...(await writer.close()) }),
    abort: async () => {
      await writer.abort();
      await files.remove(path);
    },
  };
}

async function parquetSink(files: Files, path: string, preference: boolean): Promise<GroupSink> {
  const sink = await createParquetSink(files, path, importedRowSet(preference));
  return {
    write: async (groups) => {
      if (groups.length > 0) await sink.write(groups.map((group) => parquetRow(group, preference)));
    },
    close: () => sink.close(),
    abort: () => sink.abort(),
  };
}

function importedRowSet(preference: boolean): RowSet {
  const correct: Column = {
    name: "correct",
    type: { kind: "list", element: { kind: "boolean" } },
    nullable: false,
  };
  return {
    name: "imported",
    version: 1,
    columns: [
      required("id", "string"),
      required("prompt", listOf(required("role", "string"), required("content", "string"))),
      optional("reference", "string"),
      required(
        "responses",
        listOf(required("text", "string"), optional("model", "string"), required("metadata", "string")),
      ),
      required("metadata", "string"),
      ...(preference ? [correct] : []),
    ],
  };
}

function plainRow({ prompt, responses }: Group, preference: boolean): Row {
  return {
    id: prompt.id,
    prompt: prompt.messages.map(({ role, content }) => ({ role, content })),
    reference: prompt.reference,
    responses: responses.map(({ text, model, metadata }) => ({ text, model: model ?? null, metadata })),
    metadata: prompt.metadata,
    ...(preference && { correct: responses.map(({ metadata }) => metadata.preferred === 1) }),
  };
}

/** Metadata as JSON text, so that every file has the same schema whatever is in it. */
function parquetRow(group: Group, preference: boolean): Row {
  const { responses, prompt } = group;
  return {
    ...plainRow(group, preference),
    responses: responses.map(({ text, model, metadata }) => ({
      text,
      model: model ?? null,
      metadata: JSON.stringify(metadata),
    })),
    metadata: JSON.stringify(prompt.metadata),
  };
}
