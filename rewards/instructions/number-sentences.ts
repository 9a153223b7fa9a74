import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, holds, relation } from "./parameters.ts";
import { sentences } from "./sentences.ts";

/** How many sentences there are, counted nearly as NLTK's Punkt counts them. */
export const numberSentences = defineCheck({
  id: "length_constraints:number_sentences",
  parameters: z.strictObject({ num_sentences: count, relation }),
  check: (response, { num_sentences: threshold, relation }) =>
    holds(sentences(response).length, relation, threshold),
});
