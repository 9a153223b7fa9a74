import { parentPort, workerData } from "node:worker_threads";
import { isPrefkitError, reasonOf } from "../core/errors.ts";
import { failAll } from "../core/scorer.ts";
import type { Group, Score, Scorer } from "../core/types.ts";
import { callScorer } from "./call-scorer.ts";
import { checkPlanned, makeScorer, type ScorerSource } from "./scorer-source.ts";

export interface WorkerSetup {
  readonly sources: Readonly<Record<string, ScorerSource>>;
  readonly timeouts: Readonly<Record<string, number>>;
  readonly seed: number;
}

export interface WorkerTask {
  readonly id: number;
  readonly group: Group;
  readonly keys: readonly string[];
}

export type WorkerReply =
  | { readonly kind: "ready" }
  | { readonly kind: "broken"; readonly why: string }
  /** What a scorer is made from is not what was planned. */
  | { readonly kind: "changed"; readonly problem: string; readonly fix: string }
  | { readonly kind: "scores"; readonly id: number; readonly key: string; readonly scores: readonly Score[] };

/** The body of a scoring thread: makes its scorers, then answers one task at a time, one reply per scorer. */
async function main(setup: WorkerSetup, port: NonNullable<typeof parentPort>): Promise<void> {
  const reply = (message: WorkerReply): void => port.postMessage(message);
  const scorers = new Map<string, Scorer>();
  try {
    for (const [key, source] of Object.entries(setup.sources)) {
      // A thread that takes another's place reads the files anew. Looked at twice: one may change while it is read.
      await checkPlanned(source);
      scorers.set(key, await makeScorer(source));
      await checkPlanned(source);
    }
  } catch (error) {
    const isChange = isPrefkitError(error) && error.code === "plan_changed";
    if (isChange) reply({ kind: "changed", problem: error.message.split("\nFix:")[0] ?? "", fix: error.fix });
    else reply({ kind: "broken", why: reasonOf(error) });
    return;
  }
  const never = new AbortController().signal;
  let turn: Promise<void> = Promise.resolve();
  port.on("message", (task: WorkerTask) => {
    turn = turn.then(async () => {
      for (const key of task.keys) {
        const options = { timeoutMs: setup.timeouts[key] ?? 60_000, seed: setup.seed, cancel: never };
        const scores = await callScorer(scorers.get(key) as Scorer, task.group, options);
        try {
          reply({ kind: "scores", id: task.id, key, scores });
        } catch (error) {
          // A score that cannot be copied between threads (a function inside, say).
          reply({
            kind: "scores",
            id: task.id,
            key,
            scores: failAll(task.group, "not_a_score", reasonOf(error)),
          });
        }
      }
    });
  });
  reply({ kind: "ready" });
}

if (parentPort) await main(workerData as WorkerSetup, parentPort);
