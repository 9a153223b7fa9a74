import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import { type ResolvedRecipe, scoreInfos } from "../annotate/resolve.ts";
import type { Catalog, RunScorer } from "../annotate/resolve-scorer.ts";
import { openScoreCache, type ScoreCache } from "../annotate/score-cache.ts";
import { inThreads } from "../annotate/scorer-pool.ts";
import { newStatus, type ScorerStatus } from "../annotate/status.ts";
import { withModels } from "../annotate/with-models.ts";
import { isPrefkitError, PrefkitError, reasonOf } from "../core/errors.ts";
import { type Files, nodeFiles } from "../core/files.ts";
import type { Group, RewardedGroup, Score, ScoredGroup } from "../core/types.ts";
import { type Clock, systemClock } from "../models/clock.ts";
import type { ModelUsage } from "../models/usage.ts";
import { type CombinePlan, combine, type RunNumbers } from "../shaping/combine.ts";
import { identityOf } from "./identity.ts";
import { type Lane, openLane, withinDeadline } from "./lane.ts";
import { frozenNumbers } from "./run-numbers.ts";
import { sharedThreads } from "./threads.ts";
import { groupRelative } from "./whole-groups.ts";

export interface RewarderOptions {
  /** A finished dataset of the same recipe: its frozen numbers are what per-run transforms use. */
  readonly run?: string;
  /** Threads for CPU-bound scorers, shared out among them; default: one per processor. */
  readonly threads?: number;
  /** The longest that any call of `score` may take, in milliseconds. Default: 30,000. */
  readonly deadlineMs?: number;
  /** No model is called: replies come from the cache alone. */
  readonly offline?: boolean;
  readonly files?: Files;
  readonly openCache?: () => ScoreCache;
  readonly clock?: Clock;
  readonly onWarning?: (warning: string) => void;
}

/** A group with scores and rewards; `problem` says why the combine step gave none of them a reward. */
export interface Rewarded extends RewardedGroup {
  readonly problem: string | null;
}

/** A recipe's scorers and combine step, ready to be asked group by group. */
export interface Rewarder {
  /** In the recipe's order. */
  readonly scorers: readonly { readonly key: string; readonly needs: Lane["needs"] }[];
  readonly deadlineMs: number;
  /** A hash of each thing that makes the rewards: whatever has the same ones rewards alike. */
  identity(): Readonly<Record<string, string>>;
  /** Cells so far that came from the score cache, by scorer. */
  readonly counts: ReadonlyMap<string, ScorerStatus>;
  readonly usage: () => readonly ModelUsage[];
  /**
   * Scores one group: at once where every scorer answers at once. What is not scored at the deadline (milliseconds since
   * 1970) is `failed: timeout`, and its reward null unless the term drops it; paid calls under way go on into the cache.
   * The same group gives the same numbers as in a run. Once `hasLeft` says so, nothing more is begun. Never rejects.
   */
  score(group: Group, deadline: number, hasLeft?: () => boolean): Rewarded | Promise<Rewarded>;
  /** Scores one group once, for several who wait for it: what each is told at a deadline of its own, in their order. */
  scoreBy(group: Group, deadlines: readonly number[]): readonly (Rewarded | Promise<Rewarded>)[];
  /** Transforms of the reward that compare the responses of a group: a part of one has no reward. */
  readonly groupRelative: readonly string[];
  /** Groups that were answered for at the deadline while a scorer still works on them. */
  late(): number;
  /** Resolves when every paid call under way has ended and is in the cache. */
  drain(): Promise<void>;
  /** Drains, then closes models, threads and cache. */
  close(): Promise<void>;
}

export const DEFAULT_DEADLINE_MS = 30_000;

/**
 * Opens what a recipe scores with, for a reward server or for use in code. Whoever opens it closes it.
 *
 * Throws: as `run` does for recipe and models; `bad_recipe` without a combine step; `need_unmet` when a transform needs the
 *         numbers of a whole run and `run` is not given; `plan_changed` when the dataset at `run` was made otherwise.
 */
export async function openRewarder(
  loaded: LoadedRecipe,
  catalog: Catalog,
  options: RewarderOptions = {},
): Promise<Rewarder> {
  const { offline = false, onWarning } = options;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  // What is open stays open until `release`: the models are closed by whoever opened them.
  let held: Promise<void> = Promise.resolve();
  const opened = new Promise<Rewarder>((resolve, reject) => {
    held = withModels(
      withoutSampling(loaded),
      catalog,
      "",
      { offline, ...(onWarning && { onWarning }) },
      async ({ resolved, access }) => {
        const open = await openLanes(resolved, catalog, options, access.runtime.cacheDirectory);
        resolve({
          ...open,
          usage: access.usage,
          close: async () => {
            await open.close();
            release();
            await held;
          },
        });
        await released;
      },
    );
    held.catch(reject);
  });
  return opened;
}

/** Threads for large groups: each takes half a second to start, and some memory. */
const LARGE_THREADS = 2;

