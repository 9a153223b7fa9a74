import { cacheDirectory, openDatabase, openDiskCache } from "../core/disk-cache.ts";
import type { Json } from "../core/types.ts";
import type { Usage } from "./ports.ts";

const FILE = "replies.lmdb";
const WHAT = "reply cache";

/** What is kept of one finished call. */
export interface CachedReply {
  readonly reply: Json;
  readonly usage: Usage;
}

/** The port to kept replies. Several processes may share one cache. */
export interface ReplyCache {
  /** null: not there, or damaged, which is a miss. newest: also what another process has kept in this very moment. */
  get(key: string, newest?: boolean): CachedReply | null;
  /**
   * Can be read here at once. Resolves when the reply outlives this process, however that ends. Does not reject: a reply
   * that was paid for is used even when it cannot be kept; `flush` then tells.
   */
  put(key: string, value: CachedReply): Promise<void>;
  /** Resolves when all is on the disk. Rejects with `cache_unavailable` when any put was lost. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** The persistent cache: `replies.lmdb` in the cache directory. Throws `cache_unavailable`. */
export function openReplyCache(directory: string = cacheDirectory()): ReplyCache {
  const cache = openDiskCache(directory, FILE, WHAT);
  return {
    get: (key, newest) => readReply(cache.get(key, newest)),
    put: (key, value) => cache.put(key, JSON.stringify(value)),
    flush: cache.flush,
    close: cache.close,
  };
}

/** A cache that lives as long as the process. */
export function memoryReplyCache(): ReplyCache & { readonly size: number } {
  const entries = new Map<string, string>();
  return {
    get size() {
      return entries.size;
    },
    get: (key) => readReply(entries.get(key)),
    put: async (key, value) => {
      entries.set(key, JSON.stringify(value));
    },
    flush: async () => {},
    close: async () => {},
  };
}

/** Every entry that can be read, streamed in the order of keys. */
export async function* readReplies(
  directory: string = cacheDirectory(),
): AsyncGenerator<{ readonly key: string } & CachedReply> {
  const database = openDatabase(directory, FILE, WHAT);
  try {
    for (const { key, value } of database.getRange()) {
      const found = readReply(value);
      if (found !== null) yield { key, ...found };
    }
  } finally {
    await database.close();
  }
}

/** Removes every reply; returns how many there were. */
export async function clearReplies(directory: string = cacheDirectory()): Promise<number> {
  const database = openDatabase(directory, FILE, WHAT);
  try {
    const count = database.getCount();
    await database.clearAsync();
    await database.flushed;
    return count;
  } finally {
    await database.close();
  }
}

/** An entry's text as {reply, usage}; null when it is not one. */
export function readReply(text: string | undefined): CachedReply | null {
  if (text === undefined) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isCachedReply(value) ? { reply: value.reply, usage: value.usage } : null;
}

function isCachedReply(value: unknown): value is CachedReply {
  if (typeof value !== "object" || value === null || !("reply" in value) || !("usage" in value)) return false;
  const { usage } = value;
  if (typeof usage !== "object" || usage === null) return false;
  const { promptTokens, outputTokens, cachedTokens } = usage as Record<string, unknown>;
  return isCount(promptTokens) && isCount(outputTokens) && isCount(cachedTokens ?? null);
}

function isCount(value: unknown): boolean {
  return value === null || (typeof value === "number" && Number.isFinite(value));
}
