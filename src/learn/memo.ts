import { type FileHandle, open, readFile } from "node:fs/promises";
import { ioError, PrefkitError } from "../core/errors.ts";
import { contentHash } from "../core/ids.ts";
import type { Json } from "../core/types.ts";

/** What the stages of a long piece of work have found so far. */
export interface Memo {
  /** What is kept under (stage, key); else what `make` gives, kept before it is returned. What `make` throws is not kept. */
  recall<T extends Json>(stage: string, key: string, make: () => Promise<T>): Promise<T>;
  /** Entries that were found and not made. */
  readonly recalled: number;
  close(): Promise<void>;
}

/** A memo for as long as the process. */
export function memoryMemo(): Memo {
  return memoOver(
    new Map(),
    async () => {},
    async () => {},
  );
}

/**
 * A memo in a file of JSON Lines, to which entries are only ever appended, one after the other: killed at any moment, it
 * holds all entries but at most the one being written, whose torn line is cut off. The first line holds a hash of `work`,
 * all that decides the entries (inputs, options, models, prompts). Two processes must not share the file.
 *
 * Throws `plan_changed` when the file was begun for other work or is no memo, `damaged_file` for a line inside the file that
 * is no entry, `io`. After a failed write nothing more is kept, and every `recall` that would have to make something throws
 * that error.
 */
export async function openMemo(file: string, work: Json): Promise<Memo> {
  const header = `${JSON.stringify({ memo: 1, work: contentHash(work) })}\n`;
  const { entries, whole } = parseMemo(await bytesOf(file), header, file);
  let handle: FileHandle;
  try {
    handle = await open(file, whole === 0 ? "w" : "r+");
    await handle.truncate(whole);
  } catch (error) {
    throw ioError("open", file, error);
  }
  let at = whole;
  let queue: Promise<void> = Promise.resolve();
  // In turn: of two writes at a time, the second could be on the disk without the first, which would be a hole.
  const append = (line: string): Promise<void> => {
    queue = queue.then(async () => {
      try {
        const bytes = Buffer.from(line);
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
          done += bytesWritten;
        }
        at += bytes.length;
      } catch (error) {
        throw ioError("write", file, error);
      }
    });
    return queue;
  };
  if (whole === 0) {
    try {
      await append(header);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
  return memoOver(entries, append, () => handle.close());
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw ioError("read", file, error);
  }
}

/** The entries, and how many bytes of the file are whole lines. */
function parseMemo(
  bytes: Buffer,
  header: string,
  file: string,
): { readonly entries: Map<string, Json>; readonly whole: number } {
  const entries = new Map<string, Json>();
  const whole = bytes.lastIndexOf("\n") + 1;
  // Killed while the very first line was written.
  if (whole === 0 && header.startsWith(bytes.toString("utf8"))) return { entries, whole };
  const [first = "", ...lines] = bytes
    .subarray(0, Math.max(0, whole - 1))
    .toString("utf8")
    .split("\n");
  if (`${first}\n` !== header) {
    throw new PrefkitError(
      "plan_changed",
      `${file} was begun with other inputs, options or models.`,
      "give the same ones to go on, name another directory, or delete the file to begin anew.",
    );
  }
  for (const [index, line] of lines.entries()) {
    const entry = entryOf(line);
    if (entry === null) {
      throw new PrefkitError(
        "damaged_file",
        "this line is no entry of a memo.",
        "delete the file to begin anew; replies of models that are in the cache are not paid for again.",
        { place: { file, line: index + 2 } },
      );
    }
    entries.set(entry.key, entry.value);
  }
  return { entries, whole };
}

function entryOf(line: string): { readonly key: string; readonly value: Json } | null {
  let entry: { readonly key?: unknown; readonly value?: Json } | null;
  try {
    entry = JSON.parse(line) as typeof entry;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  return typeof entry?.key === "string" && entry.value !== undefined
    ? { key: entry.key, value: entry.value }
    : null;
}

function memoOver(
  entries: Map<string, Json>,
  append: (line: string) => Promise<void>,
  close: () => Promise<void>,
): Memo {
  const underWay = new Map<string, Promise<Json>>();
  let recalled = 0;
  return {
    get recalled() {
      return recalled;
    },
    async recall<T extends Json>(stage: string, name: string, make: () => Promise<T>): Promise<T> {
      const key = JSON.stringify([stage, name]);
      const known = entries.get(key);
      if (known !== undefined) {
        recalled += 1;
        return known as T;
      }
      const before = underWay.get(key);
      if (before) return (await before) as T;
      const making = (async () => {
        // As it will be read again: what JSON cannot say must not make the first time differ from the next.
        const value = JSON.parse(JSON.stringify(await make())) as Json;
        await append(`${JSON.stringify({ key, value })}\n`);
        entries.set(key, value);
        return value;
      })();
      underWay.set(key, making);
      try {
        return (await making) as T;
      } finally {
        underWay.delete(key);
      }
    },
    async close() {
      await Promise.allSettled(underWay.values());
      await close();
    },
  };
}
