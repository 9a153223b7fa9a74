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
import { inTurns } from "./turns.ts";
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

/** Who sent a request. */
export interface Client {
  /** Whether it left before its answer was out: then nothing more is begun for it. */
  hasLeft(): boolean;
  /** Aborts when it leaves; asked for only where something waits for other requests. */
  gone(): AbortSignal;
  /** How long ago its request began to arrive, in milliseconds: its deadline counts from there. */
  waitedMs(): number;
}

/** What stands between HTTP and the rewarder: admission, deadlines, gathering, counting. */
export interface Service {
  readonly metrics: ServeMetrics;
  /**
   * The outcome of each group, in the order asked.
   * Throws `queue_full` and `draining` before anything is scored; rejects with the reason of the client's `gone` when it left
   * while something of it waited for other requests.
   */
  score(asked: readonly Asked[], deadlineMs: number | null, client: Client): Promise<readonly Outcome[]>;
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
  /** Samples of other processes' requests, which count those themselves. */
  let guests = 0;
  let isDraining = false;
  let onIdle = (): void => {};

  const countFrom =
    (started: number) =>
    (rewarded: Rewarded): Rewarded => {
      metrics.scored(rewarded.columns, rewarded.rewards, (performance.now() - started) / 1000);
      return rewarded;
    };
  const score = (group: Group, deadline: number, client: Client): Rewarded | Promise<Rewarded> => {
    const count = countFrom(performance.now());
    const rewarded = rewarder.score(group, deadline, client.hasLeft);
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
  const leaveIdle = (): void => {
    if (underWay === 0 && guests === 0) onIdle();
  };
  const gather: Service["meet"] = (key, sample, gone) => {
    if (gatherer === null || isDraining) return Promise.reject(draining());
    return gatherer.add(key, sample, gone);
  };
  const outcome = (group: Group, deadline: number, client: Client): Outcome | Promise<Outcome> => {
    if (gatherer !== null && group.responses.length < (groupSize ?? 0)) {
      const [key, sample, gone] = [gatherKey(group), { group, deadline }, client.gone()];
      return options.meeting?.(key, sample, gone) ?? gather(key, sample, gone);
    }
    const whole = ({ rewards, columns, problem }: Rewarded): Outcome => ({
      rewards,
      columns,
      problem,
      gathered: null,
    });
    const rewarded = score(group, deadline, client);
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
    meet: async (key, sample, gone) => {
      guests += 1;
      try {
        return await gather(key, sample, gone);
      } finally {
        guests -= 1;
        leaveIdle();
      }
    },
    get isDraining() {
      return isDraining;
    },
    score: async (asked, deadlineMs, client) => {
      admit();
      if (gatherer !== null && deadlineMs !== null && deadlineMs <= windowMs) {
        throw badRequest(
          `deadline_ms is ${deadlineMs}, and gathering a group alone may take ${windowMs} ms.`,
          "give a longer deadline, or none.",
        );
      }
      const limitMs = Math.min(rewarder.deadlineMs, deadlineMs ?? Number.POSITIVE_INFINITY);
      const deadline = clock.now() - client.waitedMs() + limitMs;
      underWay += asked.length;
      try {
        const outcomes = await inTurns(asked, ({ group }) => {
          const begun = outcome(group, deadline, client);
          // What is rejected while others are begun is looked at in the end.
          if (begun instanceof Promise) begun.catch(() => {});
          return begun;
        });
        return await Promise.all(outcomes);
      } finally {
        underWay -= asked.length;
        leaveIdle();
      }
    },
    drain: async () => {
      isDraining = true;
      gatherer?.refuseAll();
      if (underWay > 0 || guests > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
    },
  };
}
