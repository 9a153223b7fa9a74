import { randomFor } from "../../core/random.ts";
import { indexDraws, meanOf } from "../bootstrap.ts";
import { kendall, pearson, spearman } from "../correlation.ts";
import { type GoldItem, groupedBy, type ScorerView, sampleOf, strictly } from "../gold.ts";
import type { Layout } from "../layout.ts";
import type { Metric } from "../report.ts";
import { metric, type Preset } from "./preset.ts";

const WINNERS: Readonly<Record<string, readonly [boolean, boolean]>> = {
  model_a: [true, false],
  model_b: [false, true],
  tie: [false, false],
  "tie (bothbad)": [false, false],
};

const layout: Layout = {
  prompt: "prompt",
  id: ["question_id", "id"],
  subset: ["language"],
  responses: () => [
    { text: "response_1", model: "model_a" },
    { text: "response_2", model: "model_b" },
  ],
  labels: () => ["winner"],
  read: ({ responses }, { winner }) => {
    const correct =
      typeof winner === "string" && Object.hasOwn(WINNERS, winner) ? WINNERS[winner] : undefined;
    if (!correct) return `winner must be one of ${Object.keys(WINNERS).join(", ")}.`;
    const models = responses.flatMap(({ model }) => model ?? []);
    return models.length === 2 ? { correct, models } : "model_a and model_b must name the models.";
  },
};

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
  /** Share of model pairs that the scorer's bootstrap puts in one order with 95 % confidence. */
  readonly separability: number | null;
  /** Mean over model pairs of +1 where both are confident of one order, −1 where of opposite ones, else 0. */
  readonly confidenceAgreement: number | null;
  /** Mean over model pairs of (P(scorer ranks the first higher) − 1[people do])²; pairs that people tie are left out. */
  readonly brier: number | null;
}

/**
 * Whether a scorer ranks models as people do.
 *
 * Source: after Frick et al. 2024, "How to Evaluate Reward Models for RLHF" (PPE); the formulas of separability,
 * agreement with confidence and Brier score are our reading of Arena-Hard (Li et al. 2024), as PPE's text leaves them open.
 * Confidence is the share of bootstrap samples (prompts, with their battles) in which one win rate is above the other (a tie one half).
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
    ...confidence(
      models.length,
      gold,
      drawnOrders(models.length, battlesByPrompt(battles), rates, seed, samples),
    ),
  };
}

function add(array: Float64Array, place: number, value: number): void {
  array[place] = (array[place] as number) + value;
}

/** Places of the battles of each prompt. */
function battlesByPrompt(battles: readonly Battle[]): readonly (readonly number[])[] {
  return [...groupedBy(battles.keys(), (place) => battles[place]?.prompt ?? `battle ${place}`).values()];
}

/** For every two models the share of samples in which the first ranks above the second: by people, and by the scorer. */
function drawnOrders(
  models: number,
  prompts: readonly (readonly number[])[],
  rates: (indices: Iterable<number>) => [Float64Array, Float64Array],
  seed: number,
  samples: number,
): readonly [gold: Float64Array, scorer: Float64Array] {
  const orders = [new Float64Array(models * models), new Float64Array(models * models)] as const;
  const drawIndex = indexDraws(prompts.length, randomFor(seed, "bootstrap battles"));
  const indices: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    indices.length = 0;
    for (let draw = 0; draw < prompts.length; draw++) {
      for (const index of prompts[drawIndex()] ?? []) indices.push(index);
    }
    for (const [side, values] of rates(indices).entries()) {
      const order = orders[side] as Float64Array;
      for (let first = 0; first < models; first++) {
        for (let second = first + 1; second < models; second++) {
          // A model that was not drawn has no rate (NaN); then the sample says nothing, which is one half.
          const difference = (values[first] as number) - (values[second] as number);
          add(order, first * models + second, difference > 0 ? 1 : difference < 0 ? 0 : 0.5);
        }
      }
    }
  }
  // Divided at the end, so that a share of all samples is exactly 1.
  return [orders[0].map((count) => count / samples), orders[1].map((count) => count / samples)];
}

