import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

/**
 * MiB of resident memory (anonymous and shared) of a process and all its descendants, from /proc, and of the memory
 * files (memfd) that they have open, which need not be mapped. Pages that processes share after a fork count once for
 * each, pages of a memory file that is mapped twice. Null where the kernel does not list children.
 */
export function residentMb(pid: number): number | null {
  let kilobytes = 0;
  const memoryFiles = new Map<number, number>();
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const children = childrenOf(next);
    if (children === null && next === pid) return null;
    waiting.push(...(children ?? []));
    const status = orNull(() => readFileSync(`/proc/${next}/status`, "utf8")) ?? "";
    for (const [, size] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)) kilobytes += Number(size);
    for (const [file, size] of memoryFilesOf(next)) memoryFiles.set(file, size);
  }
  for (const size of memoryFiles.values()) kilobytes += size;
  return kilobytes / 1024;
}

/** The memory files that a process has open, by inode, with their KiB. */
function memoryFilesOf(pid: number): [file: number, kilobytes: number][] {
  const descriptors = orNull(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return descriptors.flatMap((descriptor): [number, number][] => {
    const path = `/proc/${pid}/fd/${descriptor}`;
    if (!orNull(() => readlinkSync(path))?.startsWith("/memfd:")) return [];
    const file = orNull(() => statSync(path));
    return file === null ? [] : [[file.ino, file.blocks / 2]];
  });
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
