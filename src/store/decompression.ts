import * as zlib from "node:zlib";
import type { Compressors } from "hyparquet";
import { compressors as portable } from "hyparquet-compressors";

/** What Node 22.15 and newer add to `node:zlib`; the types of Node 20 do not know it. */
interface Zstd {
  readonly zstdDecompressSync?: (
    bytes: Uint8Array,
    options: { readonly chunkSize: number; readonly maxOutputLength: number },
  ) => Uint8Array;
}

const { zstdDecompressSync } = zlib as unknown as Zstd;

const CHUNK = 1024 * 1024;

/** Every codec that Parquet files come in; zstd from `node:zlib` where it is (it checks frames), else from JavaScript. */
export const decompressors: Compressors = zstdDecompressSync
  ? { ...portable, ZSTD: (page, length) => zstdDecompressSync(page, unpackedTo(length)) }
  : portable;

/** At most the length that the page claims, in pieces of a page's usual size. */
function unpackedTo(length: number): { readonly chunkSize: number; readonly maxOutputLength: number } {
  const maxOutputLength = Math.max(1, length);
  return { chunkSize: Math.min(Math.max(maxOutputLength, 64), CHUNK), maxOutputLength };
}
