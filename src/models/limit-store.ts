import { cacheDirectory, openPassing } from "../core/disk-cache.ts";
import { reasonOf } from "../core/errors.ts";
import { contentHash } from "../core/ids.ts";
import { freshPace, type PaceState } from "./pace.ts";

/** Of one limit key, what processes tell each other. */
export interface SharedLimits {
  readonly pace: PaceState;
  /** Calls in flight that the server was last found to bear; null while none was refused. What a new process starts with. */
  readonly concurrency: number | null;
}

/** The port to the limits that processes share. Never fails: without its file a process goes on alone. */
export interface LimitStore {
  /** null: nothing known. */
  read(limitKey: string): SharedLimits | null;
  /** Changes what is kept, and no other process can come between reading and writing. `change` returns null to leave it. */
  update(limitKey: string, change: (limits: SharedLimits | null) => SharedLimits | null): void;
  close(): Promise<void>;
}

export function memoryLimitStore(): LimitStore {
  const entries = new Map<string, SharedLimits>();
  return {
    read: (limitKey) => entries.get(limitKey) ?? null,
    update: (limitKey, change) => {
      const changed = change(entries.get(limitKey) ?? null);
      if (changed !== null) entries.set(limitKey, changed);
    },
    close: async () => {},
  };
}

/**
 * The limits of all processes that use one cache directory: `limits.lmdb` there. When the file cannot be used, `warn` is
 * told once, and this process goes on with limits of its own.
 */
export function openLimitStore(
  directory: string = cacheDirectory(),
  warn: (message: string) => void = () => {},
): LimitStore {
  let current = memoryLimitStore();
  current = openShared(directory, (error) => {
    current = memoryLimitStore();
    warn(
      `the limit file in ${directory} cannot be used: ${reasonOf(error)}. This process minds rate limits alone.`,
    );
    return current;
  });
  return {
    read: (limitKey) => current.read(limitKey),
    update: (limitKey, change) => current.update(limitKey, change),
    close: () => current.close(),
  };
}

function openShared(directory: string, giveUp: (error: unknown) => LimitStore): LimitStore {
  const keys = new Map<string, string>();
  const keyOf = (limitKey: string): string => {
    const known = keys.get(limitKey) ?? contentHash(limitKey);
    keys.set(limitKey, known);
    return known;
  };
  try {
    const database = openPassing(directory, "limits.lmdb");
    return {
      read: (limitKey) => {
        try {
          return readLimits(database.get(keyOf(limitKey)));
        } catch (error) {
          return giveUp(error).read(limitKey);
        }
      },
      update: (limitKey, change) => {
        const key = keyOf(limitKey);
        try {
          database.transactionSync(() => {
            const changed = change(readLimits(database.get(key)));
            if (changed !== null) database.putSync(key, JSON.stringify(changed));
          });
        } catch (error) {
          giveUp(error).update(limitKey, change);
        }
      },
      close: () => database.close(),
    };
  } catch (error) {
    return giveUp(error);
  }
}

const EXAMPLE = freshPace(0);
const NULLABLE: ReadonlySet<string> = new Set(["learnedRate", "requestRate", "tokenRate", "emptyAt"]);

/** null for anything that is not what we wrote: another version's, or damaged. */
function readLimits(text: string | undefined): SharedLimits | null {
  if (text === undefined) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { pace, concurrency } = (value ?? {}) as Record<string, unknown>;
  if (typeof pace !== "object" || pace === null) return null;
  const fields = pace as Record<string, unknown>;
  const isWhole = Object.keys(EXAMPLE).every(
    (name) => Number.isFinite(fields[name]) || (fields[name] === null && NULLABLE.has(name)),
  );
  const isCount = concurrency === null || Number.isFinite(concurrency);
  return isWhole && isCount ? (value as SharedLimits) : null;
}
