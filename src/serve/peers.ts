import { AggregatorRegistry } from "prom-client";
import { draining, ServeFault, type ServeFaultCode } from "./fault.ts";
import type { Outcome, Sample } from "./gather.ts";
import type { Service } from "./service.ts";

/**
 * What processes behind one port tell each other. Samples of one prompt reach any of them, and must meet in one to be
 * gathered: the one that the prompt's hash names. The primary process passes messages on and looks at nothing.
 */
export type PeerMessage =
  | {
      readonly kind: "ask";
      readonly to: number;
      readonly from: number;
      readonly id: number;
      readonly ask: Question;
    }
  | { readonly kind: "gone"; readonly to: number; readonly from: number; readonly id: number }
  | { readonly kind: "answer"; readonly to: number; readonly id: number; readonly answer: unknown }
  | { readonly kind: "fault"; readonly to: number; readonly id: number; readonly fault: FaultWords }
  /** A process has ended: nothing that it was asked will be answered. */
  | { readonly kind: "lost"; readonly slot: number }
  /** A process has ended and is not started again: what would meet there meets in another. */
  | { readonly kind: "closed"; readonly slot: number };

type Question =
  | { readonly what: "meet"; readonly key: string; readonly sample: Sample }
  | { readonly what: "metrics" };

interface FaultWords {
  readonly code: ServeFaultCode;
  readonly message: string;
  readonly fix: string;
  readonly retryAfter: number | null;
}

/** The line to the primary process. */
export interface PeerPort {
  /** This process's place among those behind the port: 0, 1, … */
  readonly slot: number;
  readonly count: number;
  send(message: PeerMessage): void;
  /** The result calls it off. */
  listen(onMessage: (message: PeerMessage) => void): () => void;
}

export interface Peers {
  /** The outcome from the process where the key's samples meet; null when it is this one. */
  meet(key: string, sample: Sample, gone: AbortSignal): Promise<Outcome> | null;
  /** The metrics of all processes, by worker. */
  metricsText(): Promise<string>;
  close(): void;
}

interface Pending {
  readonly slot: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How long another process may take to tell its metrics, in milliseconds. */
const METRICS_MS = 2000;

export function createPeers(port: PeerPort, service: Service): Peers {
  const pending = new Map<number, Pending>();
  const answering = new Map<string, AbortController>();
  const slots = Array.from({ length: port.count }, (_, slot) => slot);
  const closed = new Set<number>();
  let nextId = 0;
  // Told apart: added up, the counters would fall when a process ends, and rise by all of its past when it is back.
  service.metrics.registry.setDefaultLabels({ worker: String(port.slot) });

  const settle = (id: number): Pending | undefined => {
    const found = pending.get(id);
    pending.delete(id);
    return found;
  };
  const ask = (slot: number, question: Question, gone?: AbortSignal): Promise<unknown> => {
    const id = nextId++;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        settle(id)?.reject(gone?.reason);
        port.send({ kind: "gone", to: slot, from: port.slot, id });
      };
      const over = (): void => gone?.removeEventListener("abort", leave);
      pending.set(id, {
        slot,
        resolve: (answer) => {
          over();
          resolve(answer);
        },
        reject: (error) => {
          over();
          reject(error);
        },
      });
      gone?.addEventListener("abort", leave, { once: true });
      port.send({ kind: "ask", to: slot, from: port.slot, id, ask: question });
      if (gone?.aborted) leave();
    });
  };
  const answer = async (from: number, id: number, question: Question): Promise<void> => {
    const name = `${from}.${id}`;
    const gone = new AbortController();
    answering.set(name, gone);
    try {
      const found =
        question.what === "metrics"
          ? await service.metrics.registry.getMetricsAsJSON()
          : await service.meet(question.key, question.sample, gone.signal);
      port.send({ kind: "answer", to: from, id, answer: found });
    } catch (error) {
      // A client that left waits for no answer.
      if (!gone.signal.aborted) port.send({ kind: "fault", to: from, id, fault: wordsOf(error) });
    } finally {
      answering.delete(name);
    }
  };
  /** The process where the samples of a key meet. */
  const slotFor = (key: string): number => {
    const hash = Number.parseInt(key.slice(0, 8), 16);
    const slot = hash % port.count;
    if (!closed.has(slot)) return slot;
    const open = slots.filter((other) => !closed.has(other));
    return open[Math.floor(hash / port.count) % open.length] ?? port.slot;
  };
  const stopListening = port.listen((message) => {
    if (message.kind === "ask") void answer(message.from, message.id, message.ask);
    else if (message.kind === "gone")
      answering.get(`${message.from}.${message.id}`)?.abort(new Error("the client left"));
    else if (message.kind === "answer") settle(message.id)?.resolve(message.answer);
    else if (message.kind === "fault") {
      const { code, message: text, fix, retryAfter } = message.fault;
      settle(message.id)?.reject(new ServeFault(code, text, fix, retryAfter));
    } else {
      if (message.kind === "closed") closed.add(message.slot);
      for (const [id, { slot }] of [...pending]) if (slot === message.slot) settle(id)?.reject(draining());
    }
  });
  return {
    meet: (key, sample, gone) => {
      const slot = slotFor(key);
      return slot === port.slot ? null : (ask(slot, { what: "meet", key, sample }, gone) as Promise<Outcome>);
    },
    metricsText: async () => {
      const all = await Promise.all(
        slots.map((slot) =>
          slot === port.slot
            ? service.metrics.registry.getMetricsAsJSON()
            : // One that has ended has nothing to say, and one that hangs must not hide the others.
              ask(slot, { what: "metrics" }, AbortSignal.timeout(METRICS_MS)).catch(() => []),
        ),
      );
      return AggregatorRegistry.aggregate(all as object[]).metrics();
    },
    close: () => {
      stopListening();
      for (const id of [...pending.keys()]) settle(id)?.reject(draining());
    },
  };
}

function wordsOf(error: unknown): FaultWords {
  if (error instanceof ServeFault) {
    const { code, message, fix, retryAfter } = error;
    return { code, message, fix, retryAfter };
  }
  return {
    code: "internal",
    message: "the server came upon a fault of its own.",
    fix: "send the request again.",
    retryAfter: 1,
  };
}
