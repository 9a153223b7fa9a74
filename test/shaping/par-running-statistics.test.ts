import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  NO_RUNNING_STATISTICS,
  type RunningMethod,
  shapeRunning,
  updateRunning,
} from "../../src/shaping/par-running-statistics.ts";
import { expectValues } from "./expect-values.ts";

/** Two batches one after the other; the statistics are written and read in between, as a resumed training would. */
function twoBatches(method: RunningMethod): readonly (readonly number[])[] {
  const first = shapeRunning(method, NO_RUNNING_STATISTICS, [1, 2, 3, 4]);
  const second = shapeRunning(method, JSON.parse(JSON.stringify(first.statistics)), [10, 0]);
  return [first.rewards, second.rewards];
}

describe("the running statistics of the official PAR code", () => {
  // The reference's vectors: batch 1 has μ 2.5, σ 1.1180339887; with batch 2 μ 3.3333333333, σ 3.2489314483.
  it.each([
    {
      method: "mean-std" as const,
      expected: [
        [-1.34164079, -0.4472136, 0.4472136, 1.34164079],
        [2.0519567, -1.02597835],
      ],
    },
    {
      method: "clip" as const,
      expected: [
        [1.38196601, 2, 3, 3.61803399],
        [6.58226478, 0.08440189],
      ],
    },
    {
      // The lowest stays at 1 only until batch 2 brings 0: [10, 0] -> (10 - 0) / 10, (0 - 0) / 10.
      method: "min-max" as const,
      expected: [
        [0, 1 / 3, 2 / 3, 1],
        [1, 0],
      ],
    },
  ])("shape a batch by $method after they have been updated with it", ({ method, expected }) => {
    for (const [index, rewards] of twoBatches(method).entries()) {
      expectValues(rewards, expected[index] ?? [], 7);
    }
  });

  it("are those of all rewards so far, however they came in batches", () => {
    const rewards = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(rewards, { maxLength: 5 }), (batches) => {
        const running = batches.reduce(updateRunning, NO_RUNNING_STATISTICS);
        const whole = updateRunning(NO_RUNNING_STATISTICS, batches.flat());
        expect(running).toEqual({
          ...whole,
          mean: expect.closeTo(whole.mean, 9),
          m2: expect.closeTo(whole.m2, 6),
        });
      }),
      { seed: 1 },
    );
  });

  it("give 0 and 0.5 where the official code divides by no spread", () => {
    expect(shapeRunning("mean-std", NO_RUNNING_STATISTICS, [5]).rewards).toEqual([0]);
    expect(shapeRunning("min-max", NO_RUNNING_STATISTICS, [5, 5]).rewards).toEqual([0.5, 0.5]);
    expect(shapeRunning("clip", NO_RUNNING_STATISTICS, [])).toEqual({
      rewards: [],
      statistics: NO_RUNNING_STATISTICS,
    });
  });

  it("refuse a reward that is no number", () => {
    expect(() => updateRunning(NO_RUNNING_STATISTICS, [1, Number.NaN])).toThrow(
      expect.objectContaining({ code: "not_finite" }),
    );
  });
});
