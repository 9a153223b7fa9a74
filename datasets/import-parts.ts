import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Files } from "../src/core/files.ts";
import { sha256 } from "../src/core/ids.ts";
import { isRunning } from "../src/core/processes.ts";

/** Where an import writes until its file is whole: beside it, under a dotted name that says who writes. */
export function partPath(out: string): string {
  const name = `.${basename(out)}.${thisHost()}.${process.pid}.${randomUUID().slice(0, 8)}.part`;
  return join(dirname(out), name);
}

/** A host's name may hold what a file's name may not. */
function thisHost(): string {
  return sha256(hostname()).slice(0, 8);
}

const WRITER = /^([0-9a-f]{8})\.(\d+)\.[0-9a-f]{8}\.part$/;

/** Removes what killed imports to the same file left. Nobody can tell of processes on other hosts: theirs stay. */
export async function clearDeadParts(files: Files, out: string): Promise<void> {
  const start = `.${basename(out)}.`;
  for (const name of (await files.list(dirname(out))) ?? []) {
    if (!name.startsWith(start)) continue;
    const [, host, pid] = WRITER.exec(name.slice(start.length)) ?? [];
    if (host !== thisHost() || isRunning(Number(pid))) continue;
    await files.remove(join(dirname(out), name));
  }
}
