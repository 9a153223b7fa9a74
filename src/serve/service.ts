import type { Group } from "../core/types.ts";
import { type Clock, systemClock } from "../models/clock.ts";
import { draining, ServeFault } from "./fault.ts";
import {
  createGatherer,
  type Gatherer,
  type GatherSetup,
  gatherKey,
  type Outcome,
  type Sample,
} from "./gather.ts";
import { createMetrics, type ServeMetrics } from "./metrics.ts";
import { type Asked, badRequest } from "./request.ts";
import type { Rewarded, Rewarder } from "./rewarder.ts";
import { withoutPartial } from "./whole-groups.ts";

export interface ServiceOptions {
  readonly rewarder: Rewarder;
  /** Requests' groups with fewer responses are gathered into groups of this many. Absent: every group is scored as it came. */
  readonly groupSize?: number;
  /** How long a gathered group waits for its last response, in milliseconds. Default: 250. */
  readonly windowMs?: number;
  /** While so many groups are under way, requests are refused with 429. Default: 2048. */
  readonly queue?: number;
  readonly clock?: Clock;
  /** Where samples of a prompt meet when several processes serve; default: here. */
  readonly meeting?: (key: string, sample: Sample, gone: AbortSignal) => Promise<Outcome> | null;
}

/** What stands between HTTP and the rewarder: admission, deadlines, gathering, counting. */
export interface Service {
  readonly metrics: ServeMetrics;
  /**
   * The outcome of each group, in the order asked.
   * Throws `queue_full` and `draining` before anything is scored; rejects with the reason of `gone` when the client left.
   * `gone` is asked only where something waits for other requests.
   */
  score(
    asked: readonly Asked[],
    deadlineMs: number | null,
    gone: () => AbortSignal,
  ): Promise<readonly Outcome[]>;
  /** Throws when nothing more is taken. */
  admit(): void;
  /** A sample that another process was sent and that meets the others here. */
  meet(key: string, sample: Sample, gone: AbortSignal): Promise<Outcome>;
  readonly isDraining: boolean;
  /** Takes nothing more, refuses what waits for others, and resolves when all that is being scored is answered. */
  drain(): Promise<void>;
}

export const DEFAULT_WINDOW_MS = 250;
export const DEFAULT_QUEUE = 2048;

export function createService(options: ServiceOptions): Service {
  const { rewarder, groupSize, queue = DEFAULT_QUEUE, windowMs = DEFAULT_WINDOW_MS } = options;
  const clock = options.clock ?? systemClock;
  let underWay = 0;
  let isDraining = false;
  let onIdle = (): void => {};

  const countFrom =
    (started: number) =>
    (rewarded: Rewarded): Rewarded => {
      metrics.scored(rewarded.columns, rewarded.rewards, (performance.now() - started) / 1000);
      return rewarded;
    };
  const score = (group: Group, deadline: number): Rewarded | Promise<Rewarded> => {
    const count = countFrom(performance.now());
    const rewarded = rewarder.score(group, deadline);
    return rewarded instanceof Promise ? rewarded.then(count) : count(rewarded);
  };
  /** A gathered group counts once, as it stood at the last of the deadlines. */
  const scoreBy: GatherSetup["score"] = (group, deadlines) => {
    const count = countFrom(performance.now());
    const whole = (rewarded: Rewarded): Rewarded =>
      withoutPartial(rewarded, groupSize ?? 0, rewarder.groupRelative);
    const last = deadlines.indexOf(Math.max(...deadlines));
    return rewarder.scoreBy(group, deadlines).map((rewarded, index) => {
      const tell = (given: Rewarded): Rewarded => (index === last ? count(whole(given)) : whole(given));
      return rewarded instanceof Promise ? rewarded.then(tell) : tell(rewarded);
    });
  };
  const gatherer: Gatherer | null =
    groupSize === undefined
      ? null
      : createGatherer({
          size: groupSize,
          windowMs,
          clock,
          score: scoreBy,
          onClose: (gathered) => metrics.windowClosed(gathered),
        });
  const metrics = createMetrics(rewarder, {
    depth: () => underWay + rewarder.late(),
    waiting: () => gatherer?.waiting() ?? 0,
  });
  const meet: Service["meet"] = (key, sample, gone) => {
    if (gatherer === null || isDraining) return Promise.reject(draining());
    return gatherer.add(key, sample, gone);
  };
  const outcome = (
    group: Group,
    deadline: number,
    whenGone: () => AbortSignal,
  ): Outcome | Promise<Outcome> => {
    if (gatherer !== null && group.responses.length < (groupSize ?? 0)) {
      const [key, sample, gone] = [gatherKey(group), { group, deadline }, whenGone()];
      return options.meeting?.(key, sample, gone) ?? meet(key, sample, gone);
    }
    const whole = ({ rewards, columns, problem }: Rewarded): Outcome => ({
      rewards,
      columns,
      problem,
      gathered: null,
    });
    const rewarded = score(group, deadline);
    return rewarded instanceof Promise ? rewarded.then(whole) : whole(rewarded);
  };
  const admit = (): void => {
    if (isDraining) throw draining();
    const depth = underWay + rewarder.late();
    // One that is larger than the queue is taken too, once there is any room: it could never come in otherwise.
    if (depth >= queue) {
      throw new ServeFault(
        "queue_full",
        `${depth} groups are under way, and ${queue} are the most.`,
        "send the same request again after the time that retry-after says.",
        1,
      );
    }
  };
  return {
    metrics,
    admit,
    meet,
    get isDraining() {
      return isDraining;
    },
    score: async (asked, deadlineMs, gone) => {
      admit();
      if (gatherer !== null && deadlineMs !== null && deadlineMs <= windowMs) {
        throw badRequest(
          `deadline_ms is ${deadlineMs}, and gathering a group alone may take ${windowMs} ms.`,
          "give a longer deadline, or none.",
        );
      }
      const deadline = clock.now() + Math.min(rewarder.deadlineMs, deadlineMs ?? Number.POSITIVE_INFINITY);
      underWay += asked.length;
      try {
        return await Promise.all(await begun(asked, ({ group }) => outcome(group, deadline, gone)));
      } finally {
        underWay -= asked.length;
        if (underWay === 0) onIdle();
      }
    },
    drain: async () => {
      isDraining = true;
      gatherer?.refuseAll();
      if (underWay > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
    },
  };
}

/** How long one request may keep the thread to itself, in milliseconds, where its groups are scored at once. */
const TURN_MS = 5;

/**
 * Begins the work on each item, in order, and lets others have the thread every few milliseconds: a request of a thousand
 * groups must neither hold up one of a single group nor keep its own deadline from being seen.
 */
async function begun<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Result | Promise<Result>,
): Promise<readonly (Result | Promise<Result>)[]> {
  const results: (Result | Promise<Result>)[] = [];
  let turnEnds = performance.now() + TURN_MS;
  for (const [index, item] of items.entries()) {
    const result = work(item);
    // What is rejected while others are begun is looked at in the end.
    if (result instanceof Promise) result.catch(() => {});
    results.push(result);
    if (index + 1 < items.length && performance.now() >= turnEnds) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      turnEnds = performance.now() + TURN_MS;
    }
  }
  return results;
}
