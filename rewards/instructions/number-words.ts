import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, holds, relation } from "./parameters.ts";
import { countMatches } from "./python-text.ts";

/**
 * `\w` of the engine that NLTK counts with since 3.10 (the package `regex`): marks and joiners belong to the word, "½" is
 * none. Older NLTK counts with `re`, which cuts Hindi words at every vowel sign.
 */
const WORDS = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+/gu;

/** How many runs of letters, digits and underscores there are: "it's" is two words, "well-known" too. */
export const numberWords = defineCheck({
  id: "length_constraints:number_words",
  parameters: z.strictObject({ num_words: count, relation }),
  check: (response, { num_words: threshold, relation }) =>
    holds(countMatches(response, WORDS), relation, threshold),
});
