import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { ioError, PrefkitError, reasonOf } from "../../core/errors.ts";
import type { SourceFile } from "./source.ts";

const CHUNK_BYTES = 2 ** 20;

/** Whether the file starts as gzip does. No text format can start with these two bytes. */
export async function isGzip(file: SourceFile): Promise<boolean> {
  const handle = await openHandle(file);
  try {
    const head = Buffer.alloc(2);
    const { bytesRead } = await handle.read(head, 0, 2, 0);
    return bytesRead === 2 && head[0] === 0x1f && head[1] === 0x8b;
  } catch (error) {
    throw ioError("read", file.path, error);
  } finally {
    await handle.close();
  }
}

/** The file's bytes from `start` on. A chunk is valid until the next is asked for: one buffer is used again and again. */
export async function* plainChunks(file: SourceFile, start: number): AsyncGenerator<Buffer> {
  const handle = await openHandle(file);
  try {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (let offset = start; ; ) {
      const { bytesRead } = await readInto(handle, buffer, offset, file);
      if (bytesRead === 0) return;
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** The decompressed bytes of a gzip file. Throws `unreadable_input` when the stream is cut off or damaged. */
export async function* gzipChunks(file: SourceFile): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 2 ** 18 });
  const source = createReadStream(file.absolute);
  // The callback has nothing to do: `pipeline` destroys `gunzip` with the error, and the loop below throws it.
  pipeline(source, gunzip, () => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!code.startsWith("Z_")) throw ioError("read", file.path, error);
    throw new PrefkitError(
      "unreadable_input",
      `the gzip data is damaged or cut off: ${reasonOf(error, 120)}.`,
      "fetch or compress the file again; `gzip -t` tells whether it is whole.",
      { cause: error, place: { file: file.path } },
    );
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** The file's bytes from the beginning, decompressed when they are gzip. */
export async function* textChunks(file: SourceFile): AsyncGenerator<Buffer> {
  yield* (await isGzip(file)) ? gzipChunks(file) : plainChunks(file, 0);
}

export async function openHandle(file: SourceFile): Promise<FileHandle> {
  try {
    return await open(file.absolute, "r");
  } catch (error) {
    throw ioError("open", file.path, error);
  }
}

async function readInto(handle: FileHandle, buffer: Buffer, offset: number, file: SourceFile) {
  try {
    return await handle.read(buffer, 0, buffer.length, offset);
  } catch (error) {
    throw ioError("read", file.path, error);
  }
}
