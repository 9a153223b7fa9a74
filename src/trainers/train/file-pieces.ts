import type { Files } from "../../core/files.ts";

/** Many files may be read at once, and each holds one piece. */
const PIECE = 1 << 16;

/** The bytes of a file, piece by piece. */
export async function* filePieces(files: Files, path: string): AsyncGenerator<Uint8Array> {
  const reader = await files.open(path);
  try {
    for (let offset = 0; offset < reader.bytes; offset += PIECE)
      yield await reader.read(offset, Math.min(PIECE, reader.bytes - offset));
  } finally {
    await reader.close();
  }
}
