import { type FileHandle, open } from "node:fs/promises";
import { ioError, PrefkitError } from "../core/errors.ts";
import { contentHash } from "../core/ids.ts";
import type { Json } from "../core/types.ts";
import { type EntryPlace, memoIndex } from "./memo-index.ts";
import { bytesAt, wholeLines } from "./memo-lines.ts";

/** What the stages of a long piece of work have found so far. */
export interface Memo {
  /** What is kept under (stage, key); else what `make` gives, kept before it is returned. What `make` throws is not kept. */
  recall<T extends Json>(stage: string, key: string, make: () => Promise<T>): Promise<T>;
  /** Entries that were found and not made. */
  readonly recalled: number;
  close(): Promise<void>;
}

/** Where entries are kept. */
interface Entries {
  /** undefined, at once: there is none. */
  get(key: string): Promise<Json | undefined> | Json | undefined;
  add(key: string, value: Json): Promise<void>;
  close(): Promise<void>;
}

/** A memo for as long as the process. */
export function memoryMemo(): Memo {
  const entries = new Map<string, Json>();
  return memoOver({
    get: (key) => entries.get(key),
    add: async (key, value) => {
      entries.set(key, value);
    },
    close: async () => {},
  });
}

/**
 * A memo in a file of JSON Lines, to which entries are only ever appended, one after the other: killed at any moment, it
 * holds all entries but at most the one being written, whose torn line is cut off. The first line holds a hash of `work`,
 * all that decides the entries (inputs, options, models, prompts). Two processes must not share the file.
 *
 * Only where entries stand is held in memory, 40 to 80 bytes for each: a value is read from the file when it is recalled.
 *
 * Throws `plan_changed` when the file was begun for other work or is no memo, `damaged_file` for a line inside the file that
 * is no entry, `io`. After a failed write nothing more is kept, and every `recall` that would have to make something throws
 * that error.
 */
export async function openMemo(file: string, work: Json): Promise<Memo> {
  const header = Buffer.from(`${JSON.stringify({ memo: 1, work: contentHash(work) })}\n`);
  const handle = await opened(file);
  try {
    return memoOver(await fileEntries(handle, header, file));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r+").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return open(file, "wx+");
    });
  } catch (error) {
    throw ioError("open", file, error);
  }
}

async function fileEntries(handle: FileHandle, header: Buffer, file: string): Promise<Entries> {
  const index = memoIndex();
  const attempt = async <T>(action: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw error instanceof PrefkitError ? error : ioError(action, file, error);
    }
  };
  let at = 0;
  let queue: Promise<void> = Promise.resolve();
  // In turn: of two writes at a time, the second could be on the disk without the first, which would be a hole.
  const append = (bytes: Buffer, done: (place: EntryPlace) => void): Promise<void> => {
    queue = queue.then(() =>
      attempt("write", async () => {
        for (let written = 0; written < bytes.length; ) {
          written += (await handle.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
        }
        done({ at, length: bytes.length - 1 });
        at += bytes.length;
      }),
    );
    return queue;
  };
  at = await attempt("read", () => gather(handle, header, file, (key, place) => index.add(key, place)));
  await attempt("write", () => handle.truncate(at));
  if (at === 0) await append(header, () => {});
  return {
    get: (key) => {
      const places = index.places(key);
      if (places.length === 0) return undefined;
      return attempt("read", async () => {
        for (const { at: start, length } of places) {
          const entry = entryOf(await bytesAt(handle, start, length));
          if (entry === null) throw damaged({ file });
          if (entry.key === key) return entry.value;
        }
        return undefined;
      });
    },
    add: (key, value) =>
      append(Buffer.from(`${JSON.stringify({ key, value })}\n`), (place) => index.add(key, place)),
    close: () => handle.close(),
  };
}

/** Tells where each entry stands; how many bytes of the file are whole lines. */
async function gather(
  handle: FileHandle,
  header: Buffer,
  file: string,
  found: (key: string, place: EntryPlace) => void,
): Promise<number> {
  const first = await bytesAt(handle, 0, header.length);
  // Killed while the very first line was written.
  if (first.length < header.length && header.subarray(0, first.length).equals(first)) return 0;
  if (!first.equals(header)) {
    throw new PrefkitError(
      "plan_changed",
      `${file} was begun with other inputs, options or models.`,
      "give the same ones to go on, name another directory, or delete the file to begin anew.",
    );
  }
  let whole = header.length;
  let line = 1;
  for await (const { bytes, at } of wholeLines(handle, header.length)) {
    line += 1;
    const entry = entryOf(bytes);
    if (entry === null) throw damaged({ file, line });
    found(entry.key, { at, length: bytes.length });
    whole = at + bytes.length + 1;
  }
  return whole;
}

function damaged(place: { readonly file: string; readonly line?: number }): PrefkitError {
  return new PrefkitError(
    "damaged_file",
    "this line is no entry of a memo.",
    "delete the file to begin anew; replies of models that are in the cache are not paid for again.",
    { place },
  );
}

function entryOf(line: Buffer): { readonly key: string; readonly value: Json } | null {
  let entry: { readonly key?: unknown; readonly value?: Json } | null;
  try {
    entry = JSON.parse(line.toString("utf8")) as typeof entry;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  return typeof entry?.key === "string" && entry.value !== undefined
    ? { key: entry.key, value: entry.value }
    : null;
}

function memoOver(entries: Entries): Memo {
  const underWay = new Map<string, Promise<Json>>();
  let recalled = 0;
  const recallOrMake = async (key: string, make: () => Promise<Json>): Promise<Json> => {
    const found = entries.get(key);
    const known = found instanceof Promise ? await found : found;
    if (known !== undefined) {
      recalled += 1;
      return known;
    }
    // As it will be read again: what JSON cannot say must not make the first time differ from the next.
    const value = JSON.parse(JSON.stringify(await make())) as Json;
    await entries.add(key, value);
    return value;
  };
  return {
    get recalled() {
      return recalled;
    },
    async recall<T extends Json>(stage: string, name: string, make: () => Promise<T>): Promise<T> {
      const key = JSON.stringify([stage, name]);
      const before = underWay.get(key);
      if (before) return (await before) as T;
      const making = recallOrMake(key, make);
      underWay.set(key, making);
      try {
        return (await making) as T;
      } finally {
        underWay.delete(key);
      }
    },
    async close() {
      await Promise.allSettled(underWay.values());
      await entries.close();
    },
  };
}
