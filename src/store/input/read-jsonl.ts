import { isAscii, isUtf8 } from "node:buffer";
import { PrefkitError } from "../../core/errors.ts";
import { howBroken } from "../../core/json.ts";
import { gzipChunks, isGzip, plainChunks } from "./byte-chunks.ts";
import { isFields, kindOf } from "./row-problem.ts";
import { BATCH_ROWS, MAX_TEXT_BYTES, type RawRow, type SourceFile } from "./source.ts";

const NEWLINE = 10;
const RETURN = 13;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads JSON Lines, plain or gzip. A byte order mark, CRLF, blank lines and a missing last newline are accepted.
 *
 * Position: byte offset of the line when plain, number of lines before it when gzip.
 * Bad rows: a line that is not valid UTF-8, not JSON, or not an object; reading goes on behind it.
 * Throws `over_limit` for a line of more than 256 MiB, `unreadable_input` for damaged gzip.
 */
export async function* readJsonl(file: SourceFile, from: number): AsyncGenerator<readonly RawRow[]> {
  const plain = !(await isGzip(file));
  let line = plain ? await file.places.lineAt(file, from) : 1;
  let offset = plain ? from : 0;
  let rows: RawRow[] = [];
  let pending: Buffer[] = [];
  let pendingBytes = 0;

  const takeLine = (bytes: Buffer) => {
    if (plain || line > from) {
      const row = parseLine(bytes, { file: file.path, line }, plain ? offset : line - 1);
      if (row) rows.push(row);
    }
    offset += bytes.length + 1;
    line += 1;
  };

  for await (const chunk of plain ? plainChunks(file, from) : gzipChunks(file)) {
    let begin = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, begin)) {
      const piece = chunk.subarray(begin, end);
      takeLine(pending.length === 0 ? piece : Buffer.concat([...pending, piece]));
      begin = end + 1;
      pending = [];
      pendingBytes = 0;
      if (rows.length === BATCH_ROWS) {
        if (plain) file.places.note(offset, line);
        yield rows;
        rows = [];
      }
    }
    if (begin < chunk.length) {
      // Copied, because the chunk's memory is used again.
      const rest = Buffer.from(chunk.subarray(begin));
      pending.push(rest);
      pendingBytes += rest.length;
      if (pendingBytes > MAX_TEXT_BYTES) throw lineTooLong({ file: file.path, line });
    }
    if (rows.length > 0) {
      if (plain) file.places.note(offset, line);
      yield rows;
      rows = [];
    }
  }
  if (pending.length > 0) takeLine(Buffer.concat(pending));
  if (rows.length > 0) yield rows;
}

function parseLine(
  withEnding: Buffer,
  place: { readonly file: string; readonly line: number },
  at: number,
): RawRow | null {
  const bytes = trimLine(withEnding, place.line === 1);
  if (bytes.length === 0) return null;
  if (bytes.length > MAX_TEXT_BYTES) throw lineTooLong(place);
  const text = decode(bytes);
  if (text === null) {
    return {
      kind: "bad",
      problem: "the line is not valid UTF-8.",
      fix: "save the file as UTF-8 (iconv converts it).",
      place,
    };
  }
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (error) {
    if (text.trim() === "") return null;
    return {
      kind: "bad",
      problem: `the line is not JSON${howBroken(error)}.`,
      fix: /\b(NaN|Infinity)\b/.test(text)
        ? "write null where a number is NaN or Infinity: JSON has neither."
        : "write one whole JSON object on each line.",
      place,
    };
  }
  if (isFields(record)) return { kind: "record", record, place, at };
  return {
    kind: "bad",
    problem: `the line holds ${kindOf(record)}, not an object.`,
    fix: "write one JSON object on each line.",
    place,
  };
}

function trimLine(bytes: Buffer, first: boolean): Buffer {
  const start = first && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
  const end = bytes[bytes.length - 1] === RETURN ? bytes.length - 1 : bytes.length;
  return bytes.subarray(Math.min(start, end), end);
}

/** The text of UTF-8 bytes; null when they are not UTF-8. ASCII takes a path that is about a third faster. */
function decode(bytes: Buffer): string | null {
  if (isAscii(bytes)) return bytes.toString("latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : null;
}

function lineTooLong(place: { readonly file: string; readonly line: number }): PrefkitError {
  return new PrefkitError(
    "over_limit",
    "the line has more than 256 MiB.",
    "write one JSON object per line; a file that holds one JSON list is read with format: json.",
    { place },
  );
}
