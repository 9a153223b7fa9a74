import { Worker } from "node:worker_threads";
import { PrefkitError } from "../core/errors.ts";
import { failAll } from "../core/scorer.ts";
import type { Group, Score } from "../core/types.ts";
import { timedOut } from "./call-scorer.ts";
import type { WorkerReply, WorkerSetup, WorkerTask } from "./worker.ts";

export interface WorkerPool {
  /** The scores of each named scorer for the group. Never rejects for a scorer's sake. */
  run(group: Group, keys: readonly string[]): Promise<ReadonlyMap<string, readonly Score[]>>;
  close(): Promise<void>;
}

interface Job {
  readonly group: Group;
  readonly keys: readonly string[];
  readonly results: Map<string, readonly Score[]>;
  readonly resolve: (results: ReadonlyMap<string, readonly Score[]>) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  /** The first is being worked on; the others wait in the thread's own queue, so that it is never idle. */
  readonly jobs: { readonly id: number; readonly job: Job }[];
  timer: NodeJS.Timeout | undefined;
  ready: boolean;
}

const JOBS_PER_THREAD = 4;
/** A scorer that is killed by the clock gets this much longer than its own timer, which answers first when it can. */
const KILL_GRACE_MS = 250;
const START_TIMEOUT_MS = 60_000;
/** A module that ends its thread from a timer of its own would be started again for ever. */
const MAX_IDLE_DEATHS = 20;

const WITH_CODE = /^(?:--input-type|--eval|--print|-e|-p|-pe)$/;

/** Node's flags without those about code given on the command line: with them a thread would not read its file. */
export function fileArguments(flags: readonly string[]): string[] {
  return flags.filter((flag, index) => {
    const isValue = index > 0 && WITH_CODE.test(flags[index - 1] ?? "");
    return !isValue && !WITH_CODE.test(flag) && !/^--(?:input-type|eval|print)=/.test(flag);
  });
}

/** Where the worker's compiled file is: beside this file, or in dist/ when this runs from the TypeScript source. */
function workerFile(): URL {
  return import.meta.url.endsWith(".ts")
    ? new URL("../../dist/src/annotate/worker.js", import.meta.url)
    : new URL("./worker.js", import.meta.url);
}

/**
 * Threads that run CPU-bound scorers. One that does not answer in time is killed with its thread: its cells are
 * `failed: timeout`; one that exhausts its memory: `failed: out_of_memory`; whatever waited behind it starts again on
 * a new thread. A new thread whose scorers' files were changed since the planning ends all work with `plan_changed`.
 */
