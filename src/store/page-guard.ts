import type { ColumnMetaData, PageHeader, SchemaTree } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import { decompressors } from "./decompression.ts";

/**
 * Checks the counts in a column chunk before it is decoded.
 *
 * A page says how many values it has, and its levels and dictionary indices are runs of "this value, n times". The
 * decoder takes n by its word, so that one flipped bit makes it fill memory until the process dies, which no `catch`
 * sees. Here the pages' counts must add up to the chunk's and no run may be longer than what is left of its page.
 * Says nothing about the values. Throws an Error that names what is wrong.
 */
export function checkPages(bytes: Uint8Array, chunk: ColumnMetaData, path: readonly SchemaTree[]): void {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  let values = 0;
  // The decoder, too, takes a last single byte for padding.
  while (reader.offset < bytes.byteLength - 1) {
    const header = parquetHeader(reader);
    const end = reader.offset + header.compressed_page_size;
    if (!(header.compressed_page_size >= 0 && end <= bytes.byteLength)) {
      throw new Error(`a page claims ${header.compressed_page_size} bytes`);
    }
    if (!(header.uncompressed_page_size >= 0)) {
      throw new Error(`a page claims ${header.uncompressed_page_size} bytes when unpacked`);
    }
    values += checkPage(bytes.subarray(reader.offset, end), header, chunk, path);
    reader.offset = end;
  }
  if (BigInt(values) !== chunk.num_values) {
    throw new Error(`its pages hold ${values} values, not ${chunk.num_values}`);
  }
}

/** Checks one page and gives the number of its values; 0 for a dictionary. */
function checkPage(
  page: Uint8Array,
  header: PageHeader,
  chunk: ColumnMetaData,
  path: readonly SchemaTree[],
): number {
  const dictionary = header.dictionary_page_header;
  if (header.type === "DICTIONARY_PAGE" && dictionary) {
    // One byte at least per entry, save booleans, which have no dictionary.
    if (!(dictionary.num_values >= 0 && dictionary.num_values <= header.uncompressed_page_size)) {
      throw new Error(`a dictionary claims ${dictionary.num_values} entries`);
    }
    return 0;
  }
  if (header.type === "DATA_PAGE" && header.data_page_header) return checkPageV1(page, header, chunk, path);
  if (header.type === "DATA_PAGE_V2" && header.data_page_header_v2) {
    return checkPageV2(page, header, chunk, path);
  }
  throw new Error(`a page is of type ${header.type}`);
}

/** Levels stand uncompressed before the values. */
function checkPageV2(
  page: Uint8Array,
  { data_page_header_v2: header, uncompressed_page_size }: PageHeader,
  chunk: ColumnMetaData,
  path: readonly SchemaTree[],
): number {
  if (!header) throw new Error("a page lacks its header");
  const { num_values: count, num_nulls: nulls } = header;
  requireCount(count, chunk);
  if (!(nulls >= 0 && nulls <= count)) throw new Error(`a page claims ${nulls} nulls among ${count} values`);
  const afterRepetition = header.repetition_levels_byte_length;
  const afterLevels = afterRepetition + header.definition_levels_byte_length;
  if (!(afterRepetition >= 0 && afterLevels >= afterRepetition && afterLevels <= page.byteLength)) {
    throw new Error("a page's levels are longer than the page");
  }
  const [repetition, definition] = levelWidths(path);
  if (repetition > 0) checkRuns(page, 0, afterRepetition, repetition, count);
  if (definition > 0) checkRuns(page, afterRepetition, afterLevels, definition, count);
  if (hasRuns(header.encoding)) {
    const stored = page.subarray(afterLevels);
    const size = uncompressed_page_size - afterLevels;
    const unpacked =
      header.is_compressed === false ? stored : decompressPage(stored, size, chunk.codec, decompressors);
    checkIndices(unpacked, 0, header.encoding, chunk, count - nulls);
  }
  return count;
}

