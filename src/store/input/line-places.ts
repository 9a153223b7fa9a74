import { open } from "node:fs/promises";
import { ioError, PrefkitError } from "../../core/errors.ts";

/**
 * Line numbers of byte offsets in one file. A byte offset alone does not tell its line, so passes note some offsets as
 * they go (one per batch), and lines are counted from the nearest one.
 */
export interface LinePlaces {
  /** Says that line `line` (from 1) starts at `offset`. */
  note(offset: number, line: number): void;
  /** The line that starts at `offset`. Throws `plan_changed` when no line starts there. */
  lineAt(file: { readonly absolute: string; readonly path: string }, offset: number): Promise<number>;
}

const NEWLINE = 10;
const CHUNK_BYTES = 2 ** 20;

export function linePlaces(): LinePlaces {
  const offsets: number[] = [0];
  const lines: number[] = [1];

  /** Index of the last noted offset that is not beyond `offset`. */
  const nearest = (offset: number): number => {
    let low = 0;
    let high = offsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((offsets[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  return {
    note: (offset, line) => {
      if (offset > (offsets.at(-1) ?? 0)) {
        offsets.push(offset);
        lines.push(line);
      }
    },
    lineAt: async (file, offset) => {
      if (offset === 0) return 1;
      const known = nearest(offset);
      const from = offsets[known] ?? 0;
      const line = lines[known] ?? 1;
      if (from === offset) return line;
      const { newlines, last } = await countNewlines(file.absolute, from, offset);
      if (last !== NEWLINE) {
        throw new PrefkitError(
          "plan_changed",
          `${file.path} has no line that starts at byte ${offset}.`,
          "the file changed since it was planned: start over with the files as they are now.",
        );
      }
      return line + newlines;
    },
  };
}

/** Newlines in bytes [from, to), and the last byte there (-1 when the file ends before). */
async function countNewlines(path: string, from: number, to: number) {
  try {
    const handle = await open(path, "r");
    try {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      let newlines = 0;
      let last = -1;
      for (let offset = from; offset < to; ) {
        const wanted = Math.min(CHUNK_BYTES, to - offset);
        const { bytesRead } = await handle.read(buffer, 0, wanted, offset);
        if (bytesRead === 0) return { newlines, last: -1 };
        const chunk = buffer.subarray(0, bytesRead);
        for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) newlines += 1;
        last = chunk[bytesRead - 1] ?? -1;
        offset += bytesRead;
      }
      return { newlines, last };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw ioError("read", path, error);
  }
}