/** Whether large groups of a scorer that is not CPU-bound may go to a thread. One of the user's own says where it runs. */
function mayMove({ cpuBound, cost, source }: RunScorer, catalog: Catalog): boolean {
  if (cpuBound || cost !== "free" || source?.kind !== "list") return false;
  // What times itself runs processes, whose number it bounds, and which would outlive a thread that is killed.
  return catalog.scorers[source.name]?.timesItself !== true;
}

async function openLanes(
  resolved: ResolvedRecipe,
  catalog: Catalog,
  options: RewarderOptions,
  cacheDirectory: string,
): Promise<Omit<Rewarder, "usage">> {
  const { combine: plan, scorers, recipe } = resolved;
  if (plan === null) {
    throw new PrefkitError(
      "bad_recipe",
      `${resolved.loaded.label} has ${scorers.length} scorers and no reward to serve.`,
      "add `reward: { terms: [{ score: … }] }`.",
    );
  }
  const numbers = await frozenNumbers({
    files: options.files ?? nodeFiles,
    run: options.run ?? null,
    plan,
    rewardConfig: resolved.rewardConfig,
    scorers: scoreInfos(scorers),
  });
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const clock = options.clock ?? systemClock;
  const cancel = new AbortController();
  setMaxListeners(0, cancel.signal);
  const cache = scorers.some(({ cost }) => cost === "paid")
    ? (options.openCache ?? (() => openScoreCache(cacheDirectory)))()
    : null;
  const { scorers: counts } = newStatus(scorers.map(({ key }) => key));
  const runs = scorers.map((run) => withinDeadline(run, deadlineMs));
  const processors = options.threads ?? availableParallelism();
  const threaded = runs.filter(inThreads);
  const threads = Math.max(1, Math.floor(processors / threaded.length));
  const movable = runs.filter((run) => mayMove(run, catalog));
  const large = sharedThreads(movable, recipe.seed, Math.min(processors, LARGE_THREADS));
  const lanes = runs.map((run) =>
    openLane({
      ...{ run, seed: recipe.seed, cancel: cancel.signal, cache, counts, threads, clock },
      forLarge: movable.includes(run) ? large : null,
    }),
  );
  const drain = async (): Promise<void> => {
    await Promise.all(lanes.map((lane) => lane.drain()));
    await cache?.flush();
  };
  const given = (
    group: Group,
    scores: readonly (readonly Score[] | Promise<readonly Score[]>)[],
  ): Rewarded | Promise<Rewarded> =>
    scores.some((column) => column instanceof Promise)
      ? Promise.all(scores).then((all) => rewarded(plan, numbers, group, lanes, all))
      : rewarded(plan, numbers, group, lanes, scores as (readonly Score[])[]);
  return {
    scorers: lanes.map(({ key, needs }) => ({ key, needs })),
    deadlineMs,
    identity: () => identityOf(resolved, numbers),
    counts,
    groupRelative: groupRelative(plan),
    score: (group, deadline, hasLeft = staysOn) =>
      given(
        group,
        lanes.map((lane) => lane.by(lane.start(group, deadline, hasLeft), group, deadline)),
      ),
    scoreBy: (group, deadlines) => {
      const latest = Math.max(...deadlines);
      const started = lanes.map((lane) => lane.start(group, latest, staysOn));
      if (!started.some((scores) => scores instanceof Promise)) {
        const once = given(group, started);
        return deadlines.map(() => once);
      }
      return deadlines.map((deadline) =>
        given(
          group,
          lanes.map((lane, index) => lane.by(started[index] ?? [], group, deadline)),
        ),
      );
    },
    late: () => Math.max(0, ...lanes.map((lane) => lane.late())),
    drain,
    close: async () => {
      await drain();
      cancel.abort(new Error("the server ended"));
      await Promise.all([large.close(), ...lanes.map((lane) => lane.close())]);
      await cache?.close();
    },
  };
}

/** Those who wait for a gathered group are many: what one has no more use for, the others have. */
function staysOn(): boolean {
  return false;
}

function rewarded(
  plan: CombinePlan,
  numbers: RunNumbers,
  group: Group,
  lanes: readonly Lane[],
  scores: readonly (readonly Score[])[],
): Rewarded {
  const columns = lanes.map(({ key }, index) => ({ name: key, scores: scores[index] ?? [] }));
  const scored: ScoredGroup = { group, columns };
  try {
    return { ...scored, rewards: combine(plan, scored, numbers).rewards, problem: null };
  } catch (error) {
    // A run ends here. A server has other groups to answer for: these have no reward, and it says why.
    const code = isPrefkitError(error) ? error.code : "internal";
    const problem = isPrefkitError(error) ? error.message.split("\nFix:")[0] : error;
    return { ...scored, rewards: group.responses.map(() => null), problem: `${code}: ${reasonOf(problem)}` };
  }
}

/** A server draws no samples: the models that would are not opened. */
function withoutSampling(loaded: LoadedRecipe): LoadedRecipe {
  const { sample: _sample, ...recipe } = loaded.recipe;
  return { ...loaded, recipe };
}
