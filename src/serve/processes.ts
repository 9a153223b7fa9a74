import cluster, { type Worker } from "node:cluster";
import { PrefkitError } from "../core/errors.ts";
import type { PeerMessage, PeerPort } from "./peers.ts";

const SLOT = "PREFKIT_SERVE_SLOT";
/** A process that ends is started again after this long, doubled for each time in a row, up to the longest. */
const RESTART_MS = 200;
const LONGEST_RESTART_MS = 30_000;

type Wire = { readonly prefkit: PeerMessage } | { readonly prefkit: { readonly kind: "drain" } };

export interface ProcessesOptions {
  readonly count: number;
  /** Drains them all once aborted. */
  readonly stop: AbortSignal;
  /** Told the port when all of them listen. */
  readonly onReady: (port: number) => void;
  readonly onWarning: (warning: string) => void;
}

/**
 * Runs this very command in `count` processes that listen on one port, passes on what they tell each other, and starts
 * those again that end. Resolves once all have drained and ended; to the exit code of the first, where that could not
 * start at all (it has said why).
 */
export async function runProcesses({ count, stop, onReady, onWarning }: ProcessesOptions): Promise<number> {
  const workers: (Worker | null)[] = Array.from({ length: count }, () => null);
  /** Those that listen: one that is still starting hears nothing, and would never answer. */
  const ready = new Set<number>();
  const deaths: number[] = workers.map(() => 0);
  // The processes take connections from the system themselves. Handed out by this one, a connection on its way to a process
  // that dies would belong to nobody, and its client wait for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  let isStopping = false;
  let failure: number | null = null;
  let onAllEnded = (): void => {};
  const send = (slot: number, wire: Wire): boolean => {
    const worker = workers[slot];
    if (!worker?.isConnected()) return false;
    worker.send(wire, (error: Error | null) => {
      // It ended in between: those who asked it are told by `lost`.
      if (error && "prefkit" in wire && wire.prefkit.kind === "ask") lost(slot);
    });
    return true;
  };
  const lost = (slot: number): void => {
    for (const other of workers.keys()) {
      if (other !== slot) send(other, { prefkit: { kind: "lost", slot } });
    }
  };
  const passOn = (message: PeerMessage): void => {
    if (message.kind === "lost") return;
    if (ready.has(message.to) && send(message.to, { prefkit: message })) return;
    if (message.kind === "ask") send(message.from, { prefkit: { kind: "lost", slot: message.to } });
  };
  const start = (slot: number): Promise<number | null> =>
    new Promise((resolve) => {
      const worker = cluster.fork({ ...process.env, [SLOT]: `${slot}/${count}` });
      workers[slot] = worker;
      let isListening = false;
      worker.on("listening", ({ port }) => {
        isListening = true;
        ready.add(slot);
        if (isStopping) send(slot, { prefkit: { kind: "drain" } });
        resolve(port);
      });
      worker.on("message", (wire: Wire | undefined) => {
        if (wire?.prefkit && wire.prefkit.kind !== "drain") passOn(wire.prefkit);
      });
      worker.on("exit", (code, signal) => {
        workers[slot] = null;
        ready.delete(slot);
        lost(slot);
        resolve(null);
        if (workers.every((other) => other === null)) onAllEnded();
        if (isStopping || failure !== null) return;
        if (!isListening && deaths[slot] === 0) {
          failure = code || 1;
          return;
        }
        const wait = Math.min(LONGEST_RESTART_MS, RESTART_MS * 2 ** (deaths[slot] ?? 0));
        deaths[slot] = (deaths[slot] ?? 0) + 1;
        onWarning(`serving process ${slot} ended (${signal ?? `exit code ${code}`}); it is started again.`);
        setTimeout(() => {
          if (!isStopping) void start(slot);
        }, wait);
      });
    });

  // The first alone: what is wrong with recipe or port is said once.
  const port = await start(0);
  if (port === null) return failure ?? 0;
  await Promise.all(Array.from({ length: count - 1 }, (_, index) => start(index + 1)));
  if (!stop.aborted) onReady(port);
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  isStopping = true;
  await new Promise<void>((resolve) => {
    onAllEnded = resolve;
    if (workers.every((worker) => worker === null)) resolve();
    for (const slot of workers.keys()) send(slot, { prefkit: { kind: "drain" } });
  });
  return 0;
}

/** In a process that `runProcesses` started: the line to the others, and when to drain. null in any other process. */
export function processPort(): { readonly port: PeerPort; onDrain(work: () => void): void } | null {
  const place = /^(\d+)\/(\d+)$/.exec(process.env[SLOT] ?? "");
  if (!cluster.isWorker || place === null || process.send === undefined) return null;
  const listen = (onMessage: (wire: Wire["prefkit"]) => void): (() => void) => {
    const handle = (wire: Wire | undefined): void => {
      if (wire?.prefkit) onMessage(wire.prefkit);
    };
    process.on("message", handle);
    return () => process.off("message", handle);
  };
  return {
    port: {
      slot: Number(place[1]),
      count: Number(place[2]),
      send: (message) => {
        if (process.connected) process.send?.({ prefkit: message } satisfies Wire);
      },
      listen: (onMessage) =>
        listen((message) => {
          if (message.kind !== "drain") onMessage(message);
        }),
    },
    onDrain: (work) => {
      listen((message) => {
        if (message.kind === "drain") work();
      });
    },
  };
}

/** Throws `bad_option` for a number of processes that makes no sense. */
export function checkProcesses(count: number): void {
  if (Number.isSafeInteger(count) && count >= 1 && count <= 256) return;
  throw new PrefkitError("bad_option", `--workers is ${count}.`, "give a whole number from 1 to 256.");
}
