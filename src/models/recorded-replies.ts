import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { ioError, PrefkitError } from "../core/errors.ts";
import {
  type CachedReply,
  memoryReplyCache,
  type ReplyCache,
  readReplies,
  readReply,
} from "./reply-cache.ts";

/**
 * A reply cache from a file of JSON Lines {key, reply, usage}, as `exportReplies` writes it. Nothing is added to the
 * file; what is put is kept as long as the process. Reads the whole file into memory. A key that comes twice: the later
 * line counts.
 *
 * Throws `damaged_file` with the line that is not an entry, `io` when the file cannot be read.
 */
export async function recordedReplies(path: string): Promise<ReplyCache & { readonly size: number }> {
  const cache = memoryReplyCache();
  let line = 0;
  try {
    const lines = createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity });
    for await (const text of lines) {
      line += 1;
      if (text.trim() === "") continue;
      const { key, ...entry } = entryOf(text, path, line);
      await cache.put(key, entry);
    }
  } catch (error) {
    throw error instanceof PrefkitError ? error : ioError("read", path, error);
  }
  return cache;
}

function entryOf(text: string, path: string, line: number): { readonly key: string } & CachedReply {
  const found = readReply(text);
  const key = found && (JSON.parse(text) as { key?: unknown }).key;
  if (found && typeof key === "string") return { key, ...found };
  throw new PrefkitError(
    "damaged_file",
    "this line is not a recorded reply {key, reply, usage}.",
    "write the file again with `prefkit cache export --replies`.",
    { place: { file: path, line } },
  );
}

/** The lines of a recording, one per cached reply, each with its line end: write them to a file and replay it. */
export async function* exportReplies(
  entries: AsyncIterable<{ readonly key: string } & CachedReply> = readReplies(),
): AsyncGenerator<string> {
  for await (const { key, reply, usage } of entries) yield `${JSON.stringify({ key, reply, usage })}\n`;
}
