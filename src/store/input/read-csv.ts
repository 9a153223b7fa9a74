import { pipeline, Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { isPrefkitError, PrefkitError, reasonOf } from "../../core/errors.ts";
import { textChunks } from "./byte-chunks.ts";
import { BATCH_ROWS, type Fields, MAX_TEXT_BYTES, type RawRow, type SourceFile } from "./source.ts";

/**
 * Reads CSV with a header row (RFC 4180, comma, double quotes). May be gzip.
 *
 * Values are text; an empty cell without quotes is null, `""` is empty text.
 * Position and row: number of records behind the header; the first record is row 1.
 * Throws `unreadable_input` for an unclosed quote, a record of another length than the header, a repeated column name,
 * or bytes that are not UTF-8: behind such a place the rows can no longer be told apart.
 */
export async function* readCsv(file: SourceFile, from: number): AsyncGenerator<readonly RawRow[]> {
  const parser = parse({
    skip_empty_lines: true,
    max_record_size: MAX_TEXT_BYTES,
    cast: (value, { quoting }) => (value === "" && !quoting ? null : value),
  });
  // The callback has nothing to do: the loop below throws what destroyed the parser.
  pipeline(Readable.from(decoded(file)), parser, () => undefined);
  let header: readonly string[] | null = null;
  let at = 0;
  let rows: RawRow[] = [];
  try {
    for await (const cells of parser as AsyncIterable<readonly (string | null)[]>) {
      if (header === null) {
        header = readHeader(cells, file);
        continue;
      }
      if (at >= from) {
        rows.push({
          kind: "record",
          record: toFields(header, cells),
          place: { file: file.path, row: at + 1 },
          at,
        });
      }
      at += 1;
      if (rows.length === BATCH_ROWS) {
        yield rows;
        rows = [];
      }
    }
  } catch (error) {
    if (isPrefkitError(error) || !(error instanceof CsvError)) throw error;
    throw new PrefkitError(
      "unreadable_input",
      `the CSV is broken: ${reasonOf(error, 160)}.`,
      'check the quotes and the number of cells there; a quote inside a quoted cell is written twice ("").',
      { cause: error, place: { file: file.path, row: at + 1 } },
    );
  } finally {
    parser.destroy();
  }
  if (rows.length > 0) yield rows;
}

async function* decoded(file: SourceFile): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of textChunks(file)) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new PrefkitError(
      "unreadable_input",
      "the file is not valid UTF-8.",
      "save the file as UTF-8 (iconv converts it).",
      { cause: error, place: { file: file.path } },
    );
  }
}

function readHeader(cells: readonly (string | null)[], file: SourceFile): readonly string[] {
  const names = cells.map((cell) => cell ?? "");
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated === undefined) return names;
  throw new PrefkitError(
    "unreadable_input",
    `the CSV header has the column "${repeated}" twice.`,
    "give every column a name of its own.",
    { place: { file: file.path } },
  );
}

function toFields(header: readonly string[], cells: readonly (string | null)[]): Fields {
  // Without a prototype, so that a column named "__proto__" is a column like any other.
  const record: Record<string, unknown> = Object.create(null);
  for (let index = 0; index < header.length; index++) record[header[index] as string] = cells[index];
  return record;
}
