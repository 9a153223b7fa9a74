import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, holds, relation } from "./parameters.ts";
import { isUpper } from "./python-text.ts";
import { words } from "./words.ts";

/** How many words are in capitals, by NLTK's word tokenizer: "I" and "A" are among them, "U.S.-based" is not. */
export const capitalWordFrequency = defineCheck({
  id: "change_case:capital_word_frequency",
  parameters: z.strictObject({ capital_frequency: count, capital_relation: relation }),
  check: (response, { capital_frequency: threshold, capital_relation: how }) =>
    holds(words(response).filter(isUpper).length, how, threshold),
});
