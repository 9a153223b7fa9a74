import { createHash } from "node:crypto";
import type { FileReader, Files } from "./files.ts";

const PIECE_BYTES = 1 << 20;

/** What is noted of a file once it is written or read whole. */
export interface FileDigest {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** sha256 of an open file in hex, read a piece at a time; of what was read so far once `stop` is aborted. Throws `io`. */
export async function digestOf(reader: FileReader, stop?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < reader.bytes && !stop?.aborted; offset += PIECE_BYTES) {
    hash.update(await reader.read(offset, Math.min(PIECE_BYTES, reader.bytes - offset)));
  }
  return hash.digest("hex");
}

/** Size and sha256 of a file. Throws `io`. */
export async function fileDigest(files: Files, path: string, stop?: AbortSignal): Promise<FileDigest> {
  const reader = await files.open(path);
  try {
    return { bytes: reader.bytes, sha256: await digestOf(reader, stop) };
  } finally {
    await reader.close();
  }
}

/** A file being written whose size and sha256 are known when it is closed. */
export interface DigestedWriter {
  readonly bytes: number;
  write(content: Uint8Array | string): Promise<void>;
  /** Flushes to the disk and closes. */
  close(): Promise<FileDigest>;
  /** Closes without promising anything; the caller removes the file. */
  abort(): Promise<void>;
}

/** Throws `io`, as every call on the writer does. */
export async function createDigested(files: Files, path: string): Promise<DigestedWriter> {
  const writer = await files.create(path);
  const hash = createHash("sha256");
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    write: async (content) => {
      const chunk = typeof content === "string" ? Buffer.from(content, "utf8") : content;
      hash.update(chunk);
      await writer.write(chunk);
      bytes += chunk.byteLength;
    },
    close: async () => {
      await writer.close();
      return { bytes, sha256: hash.digest("hex") };
    },
    abort: () => writer.abort(),
  };
}
