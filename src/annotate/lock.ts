import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import { isRunning } from "../core/processes.ts";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, as the kernel counts, so that a reused pid is not taken for it; null elsewhere. */
  readonly started: string | null;
}

/**
 * Keeps a second process off the same work. A lock whose process is gone (killed, say) is taken over. Returns the
 * release. Throws `directory_locked` while the holder lives, or when it ran on another host and nobody can tell.
 */
export async function takeLock(files: Files, path: string): Promise<() => Promise<void>> {
  const self: Holder = { pid: process.pid, host: hostname(), started: startTime(process.pid) };
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await files.createExclusive(path, JSON.stringify(self))) return () => files.remove(path);
    await refuseHeld(files, path);
    await setAside(files, path);
  }
  throw new PrefkitError(
    "directory_locked",
    `the lock ${path} keeps coming back.`,
    "see which process makes it.",
  );
}

/**
 * Takes a dead holder's lock out of the way. Of two processes that try, one gets it; the other may have got hold of the
 * first one's new lock instead, and puts it back.
 */
async function setAside(files: Files, path: string): Promise<void> {
  const aside = `${path}.dead-${process.pid}`;
  try {
    await files.rename(path, aside);
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  const holder = await readHolder(files, aside);
  if (holder && isAlive(holder)) await files.rename(aside, path);
  else await files.remove(aside);
}

/** Throws `directory_locked` when a living process holds this lock. */
export async function refuseHeld(files: Files, path: string): Promise<void> {
  const holder = await readHolder(files, path);
  if (!holder || !isAlive(holder)) return;
  throw new PrefkitError(
    "directory_locked",
    `process ${holder.pid} on ${holder.host} is working on this directory (${path}).`,
    "wait for it, stop it, or choose another --out; if no such process exists, delete that lock file.",
  );
}

async function readHolder(files: Files, path: string): Promise<Holder | null> {
  try {
    return JSON.parse(Buffer.from(await files.readAll(path)).toString("utf8")) as Holder;
  } catch (error) {
    // Gone meanwhile, or damaged: nobody holds it. Where it cannot be read, nobody knows.
    if (isGone(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  if (!isRunning(holder.pid)) return false;
  const started = startTime(holder.pid);
  return holder.started === null || started === null || started === holder.started;
}

function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    // Not Linux, or gone: the pid alone has to do.
    return null;
  }
}
