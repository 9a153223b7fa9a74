import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFor } from "../../src/core/random.ts";
import { binomial } from "../../src/evaluate/binomial.ts";
import {
  DEFAULT_SAMPLES,
  percentileInterval,
  resampledClusterMeans,
  resampledMeans,
  resampledRatios,
  resampledStatistic,
} from "../../src/evaluate/bootstrap.ts";

/** ln C(n, k) by sums, independent of the sampler's Stirling terms. */
function binomialProbability(trials: number, count: number, probability: number): number {
  let log = count * Math.log(probability) + (trials - count) * Math.log(1 - probability);
  for (let step = 1; step <= count; step++) log += Math.log((trials - count + step) / step);
  return Math.exp(log);
}

describe("binomial", () => {
  it.each([
    { trials: 12, probability: 0.3, note: "by search" },
    { trials: 40, probability: 0.3, note: "by rejection" },
    { trials: 40, probability: 0.7, note: "by rejection, mirrored" },
    { trials: 400, probability: 0.01, note: "by search, rare" },
    { trials: 3000, probability: 0.5, note: "by rejection, wide" },
  ])("draws counts as often as their probabilities say ($note)", ({ trials, probability }) => {
    const random = randomFor(1, "binomial", trials, String(probability));
    const draws = 40_000;
    const seen = new Map<number, number>();
    for (let draw = 0; draw < draws; draw++) {
      const count = binomial(random, trials, probability);
      seen.set(count, (seen.get(count) ?? 0) + 1);
    }
    let [chi, cells] = [0, 0];
    for (let count = 0; count <= trials; count++) {
      const expected = draws * binomialProbability(trials, count, probability);
      if (expected < 10) continue;
      chi += ((seen.get(count) ?? 0) - expected) ** 2 / expected;
      cells += 1;
    }
    // A chi-square with k degrees of freedom has mean k and deviation √(2k).
    expect(chi).toBeLessThan(cells + 4 * Math.sqrt(2 * cells));
  });

  it("stays inside [0, trials], and is certain where the probability is 0 or 1", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat({ max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, trials, p) => {
          const count = binomial(randomFor(seed, "any"), trials, p);
          expect(Number.isInteger(count) && count >= 0 && count <= trials).toBe(true);
        },
      ),
    );
    expect(binomial(randomFor(0), 7, 0)).toBe(0);
    expect(binomial(randomFor(0), 7, 1)).toBe(7);
  });
});

describe("percentileInterval", () => {
  it("interpolates between the two nearest draws", () => {
    // 0.025 · 100 = 2.5 and 0.975 · 100 = 97.5
    const [low, high] = percentileInterval(Float64Array.from({ length: 101 }, (_, at) => 100 - at)) ?? [];
    expect(low).toBeCloseTo(2.5, 12);
    expect(high).toBeCloseTo(97.5, 12);
  });

  it("leaves out samples without a number, and is null when none is left", () => {
    expect(percentileInterval(Float64Array.of(3, Number.NaN, 3))).toEqual([3, 3]);
    expect(percentileInterval(Float64Array.of(Number.NaN))).toBeNull();
    expect(percentileInterval(new Float64Array(0))).toBeNull();
  });
});

describe("resampledMeans", () => {
  const spreadOf = (draws: Float64Array): number => {
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    return Math.sqrt(draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length);
  };

  it("varies as the mean of a sample does, by counts and value by value alike", () => {
    const few = Float64Array.from({ length: 400 }, (_, at) => at % 4);
    // Deviation of 0, 1, 2, 3 is √1.25; of the mean of 400 it is √(1.25 / 400) = 0.0559.
    expect(spreadOf(resampledMeans(few, 20_000, randomFor(0, "few")))).toBeCloseTo(0.0559, 3);
    const many = few.map((value, at) => value + at * 1e-9);
    expect(spreadOf(resampledMeans(many, 20_000, randomFor(0, "many")))).toBeCloseTo(0.0559, 3);
  });

  it("does not depend on the order of the values where they are few", () => {
    const values = [1, 0, 0.5, 1, 0, 1];
    const draws = resampledMeans(values, 200, randomFor(3, "order"));
    expect(resampledMeans(values.toReversed(), 200, randomFor(3, "order"))).toEqual(draws);
  });

  it("gives constants back, and nothing for nothing", () => {
    expect(new Set(resampledMeans([0.25, 0.25], 50, randomFor(0)))).toEqual(new Set([0.25]));
    expect(resampledMeans([], 50, randomFor(0))).toHaveLength(0);
    expect(resampledStatistic(0, 50, randomFor(0), () => 1)).toHaveLength(0);
  });

  it.each([Number.NaN, Infinity])("refuses %s", (value) => {
    expect(() => resampledMeans([1, value], 10, randomFor(0))).toThrow(/not_finite/);
  });

  it("costs the same for 100,000 pairs as for ten, and little for 100,000 numbers", () => {
    const pairs = Float64Array.from({ length: 100_000 }, (_, at) => (at % 10 < 7 ? 1 : 0));
    const started = performance.now();
    resampledMeans(pairs, 2000, randomFor(0, "pairs"));
    // Milliseconds, really; the bound is for machines that do other things.
    expect(performance.now() - started).toBeLessThan(1500);
  });
});

