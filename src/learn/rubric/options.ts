import { z } from "zod";
import { parseOptions } from "../../core/scorer.ts";

const optionsSchema = z.strictObject({
  /** `replace`: a criterion that is taken apart gives way to its two children. `augment`: it stays beside them. */
  mode: z.enum(["replace", "augment"]).default("replace"),
  /** A criterion is taken apart when more responses than this meet it. */
  decomposeAbove: z.int().min(0).default(2),
  /** Most criteria of the first proposal; what is beyond is left. */
  maxProposed: z.int().min(1).max(100).default(10),
  /** The refinement ends with this many criteria turned down. */
  maxRejections: z.int().min(1).default(15),
  /** How often a criterion may be taken apart, its ancestors' times counted. */
  maxDepth: z.int().min(0).max(10).default(3),
  /** Rounds of taking apart, in mode `augment`. */
  maxRounds: z.int().min(0).max(100).default(6),
  weighting: z.enum(["whitened-uniform", "uniform", "llm"]).default("whitened-uniform"),
  /** Of the votes' covariance, for `whitened-uniform`. */
  estimator: z.enum(["centered", "uncentered"]).default("centered"),
  /** How often an answer is asked for before it counts as unread. */
  tries: z.int().min(1).max(20).default(3),
  /** Of the proposer; the judge's is 0. null sends none to either, for models that refuse one. */
  temperature: z.number().min(0).max(2).nullable().default(0),
  /** Sent with the proposer's requests, for servers that draw by it. Default: none is sent. */
  seed: z.int().min(0).optional(),
  /** Most tokens of a reply of the proposer, thinking included. */
  maxTokens: z.int().min(1).default(8192),
  /** And of the judge. */
  judgeMaxTokens: z.int().min(1).default(4096),
  /** Longest conversation that is shown, in UTF-16 units; what is too much goes from its middle. Default: no limit. */
  maxChars: z.int().min(1).optional(),
});

export type RefineOptions = z.input<typeof optionsSchema>;
export type RefineSettings = z.output<typeof optionsSchema>;

/** Throws `bad_option`. */
export function refineSettings(options: RefineOptions = {}): RefineSettings {
  return parseOptions("refineRubric", optionsSchema, options);
}
