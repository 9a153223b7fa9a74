import { readdirSync, readFileSync } from "node:fs";

/**
 * MiB of resident memory (anonymous and shared) of a process and all its descendants, from /proc. Pages that processes
 * share after a fork count once for each. Null where the kernel does not list children.
 */
export function residentMb(pid: number): number | null {
  let kilobytes = 0;
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const children = childrenOf(next);
    if (children === null && next === pid) return null;
    waiting.push(...(children ?? []));
    const status = orNull(() => readFileSync(`/proc/${next}/status`, "utf8")) ?? "";
    for (const [, size] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)) kilobytes += Number(size);
  }
  return kilobytes / 1024;
}

/** The children of all threads of a process; null when it has ended or the kernel does not list them. */
function childrenOf(pid: number): number[] | null {
  return orNull(() =>
    readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    ),
  );
}

/** A process may end between two looks at it. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES") return null;
    throw error;
  }
}
