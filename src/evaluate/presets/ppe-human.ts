import { meanOf } from "../bootstrap.ts";
import { type GoldItem, type ScorerView, sampleOf, strictly } from "../gold.ts";
import type { Layout } from "../layout.ts";
import { type Battle, modelAgreement } from "../model-agreement.ts";
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
        "model pairs whose 95 % intervals do not overlap",
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
