import { join } from "node:path";
import type { Files, FileWriter } from "../../core/files.ts";
import type { Json } from "../../core/types.ts";
import { linesOf } from "./events.ts";
import { filePieces } from "./file-pieces.ts";

/**
 * Values in several files, so that what is too much for memory as a whole is looked at one part after the other. Each part keeps
 * the order in which its values came.
 */
export interface Spill<Value extends Json> {
  add(part: number, value: Value): void;
  /** Writes what was added; to be called for every few thousand values. */
  flush(): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
  /** Only after `close`. */
  read(part: number): AsyncGenerator<Value>;
}

/** @param name of the files, `<name>-<part>.jsonl` in `directory`; a part without values has none */
export function createSpill<Value extends Json>(files: Files, directory: string, name: string): Spill<Value> {
  const writers = new Map<number, FileWriter>();
  const texts = new Map<number, string>();
  const pathOf = (part: number): string => join(directory, `${name}-${part}.jsonl`);
  const writerOf = async (part: number): Promise<FileWriter> => {
    const known = writers.get(part) ?? (await files.create(pathOf(part)));
    writers.set(part, known);
    return known;
  };
  return {
    add: (part, value) => {
      texts.set(part, `${texts.get(part) ?? ""}${JSON.stringify(value)}\n`);
    },
    flush: async () => {
      for (const [part, text] of texts) await (await writerOf(part)).write(text);
      texts.clear();
    },
    close: async () => {
      for (const writer of writers.values()) await writer.close();
    },
    abort: async () => {
      for (const writer of writers.values()) await writer.abort();
    },
    read: async function* (part) {
      if (!writers.has(part)) return;
      for await (const line of linesOf(filePieces(files, pathOf(part)))) yield JSON.parse(line) as Value;
    },
  };
}