describe("a 95 % bootstrap interval", () => {
  const SIMULATIONS = 2000;
  const ITEMS = 500;

  const coverage = (
    key: string,
    truth: number,
    draw: (random: ReturnType<typeof randomFor>) => Float64Array,
  ): number => {
    let covered = 0;
    for (let simulation = 0; simulation < SIMULATIONS; simulation++) {
      const [low, high] = percentileInterval(draw(randomFor(simulation, "coverage", key))) ?? [
        Number.NaN,
        Number.NaN,
      ];
      if (low <= truth && truth <= high) covered += 1;
    }
    return covered / SIMULATIONS;
  };

  it.each([
    { key: "accuracy 0.5", truth: 0.5, samples: 400 },
    { key: "accuracy 0.7", truth: 0.7, samples: DEFAULT_SAMPLES },
    { key: "accuracy 0.9", truth: 0.9, samples: 400 },
  ])(
    "covers the truth in 93–97 % of 2,000 simulations with n = 500: $key, $samples samples",
    ({ key, truth, samples }) => {
      const found = coverage(key, truth, (random) => {
        const values = Float64Array.from({ length: ITEMS }, () => (random.uniform() < truth ? 1 : 0));
        return resampledMeans(values, samples, random);
      });
      process.stdout.write(`bootstrap coverage, ${key}: ${(100 * found).toFixed(2)} %\n`);
      expect(found).toBeGreaterThanOrEqual(0.93);
      expect(found).toBeLessThanOrEqual(0.97);
    },
  );

  it("covers it as often for the difference of two scorers on the same pairs", () => {
    // The second is right where the first is in 80 % of the pairs, else in 50 %: 0.7 − (0.7 · 0.8 + 0.3 · 0.5) = −0.01.
    const found = coverage("paired", -0.01, (random) => {
      const values = Float64Array.from({ length: ITEMS }, () => {
        const first = random.uniform() < 0.7 ? 1 : 0;
        return first - (random.uniform() < (first === 1 ? 0.8 : 0.5) ? 1 : 0);
      });
      return resampledMeans(values, 400, random);
    });
    process.stdout.write(`bootstrap coverage, paired difference: ${(100 * found).toFixed(2)} %\n`);
    expect(found).toBeGreaterThanOrEqual(0.93);
    expect(found).toBeLessThanOrEqual(0.97);
  });

  it("covers it about as often where prompts repeat, though a plain one does not", () => {
    // 60 prompts with 10 items each; a prompt is easy or hard for the scorer: 0.9 or 0.3, so 0.6 on the whole.
    const draws = (means: typeof resampledMeans | null) => (random: ReturnType<typeof randomFor>) => {
      const rates = Array.from({ length: 60 }, () => (random.uniform() < 0.5 ? 0.9 : 0.3));
      const prompts = rates.flatMap((_, prompt) => new Array<number>(10).fill(prompt));
      const values = prompts.map((prompt) => (random.uniform() < (rates[prompt] ?? 0) ? 1 : 0));
      return means ? means(values, 200, random) : resampledClusterMeans(values, prompts, 200, random);
    };
    const [found, plain] = [
      coverage("clusters", 0.6, draws(null)),
      coverage("rows", 0.6, draws(resampledMeans)),
    ];
    process.stdout.write(
      `bootstrap coverage, repeated prompts: ${(100 * found).toFixed(2)} %, by rows ${(100 * plain).toFixed(2)} %\n`,
    );
    expect(found).toBeGreaterThanOrEqual(0.92);
    expect(found).toBeLessThanOrEqual(0.97);
    expect(plain).toBeLessThan(0.75);
  });

  it("covers it as often for a weighted mean of subsets, each resampled by itself", () => {
    // Five subsets of 100 with accuracies 0.5 … 0.9 and weights 1 … 5: Σ w p / 15 = 11.5 / 15.
    const rates = [0.5, 0.6, 0.7, 0.8, 0.9];
    const found = coverage("weighted", 11.5 / 15, (random) => {
      const subsets = rates.map((rate) =>
        resampledMeans(
          Float64Array.from({ length: ITEMS / 5 }, () => (random.uniform() < rate ? 1 : 0)),
          400,
          random,
        ),
      );
      return Float64Array.from({ length: 400 }, (_, at) =>
        subsets.reduce((sum, draws, place) => sum + ((place + 1) * (draws[at] ?? 0)) / 15, 0),
      );
    });
    process.stdout.write(`bootstrap coverage, weighted subsets: ${(100 * found).toFixed(2)} %\n`);
    expect(found).toBeGreaterThanOrEqual(0.93);
    expect(found).toBeLessThanOrEqual(0.97);
  });
});

