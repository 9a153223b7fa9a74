import { isUtf8 } from "node:buffer";
import { PrefkitError } from "../core/errors.ts";
import { textChunks } from "../store/input/byte-chunks.ts";
import { isFields } from "../store/input/row-problem.ts";
import { type Fields, MAX_TEXT_BYTES, type RawRow, type SourceFile } from "../store/input/source.ts";

type RawRecord = Extract<RawRow, { kind: "record" }>;

/**
 * The rows of a JSON file that holds one object of columns, as RewardBench publishes its results:
 *
 *   {"id": [30, 31], "scores_chosen": [1.5, 0.2], "scores_rejected": [0.1, 0.4], "model": "org/name"}
 *
 * A field that is no list, as the model's name, is no column. null for a file of another kind; what is wrong with it is then
 * said by its usual reader. Up to 256 MiB, as other JSON files; may be gzip.
 * Throws `unreadable_input` where the lists are not equally long: no row could be told.
 */
export async function columnRows(file: SourceFile): Promise<readonly RawRecord[] | null> {
  const text = await objectText(file);
  const columns = text === null ? [] : columnsOf(text);
  const [first] = columns;
  if (first === undefined) return null;
  const [name, { length }] = first;
  const other = columns.find(([, values]) => values.length !== length);
  if (other !== undefined) {
    throw new PrefkitError(
      "unreadable_input",
      `the file is an object of columns, and ${name} has ${length} entries while ${other[0]} has ${other[1].length}.`,
      "give lists of the same length, one entry per row; or a list of objects.",
      { place: { file: file.path } },
    );
  }
  return Array.from({ length }, (_, at): RawRecord => {
    const record: Fields = Object.fromEntries(columns.map(([column, values]) => [column, values[at]]));
    return { kind: "record", record, place: { file: file.path, row: at + 1 }, at };
  });
}

/** The file's text where it begins as an object does; null elsewhere, also where it is too large or not UTF-8. */
async function objectText(file: SourceFile): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of textChunks(file)) {
    bytes += chunk.length;
    const begins = /^[\uFEFF\s]*(\S)?/.exec(chunk.subarray(0, 100).toString("utf8"))?.[1];
    if (bytes > MAX_TEXT_BYTES || (chunks.length === 0 && begins !== "{")) return null;
    chunks.push(Buffer.from(chunk));
  }
  const whole = Buffer.concat(chunks);
  return isUtf8(whole) ? whole.toString("utf8").replace(/^\uFEFF/, "") : null;
}

function columnsOf(text: string): readonly (readonly [string, readonly unknown[]])[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([name, column]) => (Array.isArray(column) ? [[name, column]] : []));
}
