import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, holds, relation } from "./parameters.ts";

const oneCharacter = z.string().refine((letter) => [...letter].length === 1, "must be one character");

/**
 * How often a character occurs, in either case. Any character: the data asks for "#" and "!", for which the reference
 * draws a random letter instead.
 */
export const keywordsLetterFrequency = defineCheck({
  id: "keywords:letter_frequency",
  parameters: z.strictObject({ letter: oneCharacter, let_frequency: count, let_relation: relation }),
  check: (response, { letter, let_frequency: threshold, let_relation: how }) =>
    holds(response.toLowerCase().split(letter.toLowerCase()).length - 1, how, threshold),
});
