import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { reasonOf } from "../errors.ts";
import { CLEAN_ENVIRONMENT, type Containment, containedCommand, READY } from "./contain.ts";
import type { Ending, RunningProgram, SandboxEnd, SandboxJob } from "./job.ts";
import { residentMb } from "./memory.ts";
import { type Box, openBox, unsafeCommand } from "./unsafe.ts";

/** A machine that needs longer than this to set a sandbox up is in trouble; the program is not. */
const START_MS = 30_000;
const MEMORY_LOOK_MS = 50;
const STDERR_KEPT = 2000;

/** How programs are run here: contained, or, by the user's own wish, with whatever limits there are. */
export type Confinement = Containment | "unsafe";

/**
 * Starts one program. What it writes to standard output is handed on as it comes, up to the limit on output. When
 * `onOutput` throws, the program is ended as `unreadable`, with the reason in `stderr`: no program can make us fail.
 *
 * Never throws and never rejects: a sandbox that could not be started ends as `not-started`, with the reason in `stderr`.
 */
export function startProgram(
  job: SandboxJob,
  confinement: Confinement,
  onOutput: (bytes: Buffer) => void,
): RunningProgram {
  let box: Box | null = null;
  try {
    box = confinement === "unsafe" ? openBox(job) : null;
    const [file, ...rest] =
      confinement === "unsafe" ? unsafeCommand(job) : containedCommand(job, confinement);
    const child = spawn(file, rest, {
      cwd: box?.directory ?? "/",
      env:
        box === null
          ? { ...CLEAN_ENVIRONMENT }
          : { ...CLEAN_ENVIRONMENT, HOME: box.directory, TMPDIR: box.directory },
      // A group of its own, so that one signal reaches all of it.
      detached: true,
      stdio: [box?.input ?? "pipe", "pipe", "pipe", "pipe", "pipe"],
    });
    return supervise(child, job, { box, onOutput });
  } catch (error) {
    box?.remove();
    const end: SandboxEnd = { ending: "not-started", exitCode: null, stderr: reasonOf(error) };
    const nothing = (): void => undefined;
    return { write: nothing, closeInput: nothing, stop: nothing, ended: Promise.resolve(end) };
  }
}

function supervise(
  child: ChildProcess,
  job: SandboxJob,
  { box, onOutput }: { readonly box: Box | null; readonly onOutput: (bytes: Buffer) => void },
): RunningProgram {
  const { limits } = job;
  const [stdin, , , files, ready] = child.stdio as [Writable | null, Readable, Readable, Writable, Readable];
  let reason: Exclude<Ending, "exited" | "killed"> | null = null;
  let stderr = "";
  let unread: string | null = null;
  let bytes = 0;
  let hasStarted = false;
  let timer = setTimeout(() => stop("not-started"), START_MS);
  let watch: NodeJS.Timeout | undefined;

  function stop(why: Exclude<Ending, "exited" | "killed">): void {
    reason ??= why;
    killGroup(child);
  }

  function started(): void {
    if (hasStarted) return;
    hasStarted = true;
    clearTimeout(timer);
    timer = setTimeout(() => stop("timeout"), limits.wallSeconds * 1000);
    watch = setInterval(() => {
      const used = child.pid === undefined ? null : residentMb(child.pid);
      if (used !== null && used > limits.memoryMb) stop("memory");
    }, MEMORY_LOOK_MS);
  }

  function counted(chunk: Buffer): boolean {
    bytes += chunk.length;
    if (bytes <= limits.outputKb * 1024) return true;
    stop("output");
    return false;
  }

  // A program that ends early, or never listens, breaks the pipe; that is its own affair.
  for (const stream of [stdin, files]) stream?.on("error", () => undefined);
  child.stdout?.on("data", (chunk: Buffer) => {
    if (unread !== null || !counted(chunk)) return;
    try {
      onOutput(chunk);
    } catch (error) {
      unread = reasonOf(error);
      stop("unreadable");
    }
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    if (counted(chunk)) stderr = (stderr + chunk.toString("utf8")).slice(-STDERR_KEPT);
  });
  let said = "";
  ready.on("data", (chunk: Buffer) => {
    said += chunk.toString("latin1");
    if (said.startsWith(READY)) started();
  });
  if (box === null) files.end((job.files ?? []).map(({ text }) => text).join(""));
  else {
    files.end();
    started();
  }

  const ended = new Promise<SandboxEnd>((resolve) => {
    const finish = (ending: Ending, exitCode: number | null): void => {
      clearTimeout(timer);
      clearInterval(watch);
      // Outside a namespace of its own, something of the group may still be there.
      if (box !== null) killGroup(child);
      box?.remove();
      resolve({ ending, exitCode, stderr: ending === "unreadable" ? (unread ?? stderr) : stderr });
    };
    child.once("error", (error) => {
      stderr = reasonOf(error);
      finish("not-started", null);
    });
    child.once("close", (code, signal) => {
      if (reason !== null) return finish(reason, null);
      if (!hasStarted) return finish("not-started", null);
      // The shell of the sandbox, like any shell, tells a signal as 128 + its number.
      const number = code ?? (signal === "SIGXCPU" ? 128 + SIGXCPU : 128);
      if (number === 128 + SIGXCPU) return finish("timeout", null);
      return number > 128 || signal !== null ? finish("killed", null) : finish("exited", number);
    });
  });

  return {
    write: (text) => void (stdin?.writable && stdin.write(text)),
    closeInput: () => stdin?.end(),
    stop,
    ended,
  };
}

const SIGXCPU = 24;

/** In a sandbox this ends the parent of the namespace, and with it everything inside. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
