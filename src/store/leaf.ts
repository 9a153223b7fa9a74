import type { ColumnChunk, CompressionCodec, SchemaTree } from "hyparquet";
import type { ByteWriter } from "hyparquet-writer";
import { writeColumn } from "hyparquet-writer/src/column.js";

/** A leaf's values with their Dremel levels, one entry per slot (null or undefined: no value there). */
export interface LeveledValues {
  readonly values: readonly unknown[];
  readonly definitionLevels: readonly number[];
  /** Empty for a leaf outside every list. */
  readonly repetitionLevels: readonly number[];
}

/** Gathers one leaf of the schema over a row group, then writes it as a column chunk and starts anew. */
export interface Leaf {
  add(values: LeveledValues): void;
  finish(writer: ByteWriter): ColumnChunk;
}

/** A leaf as hyparquet-writer writes it: a dictionary where that halves it, statistics, pages of 1 MB. */
export function plainLeaf(
  path: SchemaTree[],
  codec: CompressionCodec,
  compress: (page: Uint8Array) => Uint8Array,
  maxDefinitionLevel: number,
): Leaf {
  const schemaPath = path.map(({ element }) => element);
  const element = schemaPath.at(-1);
  if (!element) throw new Error("a leaf's path is empty");
  const column = {
    columnName: path.at(-1)?.path.join(".") ?? "",
    element,
    schemaPath,
    codec,
    compressors: { [codec]: compress },
    stats: true,
    pageSize: 1024 * 1024,
    columnIndex: false,
    offsetIndex: false,
  };
  let values: unknown[] = [];
  let definitionLevels: number[] = [];
  let repetitionLevels: number[] = [];
  return {
    add: (more) => {
      for (const value of more.values) values.push(value);
      for (const level of more.definitionLevels) definitionLevels.push(level);
      for (const level of more.repetitionLevels) repetitionLevels.push(level);
    },
    finish: (writer) => {
      const pageData = { values, definitionLevels, repetitionLevels, maxDefinitionLevel };
      const { chunk } = writeColumn({ writer, column, pageData });
      values = [];
      definitionLevels = [];
      repetitionLevels = [];
      return chunk;
    },
  };
}
