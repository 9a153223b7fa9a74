import { beforeEach, describe, expect, it } from "vitest";
import type { RunScorer } from "../../src/annotate/resolve-scorer.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { type GroupScorer, groupScoring } from "../../src/annotate/score-group.ts";
import type { ScorerStatus } from "../../src/annotate/status.ts";
import type { WorkerPool } from "../../src/annotate/worker-pool.ts";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { Group, Score, Scorer } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";

const group = groupOf(["18", "26"]);
let calls: string[];
let counts: Map<string, ScorerStatus>;
beforeEach(() => {
  calls = [];
  counts = new Map([["judge", { scored: 0, abstained: 0, failed: 0, cached: 0 }]]);
});

/** A scorer under a key that notes each call and answers as told. */
function runOf(
  key: string,
  answer: (group: Group) => ReturnType<Scorer["score"]>,
  traits: Partial<RunScorer> = {},
): RunScorer {
  const score: Scorer["score"] = (given) => {
    calls.push(key);
    return answer(given);
  };
  return {
    key,
    scorer: { name: key, version: 1, range: [0, 1], score },
    cpuBound: false,
    cost: "free",
    usesIds: false,
    orderSensitive: false,
    timeoutMs: 1000,
    maxFailedShare: 0,
    keepRaw: false,
    configHash: "0",
    config: {},
    cacheIdentity: { key },
    source: null,
    checkGroup: null,
    plannedCalls: () => [],
    alarms: () => [],
    judges: [],
    diagnose: () => null,
    ...traits,
  };
}

function scoringOf(scorers: readonly RunScorer[], more: Partial<GroupScorer> = {}) {
  return groupScoring({
    scorers,
    seed: 0,
    cancel: new AbortController().signal,
    cache: null,
    pool: null,
    counts,
    ...more,
  });
}

const both = (value: number): Score[] => [scored(value), scored(value)];

describe("scoring a group", () => {
  it("answers at once, without a promise, when every scorer does", () => {
    const { score } = scoringOf([runOf("a", () => both(0)), runOf("b", () => both(1))]);
    expect(score(group, null)).toEqual({
      group,
      columns: [
        { name: "a", scores: both(0) },
        { name: "b", scores: both(1) },
      ],
    });
  });

  it("keeps the recipe's order when a slow scorer stands first", async () => {
    const { score } = scoringOf([runOf("slow", async () => both(0)), runOf("quick", () => both(1))]);
    const { columns } = await score(group, null);
    expect(columns.map(({ name }) => name)).toEqual(["slow", "quick"]);
  });

  it("leaves the judge's reply out unless the recipe keeps it", async () => {
    const answer = () => [scored(1, { why: "so", raw: "a long reply" }), abstained("no")];
    const { score } = scoringOf([runOf("a", answer), runOf("b", answer, { keepRaw: true })]);
    const { columns } = await score(group, null);
    expect(columns[0]?.scores).toEqual([scored(1, { why: "so" }), abstained("no")]);
    expect(columns[1]?.scores).toEqual(answer());
  });
});

describe("what an earlier run left", () => {
  it("is kept where nothing failed, and its scorer is not called", async () => {
    const { score } = scoringOf([runOf("a", () => both(0)), runOf("b", () => both(0))]);
    const earlier = [{ name: "a", scores: [scored(1), abstained("no")] }];
    const { columns } = await score(group, earlier);
    expect(calls).toEqual(["b"]);
    expect(columns[0]).toEqual(earlier[0]);
  });

  it("has its failed cells filled, and no other", async () => {
    const { score } = scoringOf([runOf("a", async () => both(0.5))]);
    const { columns } = await score(group, [{ name: "a", scores: [scored(1), failed("timeout", "slow")] }]);
    expect(columns[0]?.scores).toEqual([scored(1), scored(0.5)]);
  });

  it("is replaced as a whole when it does not fit the group", async () => {
    const { score } = scoringOf([runOf("a", () => both(0.5))]);
    const { columns } = await score(group, [{ name: "a", scores: [failed("timeout", "slow")] }]);
    expect(columns[0]?.scores).toEqual(both(0.5));
  });
});

