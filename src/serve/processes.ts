import cluster, { type Worker } from "node:cluster";
import { PrefkitError } from "../core/errors.ts";
import type { PeerMessage, PeerPort } from "./peers.ts";

const SLOT = "PREFKIT_SERVE_SLOT";
/**
 * A process that ends is started again after this long, doubled for each time in a row, up to the longest. One that served
 * longer than the longest begins anew.
 */
const RESTART_MS = 200;
const LONGEST_RESTART_MS = 30_000;

/** What makes the rewards, as a hash by what it is of: `Rewarder.identity`. */
export type Identity = Readonly<Record<string, string>>;

type Message =
  | PeerMessage
  | { readonly kind: "drain" }
  /** A process is about to listen, and asks whether it would serve what the others do. */
  | { readonly kind: "identity"; readonly identity: Identity }
  | { readonly kind: "differs"; readonly names: readonly string[] };

type Wire = { readonly prefkit: Message };

export interface ProcessesOptions {
  readonly count: number;
  /** Drains them all once aborted. */
  readonly stop: AbortSignal;
  /** Told the port when each of them listens, or has ended and is started again. */
  readonly onReady: (port: number) => void;
  readonly onWarning: (warning: string) => void;
}

/**
 * Runs this very command in `count` processes that listen on one port, passes on what they tell each other, and starts
 * those again that end. One that would serve something else than the first did (recipe or scorers were edited since) does
 * not listen, and stays away: the others go on.
 *
 * Resolves once all have drained and ended; to the exit code of the last, where none may be started again; to that of the
 * first, where it could not start at all. They have said why.
 */
export async function runProcesses({ count, stop, onReady, onWarning }: ProcessesOptions): Promise<number> {
  const workers: (Worker | null)[] = Array.from({ length: count }, () => null);
  /** Those that listen: one that is still starting hears nothing, and would never answer. */
  const ready = new Set<number>();
  /** Those that would serve something else. */
  const closed = new Set<number>();
  const deaths: number[] = workers.map(() => 0);
  // The processes take connections from the system themselves. Handed out by this one, a connection on its way to a process
  // that dies would belong to nobody, and its client wait for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  let served: Identity | null = null;
  let port: number | null = null;
  let failure: number | null = null;
  let onAllEnded = (): void => {};
  let end = (): void => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const send = (slot: number, message: Message): boolean => {
    const worker = workers[slot];
    if (!worker?.isConnected()) return false;
    worker.send({ prefkit: message } satisfies Wire, (error: Error | null) => {
      // It ended in between: those who asked it are told by `lost`.
      if (error && message.kind === "ask") lost(slot);
    });
    return true;
  };
  const tellOthers = (slot: number, message: Message): void => {
    for (const other of workers.keys()) if (other !== slot) send(other, message);
  };
  const lost = (slot: number): void => tellOthers(slot, { kind: "lost", slot });
  const hear = (slot: number, message: Message): void => {
    if (message.kind === "identity") {
      served ??= message.identity;
      const names = differing(served, message.identity);
      if (names.length > 0) closed.add(slot);
      send(slot, { kind: "differs", names });
    } else if ("to" in message) {
      if (ready.has(message.to) && send(message.to, message)) return;
      if (message.kind === "ask") send(message.from, { kind: "lost", slot: message.to });
    }
  };
  const close = (slot: number, code: number): void => {
    const left = count - closed.size;
    tellOthers(slot, { kind: "closed", slot });
    onWarning(
      `serving process ${slot} is not started again until the server is: it would serve something else. ` +
        (left === 0 ? "None is left." : `The others (${left} of ${count}) go on.`),
    );
    if (left > 0) return;
    failure = code || 1;
    end();
  };
  const restart = (slot: number, listenedMs: number, how: string): void => {
    if (listenedMs > LONGEST_RESTART_MS) deaths[slot] = 0;
    const wait = Math.min(LONGEST_RESTART_MS, RESTART_MS * 2 ** (deaths[slot] ?? 0));
    deaths[slot] = (deaths[slot] ?? 0) + 1;
    onWarning(`serving process ${slot} ended (${how}); it is started again.`);
    setTimeout(() => {
      if (!stop.aborted) void start(slot);
    }, wait);
  };
  /** Resolves when the process listens or has ended. */
  const start = (slot: number): Promise<void> =>
    new Promise((resolve) => {
      const worker = cluster.fork({ ...process.env, [SLOT]: `${slot}/${count}` });
      workers[slot] = worker;
      let listensSince = Number.POSITIVE_INFINITY;
      worker.on("listening", (address) => {
        listensSince = performance.now();
        port ??= address.port;
        ready.add(slot);
        for (const other of closed) send(slot, { kind: "closed", slot: other });
        if (stop.aborted) send(slot, { kind: "drain" });
        resolve();
      });
      worker.on("message", (wire: Wire | undefined) => {
        if (wire?.prefkit) hear(slot, wire.prefkit);
      });
      worker.on("exit", (code, signal) => {
        workers[slot] = null;
        ready.delete(slot);
        lost(slot);
        resolve();
        if (workers.every((other) => other === null)) onAllEnded();
        if (stop.aborted || failure !== null) return;
        if (port === null) {
          // One that ended by itself has said why.
          if (signal) onWarning(`the serving process was ended by ${signal} before it listened.`);
          failure = code || 1;
        } else if (closed.has(slot)) close(slot, code);
        else restart(slot, performance.now() - listensSince, signal ?? `exit code ${code}`);
      });
    });

  stop.addEventListener("abort", end, { once: true });
  if (stop.aborted) end();
  // The first alone: what is wrong with recipe or port is said once, and what it serves is what the others must serve.
  await start(0);
  if (port === null) return failure ?? 0;
  await Promise.all(Array.from({ length: count - 1 }, (_, index) => start(index + 1)));
  if (!stop.aborted && failure === null) onReady(port);
  await ending;
  if (failure !== null) return failure;
  await new Promise<void>((resolve) => {
    onAllEnded = resolve;
    if (workers.every((worker) => worker === null)) resolve();
    for (const slot of workers.keys()) send(slot, { kind: "drain" });
  });
  return 0;
}

