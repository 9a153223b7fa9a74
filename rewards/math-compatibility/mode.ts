/** What a reference implementation says of one response. */
export interface Grade {
  readonly value: number;
  /** The answer it took, as it compared it; null when it found none. */
  readonly extracted: string | null;
  /** What the reference implementation does without saying so, such as swallowing its own error. */
  readonly note?: string;
}

/** A checker of another toolkit, reproduced literally: the same number for the same two texts, its faults included. */
export interface CompatibilityMode {
  readonly range: readonly [min: number, max: number];
  /** The value of a wrong answer and of none. */
  readonly wrong: number;
  /**
   * The gold answer as the toolkit's data preparation takes it from a worked solution; a bare answer stays as it is. Null where
   * the preparation raises.
   */
  readonly prepare: (reference: string) => string | null;
  /** Linear in the response's length; the gold answer has at most `MAX_GOLD_LENGTH` characters. */
  readonly grade: (response: string, gold: string) => Grade;
}

/** Longer gold answers are refused: some of the reproduced patterns take quadratic time in them. */
export const MAX_GOLD_LENGTH = 5_000;