describe("a paid scorer", () => {
  const paid = { cost: "paid" } as const;

  it("is paid once, and its scores come from the cache afterwards, also under other ids", async () => {
    const cache = memoryScoreCache();
    const { score } = scoringOf([runOf("judge", async () => both(1), paid)], { cache });
    await score(group, null);
    const renamed: Group = { ...group, prompt: { ...group.prompt, id: "other" } };
    const { columns } = await score(renamed, null);
    expect(calls).toEqual(["judge"]);
    expect(columns[0]?.scores).toEqual(both(1));
    expect(counts.get("judge")?.cached).toBe(2);
  });

  it("is paid for each id where ids change its numbers, also for two at a time", async () => {
    const run = runOf("judge", async ({ prompt }) => both(prompt.id === "other" ? 1 : 0), {
      ...paid,
      usesIds: true,
    });
    const { score } = scoringOf([run], { cache: memoryScoreCache() });
    const renamed: Group = { ...group, prompt: { ...group.prompt, id: "other" } };
    const [first, second] = await Promise.all([score(group, null), score(renamed, null)]);
    expect(first?.columns[0]?.scores).toEqual(both(0));
    expect(second?.columns[0]?.scores).toEqual(both(1));
    expect((await score(renamed, null)).columns[0]?.scores).toEqual(both(1));
    expect(calls).toEqual(["judge", "judge"]);
  });

  it("is paid once when the same question is asked twice at a time", async () => {
    const { score } = scoringOf([runOf("judge", async () => both(1), paid)], { cache: memoryScoreCache() });
    const [first, second] = await Promise.all([score(group, null), score(group, null)]);
    expect(calls).toEqual(["judge"]);
    expect(second?.columns).toEqual(first?.columns);
  });

  it("is asked again after a failure: failures are not cached", async () => {
    const cache = memoryScoreCache();
    let broken = true;
    const answer = async (): Promise<Score[]> =>
      broken ? [scored(1), failed("lost", "no connection")] : both(0);
    const { score } = scoringOf([runOf("judge", answer, paid)], { cache });
    const first = await score(group, null);
    expect(cache.size).toBe(0);
    broken = false;
    const { columns } = await score(group, first.columns);
    expect(calls).toEqual(["judge", "judge"]);
    expect(columns[0]?.scores).toEqual([scored(1), scored(0)]);
    expect(cache.size).toBe(1);
  });

  it("that throws at once has failed, and may be asked again", async () => {
    const answer = (): Score[] => {
      throw new Error("by design");
    };
    const { score } = scoringOf([runOf("judge", answer, paid)], { cache: memoryScoreCache() });
    const cell = failed("threw", "by design");
    expect((await score(group, null)).columns[0]?.scores).toEqual([cell, cell]);
    await score(group, null);
    expect(calls).toEqual(["judge", "judge"]);
  });

  it("is waited for by drain, so that what is paid for is kept", async () => {
    const cache = memoryScoreCache();
    let answer: (scores: Score[]) => void = () => undefined;
    const pending = new Promise<Score[]>((resolve) => {
      answer = resolve;
    });
    const { score, drain } = scoringOf([runOf("judge", () => pending, paid)], { cache });
    void score(group, null);
    const drained = drain();
    expect(cache.size).toBe(0);
    answer(both(1));
    await drained;
    expect(cache.size).toBe(1);
  });

  it("does not look at a cached answer for another number of responses", async () => {
    const cache = memoryScoreCache();
    const { score } = scoringOf(
      [runOf("judge", async ({ responses }) => responses.map(() => scored(1)), paid)],
      {
        cache: { ...cache, get: () => ({ scorer: "judge", promptId: "p", scores: [scored(0)] }) },
      },
    );
    expect((await score(group, null)).columns[0]?.scores).toEqual(both(1));
  });
});

describe("scorers that run in threads", () => {
  const source = { kind: "own", module: "file:///x.mjs", name: "default", options: {} } as const;
  const cpu = { cpuBound: true, source } as const;
  const asked: string[][] = [];
  const pool: WorkerPool = {
    run: async (_, keys) => {
      asked.push([...keys]);
      return new Map(keys.map((key) => [key, both(0.25)]));
    },
    close: async () => undefined,
  };

  it("are asked together, once per group, and only where something is missing", async () => {
    asked.length = 0;
    const never = (): Score[] => {
      throw new Error("must not run on the main thread");
    };
    const scorers = [
      runOf("a", never, cpu),
      runOf("here", () => both(1)),
      runOf("b", never, cpu),
      runOf("c", never, cpu),
    ];
    const { score } = scoringOf(scorers, { pool });
    const { columns } = await score(group, [{ name: "c", scores: both(0) }]);
    expect(asked).toEqual([["a", "b"]]);
    expect(columns.map(({ name, scores }) => [name, scores[0]])).toEqual([
      ["a", scored(0.25)],
      ["here", scored(1)],
      ["b", scored(0.25)],
      ["c", scored(0)],
    ]);
  });

  it("run here when they are paid for or given in code", async () => {
    asked.length = 0;
    const scorers = [
      runOf("judge", async () => both(1), { ...cpu, cost: "paid" }),
      runOf("inline", () => both(1), { ...cpu, source: null }),
    ];
    await scoringOf(scorers, { pool, cache: memoryScoreCache() }).score(group, null);
    expect([asked, calls]).toEqual([[], ["judge", "inline"]]);
  });

  it("pass on that a thread cannot be had", async () => {
    const broken: WorkerPool = { ...pool, run: () => Promise.reject(new Error("no thread")) };
    const { score } = scoringOf([runOf("a", () => both(1), cpu)], { pool: broken });
    await expect(score(group, null)).rejects.toThrow("no thread");
  });
});
