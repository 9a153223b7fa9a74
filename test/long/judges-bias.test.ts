import { describe, expect, it } from "vitest";
import { definition, pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { hashUnit, randomFor } from "../../src/core/random.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { readJudgedPrompt } from "../../src/testing/simulated-judge/judged-prompt.ts";
import { simulatedJudge } from "../../src/testing/simulated-judge.ts";

interface Coverage {
  readonly inside: number;
  readonly estimates: readonly number[];
  readonly widths: readonly number[];
  readonly calls: number;
  readonly wrong: number;
}

interface Asked {
  readonly seeds: number;
  readonly pairs: number;
  readonly planted: Readonly<Record<string, number>>;
  readonly orders: "both" | "random";
}

const fixture = "../../bench/fixtures/judges-world.mjs";
const { biasCoverage } = (await import(fixture)) as {
  biasCoverage: (modules: object, asked: Asked) => Promise<Coverage>;
};
const modules = { pairwiseJudge, definition, simulatedJudge, readJudgedPrompt, groupOf, randomFor, hashUnit };

const SEEDS = Number(process.env.PREFKIT_SEEDS ?? 100);
const PAIRS = 200;
const ERRORS = { errorRate: 0.1, verbosityBias: 0.1 };

describe("the position bias that a run estimates", () => {
  const settings = (["both", "random"] as const).flatMap((orders) =>
    [0, 0.1, 0.3].flatMap((positionBias) =>
      [0, 0.2].map((parseFailureRate) => ({ orders, positionBias, parseFailureRate })),
    ),
  );

  it.each(settings)(
    "has the planted one inside its own 95 % interval: $positionBias, $parseFailureRate unread, orders $orders",
    async ({ orders, positionBias, parseFailureRate }) => {
      const planted = { positionBias, parseFailureRate, ...ERRORS };
      const found = await biasCoverage(modules, { seeds: SEEDS, pairs: PAIRS, planted, orders });
      expect(found.estimates).toHaveLength(SEEDS);
      // Of few seeds less can be asked.
      expect(found.inside / SEEDS).toBeGreaterThanOrEqual(SEEDS < 100 ? 0.8 : 0.9);
      // No interval is so wide that it says nothing.
      expect(Math.max(...found.widths)).toBeLessThan(0.5);
      const estimate = found.estimates.reduce((sum, value) => sum + value, 0) / SEEDS;
      expect(Math.abs(estimate - positionBias)).toBeLessThan(0.3 / Math.sqrt(SEEDS));
      expect(found.wrong).toBe(0);
    },
  );
});