function confidence(
  models: number,
  gold: readonly number[],
  [goldOrder, scorerOrder]: readonly [Float64Array, Float64Array],
): Pick<ModelAgreement, "brier" | "confidenceAgreement" | "separability"> {
  let [pairs, separated, agreed, ranked, squares] = [0, 0, 0, 0, 0];
  for (let first = 0; first < models; first++) {
    for (let second = first + 1; second < models; second++) {
      const [people, scorer] = [goldOrder, scorerOrder].map(
        (order) => order[first * models + second] as number,
      ) as [number, number];
      pairs += 1;
      if (sureOf(scorer) !== 0) separated += 1;
      agreed += sureOf(scorer) * sureOf(people);
      const difference = (gold[first] as number) - (gold[second] as number);
      if (difference === 0) continue;
      ranked += 1;
      squares += (scorer - (difference > 0 ? 1 : 0)) ** 2;
    }
  }
  return {
    separability: pairs === 0 ? null : separated / pairs,
    confidenceAgreement: pairs === 0 ? null : agreed / pairs,
    brier: ranked === 0 ? null : squares / ranked,
  };
}

/** +1 and −1: one order in at least 97.5 % of the samples, either way. */
function sureOf(share: number): -1 | 0 | 1 {
  if (share >= 0.975) return 1;
  return share <= 0.025 ? -1 : 0;
}

/** PPE, human preferences. */
export const ppeHuman: Preset = {
  name: "ppe-human",
  protocol:
    "PPE human preferences (Frick et al. 2024). Accuracy on pairs that people decided: their ties are left out (noPreference), a tie of the scorer earns nothing. Agreement on models is over win rates with ties as one half, on the battles that were scored.",
  layout,
  judge: ({ correct }, { scores }) => strictly(correct, scores),
  metrics: agreementMetrics,
};

function agreementMetrics({
  items,
  prompts,
  results,
  judgements,
  seed,
  samples,
  interval,
}: ScorerView): readonly Metric[] {
  const battles = items.flatMap((item, index) =>
    battleOf(item, results.scores[index] ?? [], prompts[index] ?? index),
  );
  const correct = sampleOf(judgements.keys(), (place) => judgements[place]?.credit ?? null);
  const found = modelAgreement(battles, seed, samples);
  const row = (key: string, label: string, value: number | null, note: string | null): Metric =>
    metric({ key, label, value, items: battles.length, unit: "number", note });
  return [
    metric({
      key: "accuracy",
      label: "accuracy",
      value: meanOf(correct.values),
      interval: interval(correct, "all"),
      items: correct.values.length,
      headline: true,
      note: "pairs that people decided",
    }),
    row("spearman", "Spearman", found.spearman, `of the win rates of ${found.models.length} models`),
    row("kendall", "Kendall", found.kendall, "tau-b"),
    row("pearson", "Pearson", found.pearson, null),
    {
      ...row(
        "separability",
        "separability",
        found.separability,
        "model pairs in one order in 97.5 % of the samples",
      ),
      unit: "share",
    },
    row(
      "confidence-agreement",
      "agreement with confidence",
      found.confidenceAgreement,
      "+1, 0 or −1 for each model pair",
    ),
    row("brier", "Brier score", found.brier, "of the order of two models; lower is better"),
  ];
}

function battleOf(
  { correct, models }: GoldItem,
  scores: readonly (number | null)[],
  prompt: number,
): Battle[] {
  const [first, second] = models ?? [];
  const [a = null, b = null] = scores;
  if (first === undefined || second === undefined || a === null || b === null) return [];
  const gold = correct[0] === correct[1] ? 0.5 : correct[0] ? 1 : 0;
  return [{ first, second, gold, scorer: a === b ? 0.5 : a > b ? 1 : 0, prompt }];
}
