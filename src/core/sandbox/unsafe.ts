import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunning } from "../processes.ts";
import { limitArguments } from "./contain.ts";
import type { SandboxJob } from "./job.ts";

const PREFIX = "prefkit-box-";
let hasSwept = false;

/** A working directory on the disk, for programs that run without a sandbox; a sandbox keeps its own in memory. */
export interface Box {
  readonly directory: string;
  /** A descriptor open on the file that is standard input; null when there is none. */
  readonly input: number | null;
  remove(): void;
}

export function openBox({ files = [], stdinFile }: SandboxJob): Box {
  if (!hasSwept) sweep();
  hasSwept = true;
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  for (const { name, text } of files) writeFileSync(join(directory, name), text);
  const input = stdinFile === undefined ? null : openSync(join(directory, stdinFile), "r");
  return {
    directory,
    input,
    remove: () => {
      if (input !== null) closeSync(input);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The program with the limits of prlimit where there is one; the number of processes is left alone, since it counts all of the user's. */
export function unsafeCommand(job: SandboxJob): readonly [string, ...string[]] {
  if (!hasPrlimit()) return job.command;
  const limits = limitArguments(job.limits, job.reserved).filter((limit) => !limit.startsWith("--nproc"));
  return ["prlimit", ...limits, "--", ...job.command];
}

let prlimit: boolean | null = null;

export function hasPrlimit(): boolean {
  prlimit ??= process.platform === "linux" && spawnSync("prlimit", ["--version"]).status === 0;
  return prlimit;
}

/** Removes what processes that were killed have left. */
export function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || isRunning(Number(owner))) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
