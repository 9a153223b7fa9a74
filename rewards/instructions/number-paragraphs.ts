import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count } from "./parameters.ts";
import { isBlank, SPACE } from "./python-text.ts";

const DIVIDER = new RegExp(`[${SPACE}]?\\*\\*\\*[${SPACE}]?`, "u");

/** Exactly so many paragraphs, divided by `***`; blank lines divide nothing. Blank is allowed only first and last. */
export const numberParagraphs = defineCheck({
  id: "length_constraints:number_paragraphs",
  parameters: z.strictObject({ num_paragraphs: count }),
  check: (response, { num_paragraphs: wanted }) => {
    const paragraphs = response.split(DIVIDER);
    const blankInside = paragraphs.slice(1, -1).some(isBlank);
    return !blankInside && paragraphs.filter((paragraph) => !isBlank(paragraph)).length === wanted;
  },
});
