import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** A whole line, without its end, and where it begins. */
export interface LineBytes {
  readonly bytes: Buffer;
  readonly at: number;
}

/** The whole lines of a file from byte `from` on, read piece by piece; what stands behind the last newline is none. */
export async function* wholeLines(handle: FileHandle, from: number): AsyncGenerator<LineBytes> {
  let at = from;
  let pieces: Buffer[] = [];
  let position = from;
  for (;;) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    const chunk = buffer.subarray(0, bytesRead);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const bytes = Buffer.concat([...pieces, chunk.subarray(start, end)]);
      yield { bytes, at };
      at += bytes.length + 1;
      pieces = [];
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
}

/** Bytes of a file; fewer than asked for where it ends. */
export async function bytesAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
