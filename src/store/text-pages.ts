import type { ColumnChunk, CompressionCodec, SchemaTree } from "hyparquet";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import { ByteWriter } from "hyparquet-writer";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { writeRleBitPackedHybrid } from "hyparquet-writer/src/encoding.js";
import type { Leaf, LeveledValues } from "./leaf.ts";

const PAGE_BYTES = 1024 * 1024;
const LENGTH_BYTES = 4;

/**
 * A leaf of long texts: PLAIN data pages (version 2) of about 1 MB, packed as soon as they are full, so that a text is
 * held as a string only until it is added.
 *
 * It stands beside hyparquet-writer's own because that one wants a row group's texts at once, encodes each into an
 * array of its own and grows a new buffer for each page; for conversations of some KB, most of the time beside
 * compression then goes to the garbage collector. Minimum and maximum, by which readers skip row groups, are written
 * for columns outside lists alone: of conversations they say nothing.
 */
export function textLeaf(
  path: SchemaTree[],
  codec: CompressionCodec,
  compress: (page: Uint8Array) => Uint8Array,
): Leaf {
  const most = getMaxDefinitionLevel(path);
  const repetitionWidth = bitsFor(getMaxRepetitionLevel(path));
  const definitionWidth = bitsFor(most);
  const body = new ByteWriter();
  const levels = new ByteWriter();
  let page = Buffer.allocUnsafeSlow(2 * PAGE_BYTES);
  let pageBytes = 0;
  let repetitions: number[] = [];
  let definitions: number[] = [];
  const bounds = path.length === 2 ? textBounds() : null;
  let counts = { pages: 0, values: 0, nulls: 0, unpacked: 0 };

  const append = (text: string): void => {
    // A UTF-16 unit takes three bytes at most.
    const needed = pageBytes + LENGTH_BYTES + 3 * text.length;
    if (needed > page.length) {
      const larger = Buffer.allocUnsafeSlow(2 * needed);
      page.copy(larger, 0, 0, pageBytes);
      page = larger;
    }
    const length = page.write(text, pageBytes + LENGTH_BYTES, "utf8");
    page.writeUInt32LE(length, pageBytes);
    bounds?.include(page, pageBytes + LENGTH_BYTES, pageBytes + LENGTH_BYTES + length);
    pageBytes += LENGTH_BYTES + length;
  };

  const closePage = (): void => {
    if (definitions.length === 0) return;
    levels.index = 0;
    const repetitionBytes = writeRleBitPackedHybrid(levels, repetitions, repetitionWidth);
    const definitionBytes = writeRleBitPackedHybrid(levels, definitions, definitionWidth);
    const nulls = definitions.filter((level) => level < most).length;
    const packed = compress(page.subarray(0, pageBytes));
    const start = body.index;
    writePageHeader(body, {
      type: "DATA_PAGE_V2",
      uncompressed_page_size: levels.index + pageBytes,
      compressed_page_size: levels.index + packed.byteLength,
      data_page_header_v2: {
        num_values: definitions.length,
        num_nulls: nulls,
        num_rows: repetitions.filter((level) => level === 0).length,
        encoding: "PLAIN",
        definition_levels_byte_length: definitionBytes,
        repetition_levels_byte_length: repetitionBytes,
        is_compressed: true,
      },
    });
    counts = {
      pages: counts.pages + 1,
      values: counts.values + definitions.length,
      nulls: counts.nulls + nulls,
      unpacked: counts.unpacked + body.index - start + levels.index + pageBytes,
    };
    body.appendBytes(levels.getBytes());
    body.appendBytes(packed);
    pageBytes = 0;
    repetitions = [];
    definitions = [];
  };

  return {
    add: ({ values, definitionLevels, repetitionLevels }: LeveledValues) => {
      for (let slot = 0; slot < values.length; slot++) {
        const text = values[slot];
        const repetition = repetitionLevels[slot] ?? 0;
        // Readers of version 2 pages rely on a page starting with a row.
        if (pageBytes >= PAGE_BYTES && repetition === 0) closePage();
        repetitions.push(repetition);
        definitions.push(definitionLevels[slot] ?? most);
        if (typeof text === "string") append(text);
      }
    },
    finish: (writer): ColumnChunk => {
      closePage();
      const offset = BigInt(writer.offset);
      writer.appendBytes(body.getBytes());
      const { pages, values, nulls, unpacked } = counts;
      const chunk: ColumnChunk = {
        file_offset: offset,
        meta_data: {
          type: "BYTE_ARRAY",
          encodings: ["PLAIN"],
          path_in_schema: path.slice(1).map(({ element }) => element.name),
          codec,
          num_values: BigInt(values),
          total_compressed_size: BigInt(body.index),
          total_uncompressed_size: BigInt(unpacked),
          data_page_offset: offset,
          statistics: { null_count: BigInt(nulls), ...bounds?.take() },
          encoding_stats: [{ page_type: "DATA_PAGE_V2", encoding: "PLAIN", count: pages }],
        },
      };
      body.index = 0;
      counts = { pages: 0, values: 0, nulls: 0, unpacked: 0 };
      return chunk;
    },
  };
}

/** The least and greatest text of a chunk in the order of UTF-8 bytes, as Parquet wants it. */
function textBounds() {
  let least: Buffer | null = null;
  let greatest: Buffer | null = null;
  return {
    include: (page: Buffer, start: number, end: number): void => {
      if (least === null || page.compare(least, 0, least.length, start, end) < 0) {
        least = Buffer.from(page.subarray(start, end));
      }
      if (greatest === null || page.compare(greatest, 0, greatest.length, start, end) > 0) {
        greatest = Buffer.from(page.subarray(start, end));
      }
    },
    /** Gives the bounds and forgets them; nothing when there was no text. */
    take: (): { min_value?: Uint8Array; max_value?: Uint8Array } => {
      const taken = least && greatest ? { min_value: least, max_value: greatest } : {};
      least = null;
      greatest = null;
      return taken;
    },
  };
}

function bitsFor(most: number): number {
  return Math.ceil(Math.log2(most + 1));
}
