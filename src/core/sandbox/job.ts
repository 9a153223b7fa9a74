/** What one untrusted program may use. */
export interface SandboxLimits {
  /** Seconds of processor time, of each process. */
  readonly cpuSeconds: number;
  /** Seconds by the clock, from the moment the program starts. */
  readonly wallSeconds: number;
  /** MiB of private memory of one process, and of resident memory of all its processes together. */
  readonly memoryMb: number;
  /** Processes and threads at one time. */
  readonly processes: number;
  /** MiB of one file, and of all files together. */
  readonly fileMb: number;
  /** KiB on standard output and standard error together; more ends the program. */
  readonly outputKb: number;
  readonly openFiles: number;
}

export const DEFAULT_LIMITS: SandboxLimits = {
  cpuSeconds: 5,
  wallSeconds: 11,
  memoryMb: 512,
  processes: 32,
  fileMb: 16,
  outputKb: 4096,
  openFiles: 64,
};

export interface SandboxFile {
  /** A plain name in the program's working directory. */
  readonly name: string;
  readonly text: string;
}

/** One program to run. */
export interface SandboxJob {
  /** The interpreter by its absolute path, and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** What the program can read beside the system's own directories: the interpreter's installation. */
  readonly readable: readonly string[];
  /** Written into the empty working directory before the start. */
  readonly files?: readonly SandboxFile[];
  /** The file of `files` that is standard input; without one, standard input is what `write` sends. */
  readonly stdinFile?: string;
  readonly limits: SandboxLimits;
  readonly reserved?: ReservedMemory;
}

/** What an interpreter reserves above `memoryMb` without using it, in MiB. */
export interface ReservedMemory {
  readonly addressSpaceMb: number;
  /** Of it, what may be written to, and so counts as data before it is used. */
  readonly dataMb: number;
}

/**
 * How a program ended. `exited` and `killed` are its own doing; `timeout`, `output` and `memory` are limits that it ran
 * into; `stopped` is our wish; `unreadable` is output that the one who reads it cannot make sense of; `not-started` is
 * our trouble: nothing of the program has run.
 */
export type Ending =
  | "exited"
  | "killed"
  | "timeout"
  | "output"
  | "memory"
  | "stopped"
  | "unreadable"
  | "not-started";

export interface SandboxEnd {
  readonly ending: Ending;
  /** Null unless `exited`. */
  readonly exitCode: number | null;
  /** The last 2,000 characters of standard error; of `not-started` and `unreadable`, the reason. */
  readonly stderr: string;
}

/** A program that runs. */
export interface RunningProgram {
  /** To its standard input; lost without an error when the program no longer listens. */
  write(text: string): void;
  /** Closes its standard input. */
  closeInput(): void;
  /** Ends it and everything it has started. The first reason counts. */
  stop(ending: "stopped" | "timeout"): void;
  /** Never rejects. When it resolves, no process of the program is left. */
  readonly ended: Promise<SandboxEnd>;
}