/** Levels stand before the values, each behind its length, compressed with them. */
function checkPageV1(
  page: Uint8Array,
  { data_page_header: header, uncompressed_page_size }: PageHeader,
  chunk: ColumnMetaData,
  path: readonly SchemaTree[],
): number {
  if (!header) throw new Error("a page lacks its header");
  const count = header.num_values;
  requireCount(count, chunk);
  const [repetition, definition] = levelWidths(path);
  if (repetition + definition === 0 && !hasRuns(header.encoding)) return count;
  const unpacked = decompressPage(page, uncompressed_page_size, chunk.codec, decompressors);
  const view = new DataView(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
  let offset = 0;
  const checkLevels = (width: number, encoding: string): void => {
    if (encoding !== "RLE") throw new Error(`a page's levels are encoded as ${encoding}`);
    const end = offset + 4 + view.getUint32(offset, true);
    if (end > unpacked.byteLength) throw new Error("a page's levels are longer than the page");
    checkRuns(unpacked, offset + 4, end, width, count);
    offset = end;
  };
  if (repetition > 0) checkLevels(repetition, header.repetition_level_encoding);
  const definitionStart = offset;
  if (definition > 0) checkLevels(definition, header.definition_level_encoding);
  if (hasRuns(header.encoding)) {
    const present = definition > 0 ? countPresent(view, definitionStart, definition, count, path) : count;
    checkIndices(unpacked, offset, header.encoding, chunk, present);
  }
  return count;
}

function requireCount(count: number, chunk: ColumnMetaData): void {
  if (count >= 0 && BigInt(count) <= chunk.num_values) return;
  throw new Error(`a page claims ${count} values of the column's ${chunk.num_values}`);
}

/** How many values are not null. Safe to decode, since the runs have been checked. */
function countPresent(
  view: DataView,
  offset: number,
  width: number,
  count: number,
  path: readonly SchemaTree[],
): number {
  const levels = new Array<number>(count).fill(0);
  readRleBitPackedHybrid({ view, offset }, width, levels);
  const most = getMaxDefinitionLevel([...path]);
  return levels.filter((level) => level === most).length;
}

function hasRuns(encoding: string): boolean {
  return encoding === "RLE" || encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY";
}

/** Dictionary indices behind a byte with their width, or booleans behind their length. */
function checkIndices(
  page: Uint8Array,
  offset: number,
  encoding: string,
  chunk: ColumnMetaData,
  count: number,
): void {
  if (count === 0) return;
  if (encoding === "RLE" || chunk.type === "BOOLEAN") {
    checkRuns(page, offset + 4, page.byteLength, 1, count);
    return;
  }
  const width = page[offset] ?? 0;
  if (width > 32) throw new Error(`dictionary indices claim ${width} bits`);
  if (width > 0) checkRuns(page, offset + 1, page.byteLength, width, count);
}

/** Bits per repetition and per definition level; 0 where a column has no such levels. */
function levelWidths(path: readonly SchemaTree[]): readonly [repetition: number, definition: number] {
  const bits = (most: number): number => Math.ceil(Math.log2(most + 1));
  return [bits(getMaxRepetitionLevel([...path])), bits(getMaxDefinitionLevel([...path]))];
}

/** Walks the hybrid of runs and bit-packed groups of eight until `count` values are accounted for. */
function checkRuns(bytes: Uint8Array, start: number, end: number, width: number, count: number): void {
  let offset = start;
  let seen = 0;
  while (seen < count) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[offset];
      if (byte === undefined || offset >= end || shift > 28) throw new Error("a run's header is cut short");
      offset += 1;
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const amount = Math.floor(header / 2);
    if (header % 2 === 1) {
      seen += amount * 8;
      offset += amount * width;
    } else {
      if (amount > count - seen)
        throw new Error(`a run claims ${amount} values where ${count - seen} are left`);
      seen += amount;
      offset += Math.ceil(width / 8);
    }
  }
}