export function startWorkerPool(setup: WorkerSetup, threads: number, memoryMb = 1024): WorkerPool {
  const waiting: Job[] = [];
  const pool = new Set<Thread>();
  let nextId = 0;
  let idleDeaths = 0;
  let closed = false;
  let broken: PrefkitError | null = null;

  const start = (): void => {
    const worker = new Worker(workerFile(), {
      workerData: setup,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
      execArgv: fileArguments(process.execArgv),
      // What a user's scorer prints must not land in our stdout, which may carry JSON.
      stdout: true,
    });
    worker.stdout.on("data", (chunk: Buffer) => process.stderr.write(chunk));
    const thread: Thread = { worker, jobs: [], timer: undefined, ready: false };
    thread.timer = setTimeout(
      () => breakAll(`a scoring thread did not start within ${START_TIMEOUT_MS} ms`),
      START_TIMEOUT_MS,
    );
    worker.on("message", (reply: WorkerReply) => onReply(thread, reply));
    // What the thread answered before it died is read by the time it has exited, and not before: an answer that is
    // still on its way would leave the wrong group to blame.
    let reason = new Error("the scoring thread ended");
    worker.on("error", (error) => {
      reason = error;
    });
    worker.on("exit", () => onDeath(thread, reason));
    pool.add(thread);
  };
  const breakAll = (why: string): void =>
    endAll(
      new PrefkitError(
        "unreadable_module",
        `a scorer cannot be made in a worker: ${why}.`,
        "correct the scorer's module.",
      ),
    );
  /** All that waits and all that comes ends in the error: threads that are still at work would go on with what others have no more. */
  const endAll = (error: PrefkitError): void => {
    broken = error;
    for (const job of waiting.splice(0)) job.reject(error);
    for (const thread of pool) {
      clearTimeout(thread.timer);
      for (const { job } of thread.jobs.splice(0)) job.reject(error);
      void thread.worker.terminate();
    }
    pool.clear();
  };
  const onReply = (thread: Thread, reply: WorkerReply): void => {
    if (!pool.has(thread)) return;
    if (reply.kind === "broken") {
      breakAll(reply.why);
      return;
    }
    if (reply.kind === "changed") {
      endAll(new PrefkitError("plan_changed", reply.problem, reply.fix));
      return;
    }
    if (reply.kind === "ready") {
      clearTimeout(thread.timer);
      thread.ready = true;
      feed(thread);
      return;
    }
    const front = thread.jobs[0];
    if (front?.id !== reply.id) return;
    finishKey(thread, reply.key, reply.scores);
    feed(thread);
  };
  const finishKey = (thread: Thread, key: string, scores: readonly Score[]): void => {
    const front = thread.jobs[0];
    if (!front) return;
    front.job.results.set(key, scores);
    if (front.job.results.size === front.job.keys.length) {
      thread.jobs.shift();
      front.job.resolve(front.job.results);
    }
    watch(thread);
  };
  /** Starts the clock for what the thread is working on now. */
  const watch = (thread: Thread): void => {
    clearTimeout(thread.timer);
    const front = thread.jobs[0];
    if (!front) return;
    const key = currentKey(front.job);
    const timeoutMs = setup.timeouts[key] ?? 60_000;
    thread.timer = setTimeout(() => {
      // When this thread was busy for long, the answer may be there and not read yet: it is read before an immediate.
      setImmediate(() => {
        if (thread.jobs[0] !== front || currentKey(front.job) !== key || !pool.has(thread)) return;
        end(thread, key, timedOut(front.job.group, timeoutMs));
      });
    }, timeoutMs + KILL_GRACE_MS);
  };
  /** Kills a thread; the scorer it was running gets `scores`, everything else it held goes on elsewhere. */
  const end = (thread: Thread, key: string, scores: readonly Score[]): void => {
    clearTimeout(thread.timer);
    pool.delete(thread);
    void thread.worker.terminate();
    const [front, ...rest] = thread.jobs.splice(0);
    if (front) front.job.results.set(key, scores);
    for (const { job } of rest.reverse()) waiting.unshift(job);
    if (front) {
      if (front.job.results.size === front.job.keys.length) front.job.resolve(front.job.results);
      else waiting.unshift(front.job);
    }
    if (!closed) start();
  };
  const onDeath = (thread: Thread, error: Error & { code?: string }): void => {
    if (!pool.has(thread) || closed) return;
    const front = thread.jobs[0];
    if (!thread.ready) {
      breakAll(error.message);
      return;
    }
    if (!front) {
      idleDeaths += 1;
      clearTimeout(thread.timer);
      pool.delete(thread);
      if (idleDeaths > MAX_IDLE_DEATHS) breakAll(`threads keep ending while idle: ${error.message}`);
      else start();
      return;
    }
    const code = error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "out_of_memory" : "worker_died";
    end(thread, currentKey(front.job), failAll(front.job.group, code, error.message));
  };
  const feed = (thread: Thread): void => {
    while (thread.ready && thread.jobs.length < JOBS_PER_THREAD) {
      const job = waiting.shift();
      if (!job) return;
      const id = nextId++;
      thread.jobs.push({ id, job });
      const keys = job.keys.filter((key) => !job.results.has(key));
      thread.worker.postMessage({ id, group: job.group, keys } satisfies WorkerTask);
      if (thread.jobs.length === 1) watch(thread);
    }
  };

  for (let count = 0; count < threads; count++) start();
  return {
    run: (group, keys) =>
      new Promise((resolve, reject) => {
        if (broken) return reject(broken);
        waiting.push({ group, keys, results: new Map(), resolve, reject });
        let idlest: Thread | undefined;
        for (const thread of pool) {
          if (thread.ready && thread.jobs.length < (idlest?.jobs.length ?? JOBS_PER_THREAD)) idlest = thread;
        }
        if (idlest) feed(idlest);
      }),
    close: async () => {
      closed = true;
      const threads = [...pool];
      pool.clear();
      for (const thread of threads) clearTimeout(thread.timer);
      await Promise.all(threads.map((thread) => thread.worker.terminate()));
    },
  };
}

function currentKey(job: Job): string {
  return job.keys.find((key) => !job.results.has(key)) ?? "";
}
