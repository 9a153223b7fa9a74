import { meanOf } from "../bootstrap.ts";
import { rocAuc } from "../correlation.ts";
import { known, type Sample, type ScorerView, topShare } from "../gold.ts";
import { flagsOf, type Layout, pairsOf } from "../layout.ts";
import type { Curve, Metric } from "../report.ts";
import { metric, type Preset } from "./preset.ts";

/** The few pairs of a right and a wrong response that the benchmark's files name for each prompt. */
const SAMPLED = "sampled_conflict_pairs";

/** `response_1`, `response_2`, … as many as there are. */
function responseColumns(columns: ReadonlySet<string>): string[] {
  const names: string[] = [];
  while (columns.has(`response_${names.length + 1}`)) names.push(`response_${names.length + 1}`);
  return names.length === 0 ? ["response_1"] : names;
}

const layout: Layout = {
  prompt: "prompt",
  id: ["question_id", "id"],
  subset: ["subset", "benchmark", "model_name", "model"],
  responses: responseColumns,
  labels: (columns) => ["scores", ...(columns.has(SAMPLED) ? [SAMPLED] : [])],
  read: ({ responses }, { scores, [SAMPLED]: sampled }) => {
    const flags = flagsOf(scores, responses.length, "scores");
    if (typeof flags === "string" || sampled === undefined || sampled === null) return flags;
    const pairs = pairsOf(sampled, responses.length, SAMPLED);
    return typeof pairs === "string" ? pairs : { ...flags, pairs };
  },
};

/** Of K = 1, 2, … samples: what the scorer's pick is worth, and what the best would be. */
export interface BestOf {
  readonly picked: readonly number[];
  readonly possible: readonly number[];
}

/**
 * Best of K along the samples of one prompt: the scorer picks the highest score among the first K, the first of equal ones.
 *
 * Source: after Frick et al. 2024 (PPE); our reading of its best-of-K curves.
 * Worked: scores [0.2, 0.9, 0.5, 0.95], right [1, 0, 1, 0] -> picked 1, 0, 0, 0; possible 1, 1, 1, 1.
 */
export function bestOf(scores: readonly number[], correct: readonly boolean[]): BestOf {
  const picked: number[] = [];
  const possible: number[] = [];
  let [at, best] = [0, 0];
  for (const [index, score] of scores.entries()) {
    if (score > (scores[at] as number)) at = index;
    best = Math.max(best, Number(correct[index]));
    picked.push(Number(correct[at]));
    possible.push(best);
  }
  return { picked, possible };
}

/** Mean over K of what the best would have been worth more than what was picked. Worked: above 0.75. */
export function bestOfLoss({ picked, possible }: BestOf): number | null {
  return meanOf(possible.map((best, index) => best - (picked[index] as number)));
}

/** PPE, verifiable correctness. */
export const ppeCorrectness: Preset = {
  name: "ppe-correctness",
  protocol:
    "PPE correctness (Frick et al. 2024; formulas as we read them). Pairs of a right and a wrong response to one prompt, ties apart; ROC AUC over all responses; best of K: the pick among the first K responses, the first of equal scores, averaged over prompts; loss is the mean over K of the best possible minus the pick. A prompt with an unscored response is left out.",
  layout,
  judge: ({ correct }, { scores }) => topShare(correct, scores),
  metrics: correctnessMetrics,
  curves: (view) => {
    const curves = curvesOf(view);
    const points = (values: readonly number[]) => values.map((value, index) => [index + 1, value] as const);
    const line = (key: string, label: string, values: readonly number[]): Curve => ({
      key,
      label,
      xLabel: "K",
      yLabel: "share of right picks",
      points: points(values),
    });
    return curves.picked.length === 0
      ? []
      : [
          line("best-of-k", "picked by the scorer", curves.picked),
          line("best-possible", "best possible", curves.possible),
        ];
  },
};

/** Prompts on which every response is scored. */
function scoredPrompts({
  items,
  results,
}: ScorerView): { place: number; correct: readonly boolean[]; scores: readonly number[] }[] {
  return items.flatMap(({ correct }, index) => {
    const scores = known(results.scores[index] ?? []);
    return scores.length === correct.length && scores.length > 0 ? [{ place: index, correct, scores }] : [];
  });
}