describe("resampledRatios", () => {
  it("keeps the trials of one item together", () => {
    // Both trials of an item are alike: as spread as 200 items, not as 400. √(0.25 / 200) = 0.03536.
    const items = Array.from({ length: 200 }, (_, at) => [at % 2 === 0 ? 2 : 0, 2] as const);
    const draws = resampledRatios(items, 20_000, randomFor(0, "ratios"));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const spread = Math.sqrt(draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length);
    expect(mean).toBeCloseTo(0.5, 2);
    expect(spread).toBeCloseTo(0.0354, 3);
  });

  it("has no ratio in a sample without a trial, and none of nothing", () => {
    expect([...resampledRatios([[0, 0]], 3, randomFor(0))]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(resampledRatios([], 3, randomFor(0))).toHaveLength(0);
  });
});

describe("resampledClusterMeans", () => {
  const values = Array.from({ length: 300 }, (_, at) => (at % 3 === 0 ? 1 : 0));

  it("is the plain bootstrap where every value is a cluster of its own", () => {
    const own = values.map((_, at) => 7 * at);
    expect(resampledClusterMeans(values, own, 200, randomFor(1))).toEqual(
      resampledMeans(values, 200, randomFor(1)),
    );
  });

  it("does not vary with one cluster, and does not depend on the order of the values", () => {
    const one = new Set(
      resampledClusterMeans(
        values,
        values.map(() => 4),
        50,
        randomFor(1),
      ),
    );
    expect([...one]).toEqual([1 / 3]);
    // 100 clusters, first of two kinds, then of 100 kinds: counted, and drawn one by one.
    for (const shift of [0, 1e-3]) {
      const shifted = values.map((value, at) => value + shift * Math.floor(at / 3));
      const clusters = values.map((_, at) => Math.floor(at / 3));
      const draws = resampledClusterMeans(shifted, clusters, 200, randomFor(2));
      const turned = resampledClusterMeans(shifted.toReversed(), clusters.toReversed(), 200, randomFor(2));
      for (const [at, draw] of draws.entries()) expect(turned[at]).toBeCloseTo(draw, 12);
    }
  });

  it("is as spread as the clusters' means are, of few kinds and of many", () => {
    // 200 clusters of two equal values, half of them 1: √(0.25 / 200) = 0.03536.
    const clusters = Array.from({ length: 400 }, (_, at) => Math.floor(at / 2));
    for (const step of [0, 1e-9]) {
      const alike = clusters.map((cluster) => (cluster % 2) + step * cluster);
      const draws = resampledClusterMeans(alike, clusters, 20_000, randomFor(0, "clusters"));
      const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
      const spread = Math.sqrt(draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length);
      expect(spread).toBeCloseTo(0.0354, 3);
    }
  });

  it.each([Number.NaN, Infinity])("refuses %s, and gives nothing for nothing", (value) => {
    expect(() => resampledClusterMeans([1, value], [0, 0], 10, randomFor(0))).toThrow(/not_finite/);
    expect(resampledClusterMeans([], [], 10, randomFor(0))).toHaveLength(0);
  });
});
