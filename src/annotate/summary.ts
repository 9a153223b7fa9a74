import type { Diagnosis, PartSummary } from "../core/scorer.ts";
import {
  addCoMoments,
  addToMoments,
  type CoMoments,
  correlationOf,
  deviationOf,
  joinMoments,
  type Moments,
  NO_CO_MOMENTS,
  NO_MOMENTS,
} from "../core/stats.ts";
import type { RewardedGroup, Score } from "../core/types.ts";
import type { NoPairReason, PairResult } from "../pairs/pair-builder.ts";
import type { DatasetSummary, ScorerSummary } from "../store/manifest.ts";

export interface SummaryBuilder {
  add(group: RewardedGroup, result: PairResult | null): void;
  build(): DatasetSummary;
}

interface ScorerSums {
  scored: number;
  abstained: number;
  failed: number;
  codes: Record<string, number>;
  moments: Moments;
  /** Per part, per tenth of the input. */
  readonly parts: Map<string, Moments[]>;
  uncountedParts: number;
}

/** A scorer may name its parts after what it finds; memory must not grow with that. */
const MOST_PARTS = 64;
const TENTHS = 10;

/**
 * Gathers the summary in input order, in memory that does not grow with the dataset. `total`: how many groups will come.
 * `diagnoses`: of the scorers that measure themselves, by key.
 */
export function startSummary(
  keys: readonly string[],
  total: number,
  diagnoses: ReadonlyMap<string, Diagnosis> = new Map(),
): SummaryBuilder {
  const scorers = new Map<string, ScorerSums>(
    keys.map((key) => [
      key,
      {
        scored: 0,
        abstained: 0,
        failed: 0,
        codes: {},
        moments: NO_MOMENTS,
        parts: new Map(),
        uncountedParts: 0,
      },
    ]),
  );
  const agreement = new Map<string, CoMoments>();
  const unpaired: Partial<Record<NoPairReason, number>> = {};
  let groups = 0;
  let responses = 0;
  let pairs = 0;
  let groupsWithPairs = 0;
  let groupsWithEqualTexts = 0;
  let reward = NO_MOMENTS;
  let margin = NO_MOMENTS;
  let lengthReward = NO_CO_MOMENTS;
  let longer = 0;
  let equal = 0;

  return {
    add: ({ group, columns, rewards }, result) => {
      const tenth = Math.min(TENTHS - 1, Math.floor((groups * TENTHS) / Math.max(1, total)));
      groups += 1;
      responses += group.responses.length;
      const [first, ...others] = group.responses;
      if (first && others.length > 0 && others.every(({ text }) => text === first.text))
        groupsWithEqualTexts += 1;
      for (const { name, scores } of columns) {
        const sums = scorers.get(name);
        if (!sums) continue;
        diagnoses.get(name)?.add(group, scores);
        for (const score of scores) {
          sums[score.kind] += 1;
          if (score.kind === "scored") {
            sums.moments = addToMoments(sums.moments, score.value);
            if (score.parts) addParts(sums, score.parts, tenth);
          }
          if (score.kind === "failed") sums.codes[score.code] = (sums.codes[score.code] ?? 0) + 1;
        }
      }
      for (let a = 0; a < columns.length; a++) {
        for (let b = a + 1; b < columns.length; b++) {
          const key = `${a},${b}`;
          let sums = agreement.get(key) ?? NO_CO_MOMENTS;
          for (let index = 0; index < group.responses.length; index++) {
            const x = scoredValue(columns[a]?.scores[index]);
            const y = scoredValue(columns[b]?.scores[index]);
            if (x !== null && y !== null) sums = addCoMoments(sums, x, y);
          }
          agreement.set(key, sums);
        }
      }
      for (const [index, value] of rewards.entries()) {
        if (value === null) continue;
        reward = addToMoments(reward, value);
        lengthReward = addCoMoments(lengthReward, group.responses[index]?.text.length ?? 0, value);
      }
      if (!result) return;
      pairs += result.pairs.length;
      if (result.pairs.length > 0) groupsWithPairs += 1;
      for (const { chosen, rejected, rewardMargin } of result.pairs) {
        margin = addToMoments(margin, rewardMargin);
        if (chosen.text.length > rejected.text.length) longer += 1;
        if (chosen.text.length === rejected.text.length) equal += 1;
      }
      for (const reason of result.unpaired)
        if (reason !== null) unpaired[reason] = (unpaired[reason] ?? 0) + 1;
    },
    build: () => ({
      groups,
      responses,
      pairs,
      groupsWithPairs,
      unpaired: sortedByKey(Object.entries(unpaired)),
      groupsWithEqualTexts,
      scorers: Object.fromEntries([...scorers].map(([key, sums]) => [key, summarize(sums)])),
      reward: { count: reward.count, mean: orNull(reward, reward.mean), deviation: deviationOf(reward) },
      rewardMargin: {
        mean: orNull(margin, margin.mean),
        min: orNull(margin, margin.min),
        max: orNull(margin, margin.max),
      },
      agreement: [...agreement].map(([key, sums]) => {
        const [a = 0, b = 0] = key.split(",").map(Number);
        return {
          between: [keys[a] ?? "", keys[b] ?? ""] as const,
          responses: sums.count,
          r: correlationOf(sums),
        };
      }),
      length: {
        chosenLongerShare: pairs === 0 ? null : longer / pairs,
        equalLengthShare: pairs === 0 ? null : equal / pairs,
        rewardCorrelation: correlationOf(lengthReward),
      },
      ...(diagnoses.size === 0
        ? {}
        : {
            diagnoses: Object.fromEntries(
              [...diagnoses].map(([key, diagnosis]) => [key, diagnosis.report()]),
            ),
          }),
    }),
  };
}

function addParts(sums: ScorerSums, parts: Readonly<Record<string, number>>, tenth: number): void {
  for (const [name, value] of Object.entries(parts)) {
    let tenths = sums.parts.get(name);
    if (!tenths) {
      if (sums.parts.size === MOST_PARTS) {
        sums.uncountedParts += 1;
        continue;
      }
      tenths = new Array<Moments>(TENTHS).fill(NO_MOMENTS);
      sums.parts.set(name, tenths);
    }
    tenths[tenth] = addToMoments(tenths[tenth] ?? NO_MOMENTS, value);
  }
}

function summarize({ moments, codes, parts, uncountedParts, ...counts }: ScorerSums): ScorerSummary {
  return {
    ...counts,
    codes: sortedByKey(Object.entries(codes)),
    mean: orNull(moments, moments.mean),
    deviation: deviationOf(moments),
    min: orNull(moments, moments.min),
    max: orNull(moments, moments.max),
    ...(parts.size === 0
      ? {}
      : { parts: sortedByKey([...parts].map(([name, tenths]) => [name, summarizePart(tenths)])) }),
    ...(uncountedParts === 0 ? {} : { uncountedParts }),
  };
}

function summarizePart(tenths: readonly Moments[]): PartSummary {
  const all = tenths.reduce(joinMoments, NO_MOMENTS);
  return { count: all.count, mean: all.mean, byTenth: tenths.map((tenth) => orNull(tenth, tenth.mean)) };
}

function sortedByKey<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function orNull({ count }: Moments, value: number): number | null {
  return count === 0 ? null : value;
}

function scoredValue(score: Score | undefined): number | null {
  return score?.kind === "scored" ? score.value : null;
}
