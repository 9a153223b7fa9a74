import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count } from "./parameters.ts";
import { countMatches } from "./python-text.ts";

/** At least so many placeholders like [address], each on one line; an empty [] counts. */
export const numberPlaceholders = defineCheck({
  id: "detectable_content:number_placeholders",
  parameters: z.strictObject({ num_placeholders: count }),
  // A line without "]" is left out first: searching it from each "[" would be quadratic.
  check: (response, { num_placeholders: wanted }) =>
    response
      .split("\n")
      .map((line) => line.slice(0, line.lastIndexOf("]") + 1))
      .reduce((found, line) => found + countMatches(line, /\[.*?\]/gsu), 0) >= wanted,
});
