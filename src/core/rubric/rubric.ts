/** The whole numbers a judge may give for a criterion. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  /** What a rating means, by the rating. */
  readonly anchors?: Readonly<Record<string, string>>;
}

/** One thing that is judged of a response. Without a `scale` it is met or not met. */
export interface Criterion {
  /** Unique in its rubric; the name of the score's part. Letters, digits, `_` and `-`. */
  readonly id: string;
  readonly text: string;
  /** `negative`: being met is bad ("invents a source"). Default `positive`. */
  readonly polarity: "positive" | "negative";
  /** For weighting `points`: finite, may be negative (HealthBench). */
  readonly points?: number;
  /** For weighting `category`: a key of the rubric's `categories`. */
  readonly category?: string;
  /** For weighting `weights`: at least 0. */
  readonly weight?: number;
  readonly scale?: Scale;
  /** What it is about, for scores over the criteria of one tag. */
  readonly tags: readonly string[];
  /** How often it was taken apart, and the criterion it came from, where a rubric was refined. */
  readonly depth?: number;
  readonly parentId?: string;
  readonly provenance?: string;
}

/**
 * In what unit verdicts are summed. `raw`: ratings as they are, for which all criteria must share one scale. `normalised`:
 * (rating - min) / (max - min), in [0, 1].
 */
export type RatingUnit = "raw" | "normalised";

/** How much each criterion counts. `whitened-uniform` weights were computed before and stand in each criterion's `weight`. */
export type Weighting = "uniform" | "points" | "category" | "weights" | "whitened-uniform";

/**
 * What the weighted sum is divided by. `none`: nothing; `weights`: the sum of the weights counted, without their signs;
 * `positive-points`: the sum of all positive points (or weights), whatever was judged.
 */
export type Denominator = "none" | "weights" | "positive-points";

/** What a criterion that does not apply, or whose verdict could not be read, counts as. */
export type NullRule = "satisfied" | "unsatisfied" | "skip" | "fail";

export interface Rubric {
  readonly name: string;
  readonly version: number;
  /** The paper or project that it follows. */
  readonly source?: string;
  /** One line on what it judges. */
  readonly about?: string;
  readonly criteria: readonly Criterion[];
  readonly weighting: Weighting;
  readonly categories: Readonly<Record<string, number>>;
  readonly denominator: Denominator;
  /** When absent, `raw` where all criteria share one scale, else `normalised`. */
  readonly ratings?: RatingUnit;
  /** `fail` makes the score `failed`. */
  readonly notApplicable: NullRule;
  readonly unread: NullRule;
}

/** 1 met, 0 not met, or the rating on the criterion's scale (not whole when it is an expectation); null: not read. */
export type CriterionVerdict = number | "not_applicable" | null;
