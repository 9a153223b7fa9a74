import { meanOf } from "../bootstrap.ts";
import { calibrationError, pairProbability, squaredMiss } from "../calibration.ts";
import { betterOf, type ScorerView, sampleOf, strictly } from "../gold.ts";
import { ONE_AGAINST_ONE } from "../layout.ts";
import type { Metric } from "../report.ts";
import { metric, type Preset } from "./preset.ts";

/** Gold pairs: rows {prompt, chosen, rejected}. */
export const pairs: Preset = {
  name: "pairs",
  protocol:
    "Rows {prompt, chosen, rejected, subset?}. A pair is correct when the chosen response has strictly the higher score; a tie earns nothing.",
  layout: { ...ONE_AGAINST_ONE, id: ["id", "pair_id", "prompt_id"], subset: ["subset", "domain"] },
  judge: ({ correct }, { scores }) => strictly(correct, scores),
  metrics: (view) => {
    const { judgements, interval } = view;
    const halves = sampleOf(judgements.keys(), (place) => {
      const { outcome, credit = null } = judgements[place] ?? {};
      return outcome === "tie" ? 0.5 : credit;
    });
    const decided = sampleOf(judgements.keys(), (place) => {
      const outcome = judgements[place]?.outcome;
      if (outcome !== "correct" && outcome !== "wrong") return null;
      return outcome === "correct" ? 1 : 0;
    });
    return [
      metric({
        key: "decided",
        label: "accuracy without ties",
        value: meanOf(decided.values),
        interval: interval(decided, "decided"),
        items: decided.values.length,
        note: "correct / (correct + wrong)",
      }),
      metric({
        key: "half-ties",
        label: "accuracy with a tie as one half",
        value: meanOf(halves.values),
        interval: interval(halves, "half-ties"),
        items: halves.values.length,
        note: "what a coin would make of the ties",
      }),
      ...calibration(view),
    ];
  },
};

/** Of scores as log odds; nothing where the scores are only a way of writing verdicts. */
function calibration({ items, results, judgements, interval }: ScorerView): readonly Metric[] {
  if (results.verdictOnly) return [];
  const probabilities = sampleOf(items.keys(), (place) => {
    const item = items[place];
    const outcome = judgements[place]?.outcome;
    const better = item ? betterOf(item) : null;
    if (better === null || (outcome !== "correct" && outcome !== "wrong")) return null;
    const scores = results.scores[place] ?? [];
    return pairProbability((scores[better] ?? 0) - (scores[1 - better] ?? 0));
  });
  const misses = { places: probabilities.places, values: probabilities.values.map(squaredMiss) };
  const row = { items: misses.values.length, unit: "number" } as const;
  return [
    metric({
      ...row,
      key: "brier",
      label: "Brier score",
      value: meanOf(misses.values),
      interval: interval(misses, "brier"),
      note: "of σ(margin), without ties; for scores in log odds only; 0.25 knows nothing",
    }),
    metric({
      ...row,
      key: "ece",
      label: "calibration error",
      value: calibrationError(probabilities.values),
      note: "of σ(|margin|), ten bins, without ties; for scores in log odds only",
    }),
  ];
}
