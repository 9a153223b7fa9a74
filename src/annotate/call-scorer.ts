import { isCallFailure, reasonOf } from "../core/errors.ts";
import { checkScores, failAll } from "../core/scorer.ts";
import type { Group, Score, ScoreContext, Scorer } from "../core/types.ts";

export interface CallOptions {
  readonly timeoutMs: number;
  readonly seed: number;
  /** Aborts when the whole run is given up. */
  readonly cancel: AbortSignal;
}

/**
 * Calls a scorer under its contract: a throw, a rejection, a wrong number of scores, a value that is not finite or out
 * of range, or taking longer than `timeoutMs` become `failed` cells. Never throws. A scorer that answers at once is
 * answered for at once, without a promise.
 */
export function callScorer(
  scorer: Scorer,
  group: Group,
  options: CallOptions,
): readonly Score[] | Promise<readonly Score[]> {
  // Most scorers answer at once and never look at the signal; making one costs more than many of them.
  let controller: AbortController | null = null;
  const context: ScoreContext = {
    seed: options.seed,
    get signal() {
      controller ??= new AbortController();
      return controller.signal;
    },
  };
  const started = performance.now();
  try {
    const returned = scorer.score(group, context);
    if (isThenable(returned)) {
      controller ??= new AbortController();
      return settle(scorer, group, returned, controller, options);
    }
    const elapsed = performance.now() - started;
    return elapsed > options.timeoutMs
      ? timedOut(group, options.timeoutMs)
      : checkScores(scorer, group, returned);
  } catch (error) {
    return failAll(group, ...reasonThrown(error));
  }
}

/** A model call that failed says why in a code of its own; anything else is a throw. */
function reasonThrown(error: unknown): [code: string, why: string] {
  return [isCallFailure(error) ? error.code : "threw", reasonOf(error)];
}

export function timedOut(group: Group, timeoutMs: number): Score[] {
  return failAll(group, "timeout", `no answer within ${timeoutMs} ms`);
}

async function settle(
  scorer: Scorer,
  group: Group,
  returned: PromiseLike<readonly Score[]>,
  controller: AbortController,
  { timeoutMs, cancel }: CallOptions,
): Promise<readonly Score[]> {
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (): void => controller.abort(cancel.reason);
  cancel.addEventListener("abort", giveUp, { once: true });
  const timeout = new Promise<"timeout">((resolve) => {
    timer = setTimeout(() => resolve("timeout"), timeoutMs);
  });
  try {
    const outcome = await Promise.race([returned, timeout]);
    if (outcome !== "timeout") return checkScores(scorer, group, outcome);
    controller.abort(new Error(`no answer within ${timeoutMs} ms`));
    return timedOut(group, timeoutMs);
  } catch (error) {
    return cancel.aborted
      ? failAll(group, "cancelled", "the run was stopped")
      : failAll(group, ...reasonThrown(error));
  } finally {
    clearTimeout(timer);
    cancel.removeEventListener("abort", giveUp);
  }
}

function isThenable(value: unknown): value is PromiseLike<readonly Score[]> {
  return (
    typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function"
  );
}
