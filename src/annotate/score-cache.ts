import type { RootDatabase } from "lmdb";
import { cacheDirectory, openDatabase, openDiskCache } from "../core/disk-cache.ts";
import { contentHash, imageHash, messageRecord } from "../core/ids.ts";
import type { Group, Json, Score } from "../core/types.ts";

const FILE = "scores.lmdb";
const WHAT = "score cache";

/** What is kept for one paid call: the scores of one scorer for one group. */
export interface CachedScores {
  readonly scorer: string;
  readonly promptId: string;
  readonly scores: readonly Score[];
}

/**
 * The port to the persistent score cache. What is put can be read here at once; when the promise of `put` resolves it is
 * durable, and other processes that share the cache read it.
 */
export interface ScoreCache {
  get(key: string): CachedScores | null;
  put(key: string, value: CachedScores): Promise<void> | void;
  /** Rejects with `cache_unavailable` when any put since the last flush was lost. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Everything that determines a paid score: the scorer with its options and models, and the group's content. Ids only where
 * the scorer's numbers depend on them: to the others the same content under another id is the same question.
 */
export function scoreKey(identity: Json, group: Group, usesIds = false): string {
  return contentHash({
    identity,
    group: groupContent(group),
    ...(usesIds && { ids: [idsOf(group), group.sibling ? idsOf(group.sibling) : null] }),
  });
}

function idsOf({ prompt, responses }: Pick<Group, "prompt" | "responses">): Json {
  return [prompt.id, responses.map(({ id }) => id)];
}

/** A group as a scorer sees it, without ids. */
function groupContent(group: Group | Omit<Group, "sibling">): Json {
  const { prompt } = group;
  return {
    messages: prompt.messages.map(messageRecord),
    reference: prompt.reference,
    tools: prompt.tools ?? null,
    images: (prompt.images ?? []).map(imageHash),
    metadata: prompt.metadata,
    responses: group.responses.map(({ id: _id, ...content }) => content as unknown as Json),
    sibling: "sibling" in group && group.sibling ? groupContent(group.sibling) : null,
  };
}

export { cacheDirectory };

export function openScoreCache(directory: string = cacheDirectory()): ScoreCache {
  const cache = openDiskCache(directory, FILE, WHAT);
  return {
    get: (key) => {
      const text = cache.get(key);
      return text === undefined ? null : (JSON.parse(text) as CachedScores);
    },
    put: (key, value) => cache.put(key, JSON.stringify(value)),
    flush: cache.flush,
    close: cache.close,
  };
}

/** A cache that lives as long as the process; for tests and for `--no-cache`. */
export function memoryScoreCache(): ScoreCache & { readonly size: number } {
  const entries = new Map<string, CachedScores>();
  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key) ?? null,
    put: (key, value) => {
      entries.set(key, value);
    },
    flush: async () => {},
    close: async () => {},
  };
}

export interface CacheSummary {
  readonly directory: string;
  readonly entries: number;
  readonly bytes: number;
  readonly scorers: Readonly<Record<string, number>>;
}

/** Counts what the cache holds, by scorer. */
export async function summarizeCache(directory: string = cacheDirectory()): Promise<CacheSummary> {
  const database = openScores(directory);
  const scorers: Record<string, number> = {};
  let entries = 0;
  let bytes = 0;
  try {
    for (const { value } of database.getRange()) {
      const { scorer } = JSON.parse(value) as CachedScores;
      scorers[scorer] = (scorers[scorer] ?? 0) + 1;
      entries += 1;
      bytes += value.length;
    }
  } finally {
    await database.close();
  }
  return { directory, entries, bytes, scorers };
}

/** Every entry, streamed; for export and for looking. */
export async function* readCache(
  directory: string = cacheDirectory(),
): AsyncGenerator<{ key: string } & CachedScores> {
  const database = openScores(directory);
  try {
    for (const { key, value } of database.getRange()) yield { key, ...(JSON.parse(value) as CachedScores) };
  } finally {
    await database.close();
  }
}

/** Removes entries, all of them or those of one scorer; returns how many. */
export async function clearCache(directory: string = cacheDirectory(), scorer?: string): Promise<number> {
  const database = openScores(directory);
  try {
    const keys: string[] = [];
    for (const { key, value } of database.getRange()) {
      if (scorer === undefined || (JSON.parse(value) as CachedScores).scorer === scorer) keys.push(key);
    }
    for (const key of keys) void database.remove(key);
    await database.flushed;
    return keys.length;
  } finally {
    await database.close();
  }
}

function openScores(directory: string): RootDatabase<string, string> {
  return openDatabase(directory, FILE, WHAT);
}
