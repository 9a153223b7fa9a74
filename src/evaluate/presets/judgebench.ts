import { meanOf } from "../bootstrap.ts";
import {
  betterOf,
  type GoldItem,
  type ItemResult,
  type Judgement,
  type Sample,
  type ScorerView,
  sampleOf,
  strictly,
  type Verdict,
} from "../gold.ts";
import type { Layout } from "../layout.ts";
import type { Metric } from "../report.ts";
import { metric, type Preset } from "./preset.ts";

/**
 * The counter over a pair's verdicts: +1 for each that equals the label, −1 for each that equals its opposite, 0 for a tie
 * or an unread one. The pair is correct when it is above 0.
 *
 * Source: Tan et al. 2024, "JudgeBench", and its `metrics.py`. The verdict of the swapped order is turned back first.
 * Worked: label first: (first, first) 2; (first, second) 0; (first, tie) 1; (null, first) 1; (second, second) −2.
 */
export function counterOf(label: "first" | "second", verdicts: readonly (Verdict | null)[]): number {
  return verdicts.reduce((sum, verdict) => {
    if (verdict === null || verdict === "tie") return sum;
    return sum + (verdict === label ? 1 : -1);
  }, 0);
}

/** Where sources begin with these, they are one column of the benchmark's table. */
const SOURCES = [
  ["knowledge", "Knowledge", "mmlu-pro"],
  ["reasoning", "Reasoning", "livebench-reasoning"],
  ["math", "Mathematics", "livebench-math"],
  ["coding", "Coding", "livecodebench"],
] as const;

const layout: Layout = {
  prompt: "question",
  id: ["pair_id", "id"],
  subset: ["source"],
  responses: () => ["response_A", "response_B"],
  labels: () => ["label"],
  read: (_, { label }) => {
    const preferred = decisionOf(label);
    if (preferred === undefined || preferred === null) return "label must be A>B, B>A or A=B.";
    return {
      correct: preferred === "tie" ? [false, false] : [preferred === "first", preferred === "second"],
    };
  },
};

/** A>B, B>A, A=B as JudgeBench writes them; >> counts as >. null is an unread verdict; undefined is none of these. */
export function decisionOf(value: unknown): Verdict | null | undefined {
  if (value === null || value === undefined) return null;
  const text = typeof value === "string" ? value.replaceAll(">>", ">") : "";
  return Object.hasOwn(DECISIONS, text) ? DECISIONS[text] : undefined;
}

const DECISIONS: Readonly<Record<string, Verdict>> = { "A>B": "first", "B>A": "second", "A=B": "tie" };

/** JudgeBench. */
export const judgebench: Preset = {
  name: "judgebench",
  protocol:
    "JudgeBench (Tan et al. 2024). Where a judge's verdicts are known: +1 for each order's that equals the label, −1 for each that equals its opposite; a pair is correct when the sum is above 0. Elsewhere by scores: the labelled response has strictly the higher one. Pairs that are tied, or of which nothing was read, stay in the denominator of the score.",
  layout,
  judge: judgePair,
  countsEachOrder: true,
  metrics: scoreMetrics,
};

/** By the counter where anything was read; its verdicts are the judge's own, while scores are what a scorer made of them. */
function judgePair(item: GoldItem, { scores, verdicts }: ItemResult): Judgement {
  const better = betterOf(item);
  if (better === null || verdicts.every((verdict) => verdict === null)) return strictly(item.correct, scores);
  const counter = counterOf(better === 0 ? "first" : "second", verdicts);
  if (counter > 0) return { outcome: "correct", credit: 1 };
  return { outcome: counter < 0 ? "wrong" : "tie", credit: 0 };
}

function scoreMetrics({ items, judgements, interval }: ScorerView): Metric[] {
  const pointsOf = (prefix: string): Sample =>
    sampleOf(items.keys(), (place) => {
      const outcome = judgements[place]?.outcome;
      if (outcome === "noPreference" || !(items[place]?.subset ?? "").startsWith(prefix)) return null;
      return outcome === "correct" ? 1 : 0;
    });
  const row = (key: string, label: string, points: Sample, headline: boolean): Metric =>
    metric({
      key,
      label,
      value: meanOf(points.values),
      interval: interval(points, key),
      items: points.values.length,
      headline,
      note: headline ? "correct of all pairs, unread verdicts among them" : null,
    });
  return [
    row("score", "score", pointsOf(""), true),
    ...SOURCES.map(([key, label, prefix]) => row(key, label, pointsOf(prefix), false)),
  ];
}
