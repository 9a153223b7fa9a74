import { closeSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { PrefkitError, reasonOf } from "./errors.ts";

/** Where caches live: PREFKIT_CACHE_DIR, else XDG_CACHE_HOME/prefkit, else ~/.cache/prefkit. */
export function cacheDirectory(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (environment.PREFKIT_CACHE_DIR) return environment.PREFKIT_CACHE_DIR;
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "prefkit");
}

/** Texts under keys, in one lmdb file. Several processes may share it. */
export interface DiskCache {
  /** newest: also what another process has committed since this turn of the event loop began. */
  get(key: string, newest?: boolean): string | undefined;
  /**
   * Can be read here at once. Resolves when the text is committed, some milliseconds later: from then on other processes
   * read it, and it outlives this one however that ends. Never rejects; what was lost is told by `flush`.
   */
  put(key: string, text: string): Promise<void>;
  /** Resolves when all is on the disk. Rejects with `cache_unavailable` when any put was lost. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Puts of this long are committed together: a commit for each would take most of the time that a call costs us. */
const BATCH_MS = 10;

/** @param what as errors name it: "score cache" */
export function openDiskCache(directory: string, file: string, what: string): DiskCache {
  const database = openDatabase(directory, file, what);
  let lost: unknown = null;
  // What others cannot see yet is seen here, so that the same question is not paid for again in between.
  const uncommitted = new Map<string, string>();
  let batch: Map<string, string> = new Map();
  let committing: Promise<void> | null = null;
  let commitNow = (): void => {};

  const write = async (texts: ReadonlyMap<string, string>): Promise<void> => {
    try {
      await Promise.all([...texts].map(([key, text]) => database.put(key, text)));
    } catch (error) {
      lost = error;
    }
    for (const [key, text] of texts) if (uncommitted.get(key) === text) uncommitted.delete(key);
  };

  /** Resolves when what is in the batch, and what joins it in the next moments, is committed. */
  const nextCommit = (): Promise<void> => {
    committing ??= new Promise<void>((resolve) => {
      const timer = setTimeout(() => commitNow(), BATCH_MS);
      commitNow = () => {
        clearTimeout(timer);
        commitNow = () => {};
        committing = null;
        const texts = batch;
        batch = new Map();
        resolve(write(texts));
      };
    });
    return committing;
  };

  const commitAll = async (): Promise<void> => {
    const last = committing;
    commitNow();
    await last;
    await database.flushed;
  };

  return {
    get: (key, newest = false) => {
      if (newest) database.resetReadTxn();
      return uncommitted.get(key) ?? database.get(key);
    },
    put: (key, text) => {
      uncommitted.set(key, text);
      batch.set(key, text);
      return nextCommit();
    },
    flush: async () => {
      await commitAll();
      if (lost !== null) throw unavailable(directory, what, lost);
    },
    close: async () => {
      await commitAll();
      await database.close();
    },
  };
}

/** The database itself, for reading through and for clearing. Throws `cache_unavailable`. */
export function openDatabase(directory: string, file: string, what: string): RootDatabase<string, string> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    checkDatabase(join(directory, file));
    return open<string, string>({ path: join(directory, file), encoding: "string", noSubdir: true });
  } catch (cause) {
    throw unavailable(directory, what, cause);
  }
}

/**
 * A database for what processes tell each other at this moment: made where it is not there, and nothing of it is waited for on its
 * way to the disk, as it is worth nothing after a power cut. Throws lmdb's own errors, and those of the file system.
 */
export function openPassing(directory: string, file: string): RootDatabase<string, string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, file);
  checkDatabase(path);
  return open<string, string>({
    path,
    encoding: "string",
    noSubdir: true,
    noSync: true,
    overlappingSync: false,
  });
}

/** What an lmdb file starts with, at byte 24: 0xbeefc0de. Its first two pages are written at once. */
const MAGIC = [0xde, 0xc0, 0xef, 0xbe];
const MAGIC_AT = 24;
const LEAST_BYTES = 8192;

/**
 * Throws when the file is there and is no database: lmdb would end the whole process on one. Absent or empty is fine: it
 * is then made.
 */
export function checkDatabase(path: string): void {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    if (size === 0) return;
    const found = new Uint8Array(MAGIC.length);
    readSync(file, found, 0, MAGIC.length, MAGIC_AT);
    if (size >= LEAST_BYTES && MAGIC.every((byte, at) => found[at] === byte)) return;
  } finally {
    closeSync(file);
  }
  throw new Error(`${path} is damaged, or no lmdb database; remove it, and it is made anew`);
}

function unavailable(directory: string, what: string, cause: unknown): PrefkitError {
  return new PrefkitError(
    "cache_unavailable",
    `the ${what} in ${directory} cannot be used: ${reasonOf(cause)}.`,
    "set PREFKIT_CACHE_DIR to a writable directory on a local disk.",
    { cause },
  );
}
