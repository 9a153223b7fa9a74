import { StringDecoder } from "node:string_decoder";
import { createDigested } from "../core/digest.ts";
import type { Files } from "../core/files.ts";
import type { Group, Score, ScoreColumn, ScoredGroup } from "../core/types.ts";
import { scoreFromRow } from "../store/row-sets.ts";
import type { Row, WrittenFile } from "../store/table.ts";
import { groupMark } from "./group-mark.ts";
import type { CellCounts } from "./journal.ts";

/** A group's scores. */
export interface PartGroup {
  readonly promptId: string;
  readonly columns: readonly ScoreColumn[];
}

/** One line of a part. `mark` is the `groupMark` of the group that was scored. */
export interface PartLine extends PartGroup {
  readonly mark: string;
}

export interface PartWriter {
  write(groups: readonly ScoredGroup[]): Promise<void>;
  /** Makes the file durable. Only now may it take its final name. */
  close(): Promise<WrittenFile>;
  abort(): Promise<void>;
}

/**
 * Writes a shard's scores as lines of JSON, one per group. What was written before a kill can be read up to the torn
 * line, so that it need not be scored again.
 */
export async function createPart(files: Files, path: string): Promise<PartWriter> {
  const writer = await createDigested(files, path);
  let rows = 0;
  return {
    write: async (groups) => {
      let text = "";
      for (const { group, columns } of groups) {
        text += `${JSON.stringify({ promptId: group.prompt.id, mark: groupMark(group), columns })}\n`;
        for (const { scores } of columns) rows += scores.length;
      }
      await writer.write(text);
    },
    close: async () => ({ rows, ...(await writer.close()) }),
    abort: () => writer.abort(),
  };
}

const CHUNK_BYTES = 1 << 18;

/** The groups of a part in order. Stops without an error at a torn or damaged line: what follows counts as missing. */
export async function* readPart(files: Files, path: string): AsyncGenerator<PartLine> {
  const reader = await files.open(path);
  const decoder = new StringDecoder("utf8");
  let rest = "";
  try {
    for (let offset = 0; offset < reader.bytes; offset += CHUNK_BYTES) {
      const text = rest + decoder.write(Buffer.from(await reader.read(offset, CHUNK_BYTES)));
      const lines = text.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const group = parseLine(line);
        if (group === null) return;
        yield group;
      }
    }
  } finally {
    await reader.close();
  }
}

/** A line without a mark, as earlier versions wrote them, counts as missing: whose scores it holds cannot be told for sure. */
function parseLine(line: string): PartLine | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const { promptId, mark, columns } = (value ?? {}) as Partial<PartLine>;
  if (typeof promptId !== "string" || typeof mark !== "string" || !Array.isArray(columns)) return null;
  return { promptId, mark, columns };
}

/** Whether the lines of a whole part say what they are the scores of; those of earlier versions do not. */
export function hasMarks(part: Uint8Array): boolean {
  const end = part.indexOf(10);
  return end > 0 && parseLine(Buffer.from(part.subarray(0, end)).toString("utf8")) !== null;
}

/** Whether a line holds the scores of this group, and of no other under the same id. */
export function isOf({ promptId, mark }: PartLine, group: Group): boolean {
  return promptId === group.prompt.id && mark === groupMark(group);
}

/** Whether a group's scores are whole: one column per scorer, one score per response. */
export function isWhole({ columns }: PartGroup, keys: readonly string[], responses: number): boolean {
  return (
    columns.length === keys.length &&
    columns.every(({ name, scores }, index) => name === keys[index] && scores.length === responses)
  );
}

/** What a part holds, counted from its lines. */
export async function countCells(
  files: Files,
  path: string,
): Promise<{ readonly groups: number; readonly rows: number; readonly cells: Record<string, CellCounts> }> {
  const counts = startCounts();
  let groups = 0;
  for await (const { columns } of readPart(files, path)) {
    groups += 1;
    counts.add(columns);
  }
  return { groups, ...counts.result() };
}

export interface CountBuilder {
  add(columns: readonly ScoreColumn[]): void;
  result(): { readonly rows: number; readonly cells: Record<string, CellCounts> };
}

/** Counts cells by scorer and kind. */
export function startCounts(keys: readonly string[] = []): CountBuilder {
  interface Counts {
    scored: number;
    abstained: number;
    failed: number;
    readonly codes: Record<string, number>;
  }
  const cells = new Map<string, Counts>(
    keys.map((key) => [key, { scored: 0, abstained: 0, failed: 0, codes: {} }]),
  );
  let rows = 0;
  return {
    add: (columns) => {
      for (const { name, scores } of columns) {
        const counts = cells.get(name) ?? { scored: 0, abstained: 0, failed: 0, codes: {} };
        cells.set(name, counts);
        rows += scores.length;
        for (const score of scores) {
          counts[score.kind] += 1;
          if (score.kind === "failed") counts.codes[score.code] = (counts.codes[score.code] ?? 0) + 1;
        }
      }
    },
    result: () => ({ rows, cells: Object.fromEntries(cells) }),
  };
}

/** A group's scores in a scores table. */
export interface TableGroup extends PartGroup {
  /** The responses that have scores, in order; their ids tell their texts. */
  readonly responseIds: readonly string[];
}

/** Gathers the rows of a scores table by prompt; they stand together, scorer by scorer, response by response. */
export async function* groupScoreRows(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<TableGroup> {
  let promptId: string | null = null;
  let columns: { name: string; scores: Score[] }[] = [];
  let responseIds: string[] = [];
  for await (const rows of batches) {
    for (const row of rows) {
      if (row.prompt_id !== promptId) {
        if (promptId !== null) yield { promptId, columns, responseIds };
        promptId = String(row.prompt_id);
        columns = [];
        responseIds = [];
      }
      const name = String(row.name);
      let column = columns.at(-1);
      if (column?.name !== name) {
        column = { name, scores: [] };
        columns.push(column);
      }
      column.scores.push(scoreFromRow(row));
      if (columns.length === 1) responseIds.push(String(row.response_id));
    }
  }
  if (promptId !== null) yield { promptId, columns, responseIds };
}
