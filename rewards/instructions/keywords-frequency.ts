import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, holds, relation, text } from "./parameters.ts";
import { pythonPattern } from "./python-pattern.ts";
import { countMatches, strip } from "./python-text.ts";

/** How often the keyword occurs. A regular expression, in any case; occurrences inside words count too. */
export const keywordsFrequency = defineCheck({
  id: "keywords:frequency",
  parameters: z.strictObject({ keyword: text, frequency: count, relation }),
  check: (response, { keyword, frequency, relation }) =>
    holds(countMatches(response, pythonPattern(strip(keyword), "gi")), relation, frequency),
});
