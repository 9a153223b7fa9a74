import type { ColumnChunk, CompressionCodec, SchemaElement, SchemaTree } from "hyparquet";
import { ByteWriter } from "hyparquet-writer";
import { getPageBoundaries } from "hyparquet-writer/src/column.js";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { writeRleBitPackedHybrid } from "hyparquet-writer/src/encoding.js";

/** A column's values with their Dremel levels, as hyparquet-writer lays them out: one entry per slot, null for none. */
export interface LeveledValues {
  readonly values: readonly (string | null | undefined)[];
  readonly definitionLevels: readonly number[];
  readonly repetitionLevels: readonly number[];
  readonly maxDefinitionLevel: number;
}

const PAGE_BYTES = 1024 * 1024;
const LENGTH_BYTES = 4;

/**
 * Makes a writer of column chunks of long texts: PLAIN data pages (version 2), one buffer for all of them.
 *
 * It stands beside hyparquet-writer's own because that one encodes each text into an array of its own and grows a new
 * buffer for each page; for conversations of some KB, most of the time beside compression then goes to the garbage
 * collector. It writes no minimum and maximum, which say nothing of conversations.
 */
export function textPageWriter(codec: CompressionCodec, compress: (page: Uint8Array) => Uint8Array) {
  let page = Buffer.allocUnsafeSlow(2 * PAGE_BYTES);
  const levels = new ByteWriter();

  const encode = (values: LeveledValues["values"], start: number, end: number): Uint8Array => {
    let at = 0;
    for (let slot = start; slot < end; slot++) {
      const text = values[slot];
      if (text === null || text === undefined) continue;
      // A UTF-16 unit takes three bytes at most.
      const most = at + LENGTH_BYTES + 3 * text.length;
      if (most > page.length) {
        const larger = Buffer.allocUnsafeSlow(2 * most);
        page.copy(larger, 0, 0, at);
        page = larger;
      }
      const length = page.write(text, at + LENGTH_BYTES, "utf8");
      page.writeUInt32LE(length, at);
      at += LENGTH_BYTES + length;
    }
    return page.subarray(0, at);
  };

  return (writer: ByteWriter, path: readonly SchemaTree[], data: LeveledValues): ColumnChunk => {
    const { values, definitionLevels, repetitionLevels, maxDefinitionLevel } = data;
    const elements = path.map(({ element }) => element);
    const repetitionWidth = bitsFor(elements.filter(isRepeated).length);
    const definitionWidth = bitsFor(maxDefinitionLevel);
    const fileOffset = BigInt(writer.offset);
    let unpackedBytes = 0;
    let nulls = 0;
    const pages = getPageBoundaries([...values], "BYTE_ARRAY", undefined, PAGE_BYTES, [...repetitionLevels]);
    for (const { start, end } of pages) {
      const repetitions = repetitionLevels.slice(start, end);
      const definitions = definitionLevels.slice(start, end);
      const pageNulls = definitions.filter((level) => level < maxDefinitionLevel).length;
      levels.index = 0;
      const repetitionBytes = writeRleBitPackedHybrid(levels, repetitions, repetitionWidth);
      const definitionBytes = writeRleBitPackedHybrid(levels, definitions, definitionWidth);
      const plain = encode(values, start, end);
      const packed = compress(plain);
      const headerStart = writer.offset;
      writePageHeader(writer, {
        type: "DATA_PAGE_V2",
        uncompressed_page_size: levels.index + plain.byteLength,
        compressed_page_size: levels.index + packed.byteLength,
        data_page_header_v2: {
          num_values: end - start,
          num_nulls: pageNulls,
          num_rows: repetitions.filter((level) => level === 0).length,
          encoding: "PLAIN",
          definition_levels_byte_length: definitionBytes,
          repetition_levels_byte_length: repetitionBytes,
          is_compressed: true,
        },
      });
      unpackedBytes += writer.offset - headerStart + levels.index + plain.byteLength;
      writer.appendBytes(levels.getBytes());
      writer.appendBytes(packed);
      nulls += pageNulls;
    }
    return {
      file_offset: fileOffset,
      meta_data: {
        type: "BYTE_ARRAY",
        encodings: ["PLAIN"],
        path_in_schema: elements.slice(1).map(({ name }) => name),
        codec,
        num_values: BigInt(values.length),
        total_compressed_size: BigInt(writer.offset) - fileOffset,
        total_uncompressed_size: BigInt(unpackedBytes),
        data_page_offset: fileOffset,
        statistics: { null_count: BigInt(nulls) },
        encoding_stats: [{ page_type: "DATA_PAGE_V2", encoding: "PLAIN", count: pages.length }],
      },
    };
  };
}

function isRepeated({ repetition_type }: SchemaElement): boolean {
  return repetition_type === "REPEATED";
}

function bitsFor(most: number): number {
  return Math.ceil(Math.log2(most + 1));
}
