import { join } from "node:path";
import type { FileReader, Files } from "../../core/files.ts";

/** The first file of weights or optimizer state in a folder that ends before its own table of contents says; null: none. */
export async function firstCut(files: Files, folder: string): Promise<string | null> {
  for (const name of (await files.list(folder)) ?? []) {
    const isEnded = CHECKS.find(([ending]) => ending.test(name))?.[1];
    if (isEnded === undefined) continue;
    const reader = await files.open(join(folder, name));
    try {
      if (!(await isEnded(reader))) return name;
    } finally {
      await reader.close();
    }
  }
  return null;
}

const CHECKS: readonly (readonly [RegExp, (reader: FileReader) => Promise<boolean>])[] = [
  [/\.safetensors$/, isWholeSafetensors],
  [/^(optimizer|scheduler)\.pt$|^rng_state.*\.pth$|^training_args\.bin$/, isWholeZip],
];

/** A header's length in 8 bytes, the header in JSON with each tensor's place behind it, the tensors. */
async function isWholeSafetensors(reader: FileReader): Promise<boolean> {
  if (reader.bytes < 8) return false;
  const length = Number(Buffer.from(await reader.read(0, 8)).readBigUInt64LE());
  if (8 + length > reader.bytes) return false;
  const tensors = headerOf(Buffer.from(await reader.read(8, length)).toString("utf8"));
  if (tensors === null) return false;
  const ends = Object.values(tensors).map((tensor) => tensor?.data_offsets?.[1] ?? 0);
  return reader.bytes === 8 + length + ends.reduce((last, end) => Math.max(last, end), 0);
}

type Header = Readonly<Record<string, { readonly data_offsets?: readonly number[] } | null>>;

function headerOf(text: string): Header | null {
  try {
    return JSON.parse(text) as Header;
  } catch {
    return null;
  }
}

/** torch writes zip archives, whose last record, of 22 bytes, begins with this. */
const LAST_RECORD = Buffer.from("PK\x05\x06", "latin1");

async function isWholeZip(reader: FileReader): Promise<boolean> {
  if (reader.bytes < 22) return false;
  return LAST_RECORD.equals(Buffer.from(await reader.read(reader.bytes - 22, 4)));
}