/** Mean curves, as far as every prompt has responses. */
function curvesOf(view: ScorerView): BestOf {
  const all = scoredPrompts(view).map(({ correct, scores }) => bestOf(scores, correct));
  const length = all.reduce(
    (least, { picked }) => Math.min(least, picked.length),
    all.length === 0 ? 0 : Infinity,
  );
  const mean = (key: keyof BestOf): number[] =>
    Array.from({ length }, (_, at) => meanOf(all.map((curve) => curve[key][at] as number)) ?? 0);
  return { picked: mean("picked"), possible: mean("possible") };
}

function correctnessMetrics(view: ScorerView): readonly Metric[] {
  const prompts = scoredPrompts(view);
  const counts = prompts.map(({ correct, scores }) => countPairs(correct, scores));
  const sum = (key: keyof PairCounts): number => counts.reduce((total, count) => total + count[key], 0);
  const [right, tied, wrong] = [sum("right"), sum("tied"), sum("wrong")];
  const all = right + tied + wrong;
  const curve = curvesOf(view);
  const each = prompts.map(({ correct, scores }) => bestOf(scores, correct));
  const places = prompts.map(({ place }) => place);
  const ends = { places, values: each.map(({ picked }) => picked.at(-1) as number) };
  // No curve is empty.
  const losses = { places, values: each.map((curve) => bestOfLoss(curve) as number) };
  const row = (key: string, label: string, value: number | null, note: string, values?: Sample): Metric =>
    metric({
      key,
      label,
      value,
      items: prompts.length,
      note,
      interval: values ? view.interval(values, key) : null,
    });
  return [
    {
      ...row(
        "pair-accuracy",
        "accuracy on right–wrong pairs",
        all === 0 ? null : right / all,
        "all pairs of one prompt alike; a tie earns nothing",
      ),
      items: all,
      headline: true,
    },
    { ...row("pair-ties", "ties among them", all === 0 ? null : tied / all, "equal scores"), items: all },
    ...sampledAccuracy(view),
    {
      ...row(
        "auc",
        "ROC AUC",
        rocAuc(
          prompts.flatMap(({ scores }) => scores),
          prompts.flatMap(({ correct }) => correct),
        ),
        "over all responses of all prompts",
      ),
      unit: "number",
    },
    row("end-score", "best of K, end", meanOf(ends.values), "right picks among all responses", ends),
    row(
      "max-score",
      "best of K, highest",
      curve.picked.length === 0 ? null : Math.max(...curve.picked),
      "over K",
    ),
    row(
      "loss",
      "best of K, loss",
      meanOf(losses.values),
      "best possible minus picked, mean over K; lower is better",
      losses,
    ),
  ];
}

/** Over the pairs that the file names, each as often as it stands there; none where it names no pairs. */
function sampledAccuracy(view: ScorerView): Metric[] {
  const wins = scoredPrompts(view).flatMap(({ place, correct, scores }) =>
    (view.items[place]?.pairs ?? []).flatMap(([first, second]) => {
      if (correct[first] === correct[second]) return [];
      const [right, wrong] = correct[first] ? [first, second] : [second, first];
      return [(scores[right] as number) > (scores[wrong] as number) ? 1 : 0];
    }),
  );
  if (!view.items.some(({ pairs }) => pairs !== undefined)) return [];
  return [
    metric({
      key: "sampled-pair-accuracy",
      label: "accuracy on the sampled pairs",
      value: meanOf(wins),
      items: wins.length,
      note: "the right–wrong pairs that the file itself names; a tie earns nothing",
    }),
  ];
}

interface PairCounts {
  readonly right: number;
  readonly tied: number;
  readonly wrong: number;
}

function countPairs(correct: readonly boolean[], scores: readonly number[]): PairCounts {
  let [right, tied, wrong] = [0, 0, 0];
  for (const [good, isGood] of correct.entries()) {
    if (!isGood) continue;
    for (const [bad, isRight] of correct.entries()) {
      if (isRight) continue;
      const difference = (scores[good] as number) - (scores[bad] as number);
      if (difference > 0) right += 1;
      else if (difference < 0) wrong += 1;
      else tied += 1;
    }
  }
  return { right, tied, wrong };
}
