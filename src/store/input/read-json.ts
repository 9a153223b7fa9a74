import { isUtf8 } from "node:buffer";
import { PrefkitError } from "../../core/errors.ts";
import { howBroken } from "../../core/json.ts";
import { textChunks } from "./byte-chunks.ts";
import { isFields, kindOf } from "./row-problem.ts";
import { BATCH_ROWS, MAX_TEXT_BYTES, type RawRow, type SourceFile } from "./source.ts";

/**
 * Reads a file that holds one JSON list of objects, up to 256 MiB (it is parsed whole). May be gzip.
 *
 * Position: index in the list. Bad rows: elements that are not objects.
 * Throws `over_limit` for a larger file, `unreadable_input` when it is not UTF-8, not JSON or not a list.
 */
export async function* readJson(file: SourceFile, from: number): AsyncGenerator<readonly RawRow[]> {
  const records = parseList(await readWhole(file), file);
  for (let start = from; start < records.length; start += BATCH_ROWS) {
    yield records.slice(start, start + BATCH_ROWS).map((record, index): RawRow => {
      const at = start + index;
      const place = { file: file.path, row: at + 1 };
      if (isFields(record)) return { kind: "record", record, place, at };
      return {
        kind: "bad",
        problem: `the list's element is ${kindOf(record)}, not an object.`,
        fix: "write a list of JSON objects.",
        place,
      };
    });
  }
}

async function readWhole(file: SourceFile): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (file.bytes > MAX_TEXT_BYTES) throw tooLarge(file);
  for await (const chunk of textChunks(file)) {
    bytes += chunk.length;
    if (bytes > MAX_TEXT_BYTES) throw tooLarge(file);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

function parseList(bytes: Buffer, file: SourceFile): readonly unknown[] {
  if (!isUtf8(bytes)) {
    throw unreadable(file, "the file is not valid UTF-8.", "save the file as UTF-8 (iconv converts it).");
  }
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const fix = text.trimStart().startsWith("{")
      ? "a file with one JSON object per line is read with format: jsonl."
      : "write one JSON list of objects.";
    throw unreadable(file, `the file is not JSON${howBroken(error)}.`, fix, error);
  }
  if (Array.isArray(value)) return value;
  throw unreadable(
    file,
    `the file holds ${kindOf(value)}, not a list.`,
    "write one JSON list of objects; a file with one JSON object per line is read with format: jsonl.",
  );
}

function unreadable(file: SourceFile, problem: string, fix: string, cause?: unknown): PrefkitError {
  return new PrefkitError("unreadable_input", problem, fix, { place: { file: file.path }, cause });
}

function tooLarge(file: SourceFile): PrefkitError {
  return new PrefkitError(
    "over_limit",
    "a JSON file is read whole, and this one has more than 256 MiB.",
    "convert to jsonl (`jq -c '.[]' in.json > out.jsonl`), which is read line by line.",
    { place: { file: file.path } },
  );
}
