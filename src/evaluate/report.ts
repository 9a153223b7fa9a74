import type { JsonObject } from "../core/types.ts";

/**
 * What `prefkit eval` found, as plain JSON: the terminal's table, `report.json` and the page are made of this and of
 * nothing else. Every number is finite or null; null means that there was nothing to compute it from.
 */
export interface EvalReport {
  readonly format: "prefkit-eval";
  readonly formatVersion: 1;
  /** Version of prefkit that made it. */
  readonly prefkit: string;
  readonly preset: PresetName;
  /** How the preset reads its layout and scores, in a sentence or two. */
  readonly protocol: string;
  readonly gold: {
    readonly files: readonly { readonly path: string; readonly bytes: number }[];
    /** sha256 (hex) over the files' sizes and contents, in order. */
    readonly sha256?: string;
    readonly items: number;
    /** Different prompts among them: intervals draw prompts, each with all of its items. */
    readonly prompts: number;
    /** The column that named the subsets; null when there was none. */
    readonly by: string | null;
  };
  readonly seed: number;
  readonly bootstrap: { readonly samples: number; readonly level: number };
  /** In the order in which they were named; may be empty of judged items, never empty. */
  readonly scorers: readonly ScorerReport[];
  /** Every two scorers, the earlier one first. */
  readonly comparisons: readonly ScorerComparison[];
  /** All scorers together; null for a single one. */
  readonly agreement: AgreementReport | null;
  /** What a reader should know before believing a number. */
  readonly warnings: readonly string[];
}

export const PRESETS = [
  "pairs",
  "groups",
  "rewardbench",
  "rewardbench2",
  "judgebench",
  "ppe-human",
  "ppe-correctness",
] as const;
export type PresetName = (typeof PRESETS)[number];

/** 95 % percentile bootstrap interval over prompts, each drawn with all of its items. */
export type Interval = readonly [low: number, high: number];

/** How often a scorer agrees with the gold labels, over some items. All five counts together are `items`. */
export interface AccuracyRow {
  readonly items: number;
  readonly correct: number;
  readonly wrong: number;
  /** Equal scores where gold has a preference. What a tie earns is the preset's rule. */
  readonly tie: number;
  /** Abstained or failed on at least one response: in no accuracy, unless it is unread and the preset was told to give that a coin's credit. */
  readonly unscored: number;
  /** Gold itself has none: a tie, or all (or none) of the responses correct. In no accuracy. */
  readonly noPreference: number;
  /** Mean credit of the judged items, in [0, 1]. */
  readonly accuracy: number | null;
  readonly interval: Interval | null;
}

export interface SubsetRow extends AccuracyRow {
  /** null: items that name none. */
  readonly subset: string | null;
}

/** Pairs whose length differences lie in [from, to]: chosen − rejected, in code points. */
export interface LengthRow extends AccuracyRow {
  readonly from: number;
  readonly to: number;
}

/** One number of a preset: a section, an overall, a correlation, a rate. */
export interface Metric {
  /** Stable, kebab-case: "chat-hard", "overall", "ties", "consistency". */
  readonly key: string;
  readonly label: string;
  readonly value: number | null;
  readonly interval: Interval | null;
  /** share: in [0, 1], shown in per cent. points: shown as it is with two decimals. number: shown as it is. */
  readonly unit: "share" | "points" | "number";
  /** Items that it rests on. */
  readonly items: number;
  /** A headline stands above the table. */
  readonly headline: boolean;
  readonly note: string | null;
}

/** A line in a plot. */
export interface Curve {
  readonly key: string;
  readonly label: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Counts of numbers in equal bins from `low` to `high`; what lies beyond is counted in the first and the last bin. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
  readonly xLabel: string;
}

export interface ScorerReport {
  readonly name: string;
  readonly overall: AccuracyRow;
  /** In the order in which they first appeared; empty when no item names one. */
  readonly subsets: readonly SubsetRow[];
  /** From the pairs whose chosen one is shortest to those where it is longest; empty unless items are pairs. */
  readonly lengths: readonly LengthRow[];
  /** Share of the decided pairs of unequal length where the scorer prefers the longer response, and where gold does. */
  readonly longerWins: { readonly pairs: number; readonly scorer: number; readonly gold: number } | null;
  readonly metrics: readonly Metric[];
  readonly curves: readonly Curve[];
  /** Of the scores' margin: best correct minus best incorrect response. null when nothing was judged. */
  readonly margins: Histogram | null;
  /** Cells that failed, by code. */
  readonly failed: Readonly<Record<string, number>>;
  /** What was run: scorer, version, options, models. Never a key or a token. */
  readonly settings?: JsonObject;
  /** A few items that went wrong or were tied, to look at. */
  readonly examples?: readonly EvalExample[];
}

/** One item with its texts. */
export interface EvalExample {
  readonly id: string;
  readonly subset: string | null;
  readonly outcome: "tie" | "unscored" | "wrong";
  /** The prompt's last turn. */
  readonly prompt: string;
  readonly responses: readonly {
    readonly text: string;
    /** What gold says. */
    readonly correct: boolean;
    readonly score: number | null;
  }[];
}

/** Two scorers on the items that both judged. */
export interface ScorerComparison {
  readonly first: string;
  readonly second: string;
  readonly items: number;
  /** Items on which only the first, or only the second, earned more credit. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Exact McNemar (sign) test, two-sided, not corrected for the number of comparisons. Takes items for independent: it may be far too small where prompts repeat. */
  readonly pValue: number;
  /** Mean credit of the first minus that of the second; paired bootstrap interval. */
  readonly difference: number | null;
  readonly interval: Interval | null;
  /** Cohen's kappa of their verdicts (first, second, tie), every pair taken in both orders; null unless items are pairs. */
  readonly kappa: number | null;
}

export interface AgreementReport {
  /** Krippendorff's alpha of the verdicts, nominal, every pair taken in both orders. null unless items are pairs. */
  readonly verdicts: number | null;
  /** Krippendorff's alpha of the scores, by rank and by value: they mean something where the scorers share one scale. */
  readonly scoresOrdinal: number | null;
  readonly scoresInterval: number | null;
}
