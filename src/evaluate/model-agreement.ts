import { randomFor } from "../core/random.ts";
import { indexDraws, percentileInterval } from "./bootstrap.ts";
import { kendall, pearson, spearman } from "./correlation.ts";
import { groupedBy } from "./gold.ts";
import type { Interval } from "./report.ts";

/** One battle of two models. */
export interface Battle {
  readonly first: string;
  readonly second: string;
  /** By people, and by the scorer: 1 the first one won, 0.5 a tie, 0 the second one won. */
  readonly gold: number;
  readonly scorer: number;
  /** Battles of one prompt are drawn together; absent: a prompt of its own. */
  readonly prompt?: number;
}

export interface ModelAgreement {
  readonly models: readonly string[];
  /** Win rates in [0, 1], a tie one half, in the order of `models`. */
  readonly gold: readonly number[];
  readonly scorer: readonly number[];
  readonly spearman: number | null;
  readonly kendall: number | null;
  readonly pearson: number | null;
  /** Share of model pairs whose intervals of the scorer's win rates do not overlap. */
  readonly separability: number | null;
  /** Mean over model pairs of +1 where the scorer and people both separate them in one order, −1 in opposite ones, else 0. */
  readonly confidenceAgreement: number | null;
  /** Mean over model pairs of (P(scorer ranks the first higher) − 1[people do])²; pairs that people tie are left out. */
  readonly brier: number | null;
}

/**
 * Whether a scorer ranks models as people do.
 *
 * Source: after Frick et al. 2024, "How to Evaluate Reward Models for RLHF" (PPE), which names the metrics of Arena-Hard
 * (Li et al. 2024). Separability is defined there as the share of model pairs with non-overlapping confidence intervals;
 * intervals that only touch are apart, as in its authors' code. Agreement and Brier score are our reading of its text.
 * Intervals and the probability of an order are over bootstrap samples of prompts, with their battles.
 * Worked: see the tests. null with fewer than two models, or where a side does not vary.
 */
export function modelAgreement(battles: readonly Battle[], seed: number, samples: number): ModelAgreement {
  const models = [...new Set(battles.flatMap(({ first, second }) => [first, second]))].sort();
  const placeOf = new Map(models.map((model, place) => [model, place]));
  const compiled = battles.map(({ first, second, gold, scorer }) => ({
    first: placeOf.get(first) ?? 0,
    second: placeOf.get(second) ?? 0,
    gold,
    scorer,
  }));
  const rates = (indices: Iterable<number>): [gold: Float64Array, scorer: Float64Array] => {
    const [gold, scorer, counts] = [0, 1, 2].map(() => new Float64Array(models.length)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (const index of indices) {
      const battle = compiled[index];
      if (!battle) continue;
      const { first, second } = battle;
      add(counts, first, 1);
      add(counts, second, 1);
      add(gold, first, battle.gold);
      add(gold, second, 1 - battle.gold);
      add(scorer, first, battle.scorer);
      add(scorer, second, 1 - battle.scorer);
    }
    return [
      gold.map((won, place) => won / (counts[place] as number)),
      scorer.map((won, place) => won / (counts[place] as number)),
    ];
  };
  const [gold, scorer] = rates(compiled.keys()).map((values) => [...values]) as [number[], number[]];
  return {
    models,
    gold,
    scorer,
    spearman: spearman(scorer, gold),
    kendall: kendall(scorer, gold),
    pearson: pearson(scorer, gold),
    ...confidence(gold, drawnRates(models.length, battlesByPrompt(battles), rates, seed, samples)),
  };
}

function add(array: Float64Array, place: number, value: number): void {
  array[place] = (array[place] as number) + value;
}

/** Places of the battles of each prompt. */
function battlesByPrompt(battles: readonly Battle[]): readonly (readonly number[])[] {
  return [...groupedBy(battles.keys(), (place) => battles[place]?.prompt ?? `battle ${place}`).values()];
}

/** Each model's win rates in the samples. A model that was not drawn has none there (NaN). */
type Draws = readonly Float64Array[];

function drawnRates(
  models: number,
  prompts: readonly (readonly number[])[],
  rates: (indices: Iterable<number>) => readonly [Float64Array, Float64Array],
  seed: number,
  samples: number,
): readonly [gold: Draws, scorer: Draws] {
  const empty = (): Float64Array[] => Array.from({ length: models }, () => new Float64Array(samples));
  const draws = [empty(), empty()] as const;
  const drawIndex = indexDraws(prompts.length, randomFor(seed, "bootstrap battles"));
  const indices: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    indices.length = 0;
    for (let draw = 0; draw < prompts.length; draw++) {
      for (const index of prompts[drawIndex()] ?? []) indices.push(index);
    }
    for (const [side, values] of rates(indices).entries()) {
      for (const [model, value] of values.entries()) {
        const own = draws[side]?.[model];
        if (own) own[sample] = value;
      }
    }
  }
  return draws;
}

function confidence(
  gold: readonly number[],
  [goldDraws, scorerDraws]: readonly [gold: Draws, scorer: Draws],
): Pick<ModelAgreement, "brier" | "confidenceAgreement" | "separability"> {
  const [people, scorer] = [goldDraws, scorerDraws].map((draws) =>
    draws.map((own) => percentileInterval(own)),
  ) as [(Interval | null)[], (Interval | null)[]];
  let [pairs, separated, agreed, ranked, squares] = [0, 0, 0, 0, 0];
  for (let first = 0; first < gold.length; first++) {
    for (let second = first + 1; second < gold.length; second++) {
      const order = orderOf(scorer[first], scorer[second]);
      pairs += 1;
      if (order !== 0) separated += 1;
      agreed += order * orderOf(people[first], people[second]);
      const difference = (gold[first] as number) - (gold[second] as number);
      if (difference === 0) continue;
      ranked += 1;
      const above = shareAbove(scorerDraws[first] as Float64Array, scorerDraws[second] as Float64Array);
      squares += (above - (difference > 0 ? 1 : 0)) ** 2;
    }
  }
  return {
    separability: pairs === 0 ? null : separated / pairs,
    confidenceAgreement: pairs === 0 ? null : agreed / pairs,
    brier: ranked === 0 ? null : squares / ranked,
  };
}

/** +1 and −1: the intervals do not overlap, and the first one is the higher or the lower one. */
function orderOf(first: Interval | null | undefined, second: Interval | null | undefined): -1 | 0 | 1 {
  if (!first || !second) return 0;
  const [isAbove, isBelow] = [first[0] >= second[1], first[1] <= second[0]];
  // Both: two points at one place.
  return isAbove === isBelow ? 0 : isAbove ? 1 : -1;
}

/** Share of the samples in which the first is above the second, an equal one being one half; so is one without a rate. */
function shareAbove(first: Float64Array, second: Float64Array): number {
  let sum = 0;
  for (let sample = 0; sample < first.length; sample++) {
    const difference = (first[sample] as number) - (second[sample] as number);
    sum += difference > 0 ? 1 : difference < 0 ? 0 : 0.5;
  }
  // Divided at the end, so that all samples are exactly 1.
  return sum / first.length;
}
