import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, text } from "./parameters.ts";
import { isBlank, splitAtSpaces } from "./python-text.ts";

/**
 * Exactly so many paragraphs, divided by blank lines, and the nth starts with the word, in any case. As in the
 * reference, blank paragraphs are not counted, but take a place when the nth is looked up.
 */
export const nthParagraphFirstWord = defineCheck({
  id: "length_constraints:nth_paragraph_first_word",
  parameters: z
    .strictObject({ num_paragraphs: count, nth_paragraph: z.int().min(1), first_word: text })
    .refine(({ num_paragraphs, nth_paragraph }) => nth_paragraph <= num_paragraphs, {
      path: ["nth_paragraph"],
      message: "must not be greater than num_paragraphs",
    }),
  check: (response, { num_paragraphs, nth_paragraph, first_word }) => {
    const paragraphs = response.split("\n\n");
    const filled = paragraphs.filter((paragraph) => !isBlank(paragraph)).length;
    if (filled !== num_paragraphs) return false;
    return firstWord(paragraphs[nth_paragraph - 1] ?? "") === first_word.toLowerCase();
  },
});

/** Lower-cased, without quotes before it, cut at the first punctuation mark; "" in a blank paragraph. */
function firstWord(paragraph: string): string | null {
  const [word] = splitAtSpaces(paragraph);
  if (word === undefined) return null;
  const bare = word.replace(/^'+/, "").replace(/^"+/, "");
  const [start = ""] = /^[^.,?!'"]*/.exec(bare) ?? [];
  return [...start].map((letter) => letter.toLowerCase()).join("");
}
