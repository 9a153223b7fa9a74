import { z } from "zod";
import { defineScorer, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Scorer } from "../src/core/types.ts";

export interface RepetitionPenaltyOptions {
  /** Words in a row that are counted as one unit. Default 3; at most 1000. */
  readonly ngramSize?: number;
  /** The penalty of a text that only repeats itself; at most 0. Default -1. */
  readonly maxPenalty?: number;
  /** How words are found: between whitespace (default), or by Unicode rules, for scripts written without spaces. */
  readonly words?: "whitespace" | "segmenter";
}

const optionsSchema = z.strictObject({
  // Time grows with text length × n-gram size, so the size is bounded.
  ngramSize: z.int().min(1).max(1000).default(3).describe("Words in a row that are counted as one unit."),
  maxPenalty: z.number().max(0).default(-1).describe("The penalty of a text that only repeats itself."),
  words: z.enum(["whitespace", "segmenter"]).default("whitespace").describe("How words are found."),
});

/**
 * Penalizes texts that repeat the same n-grams.
 *
 *   value = (1 - unique n-grams / all n-grams) * maxPenalty
 *
 * Source: Yeo et al. 2025, "Demystifying Long Chain-of-Thought Reasoning in LLMs", appendix C.2, in the form of
 *         Open-R1's `get_repetition_penalty_reward` (lower-cased words between whitespace).
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [maxPenalty, 0]; 0 when nothing repeats, and when the text has fewer than `ngramSize` words.
 * Worked: "a b a b a", ngramSize 2: ab, ba, ab, ba -> 2 unique of 4 -> (1 - 2/4) * -1 = -0.5.
 * Throws: `bad_option` for a positive `maxPenalty` or an `ngramSize` outside [1, 1000].
 */
export function repetitionPenalty(options: RepetitionPenaltyOptions = {}): Scorer {
  const { ngramSize, maxPenalty, words } = parseOptions("repetition-penalty", optionsSchema, options);
  const wordsOf = words === "segmenter" ? segmentedWords : spacedWords;
  return perResponse({ name: "repetition-penalty", version: 1, range: [maxPenalty, 0] }, ({ text }) => {
    const ngrams = ngramIds(wordsOf(text.toLowerCase()), ngramSize);
    if (ngrams.length === 0) return scored(0);
    const repeated = 1 - new Set(ngrams).size / ngrams.length;
    return scored(repeated * maxPenalty + 0); // + 0 turns -0 into 0
  });
}

export const definition = defineScorer<RepetitionPenaltyOptions>({
  name: "repetition-penalty",
  version: 1,
  summary: "0 when no n-gram of words repeats, down to maxPenalty for a text that only repeats itself.",
  options: optionsSchema,
  create: repetitionPenalty,
});

function spacedWords(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== "");
}

/**
 * Words by Unicode's rules and ICU's dictionaries. No word holds a space, so each unspaced run is segmented by itself:
 * every segment that Node returns copies its whole input, which on a long text costs time and memory squared.
 */
function segmentedWords(text: string): string[] {
  // A fixed locale, so that the numbers do not depend on the machine's settings.
  const segmenter = new Intl.Segmenter("en", { granularity: "word" });
  const words: string[] = [];
  for (const run of text.match(/\S{1,1000}/gu) ?? []) {
    for (const { segment, isWordLike } of segmenter.segment(run)) if (isWordLike) words.push(segment);
  }
  return words;
}

/**
 * One number per n-gram, equal for equal n-grams: words [W] -> ids [max(0, W - size + 1)]. An n-gram is named by the
 * pair (its first n - 1 words, its last word), so that memory stays proportional to the text whatever the size.
 */
function ngramIds(words: readonly string[], size: number): number[] {
  if (words.length < size) return [];
  const wordIds = numbered(words);
  let ids = wordIds;
  for (let length = 2; length <= size; length++) {
    const count = words.length - length + 1;
    const pairs = Array.from({ length: count }, (_, start) => {
      return (ids[start] ?? 0) * words.length + (wordIds[start + length - 1] ?? 0);
    });
    ids = numbered(pairs);
  }
  return ids;
}

/** Numbers equal items alike, from 0 in order of first appearance. */
function numbered<T>(items: readonly T[]): number[] {
  const ids = new Map<T, number>();
  return items.map((item) => {
    const id = ids.get(item) ?? ids.size;
    ids.set(item, id);
    return id;
  });
}
