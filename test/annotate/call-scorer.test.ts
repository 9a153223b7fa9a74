import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callScorer } from "../../src/annotate/call-scorer.ts";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { Score, ScoreContext, Scorer } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";

const group = groupOf(["18", "26"]);
const good = [scored(1), abstained("no")];
const never = new AbortController().signal;
const options = { timeoutMs: 1000, seed: 7, cancel: never };

function scorerOf(score: (context: ScoreContext) => unknown): Scorer {
  const call = (_: unknown, context: ScoreContext): readonly Score[] => score(context) as readonly Score[];
  return { name: "probe", version: 1, range: [0, 1], score: call };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("callScorer", () => {
  it("answers at once for a scorer that answers at once", () => {
    expect(
      callScorer(
        scorerOf(() => good),
        group,
        options,
      ),
    ).toBeInstanceOf(Array);
    expect(
      callScorer(
        scorerOf(() => good),
        group,
        options,
      ),
    ).toEqual(good);
  });

  it("waits for one that promises", async () => {
    await expect(
      callScorer(
        scorerOf(async () => good),
        group,
        options,
      ),
    ).resolves.toEqual(good);
  });

  it("takes any object with a `then` for a promise", async () => {
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about.
    const thenable = { then: (done: (scores: unknown) => void) => done(good) };
    await expect(
      callScorer(
        scorerOf(() => thenable),
        group,
        options,
      ),
    ).resolves.toEqual(good);
  });

  it("hands the seed and a signal to the scorer", () => {
    let seen: ScoreContext | undefined;
    callScorer(
      scorerOf((context) => {
        seen = context;
        expect(context.signal.aborted).toBe(false);
        return good;
      }),
      group,
      options,
    );
    expect(seen?.seed).toBe(7);
    expect(seen?.signal).toBeInstanceOf(AbortSignal);
  });

  it.each([
    {
      outcome: "throws",
      score: () => {
        throw new Error("broken\nby design");
      },
      code: "threw",
      why: "broken by design",
    },
    {
      outcome: "throws text",
      score: () => {
        throw "broken";
      },
      code: "threw",
      why: "broken",
    },
    {
      outcome: "rejects",
      score: () => Promise.reject(new TypeError("no text")),
      code: "threw",
      why: "no text",
    },
    {
      outcome: "returns too few",
      score: () => [scored(1)],
      code: "wrong_length",
      why: "probe returned 1 scores for 2 responses",
    },
    {
      outcome: "promises too few",
      score: async () => [],
      code: "wrong_length",
      why: "probe returned 0 scores for 2 responses",
    },
    {
      outcome: "returns nothing",
      score: () => undefined,
      code: "wrong_length",
      why: "probe returned a undefined for 2 responses",
    },
    {
      outcome: "returns NaN",
      score: () => [scored(Number.NaN), scored(Number.NaN)],
      code: "not_finite",
      why: "value is NaN",
    },
    {
      outcome: "returns 2",
      score: async () => [scored(2), scored(2)],
      code: "out_of_range",
      why: "value 2 is outside [0, 1]",
    },
    { outcome: "returns numbers", score: () => [1, 1], code: "not_a_score", why: "got 1" },
    {
      outcome: "returns a score that throws when it is looked at",
      score: () => [
        {
          get kind(): string {
            throw new Error("look away");
          },
        },
        scored(1),
      ],
      code: "threw",
      why: "look away",
    },
  ])("fails every cell with $code when the scorer $outcome", async ({ score, code, why }) => {
    const cell = failed(code, why);
    expect(await callScorer(scorerOf(score), group, options)).toEqual([cell, cell]);
  });

  it("gives up after the time limit, and tells the scorer through its signal", async () => {
    let signal: AbortSignal | undefined;
    const result = callScorer(
      scorerOf((context) => {
        signal = context.signal;
        return new Promise(() => undefined);
      }),
      group,
      options,
    );
    await vi.advanceTimersByTimeAsync(999);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const cell = failed("timeout", "no answer within 1000 ms");
    expect(await result).toEqual([cell, cell]);
    expect(signal?.aborted).toBe(true);
  });

  it("tells a scorer that asks for its signal only after it has waited", async () => {
    let isAborted = false;
    const result = callScorer(
      scorerOf(async (context) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return new Promise((resolve) => {
          context.signal.addEventListener("abort", () => {
            isAborted = true;
            resolve(good);
          });
        });
      }),
      group,
      options,
    );
    await vi.advanceTimersByTimeAsync(1000);
    expect(await result).toEqual([
      failed("timeout", "no answer within 1000 ms"),
      failed("timeout", "no answer within 1000 ms"),
    ]);
    expect(isAborted).toBe(true);
  });

  it("does not mind what comes after the time limit", async () => {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 5000));
    const result = callScorer(
      scorerOf(() => late),
      group,
      options,
    );
    await vi.advanceTimersByTimeAsync(6000);
    expect((await result).map(({ kind }) => kind)).toEqual(["failed", "failed"]);
  });

  it("calls it a timeout when a scorer blocked the thread for longer", () => {
    const slow = scorerOf(() => {
      vi.advanceTimersByTime(1001); // also the clock of `performance.now`
      return good;
    });
    expect(callScorer(slow, group, options)).toEqual([
      failed("timeout", "no answer within 1000 ms"),
      failed("timeout", "no answer within 1000 ms"),
    ]);
  });

  it("passes a cancelled run on through the signal, and calls what then breaks cancelled", async () => {
    const run = new AbortController();
    const result = callScorer(
      scorerOf(
        ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
          }),
      ),
      group,
      { ...options, cancel: run.signal },
    );
    run.abort(new Error("stopped by SIGTERM"));
    const cell = failed("cancelled", "the run was stopped");
    expect(await result).toEqual([cell, cell]);
  });

  it("leaves no timer and no listener behind", async () => {
    const run = new AbortController();
    const added = vi.spyOn(run.signal, "addEventListener");
    const removed = vi.spyOn(run.signal, "removeEventListener");
    await callScorer(
      scorerOf(async () => good),
      group,
      { ...options, cancel: run.signal },
    );
    expect(vi.getTimerCount()).toBe(0);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });

  it("takes a group without responses", () => {
    expect(
      callScorer(
        scorerOf(() => []),
        groupOf([]),
        options,
      ),
    ).toEqual([]);
  });
});
