import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { PrefkitError, reasonOf } from "../errors.ts";
import type { SymbolicReply, SymbolicTask } from "./symbolic-worker.ts";

/** What the engine made of a formula: its closed form in LaTeX, nothing, or no answer in time. */
export type ClosedForm =
  | { readonly kind: "closed"; readonly latex: string }
  | { readonly kind: "none" }
  | { readonly kind: "timeout" };

interface Request {
  readonly latex: string;
  readonly timeoutMs: number;
  readonly resolve: (form: ClosedForm) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  ready: boolean;
  timer: NodeJS.Timeout | undefined;
}

const MEMORY_MB = 256;
const START_TIMEOUT_MS = 60_000;

/**
 * Where the thread's compiled file is: beside this file, or, when this runs from the TypeScript source, in dist/ or the
 * build directory that PREFKIT_DIST names.
 */
function workerFile(): URL {
  if (!import.meta.url.endsWith(".ts")) return new URL("./symbolic-worker.js", import.meta.url);
  const build = process.env.PREFKIT_DIST;
  const directory =
    build === undefined ? new URL("../../../dist/", import.meta.url) : pathToFileURL(`${resolve(build)}/`);
  return new URL("src/core/answers/symbolic-worker.js", directory);
}

export interface SymbolicEngine {
  /** Asks for a formula's closed form. Requests wait for each other; the clock of each starts when it is worked on. */
  closedForm(latex: string, timeoutMs: number): Promise<ClosedForm>;
  close(): Promise<void>;
}

/**
 * One thread with a symbolic engine in it, started with the first request; it keeps no process alive while it is idle.
 * A request that takes too long, or too much memory, is ended with its thread: `timeout`. What waits behind it goes on
 * in a new one.
 */
export function symbolicEngine(memoryMb = MEMORY_MB): SymbolicEngine {
  const waiting: Request[] = [];
  let thread: Thread | null = null;
  let isBusy = false;

  const start = (): void => {
    const file = workerFile();
    if (!existsSync(fileURLToPath(file))) {
      fail(
        new PrefkitError(
          "internal",
          "the symbolic engine's thread is not compiled.",
          "build the package first, or set symbolic: false.",
        ),
      );
      return;
    }
    const worker = new Worker(file, {
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
      execArgv: [], // flags of this process, such as --input-type, may not suit a file
      stdout: true,
      stderr: true,
    });
    // What the engine prints is of no use to anybody. Were the streams open, its first line would keep the process alive.
    worker.stdout.destroy();
    worker.stderr.destroy();
    const started: Thread = { worker, ready: false, timer: undefined };
    thread = started;
    let reason: unknown = new Error("the engine's thread ended");
    started.timer = setTimeout(() => {
      reason = new Error(`the engine's thread did not start within ${START_TIMEOUT_MS} ms`);
      void worker.terminate();
    }, START_TIMEOUT_MS);
    worker.on("message", (reply: SymbolicReply) => onReply(started, reply));
    worker.on("error", (error) => {
      reason = error;
    });
    worker.on("exit", () => onExit(started, reason));
  };
  const fail = (error: unknown): void => {
    isBusy = false;
    for (const request of waiting.splice(0)) request.reject(error);
  };
  const onReply = (from: Thread, reply: SymbolicReply): void => {
    if (from !== thread) return;
    clearTimeout(from.timer);
    if (reply.kind === "ready") from.ready = true;
    else settle(reply.closed === null ? { kind: "none" } : { kind: "closed", latex: reply.closed });
    next();
  };
  /** Answers the request that is being worked on. */
  const settle = (form: ClosedForm): void => {
    if (!isBusy) return;
    isBusy = false;
    waiting.shift()?.resolve(form);
  };
  const onExit = (ended: Thread, reason: unknown): void => {
    clearTimeout(ended.timer);
    if (ended !== thread) return;
    thread = null;
    if (!ended.ready) {
      fail(
        new PrefkitError(
          "internal",
          `the symbolic engine cannot be started: ${reasonOf(reason)}.`,
          "see the cause, or set symbolic: false.",
          { cause: reason },
        ),
      );
      return;
    }
    // Out of memory counts as too long: it would have gone on.
    settle({ kind: "timeout" });
    next();
  };
  const kill = (late: Thread): void => {
    if (late !== thread) return;
    thread = null;
    void late.worker.terminate();
    settle({ kind: "timeout" });
    next();
  };
  const next = (): void => {
    const [request] = waiting;
    if (isBusy || request === undefined) {
      if (waiting.length === 0) thread?.worker.unref();
      return;
    }
    if (thread === null) {
      start();
      return;
    }
    thread.worker.ref();
    if (!thread.ready) return;
    isBusy = true;
    const worker = thread;
    worker.worker.postMessage({ id: 0, latex: request.latex } satisfies SymbolicTask);
    worker.timer = setTimeout(() => {
      // When this thread was busy for long, the answer may be there and not read yet: it is read before an immediate.
      setImmediate(() => {
        if (isBusy && waiting[0] === request) kill(worker);
      });
    }, request.timeoutMs);
  };

  return {
    closedForm: (latex, timeoutMs) =>
      new Promise((answer, reject) => {
        waiting.push({ latex, timeoutMs, resolve: answer, reject });
        next();
      }),
    close: async () => {
      const last = thread;
      thread = null;
      clearTimeout(last?.timer);
      fail(new PrefkitError("internal", "the symbolic engine was closed.", "ask again in a new one."));
      await last?.worker.terminate();
    },
  };
}
