import { readArrow } from "./read-arrow.ts";
import { readCsv } from "./read-csv.ts";
import { readJson } from "./read-json.ts";
import { readJsonl } from "./read-jsonl.ts";
import { readParquet } from "./read-parquet.ts";
import type { ReadRows } from "./source.ts";
import type { InputFormat } from "./types.ts";

/** How a file of each format is read. */
export const FORMAT_READERS: Readonly<Record<InputFormat, ReadRows>> = {
  jsonl: readJsonl,
  json: readJson,
  csv: readCsv,
  parquet: readParquet,
  arrow: readArrow,
};