/** The names of what is not the same in both. */
function differing(one: Identity, other: Identity): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => one[name] !== other[name]);
}

/** What a process that `runProcesses` started shares with the others. */
export interface ProcessPort {
  readonly port: PeerPort;
  onDrain(work: () => void): void;
  /** Resolves when this process would serve what the first one did. Throws `plan_changed` otherwise: it must not listen. */
  agree(identity: Identity): Promise<void>;
}

/** In a process that `runProcesses` started: the line to the others. null in any other process. */
export function processPort(): ProcessPort | null {
  const place = /^(\d+)\/(\d+)$/.exec(process.env[SLOT] ?? "");
  if (!cluster.isWorker || place === null || process.send === undefined) return null;
  const send = (message: Message): void => {
    if (process.connected) process.send?.({ prefkit: message } satisfies Wire);
  };
  const listen = (onMessage: (message: Message) => void): (() => void) => {
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
      send,
      listen: (onMessage) =>
        listen((message) => {
          if (message.kind !== "drain" && message.kind !== "identity" && message.kind !== "differs")
            onMessage(message);
        }),
    },
    onDrain: (work) => {
      listen((message) => {
        if (message.kind === "drain") work();
      });
    },
    agree: async (identity) => {
      const names = await new Promise<readonly string[]>((resolve) => {
        const stopListening = listen((message) => {
          if (message.kind !== "differs") return;
          stopListening();
          resolve(message.names);
        });
        send({ kind: "identity", identity });
      });
      if (names.length === 0) return;
      throw new PrefkitError(
        "plan_changed",
        `${names.join(", ")}: not what the other serving processes were started with.`,
        "start the server anew to serve what there is now, or undo the change.",
      );
    },
  };
}

/** Throws `bad_option` for a number of processes that makes no sense. */
export function checkProcesses(count: number): void {
  if (Number.isSafeInteger(count) && count >= 1 && count <= 256) return;
  throw new PrefkitError("bad_option", `--workers is ${count}.`, "give a whole number from 1 to 256.");
}
