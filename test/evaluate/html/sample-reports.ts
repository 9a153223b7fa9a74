import { randomFor } from "../../../src/core/random.ts";
import { assess } from "../../../src/evaluate/assess.ts";
import type { GoldItem, ScorerResults, Verdict } from "../../../src/evaluate/gold.ts";
import type { EvalReport, PresetName, ScorerReport } from "../../../src/evaluate/report.ts";

export interface SampleOptions {
  readonly preset?: PresetName;
  readonly items?: number;
  readonly scorers?: readonly string[];
  readonly subsets?: number;
  readonly subsetName?: (index: number) => string;
  readonly tiedShare?: number;
  readonly unscoredShare?: number;
  /** Bootstrap samples. */
  readonly samples?: number;
}

/** A report as `prefkit eval` makes it, on made-up pairs: the k-th scorer is right a little less often than the one before. */
export function sampleReport(options: SampleOptions = {}): EvalReport {
  const {
    preset = "pairs",
    items: size = 240,
    scorers: names = ["judge-a"],
    subsets = 6,
    subsetName = (index) => `subset ${index + 1}`,
    tiedShare = 0.06,
    unscoredShare = 0.02,
    samples = 200,
  } = options;
  const random = randomFor(7, "sample report", size, subsets);
  const items = Array.from({ length: size }, (_, index): GoldItem => {
    const responses = preset === "ppe-correctness" ? 8 : 2;
    const correct = Array.from({ length: responses }, () => random.uniform() < 0.4);
    return {
      id: `item-${index}`,
      // The first subsets are the larger ones.
      subset: subsets === 0 ? null : subsetName(Math.floor(random.uniform() ** 1.6 * subsets)),
      correct: responses === 2 ? [true, false] : correct,
      lengths: Array.from({ length: responses }, () => 40 + random.below(900)),
    };
  });
  const results = names.map((name, place): ScorerResults => {
    const scores = items.map(({ correct, lengths }) => {
      const draw = random.uniform();
      if (draw < unscoredShare) return correct.map(() => null);
      if (draw < unscoredShare + tiedShare) return correct.map(() => 0.5);
      return correct.map(
        (is, at) =>
          (is ? 1 : 0) +
          (lengths[at] ?? 0) / 2000 +
          (1.1 + place / 6) * (random.uniform() + random.uniform() - 1),
      );
    });
    const verdicts = scores.map(([a = null, b = null]): (Verdict | null)[] => {
      const verdict = a === null || b === null ? null : a > b ? "first" : a < b ? "second" : "tie";
      return [verdict, random.uniform() < 0.15 ? "second" : verdict];
    });
    return {
      name,
      scores,
      ...(preset === "judgebench" && { verdicts }),
      failed: { unread_verdict: scores.filter(([first]) => first === null).length },
    };
  });
  return assess({
    preset,
    items,
    scorers: results,
    files: [{ path: "gold/pairs.jsonl", bytes: 1_234_567 }],
    by: subsets === 0 ? null : "subset",
    samples,
  });
}

/** A report of a run that had no items at all. */
export function emptyReport(): EvalReport {
  return sampleReport({ items: 0 });
}

/** The same report with its first scorer changed. */
export function withFirstScorer(report: EvalReport, change: Partial<ScorerReport>): EvalReport {
  return {
    ...report,
    scorers: report.scorers.map((scorer, index) => (index === 0 ? { ...scorer, ...change } : scorer)),
  };
}
