import { z } from "zod";
import { EXTRACTION_RULES, type ExtractionRule } from "../../src/core/answers/extract.ts";

export interface VoteOptions {
  /** `equivalence` (default): 1/2 and 0.5 are one vote. `literal`: the raw content of the last box, as Co-Reward votes. */
  readonly mode?: "equivalence" | "literal";
  /** Among the most voted: the answer seen `first` (default), the `shortest` text, or `none`: everybody abstains. */
  readonly tie?: "first" | "none" | "shortest";
  /** Smallest share of the voters that the winner must have; below it everybody abstains. Default 0. */
  readonly minRatio?: number;
  /** How answers are looked for in mode `equivalence`. Default: all rules, in order. */
  readonly rules?: readonly ExtractionRule[];
}

/** The options of scorers that vote, for their schemas. */
export const voteOptions = {
  mode: z.enum(["equivalence", "literal"]).default("equivalence").describe("How answers are compared."),
  tie: z
    .enum(["first", "none", "shortest"])
    .default("first")
    .describe("Which of the most voted answers wins."),
  minRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Smallest share of votes that the winner must have."),
  rules: z
    .array(z.enum(EXTRACTION_RULES))
    .min(1)
    .default([...EXTRACTION_RULES])
    .describe("How answers are looked for in mode equivalence, in order."),
} as const;
