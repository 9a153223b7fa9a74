import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { RootDatabase } from "lmdb";
import { cacheDirectory, openPassing } from "../core/disk-cache.ts";
import { reasonOf } from "../core/errors.ts";
import { jsonOrNull } from "../core/json.ts";
import { isRunning } from "../core/processes.ts";
import { fieldsOf } from "./wire.ts";

/**
 * The port to who is asking what at this moment, among the processes that share a cache: a call that another one has sent
 * is waited for, not paid for again. Never fails: without its file a process asks for itself.
 */
export interface Claims {
  /** Whether this process may ask now; from then on no other may, until `release` or until this process is gone. */
  take(key: string): boolean;
  release(key: string): void;
  close(): Promise<void>;
}

const FILE = "claims.lmdb";
const CLAIM = "claim ";
const OWNER = "owner ";
const BEAT_MS = 10_000;
/** An owner that has not been heard of for so long is gone: suspended, or on a machine that is. */
const SILENT_MS = 60_000;

interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Milliseconds since 1970 of its last sign of life. */
  readonly beat: number;
}

const alone: Claims = { take: () => true, release: () => {}, close: async () => {} };

/**
 * The claims of all processes that use one cache directory: `claims.lmdb` there. When the file cannot be used, `warn` is
 * told once, and this process goes on as if it were alone.
 *
 * The claims of a process that was killed count no more: at once where it ran on this host, else after a minute.
 */
export function openClaims(
  directory: string = cacheDirectory(),
  warn: (message: string) => void = () => {},
): Claims {
  let current = alone;
  const attempted = <Value>(work: () => Value, otherwise: Value): Value => {
    try {
      return work();
    } catch (error) {
      const given = current;
      current = alone;
      given.close().catch(() => {});
      warn(
        `the claims file in ${directory} cannot be used: ${reasonOf(error)}. A call that another process sends at the same time may be paid for twice.`,
      );
      return otherwise;
    }
  };
  current = attempted(() => openShared(directory, attempted), alone);
  return {
    take: (key) => attempted(() => current.take(key), true),
    release: (key) => attempted(() => current.release(key), undefined),
    close: () => current.close(),
  };
}

function openShared(
  directory: string,
  attempted: <Value>(work: () => Value, otherwise: Value) => Value,
): Claims {
  const database = openPassing(directory, FILE);
  const me = randomUUID();
  const beat = (): void => {
    const owner: Owner = { host: hostname(), pid: process.pid, beat: Date.now() };
    database.putSync(OWNER + me, JSON.stringify(owner));
  };
  database.transactionSync(() => {
    sweep(database);
    beat();
  });
  const beating = setInterval(() => attempted(beat, undefined), BEAT_MS);
  beating.unref();
  return {
    take: (key) =>
      database.transactionSync(() => {
        const owner = database.get(CLAIM + key);
        if (owner !== undefined && owner !== me && isAlive(database, owner)) return false;
        database.putSync(CLAIM + key, me);
        return true;
      }),
    release: (key) =>
      database.transactionSync(() => {
        if (database.get(CLAIM + key) === me) database.removeSync(CLAIM + key);
      }),
    close: async () => {
      clearInterval(beating);
      database.transactionSync(() => database.removeSync(OWNER + me));
      await database.close();
    },
  };
}

/** Removes what killed processes left. */
function sweep(database: RootDatabase<string, string>): void {
  for (const { key, value } of [...database.getRange()]) {
    const owner = key.startsWith(OWNER) ? key.slice(OWNER.length) : value;
    if (!isAlive(database, owner)) database.removeSync(key);
  }
}

function isAlive(database: RootDatabase<string, string>, name: string): boolean {
  const owner = readOwner(database.get(OWNER + name));
  if (owner === null || Math.abs(Date.now() - owner.beat) > SILENT_MS) return false;
  return owner.host !== hostname() || isRunning(owner.pid);
}

/** null for anything that is not what we wrote. */
function readOwner(text: string | undefined): Owner | null {
  const { host, pid, beat } = fieldsOf(jsonOrNull(text ?? ""));
  const isWhole = typeof host === "string" && Number.isSafeInteger(pid) && Number.isFinite(beat);
  return isWhole ? ({ host, pid, beat } as Owner) : null;
}
